"""Text folding, paging keys and the organisation tree. Pure."""

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from copconnect.directory import names
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Plate

# Joiners shape the letters of Indian scripts but nobody types them when searching; nor does
# everybody type the dots of Hindi and the vowel marks of Urdu. A keyboard for Arabic has other
# letters than one for Urdu, and every script has its own digits.
_TYPED = {
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x093C, 0x0640, 0x0670)),
    **dict.fromkeys(range(0x064B, 0x0656)),
    **str.maketrans("ىيكةأإٱँ", "ییکہااا\u0902"),
    **{
        first + digit: str(digit)
        for first in (0x0660, 0x06F0, 0x0966, 0x0C66)
        for digit in range(10)
    },
}


def fold(text: str) -> str:
    """Return text as it is compared when searching: NFKC, case folded, without joiners and with
    one spelling of what keyboards type differently."""
    if text.isascii():
        return " ".join(text.casefold().split())
    folded = unicodedata.normalize("NFKC", text).translate(_TYPED).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def person_id(code: str) -> PersonId:
    """Return the id of the person with this data bank code: the same at every import."""
    digest = hashlib.sha256(b"copconnect person v1\0" + code.encode()).hexdigest()
    return PersonId(digest[:32])


def sort_key(seniority: int, name: str, identifier: PersonId) -> str:
    """Return a unique key that lists seniors first, then by name."""
    return f"{9999 - seniority:04d} {fold(name)[:80]} {identifier}"


def page_token(tier: int, key: str) -> str:
    """Return the opaque form of a place in a search: 0 among the people whose name is exactly what
    was searched for, who come first, 1 among the people who are spelled so, 2 among the people who
    sound so; and the sort key there."""
    return base64.urlsafe_b64encode(f"{tier}{key}".encode()).decode().rstrip("=")


def page_place(token: str) -> tuple[int, str]:
    """Undo :func:`page_token`. Raises ValueError for anything it did not make."""
    try:
        padded = token + "=" * (-len(token) % 4)
        key = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a page token") from error
    if "\0" in key or key[:1] not in ("0", "1", "2"):
        raise ValueError("not a page token")
    return int(key[0]), key[1:]


def unit_paths(parents: Mapping[UnitId, UnitId | None]) -> dict[UnitId, str]:
    """Return each unit's path from the top, ``/TG/TG-HYD/``. Units in a cycle or below an
    unknown parent are left out."""
    paths: dict[UnitId, str] = {}
    for unit in parents:
        chain: list[UnitId] = []
        at: UnitId | None = unit
        while at is not None and at not in paths and at not in chain and at in parents:
            chain.append(at)
            at = parents[at]
        if at is not None and at not in paths:
            continue
        base = paths[at] if at is not None else "/"
        for step in reversed(chain):
            base = f"{base}{step}/"
            paths[step] = base
    return paths


@lru_cache(maxsize=8_192)  # Rules are judged on the same few thousand paths again and again.
def units_above(path: str) -> tuple[UnitId, ...]:
    """Return the units on a path, the unit itself included."""
    return tuple(UnitId(part) for part in path.strip("/").split("/") if part)


def plate(row: Any) -> Plate:
    """Return what the card of the person in a row says, in the scripts that the data bank has:
    devices show nothing that is not signed. A rank that the table lacks is shown by its code."""
    return Plate(
        names=names.by_script(names.texts(row)),
        rank=names.by_script(names.texts(row, "rank")),
        post=names.by_script(names.texts(row, "post")),
        unit=names.by_script(names.texts(row, "unit")),
        path=row.path.strip("/"),
        changed_ms=max(row.changed_ms, row.organisation_ms or 0),
    )


def stored_path(path: str) -> str:
    """Return the stored form of a unit path on a card; "" is the whole department's."""
    return f"/{path}/" if path else "/"
