"""Guesses which column is which, from headings and from values. Pure.

A mapping belongs to one table of the data bank. A guess is a proposal: a person corrects it, and
the corrected mapping is remembered under the fingerprint of the headings.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from copconnect.directory import rules
from copconnect.directory.files import values
from copconnect.directory.files.matching import headings
from copconnect.directory.files.matching.headings import IGNORE, OWN, WITHIN
from copconnect.directory.files.matching.vocabularies import Vocabularies, Vocabulary, kind_in
from copconnect.directory.files.matching.words import script_of
from copconnect.directory.files.sheets import Sheet

SAMPLE = 300
LEAST = 0.45  # A column whose best guess is weaker stays unmapped.
SURE = 0.8
NONE = "none"  # A correction that leaves a column out.
SHEET_NAMES = {
    "people": ("people", "officers", "employees", "staff", "strength", "personnel"),
    "units": ("units", "unit", "stations", "offices"),
    "posts": ("posts", "post", "sanctioned posts", "vacancies"),
    "levels": ("levels", "level"),
    "ranks": ("ranks", "rank"),
    "roles": ("roles", "role"),
}
# Several columns of a file may make one together: names are joined, of units the first counts.
SEVERAL = ("name_", "unit", WITHIN)
# Columns that values tell without a heading. The others give rights, so a heading must name them.
BY_VALUES = frozenset({"number", "code", "unit", "rank", "parent", "level"})


class ColumnMapping(msgspec.Struct, frozen=True):
    """The columns of a table, each with the indices of the sheet's columns that make it, from 0.
    ``confidence``: how sure each is, 0 to 1; a person's choice is 1. ``kind``: the kind of unit
    that the heading of the unit's column names."""

    table: str
    columns: dict[str, list[int]]
    confidence: dict[str, float] = {}
    kind: str = ""

    def unused(self, sheet: Sheet) -> list[str]:
        """Return the headings that no column takes."""
        used = {index for indices in self.columns.values() for index in indices}
        return [
            heading
            for index, heading in enumerate(sheet.headers)
            if index not in used and heading and not heading.casefold().startswith(OWN)
        ]


class MappingWrong(Exception):
    """A correction names a column or a heading that does not exist. ``value``: which."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class _Looks(NamedTuple):
    """Shares of the values of a column that look like something, 0 to 1."""

    filled: float
    numbers: float
    distinct: float
    codes: float
    yes_no: float
    statuses: float
    units: float
    ranks: float
    roles: float
    levels: float
    script: str


def fingerprint(sheet: Sheet) -> str:
    """Return what identifies sheets with the same headings in the same order, wherever they lie
    and whatever columns a report added."""
    kept = [
        rules.fold(heading) for heading in sheet.headers if not heading.casefold().startswith(OWN)
    ]
    while kept and not kept[-1]:
        kept.pop()
    return hashlib.sha256("\0".join(kept).encode()).hexdigest()[:32]


def table_of(sheet: Sheet) -> str:
    """Return which table a sheet is, by its name or its headings; people if nothing tells, and
    ``none`` for a sheet that a report added."""
    if sheet.name.casefold().startswith(OWN):
        return NONE
    name = rules.fold(sheet.name.rpartition("/")[2].partition(".")[0])
    for table, names in SHEET_NAMES.items():
        if name in names:
            return table
    found = {read.column for read in map(_people_heading, sheet.headers) if read.score > 0.6}
    units = {
        read.column
        for read in (headings.read_heading("units", one) for one in sheet.headers)
        if read.score > 0.6
    }
    if "number" not in found and {"parent", "level"} <= units:
        return "units"
    return "people"


def _people_heading(heading: str) -> headings.Heading:
    return headings.read_heading("people", heading)


def guess(sheet: Sheet, table: str, columns: Collection[str], known: Vocabularies) -> ColumnMapping:
    """Return the most likely mapping of a sheet to those of the table's columns."""
    scored: list[tuple[float, str, int]] = []
    for index, heading in enumerate(sheet.headers):
        own = rules.fold(heading).replace(" ", "_")
        if own in columns:  # The data bank's own heading.
            scored.append((1.1, own, index))
            continue
        looks = _looks(sheet, index, known)
        scored += [(score, column, index) for column, score in _scores(heading, looks, table)]
    scored.sort(key=lambda one: (-one[0], one[2]))
    chosen: dict[str, list[int]] = {}
    confidence: dict[str, float] = {}
    used: set[int] = set()
    for score, column, index in scored:
        wanted = column in columns or column == WITHIN
        if score < LEAST or index in used or not (wanted or column == IGNORE):
            continue
        if column in chosen and not _joins(column, score, confidence[column]):
            continue
        used.add(index)
        if column == IGNORE:
            continue
        chosen.setdefault(column, []).append(index)
        confidence.setdefault(column, min(1.0, round(score, 2)))
    if "unit" not in chosen and WITHIN in chosen and "unit" in columns:
        # A file of a district office names circles and divisions, and no other unit.
        chosen["unit"] = chosen.pop(WITHIN)
        confidence["unit"] = confidence.pop(WITHIN)
    for column, indices in chosen.items():
        # The smallest unit is the last one, as in District, Circle, PS.
        indices.sort(reverse=column in ("unit", WITHIN))
    unit = chosen.get("unit")
    kind = kind_in(sheet.headers[unit[0]]) if unit else ""
    return ColumnMapping(table, chosen, confidence, kind)


