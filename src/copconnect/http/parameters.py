"""Parameters of HTTP requests: ids and numbers in paths, and words of a query."""

from typing import Any, TypeVar

import msgspec

from copconnect import errors, wire

T = TypeVar("T", bound=str)
_INDEX_DIGITS = 5
_NUMBER_DIGITS = 15  # A seq and a time never come near, and no database refuses the number.


def hex_id(text: str, form: Any = wire.Hex16) -> str:
    """Return an id in a path. ``form``: ``wire.Hex16`` or ``wire.Hex32``. Raises NotFound."""
    try:
        found: str = msgspec.convert(text, form)
    except msgspec.ValidationError as error:
        raise errors.NotFound from error
    return found


def index(text: str) -> int:
    """Return the number of a chunk or of a page. Raises NotFound."""
    if not _is_number(text, _INDEX_DIGITS):
        raise errors.NotFound
    return int(text)


def number(name: str, text: str | None) -> int | None:
    """Return the number of a query, None where it names none. Raises BadRequest."""
    if text is None:
        return None
    if not _is_number(text, _NUMBER_DIGITS):
        raise errors.BadRequest(reason=f"{name} is not a number")
    return int(text)


def one_of(name: str, text: str | None, values: tuple[T, ...]) -> T | None:
    """Return the word of a query that is one of these, None where it names none. Raises
    BadRequest."""
    if text is None:
        return None
    for value in values:
        if value == text:
            return value
    raise errors.BadRequest(reason=name)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
