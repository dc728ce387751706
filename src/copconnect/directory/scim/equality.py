"""Filters of the kind that provisioning systems send: one attribute equals one value. Pure."""

import json
import re
from typing import NamedTuple

_EQUALITY = re.compile(
    r'^\s*(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?([A-Za-z.]+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$',
    re.IGNORECASE,
)


class Equality(NamedTuple):
    """An attribute in lower case, and the value that it equals."""

    attribute: str
    value: str


def equality_of(text: str) -> Equality | None:
    """Return what a filter says; None for a filter of another kind."""
    found = _EQUALITY.match(text)
    if found is None:
        return None
    try:
        value = json.loads(found[2])
    except ValueError:
        return None
    return Equality(found[1].lower(), value) if "\0" not in value else None
