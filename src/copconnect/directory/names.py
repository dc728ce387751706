"""Names in the department's languages, as columns of tables and of files. Pure.

A name has a column for each of ``wire.LANGUAGES``: ``name_en``, ``name_te``, ``name_ur`` and
``name_hi``, or ``post_en`` and so on for a post. No other module spells these columns out.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from copconnect import wire

# The ISO 15924 code of each language's script: by it a person's card says which name is which.
SCRIPTS: Mapping[wire.Language, str] = {"en": "Latn", "te": "Telu", "ur": "Arab", "hi": "Deva"}

RowValues = dict[str, Any]  # A row's values by the names of its columns.
_PLACES = sorted((SCRIPTS[language], at) for at, language in enumerate(wire.LANGUAGES))

# Imports read and take apart hundreds of thousands of names.
_spellings: Callable[[wire.Names], tuple[str, ...]] = attrgetter(*wire.LANGUAGES)


@cache
def columns(prefix: str) -> tuple[str, ...]:
    """Return the columns of a name, English first."""
    return tuple(f"{prefix}_{language}" for language in wire.LANGUAGES)


def optional_columns(prefix: str) -> tuple[str, ...]:
    """Return the columns that a file may lack: all but the English one."""
    return columns(prefix)[1:]


def texts(row: Any, prefix: str = "name") -> tuple[str, ...]:
    """Return the name that a row of a database holds in each language."""
    return _columns(prefix)(row)


def read(row: Mapping[str, str], prefix: str = "name") -> wire.Names:
    """Return the name that a row of a file holds, or what :func:`row` made."""
    return wire.Names(**{language: row[f"{prefix}_{language}"] for language in wire.LANGUAGES})


def of(row: Any, prefix: str = "name") -> wire.Names:
    """Return the name that a row of a database holds."""
    return wire.Names(**dict(zip(wire.LANGUAGES, texts(row, prefix), strict=True)))


@cache
def _columns(prefix: str) -> Callable[[Any], tuple[str, ...]]:
    return attrgetter(*columns(prefix))


def row(names: wire.Names, prefix: str = "name") -> dict[str, str]:
    """Return a name as columns: what :func:`read` reads."""
    return dict(zip(columns(prefix), spellings(names), strict=True))


def english(name: str) -> wire.Names:
    """Return a name of which only the English form is known."""
    return wire.Names(**dict.fromkeys(wire.LANGUAGES, "") | {"en": name})


def spellings(names: wire.Names) -> tuple[str, ...]:
    """Return the name in each language, "" where it is missing."""
    return _spellings(names)


def by_script(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return (ISO 15924 script, name), ascending by script, as a person's card lists them; without
    the names that are missing. ``texts``: as :func:`spellings` has them."""
    return tuple((script, texts[at]) for script, at in _PLACES if texts[at])
