"""The rows of a preview as the console shows them, by what happens to them. Pure."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from copconnect import wire
from copconnect.directory.columns import COLUMNS
from copconnect.directory.databank import Problem
from copconnect.directory.files.mapping import SURE
from copconnect.directory.imports.importer import Prepared
from copconnect.directory.imports.previews import RowChange
from copconnect.directory.sources import Chosen
from copconnect.ids import UnitId

PAGE = 200
SHOWN: tuple[wire.ImportShow, ...] = get_args(wire.ImportShow)
# An import names at most so many units that it touches; beyond that, those above them.
MOST_PATHS = 100
_ROWS = msgspec.msgpack.Decoder(list[wire.ImportRow])


def by_kind(prepared: Prepared) -> dict[str, list[wire.ImportRow]]:
    """Return the rows of a preview, by wire.ImportShow. A person who moved has changed too."""
    found: dict[str, list[wire.ImportRow]] = {shown: [] for shown in SHOWN}
    for change in prepared.preview.changes:
        row = _changed(change)
        for kind in ("organisation",) if change.table != "people" else change.kinds:
            found[kind].append(row)
    found["unchanged"] = list(_unchanged(prepared))
    found["refused"] = list(_refused(prepared.preview.chosen, prepared.preview.problems))
    return found


def _changed(change: RowChange) -> wire.ImportRow:
    return wire.ImportRow(
        table=change.table,
        code=change.code,
        name=change.name,
        file=change.file,
        line=change.line,
        kinds=list(change.kinds),
        values=[
            wire.ImportValue(column=one.column, old=one.old, new=one.new) for one in change.columns
        ],
        problems=[],
    )


def _unchanged(prepared: Prepared) -> Iterator[wire.ImportRow]:
    found, lines = prepared.compared.found, prepared.bank.lines
    others = {row["person_id"] for rows in (found.insert, found.update) for row in rows}
    for person in prepared.bank.people:
        if person.person_id not in others:
            file, line = lines.get(person.code, ("", 0))
            yield _row(person.code, person.names.en, file, line, ["unchanged"])


def _row(code: str, name: str, file: str, line: int, kinds: list[str]) -> wire.ImportRow:
    return wire.ImportRow(
        table="people",
        code=code,
        name=name,
        file=file,
        line=line,
        kinds=kinds,
        values=[],
        problems=[],
    )


def _refused(chosen: Iterable[Chosen], problems: Iterable[Problem]) -> Iterator[wire.ImportRow]:
    by_place: dict[tuple[str, int], list[Problem]] = {}
    for problem in problems:
        by_place.setdefault((problem.file, problem.line), []).append(problem)
    sheets = {one.label: one for one in chosen}
    cells = {
        label: {row.line: row.cells for row in one.sheet.rows} for label, one in sheets.items()
    }
    for (file, line), wrong in sorted(by_place.items()):
        one, row = sheets.get(file), cells.get(file, {}).get(line, [])
        table = one.mapping.table if one is not None else "people"
        yield msgspec.structs.replace(
            _row(_value(one, row, "code"), _value(one, row, "name_en"), file, line, ["refused"]),
            table=table,
            problems=[
                wire.ImportProblem(
                    code=each.code,
                    column=each.column,
                    value=each.value[:200],
                    suggestions=list(each.suggestions),
                    other=each.other,
                )
                for each in wrong
            ],
        )


def _value(one: Chosen | None, cells: Sequence[str], column: str) -> str:
    indices = one.mapping.columns.get(column, ()) if one is not None else ()
    return " ".join(cells[index] for index in indices if index < len(cells))[:200]


def pages(found: Mapping[str, Sequence[wire.ImportRow]]) -> Iterator[tuple[str, int, bytes]]:
    """Yield pages of rows as they are stored: what they show, their number, their content."""
    encoder = msgspec.msgpack.Encoder()
    for shown, rows in found.items():
        for number, start in enumerate(range(0, len(rows), PAGE)):
            content = encoder.encode(rows[start : start + PAGE])
            yield shown, number, zlib.compress(content, 3)


def read_page(content: bytes) -> list[wire.ImportRow]:
    """Return the rows of a stored page."""
    return _ROWS.decode(zlib.decompress(content))


def preview(
    prepared: Prepared, found: Mapping[str, Sequence[wire.ImportRow]]
) -> wire.ImportPreview:
    """Return what a preview says in all."""
    seen = prepared.preview
    return wire.ImportPreview(
        digest=seen.digest,
        sheets=[_sheet(one) for one in seen.chosen],
        counts={shown: len(rows) for shown, rows in found.items()},
        people=seen.people,
        leaving=seen.leaving,
        repeated=seen.repeated,
        unsure=seen.unsure(),
        paths=touched_paths(prepared),
    )


def _sheet(one: Chosen) -> wire.ImportSheet:
    return wire.ImportSheet(
        name=one.sheet.name,
        label=one.label,
        table=one.mapping.table,
        columns=[_column(one, column) for column in COLUMNS[one.mapping.table]],
        headings=[heading for heading in one.sheet.headers if heading],
        remembered=one.remembered,
        rows=len(one.sheet.rows),
    )


def _column(one: Chosen, column: str) -> wire.ImportColumn:
    indices = one.mapping.columns.get(column, ())
    confidence = 1.0 if one.remembered else one.mapping.confidence.get(column, 0.0)
    return wire.ImportColumn(
        column=column,
        headings=[one.sheet.headers[at] for at in indices],
        confidence=confidence,
        sure=not indices or confidence >= SURE,
    )


def touched_people(prepared: Prepared) -> int:
    """Return how many people an import changes."""
    found = prepared.compared.found
    return len(found.insert) + len(found.update) + len(found.removed)


def touched_paths(prepared: Prepared) -> list[str]:
    """Return the units that an import touches, as unit paths; "" where it changes the organisation.
    Very many units are replaced by those above them, over which the right must hold then."""
    compared = prepared.compared
    if any(change.table != "people" for change in prepared.preview.changes):
        return [""]
    found, stored = compared.found, compared.stored
    units = {row["unit_id"] for rows in (found.insert, found.update) for row in rows}
    units |= {stored[row["person_id"]]["unit_id"] for row in found.update}
    units |= {stored[person_id]["unit_id"] for person_id in found.removed}
    return of_units(units, {row.unit_id: row.path for row in compared.organisation["units"]})


def of_units(units: Iterable[str], stored: Mapping[UnitId, str]) -> list[str]:
    """Return the paths of units, or of those above them where there are very many. ``stored``: the
    paths of all units; a unit that is not among them stands for the department."""
    paths = {stored.get(UnitId(unit), "").strip("/") for unit in units}
    if "" in paths:
        return [""]
    depth = max((path.count("/") + 1 for path in paths), default=1)
    while len(paths) > MOST_PATHS and depth > 0:
        depth -= 1
        paths = {"/".join(path.split("/")[:depth]) for path in paths}
    return sorted(paths)
