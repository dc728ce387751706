"""Text folding, paging keys and the organisation tree. Pure."""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from copconnect.directory import names
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Plate

# Joiners shape the letters of Indian scripts but nobody types them when searching.
_JOINERS = re.compile("[\u200b-\u200d\u2060\ufeff]")
MAX_TERMS = 8


def fold(text: str) -> str:
    """Return text as it is compared when searching: NFKC, case folded, without joiners."""
    if text.isascii():
        return " ".join(text.casefold().split())
    folded = _JOINERS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def terms(text: str) -> list[str]:
    """Split a search into folded words, of which at most ``MAX_TERMS`` count.

    A number may be typed with spaces and signs: those words become one run of digits.
    """
    digits = "".join(character for character in text if character.isdecimal())
    if len(digits) >= 4 and not any(character.isalpha() for character in text):
        return [digits.removeprefix("0")]
    return fold(text).split()[:MAX_TERMS]


def like(term: str) -> str:
    """Return a LIKE pattern (escape ``\\``) that finds a term anywhere."""
    return f"%{_literally(term)}%"


def _literally(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def person_id(code: str) -> PersonId:
    """Return the id of the person with this data bank code: the same at every import."""
    digest = hashlib.sha256(b"copconnect person v1\0" + code.encode()).hexdigest()
    return PersonId(digest[:32])


def sort_key(seniority: int, name: str, identifier: PersonId) -> str:
    """Return a unique key that lists seniors first, then by name."""
    return f"{9999 - seniority:04d} {fold(name)[:80]} {identifier}"


def sort_key_of_name(name: str) -> str:
    """Return a LIKE pattern (escape ``\\``) of the sort keys of everybody with exactly this
    folded name."""
    return f"____ {_literally(name[:80])} {'_' * 32}"


def page_token(tier: int, key: str) -> str:
    """Return the opaque form of a place in a search: 0 among the people whose name is exactly what
    was searched for, who come first, 1 among the others; and the sort key there."""
    return base64.urlsafe_b64encode(f"{tier}{key}".encode()).decode().rstrip("=")


def page_place(token: str) -> tuple[int, str]:
    """Undo :func:`page_token`. Raises ValueError for anything it did not make."""
    try:
        padded = token + "=" * (-len(token) % 4)
        key = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a page token") from error
    if "\0" in key or key[:1] not in ("0", "1"):
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


def units_above(path: str) -> list[UnitId]:
    """Return the units on a path, the unit itself included."""
    return [UnitId(part) for part in path.strip("/").split("/") if part]


def plate(row: Mapping[str, Any]) -> Plate:
    """Return what a person's card says. A card has the names in the scripts that the data bank has,
    the rank and the unit by name, because devices show nothing that is not signed."""
    return Plate(
        names=names.by_script(names.read(row)),
        rank=row["rank"],
        post=row["post_en"],
        unit=row["unit"],
        path=row["path"].strip("/"),
        changed_ms=max(row["changed_ms"], row["organisation_ms"] or 0),
    )


def stored_path(path: str) -> str:
    """Return the stored form of a unit path on a card; "" is the whole department's."""
    return f"/{path}/" if path else "/"
