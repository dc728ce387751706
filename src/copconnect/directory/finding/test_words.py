"""The words that find a person, and what a search asks for."""

import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from copconnect import wire
from copconnect.directory.finding import words as finding
from copconnect.directory.finding.words import Word

RAVI = wire.Names(en="Ravi Kumar", te="రవి కుమార్", ur="روی کمار", hi="रवि कुमार")
POST = wire.Names(en="SHO, Charminar PS", te="ఎస్‌హెచ్‌ఓ, చార్మినార్ పీఎస్", ur="", hi="")

PLACE = finding.UnitRankRoles("TG-HYD-PS001", "/TG/TG-HYD/TG-HYD-PS001/", "CI", ("sho",))


def finds(text: str, words: str) -> tuple[bool, bool, bool]:
    """Whether a text is the name, and finds by spelling and by sound, as the database judges."""
    wanted = finding.search(text)
    assert wanted is not None
    said = words.split(" ")

    def has(group: tuple[Word, ...]) -> bool:
        return any(
            one == word if whole else one.startswith(word) for one in said for word, whole in group
        )

    def all_of(groups: tuple[tuple[Word, ...], ...]) -> bool:
        return bool(groups) and all(has(group) for group in groups)

    return has((wanted.name,)), all_of(wanted.spelled), all_of(wanted.heard)


@pytest.fixture(scope="module")
def words() -> str:
    return finding.person_words(RAVI, [POST], "+919848012345", "TG-00042", PLACE)


@pytest.mark.parametrize("text", ["Ravi Kumar", "RAVI  kumar", "రవి కుమార్", "روی کمار", "रवि कुमार"])
def test_a_whole_name_is_known_in_every_script(words: str, text: str) -> None:
    assert finds(text, words) == (True, True, True)


@pytest.mark.parametrize(
    "text",
    [
        *("rav", "kumar ra", "charm", "sho charminar", "ఎస్హెచ్ఓ", "ci", "tg-00042", "00042"),
        *("98480 12345", "098480-12345", "+91 98480 12345", "12345", "౯౮౪౮౦ ౧౨౩౪౫", "98480"),
    ],
)
def test_the_beginning_of_every_word_finds(words: str, text: str) -> None:
    assert finds(text, words) == (False, True, True)


@pytest.mark.parametrize("text", ["Ravee Coomar", "Charminaar", "चारमीनार", "چارمینار", "raavi"])
def test_what_sounds_so_is_found_after(words: str, text: str) -> None:
    assert finds(text, words) == (False, False, True)


@pytest.mark.parametrize(
    "text", ["ravindra", "kumari", "%", "_", "...", "r k", "8480", "ravi raju"]
)
def test_others_find_nothing(words: str, text: str) -> None:
    assert finds(text, words) == (False, False, False)


def test_an_empty_text_asks_for_everybody() -> None:
    assert finding.search(" \t") is None


def test_a_short_sound_must_be_the_whole_one() -> None:
    """Rao sounds like the beginning of Ravi and of Raveendra."""
    assert finds("rav", finding.person_words(RAVI, [], "+911", "1", PLACE))[1]
    assert finds("rao", finding.person_words(RAVI, [], "+911", "1", PLACE)) == (
        *(False, False, False),
    )
    rao = msgspec.structs.replace(RAVI, en="Rav")
    assert finds("rao", finding.person_words(rao, [], "+911", "1", PLACE))[2]


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ({"unit_id": "TG-HYD-PS001"}, True),
        ({"unit_id": "TG-HYD"}, False),
        ({"unit_id": "tg-hyd-ps001"}, False),
        ({"unit_id": "TG-HYD", "deep": True, "rank": "CI", "role": "sho"}, True),
        ({"unit_id": "TG-HY", "deep": True}, False),
        ({"rank": "C"}, False),
        ({"role": "sh"}, False),
    ],
)
def test_filters_are_words_too(words: str, asked: dict[str, Any], passes: bool) -> None:
    groups = finding.filters(**asked)
    assert groups is not None
    said = words.split(" ")
    assert all(any(one.text in said for one in group) for group in groups) is passes
    assert all(one.whole for group in groups for one in group)


@pytest.mark.parametrize("code", ["", "a b", '"', "TG*", "' | '"])
def test_a_filter_that_is_no_code_lets_nobody_pass(code: str) -> None:
    assert finding.filters(role=code) is None


@given(st.text(max_size=100))
@example("0000")
def test_a_search_asks_for_plain_words(text: str) -> None:
    """Only letters, marks and digits and the program's own marks reach the database."""
    wanted = finding.search(text)
    if wanted is None or not wanted.heard:
        return
    for group in ((wanted.name,), *wanted.heard):
        for word in group:
            assert word.text
            for letter in word.text.lstrip("~=$").replace("_", ""):
                assert unicodedata.ucd_3_2_0.category(letter)[0] in "LMN"


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_everybody_is_found_by_their_own_words(name: str, post: str) -> None:
    named = wire.Names(en=name, te="", ur="", hi="")
    posted = wire.Names(en=post, te="", ur="", hi="")
    words = finding.person_words(named, [posted], "+917000000000", "1", PLACE)
    assert "  " not in words
    for text in (name, post, f"{post} {name}"):
        said = finding.words_of(text)
        if 0 < len(said) <= finding.MAX_WORDS and not "".join(said).isdecimal():
            assert finds(text, words)[1:] == (True, True), text
