"""The rows of a preview as the console shows them, by what happens to them. Pure."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from copconnect import wire
from copconnect.directory.databank import BankProblem
from copconnect.directory.imports import allowing
from copconnect.directory.imports.judging import Prepared
from copconnect.directory.imports.previews import row_of
from copconnect.directory.sources import Chosen
from copconnect.ids import PersonId
from copconnect.rights import WHOLE, ImportingAdmin, PersonChange

PAGE = 200
SHOWN: tuple[wire.ImportShow, ...] = get_args(wire.ImportShow)
_ROWS = msgspec.msgpack.Decoder(list[wire.ImportRow])


def by_kind(prepared: Prepared) -> dict[str, list[wire.ImportRow]]:
    """Return the rows of a preview, by wire.ImportShow. A person who moved has changed too."""
    found: dict[str, list[wire.ImportRow]] = {shown: [] for shown in SHOWN}
    for change in prepared.preview.changes:
        for kind in ("organisation",) if change.table != "people" else change.kinds:
            found[kind].append(change)
    found["unchanged"] = list(_unchanged(prepared))
    found["refused"] = list(_refused(prepared.preview.chosen, prepared.preview.problems))
    return found


def _unchanged(prepared: Prepared) -> Iterator[wire.ImportRow]:
    found, lines = prepared.compared.found, prepared.bank.lines
    others = {row["person_id"] for rows in (found.insert, found.update) for row in rows}
    others |= allowing.with_codes(prepared.bank)
    for person in prepared.bank.people:
        if person.person_id not in others:
            place = lines.get(person.code, ("", 0))
            yield row_of("people", person.code, person.names.en, ["unchanged"], place=place)


def _refused(chosen: Iterable[Chosen], problems: Iterable[BankProblem]) -> Iterator[wire.ImportRow]:
    by_place: dict[tuple[str, int, str], list[BankProblem]] = {}
    for problem in problems:
        # Line 0: a person whom the file lacks, or the whole file.
        code = problem.value if problem.line == 0 and problem.column == "code" else ""
        by_place.setdefault((problem.file, problem.line, code), []).append(problem)
    sheets = {one.label: one for one in chosen}
    cells = {
        label: {row.line: row.cells for row in one.sheet.rows} for label, one in sheets.items()
    }
    for (file, line, code), wrong in sorted(by_place.items()):
        one, row = sheets.get(file), cells.get(file, {}).get(line, [])
        table = one.mapping.table if one is not None else "people"
        yield row_of(
            table,
            _value(one, row, "code") or code,
            _value(one, row, "name_en"),
            ["refused"],
            place=(file, line),
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
    prepared: Prepared, found: Mapping[str, Sequence[wire.ImportRow]], admin: ImportingAdmin
) -> wire.ImportPreview:
    """Return what a preview says in all."""
    seen = prepared.preview
    return wire.ImportPreview(
        digest=seen.digest,
        sheets=seen.sheets,
        counts={shown: len(rows) for shown, rows in found.items()},
        people=seen.people,
        leaving=seen.leaving,
        repeated=seen.repeated,
        unsure=seen.unsure(),
        paths=_shown_paths(prepared, admin),
        aliases=seen.aliases,
    )


def _shown_paths(prepared: Prepared, admin: ImportingAdmin) -> list[str]:
    """Return the units of which a preview shows anything; the admin's part where it shows refused
    rows alone."""
    if prepared.reorganises:
        return [WHOLE]
    named = allowing.paths_of((one.unit for one in prepared.bank.people), prepared.paths)
    touched = {path for one in person_changes(prepared, {}) for path in one.paths}
    return allowing.narrowed(named | touched or {admin.path})


def person_changes(
    prepared: Prepared, granted: Mapping[PersonId, Collection[str]]
) -> list[PersonChange]:
    """Return the people whom an import changes, as rights judge it. ``granted``: unit paths of the
    grants in force, by who holds them."""
    compared = prepared.compared
    coded = allowing.with_codes(prepared.bank)
    return list(
        allowing.changes_of(
            *(compared.found, compared.stored, coded),
            *(prepared.paths, granted, compared.charged),
        )
    )