def _joins(column: str, score: float, best: float) -> bool:
    """Return whether another column of the file belongs to one that has been found."""
    return column.startswith(SEVERAL) and score > 0.85 and best > 0.85


def corrected(
    mapping: ColumnMapping, sheet: Sheet, corrections: Mapping[str, str], columns: Collection[str]
) -> ColumnMapping:
    """Return the mapping with a person's corrections: a heading, several joined by ``+``, a letter
    as spreadsheets name columns, or ``none``, by column. Raises MappingWrong."""
    chosen = {column: list(indices) for column, indices in mapping.columns.items()}
    confidence = dict(mapping.confidence)
    for column, said in corrections.items():
        if column not in columns and column != WITHIN:
            raise MappingWrong(column)
        chosen.pop(column, None)
        confidence.pop(column, None)
        if said.strip().casefold() == NONE:
            continue
        indices = [_index_of(one.strip(), sheet) for one in _parts(said, sheet)]
        for other in list(chosen):
            chosen[other] = [index for index in chosen[other] if index not in indices]
            if not chosen[other]:
                del chosen[other]
                confidence.pop(other, None)
        chosen[column] = indices
        confidence[column] = 1.0
    unit = chosen.get("unit")
    kind = kind_in(sheet.headers[unit[0]]) if unit else ""
    return ColumnMapping(mapping.table, chosen, confidence, kind)


def fits(mapping: ColumnMapping, sheet: Sheet, columns: Collection[str]) -> bool:
    """Return whether a remembered mapping can be used for a sheet."""
    width = len(sheet.headers)
    return all(
        (column in columns or column == WITHIN) and all(0 <= index < width for index in indices)
        for column, indices in mapping.columns.items()
    )


def _parts(said: str, sheet: Sheet) -> list[str]:
    whole = rules.fold(said)
    return [said] if whole in map(rules.fold, sheet.headers) else said.split("+")


def _index_of(said: str, sheet: Sheet) -> int:
    folded = rules.fold(said)
    for index, heading in enumerate(sheet.headers):
        if rules.fold(heading) == folded:
            return index
    if said.isascii() and said.isalpha() and len(said) <= 2:
        number = 0
        for letter in said.upper():
            number = number * 26 + ord(letter) - 64
        if number <= len(sheet.headers):
            return number - 1
    raise MappingWrong(said)


