"""Phone numbers in one form: E.164. Pure."""

import unicodedata

import phonenumbers

from copconnect import errors

REGION = "IN"  # For numbers typed without a country code.


def normalise(text: str) -> str:
    """Return a typed number in E.164. Raises NumberInvalid.

    Digits of any script are understood, as phones set to Telugu or Urdu may produce them.
    """
    try:
        parsed = phonenumbers.parse(unicodedata.normalize("NFKC", text), REGION)
    except phonenumbers.NumberParseException as error:
        raise errors.NumberInvalid from error
    if not phonenumbers.is_valid_number(parsed):
        raise errors.NumberInvalid
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
