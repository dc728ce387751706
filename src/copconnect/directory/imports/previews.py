"""Previews of imports, row by row: the changes, and the reasons for refusals. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from copconnect import wire
from copconnect.directory.changes import PeopleChanges
from copconnect.directory.columns import COLUMNS
from copconnect.directory.databank import BankProblem, DataBank
from copconnect.directory.files import reports
from copconnect.directory.files.mapping import SURE, ColumnMapping
from copconnect.directory.files.matching.headings import OWN
from copconnect.directory.files.reports import RefusedRow, RefusedSheet
from copconnect.directory.files.wording import sentences
from copconnect.directory.imports import exporting
from copconnect.directory.imports.allowing import ImportView, with_codes
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.names import RowValues
from copconnect.directory.postings.naming import PostChanges
from copconnect.directory.sources import Chosen
from copconnect.ids import PersonId

CHANGES_SHEET = f"{OWN.title()} changes"
HIDDEN = "********"  # In place of an enrolment code.


@dataclass(slots=True)
class Preview:
    """The effects that an import would have, as far as the person for whom it is made is shown
    them. ``people`` counts those of the part who are in the data bank now and not removed;
    ``leaving`` those whom the import suspends or removes. ``digest`` names exactly these changes:
    an import that is given it refuses to do anything else."""

    sheets: list[wire.ImportSheet]
    problems: list[BankProblem]
    changes: list[wire.ImportRow]
    counts: dict[str, int]
    people: int
    leaving: int
    repeated: int
    digest: str
    chosen: list[Chosen] = field(default_factory=list)
    aliases: list[wire.ImportAlias] = field(default_factory=list)

    def unsure(self) -> list[str]:
        """Return the columns that are only likely, each as ``column = heading``."""
        return [
            f"{column.column} = {' + '.join(column.headings)}"
            for sheet in self.sheets
            for column in sheet.columns
            if not column.sure
        ]

    def by_kind(self, kind: str) -> list[wire.ImportRow]:
        """Return the people of a kind, by name, such as all who would be removed."""
        return [one for one in self.changes if kind in one.kinds and one.table == "people"]

    def report(self) -> bytes:
        """Return a workbook: the refused rows of each sheet under their own headings, to be mended
        and imported again, and a sheet of what changes, which an import leaves out."""
        return reports.report(
            refused_sheets(self.chosen, self.problems),
            CHANGES_SHEET,
            ("What", "Table", "Code", "Name", "Column", "Before", "After", "File", "Row"),
            _lines(self.changes),
        )


def without_stored_numbers(
    problems: Iterable[BankProblem], chosen: Iterable[Chosen]
) -> list[BankProblem]:
    """Return problems without the numbers that their sheets do not have: those are the stored
    ones, which problems never say."""
    without = {one.label for one in chosen if "number" not in one.mapping.columns}
    return [
        replace(one, value="") if one.column == "number" and one.file in without else one
        for one in problems
    ]


def sheet_previews(chosen: Iterable[Chosen]) -> list[wire.ImportSheet]:
    """Return how sheets are read."""
    return [
        wire.ImportSheet(
            name=one.sheet.name,
            label=one.label,
            table=one.mapping.table,
            columns=[_column(one, column) for column in COLUMNS[one.mapping.table]],
            headings=[heading for heading in one.sheet.headers if heading],
            remembered=one.remembered,
            rows=len(one.sheet.rows),
        )
        for one in chosen
    ]


def _column(one: Chosen, column: str) -> wire.ImportColumn:
    indices = one.mapping.columns.get(column, ())
    confidence = 1.0 if one.remembered else one.mapping.confidence.get(column, 0.0)
    return wire.ImportColumn(
        column=column,
        headings=[one.sheet.headers[at] for at in indices],
        confidence=confidence,
        sure=not indices or confidence >= SURE,
    )


def row_of(
    table: str,
    code: str,
    name: str,
    kinds: Iterable[str],
    values: Iterable[wire.ImportValue] = (),
    place: tuple[str, int] = ("", 0),
    problems: Iterable[wire.ImportProblem] = (),
) -> wire.ImportRow:
    """Return a row of a preview. ``kinds``: of wire.ImportShow; ``place``: its file and line."""
    return wire.ImportRow(
        table=table,
        code=code,
        name=name,
        file=place[0],
        line=place[1],
        kinds=list(kinds),
        values=list(values),
        problems=list(problems),
    )


def _value(column: str, old: str, new: str) -> wire.ImportValue:
    return wire.ImportValue(column=column, old=old, new=new)


def people_changes(
    found: PeopleChanges, stored: Mapping[PersonId, RowValues], bank: DataBank, view: ImportView
) -> list[wire.ImportRow]:
    """Return what happens to each person who is shown, those of the file in its order first."""
    changes: list[wire.ImportRow] = []
    coded = with_codes(bank)
    code_given = _value("enrolment_code", "", HIDDEN)
    for row in found.insert:
        new = exporting.person_row(row)
        changes.append(_change(("added",), new, (), bank))
    for row in found.update:
        person_id = row["person_id"]
        unit_id = stored[person_id]["unit_id"]
        if not view.has(unit_id):
            continue
        old, new = exporting.person_row(stored[person_id]), exporting.person_row(row)
        kinds = ["changed"]
        kinds += [
            kind for kind in ("moved", "suspended", "restored") if person_id in getattr(found, kind)
        ]
        columns = differences(old, new)
        if not view.shows_number(unit_id):
            columns = [
                _value("number", "", one.new) if one.column == "number" else one for one in columns
            ]
        if person_id in coded:
            columns = [*columns, code_given]
        changes.append(_change(kinds, new, columns, bank))
    written = {row["person_id"] for row in (*found.insert, *found.update)}
    for person_id in coded - written:
        row = exporting.person_row(stored[person_id])
        changes.append(_change(("changed",), row, (code_given,), bank))
    changes.sort(key=lambda one: (one.file, one.line))
    gone = [exporting.person_row(stored[person_id]) for person_id in found.removed]
    gone.sort(key=lambda row: row["code"])
    changes += [
        _change(("removed",), row, (_value("status", row["status"], "removed"),), bank)
        for row in gone
    ]
    return changes


def post_changes(found: PostChanges) -> list[wire.ImportRow]:
    """Return what happens to posts, each under the code of its unit."""
    changes = [row_of("posts", row["unit_id"], row["post_en"], ("added",)) for row in found.insert]
    for new, old in zip(found.update, found.before, strict=True):
        columns = differences(exporting.post_row(old), exporting.post_row(new))
        kinds = ("added",) if old["abolished_ms"] is not None else ("changed",)
        changes.append(row_of("posts", new["unit_id"], new["post_en"], kinds, columns))
    return changes


def _change(
    kinds: Iterable[str], row: FileRow, columns: Iterable[wire.ImportValue], bank: DataBank
) -> wire.ImportRow:
    place = bank.lines.get(row["code"], ("", 0))
    return row_of("people", row["code"], row["name_en"], kinds, columns, place)


def differences(old: FileRow, new: FileRow) -> list[wire.ImportValue]:
    """Return the columns in which two rows differ."""
    return [
        _value(column, value, new.get(column, ""))
        for column, value in old.items()
        if value != new.get(column, "")
    ]


def organisation_changes(
    before: Mapping[str, Sequence[FileRow]], after: Mapping[str, Sequence[FileRow]]
) -> list[wire.ImportRow]:
    """Return what happens to units, levels, ranks and roles."""
    changes: list[wire.ImportRow] = []
    for table in exporting.TABLES[:-1]:
        old = {row["code"]: row for row in before.get(table, ())}
        new = {row["code"]: row for row in after.get(table, ())}
        for code, row in new.items():
            if code not in old:
                changes.append(row_of(table, code, row["name_en"], ("added",)))
            elif columns := differences(old[code], row):
                moved = any(one.column == "parent" for one in columns)
                kinds = ("changed", "moved") if moved else ("changed",)
                changes.append(row_of(table, code, row["name_en"], kinds, columns))
        changes += [
            row_of(table, code, row["name_en"], ("removed",))
            for code, row in old.items()
            if code not in new
        ]
    return changes


def digest_of(
    found: PeopleChanges,
    stored: Mapping[PersonId, RowValues],
    before: Mapping[str, Sequence[FileRow]],
    after: Mapping[str, Sequence[FileRow]],
    bound: bytes,
) -> str:
    """Return what names exactly these changes, of people and of the organisation: the new values,
    and the values that they replace; and what :func:`bound` names."""
    encoder = msgspec.msgpack.Encoder()
    digest = hashlib.sha256(encoder.encode([before, after, bound]))
    for rows in (found.posts.insert, found.posts.update, found.insert, found.update):
        digest.update(b"rows")
        for row in rows:
            digest.update(encoder.encode(row))
    for person_id in [*(row["person_id"] for row in found.update), *sorted(found.removed)]:
        digest.update(encoder.encode(exporting.person_row(stored[person_id])))
    sets = (found.moved, found.suspended, found.restored, found.removed)
    digest.update(encoder.encode([sorted(people) for people in sets]))
    return digest.hexdigest()


def bound(
    bank: DataBank,
    part: Sequence[str],
    mappings: Mapping[str, ColumnMapping],
    aliases: Mapping[str, Mapping[str, str]],
) -> bytes:
    """Return what names the effects of an import that no row shows: enrolment codes, and what it
    remembers for which part."""
    codes = sorted((one.code, one.enrolment_code or "") for one in bank.people)
    content = [codes, part, mappings, aliases]
    return hashlib.sha256(msgspec.msgpack.encode(content, order="sorted")).digest()


def refused_sheets(chosen: Iterable[Chosen], problems: Iterable[BankProblem]) -> list[RefusedSheet]:
    """Return the refused rows of each sheet that has some, with all that is wrong in words."""
    by_place: dict[str, dict[int, list[BankProblem]]] = {}
    for problem in problems:
        by_place.setdefault(problem.file, {}).setdefault(problem.line, []).append(problem)
    found: list[RefusedSheet] = []
    for one in chosen:
        lines = by_place.get(one.label, {})
        if lines:
            rows = [_refused(line, lines[line], one) for line in sorted(lines)]
            found.append(RefusedSheet(one.sheet, rows))
    return found


def _refused(line: int, problems: Sequence[BankProblem], chosen: Chosen) -> RefusedRow:
    words = [in_words(problem) for problem in problems]
    wrong = {
        index for problem in problems for index in chosen.mapping.columns.get(problem.column, ())
    }
    return RefusedRow(line, [one.wrong for one in words], [one.remedy for one in words], wrong)


class InWords(NamedTuple):
    """A problem in words."""

    wrong: str
    remedy: str


def in_words(problem: BankProblem) -> InWords:
    """Return a problem in words, with the row that claims the same and codes that are close."""
    words = sentences(problem.code, problem.value, problem.column)
    wrong = f"{words.wrong} (row {problem.other})" if problem.other else words.wrong
    if not problem.suggestions:
        return InWords(wrong, words.remedy)
    return InWords(wrong, f"{words.remedy} Perhaps: {', '.join(problem.suggestions)}.")


def _lines(changes: Iterable[wire.ImportRow]) -> Iterable[tuple[str, ...]]:
    for one in changes:
        what, line = ", ".join(one.kinds), str(one.line or "")
        for value in one.values or (_value("", "", ""),):
            before = value.column, value.old, value.new
            yield (what, one.table, one.code, one.name, *before, one.file, line)