def _scores(heading: str, looks: _Looks, table: str) -> Iterable[tuple[str, float]]:
    """Yield each column that a column of the file may be, and how likely it is."""
    read = headings.read_heading(table, heading)
    said: dict[str, float] = {}
    if read.column:
        language = read.language or (looks.script if read.column in headings.BY_LANGUAGE else "")
        said[headings.column_of(read.column, language or "en")] = read.score
    if said.get(IGNORE, 0.0) >= 0.9 or (not looks.filled and not heading):
        yield IGNORE, 1.0
        return
    likely = _by_values(looks, table)
    for column in said.keys() | likely.keys():
        by_heading, by_values = said.get(column, 0.0), likely.get(column)
        if by_values is None:
            yield column, by_heading
        elif not looks.filled:
            yield column, by_heading * 0.9
        elif by_heading:
            yield column, min(1.0, by_heading * (0.55 + 0.5 * by_values))
        elif column in BY_VALUES and (not read.column or read.score < 0.7):
            # Values alone say less than a heading does.
            yield column, 0.75 * by_values if by_values > 0.6 else 0.0
    # "Designation" may be either; the values tell.
    if read.column == "rank" and looks.ranks < 0.3:
        yield headings.column_of("post", looks.script or "en"), read.score * 0.7
    if read.column == "post" and looks.ranks > 0.7:
        yield "rank", read.score * 0.85


def _by_values(looks: _Looks, table: str) -> dict[str, float]:
    """Return how well the values fit each column that values can tell."""
    if table != "people":
        return {"parent": looks.units, "level": looks.levels} if table == "units" else {}
    return {
        "number": looks.numbers,
        "code": looks.codes * looks.distinct * (1.0 - looks.numbers),
        "unit": looks.units,
        "rank": looks.ranks,
        "roles": looks.roles,
        "status": looks.statuses if looks.yes_no < 0.9 else 0.5,
        "head": looks.yes_no,
    }


def _looks(sheet: Sheet, index: int, known: Vocabularies) -> _Looks:
    step = max(1, len(sheet.rows) // SAMPLE)
    taken = sheet.rows[::step][:SAMPLE]
    found = [text for row in taken if (text := values.text(row.cells[index]))]
    if not found:
        return _Looks(*(0.0,) * 10, "")
    count = len(found)

    heading_kind = kind_in(sheet.headers[index])

    def share(matches: Iterable[object]) -> float:
        return sum(map(bool, matches)) / count

    def among(vocabulary: Vocabulary) -> float:
        if not vocabulary.entries:
            return 0.5  # Nothing is known, so values speak neither for nor against.
        # A name that several units have, or almost one, is a name of a unit all the same.
        matches = (vocabulary.match(text, (), heading_kind) for text in found)
        return share(match.code or match.suggestions for match in matches)

    scripts = [script_of(text) for text in found]
    return _Looks(
        filled=count / max(1, len(taken)),
        numbers=share(map(_is_number, found)),
        distinct=len(set(found)) / count,
        codes=share(map(_is_code, found)),
        yes_no=share(values.yes_or_no(text) in ("yes", "no") for text in found),
        statuses=share(values.status(text) in values.STATUSES for text in found),
        units=among(known.units),
        ranks=among(known.ranks),
        roles=share(
            all(known.roles.match(word).code for word in values.roles(text, known.roles).split())
            for text in found
        )
        if known.roles.entries
        else 0.5,
        levels=among(known.levels),
        script=max(set(scripts), key=scripts.count),
    )


def _is_number(text: str) -> bool:
    digits = "".join(character for character in values.digits(text) if character.isdecimal())
    return len(digits) in (10, 11, 12, 13) and digits[-10] in "6789"


def _is_code(text: str) -> bool:
    code = values.code(text)
    return code.isascii() and any(character.isdigit() for character in code) and len(code) <= 24
