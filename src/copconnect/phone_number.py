"""Phone numbers in one form: E.164. Pure."""

import re
import unicodedata

import phonenumbers

from copconnect import errors

REGION = "IN"  # For numbers typed without a country code.
_TYPED = re.compile(r"(?:\+91[ -]?)?([6-9][0-9]{4})[ -]?([0-9]{5})")


def _mobile_pattern() -> re.Pattern[str]:
    """Return the pattern of the region's mobile numbers, as phonenumbers has it."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(REGION)
    pattern = metadata.mobile.national_number_pattern if metadata and metadata.mobile else None
    return re.compile(pattern or "(?!)")


_MOBILE = _mobile_pattern()


def normalise(text: str) -> str:
    """Return a typed number in E.164. Raises NumberInvalid.

    Digits of any script are understood, as phones set to Telugu or Urdu may produce them.
    """
    typed = _TYPED.fullmatch(text)
    if typed is not None and _MOBILE.fullmatch(digits := typed[1] + typed[2]):
        # A tenth of the time for nearly every number of a data bank; a test compares the two.
        return f"+91{digits}"
    try:
        parsed = phonenumbers.parse(unicodedata.normalize("NFKC", text), REGION)
    except phonenumbers.NumberParseException as error:
        raise errors.NumberInvalid from error
    if not phonenumbers.is_valid_number(parsed):
        raise errors.NumberInvalid
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
