"""Numbers as people type them, in E.164."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from copconnect import errors, phone_number


@pytest.mark.parametrize(
    "typed",
    [
        *("9848012345", "98480 12345", "98480-12345", "+91 98480 12345", "+919848012345"),
        *("09848012345", "+91-98480-12345", "(+91) 9848012345", "౯౮౪౮౦౧౨౩౪౫", "٩٨٤٨٠١٢٣٤٥"),
    ],
)
def test_a_number_has_one_form(typed: str) -> None:
    assert phone_number.normalise(typed) == "+919848012345"


@pytest.mark.parametrize("typed", ["", "123", "98480", "9848012345/9848012346", "9.848E+09", "x"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(errors.NumberInvalid):
        phone_number.normalise(typed)


@example("0080100000")
@given(st.from_regex(r"(\+91[ -]?)?[0-9]{5}[ -]?[0-9]{5}", fullmatch=True))
def test_the_short_way_agrees_with_the_long_one(typed: str) -> None:
    try:
        parsed = phonenumbers.parse(typed, phone_number.REGION)
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber()  # As "00801 00000": no country has that code.
    try:
        found = phone_number.normalise(typed)
    except errors.NumberInvalid:
        assert not phonenumbers.is_valid_number(parsed)
    else:
        assert found == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
