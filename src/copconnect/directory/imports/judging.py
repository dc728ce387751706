"""Judges the files of an import beside the data bank as it is stored. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from copconnect import wire
from copconnect.directory import changes, databank, rules, sources
from copconnect.directory.changes import PeopleChanges
from copconnect.directory.columns import COLUMNS
from copconnect.directory.databank import BankProblem, DataBank
from copconnect.directory.editing import Compared
from copconnect.directory.files import mapping, values
from copconnect.directory.files.matching.words import canonical
from copconnect.directory.files.sheets import SourceFile
from copconnect.directory.files.tables import Table
from copconnect.directory.imports import allowing, exporting, previews
from copconnect.directory.imports.allowing import ImportView
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.imports.previews import Preview
from copconnect.directory.names import RowValues
from copconnect.directory.sources import Chosen, Corrections, StoredBank
from copconnect.ids import PersonId, UnitId
from copconnect.rights import ImportingAdmin

NEEDS = {"people": ("units", "ranks"), "units": ("levels",)}  # Tables that others refer to.
NamedFiles = Sequence[tuple[str, bytes]]
OnStage = Callable[[str, int, int], None]


@dataclass(slots=True)
class Snapshot:
    """The data bank as it is stored."""

    people: dict[PersonId, RowValues]
    posts: list[RowValues]
    organisation: dict[str, list[Any]]
    stored: StoredBank
    charged: list[tuple[PersonId, UnitId]]
    read_ms: int
    paths: Mapping[UnitId, str]
    view: ImportView
    part: tuple[str, ...]


@dataclass(slots=True)
class Prepared:
    """Files that were read and judged, and what they change. ``paths``: of the stored units;
    ``reorganises``: units, posts, ranks, levels or roles change too; ``part``: for which names and
    columns are remembered; ``bound``: what the digest names beside the changes; ``taken``: codes
    and numbers of the file that somebody has whom the preview does not show, as importing says;
    ``asked``: how many rows bring a code or number that none of the shown people has."""

    bank: DataBank
    compared: Compared
    preview: Preview
    source: str
    digest: str
    mappings: dict[str, mapping.ColumnMapping]
    view: ImportView
    paths: Mapping[UnitId, str]
    reorganises: bool
    part: tuple[str, ...]
    bound: bytes
    taken: tuple[BankProblem, ...]
    asked: int


def judge(
    files: NamedFiles,
    read: Sequence[SourceFile],
    snapshot: Snapshot,
    progress: OnStage,
    *,
    corrections: Corrections,
    remove_missing: bool,
    aliases: Mapping[str, Mapping[str, str]],
    admin: ImportingAdmin | None,
) -> Prepared:
    """Return files, and what they change, as far as ``admin`` may change it; None: an operator."""
    chosen = sources.choose(read, snapshot.stored, corrections)
    tables = sources.tables_of(chosen, snapshot.stored)
    total = sum(len(table.rows) for table in tables.get("people", ()))
    needed = {name for table in tables for name in NEEDS.get(table, ())}
    for name in COLUMNS.keys() - tables.keys() - needed:
        tables[name] = [Table(f"{name}.csv", list(COLUMNS[name]), [])]
    bank = databank.judge(tables, lambda done: progress("judging", done, total))
    progress("judging", total, total)
    former = changes.stored_words(snapshot.organisation["units"], snapshot.organisation["ranks"])

    # A preview is made as if nobody were elsewhere: it tells nothing of them.
    people = {
        person: row for person, row in snapshot.people.items() if snapshot.view.has(row["unit_id"])
    }

    def compare() -> PeopleChanges:
        return changes.compare(
            bank,
            people,
            snapshot.posts,
            former,
            remove_missing=remove_missing,
            leaving_units=snapshot.view.units,
        )

    found = compare()
    if admin is not None:
        refused = allowing.refused_people(
            *(admin, bank, found, people, snapshot.paths, snapshot.charged),
            people_file=_file_of(chosen, "people"),
        )
        if refused:
            bank.refuse(refused)
            found = compare()
    # A refused person keeps a number that another row of the file may give to somebody else.
    while clashes := changes.number_clashes(bank, people, found.removed):
        bank.refuse({rules.person_id(code): _clash(bank, code, number) for code, number in clashes})
        found = compare()
    organisation = OrganisationRows.of(found, people, snapshot.organisation, bank, snapshot.charged)
    others = [
        *previews.organisation_changes(organisation.before, organisation.after),
        *previews.post_changes(found.posts),
    ]
    if others and not snapshot.view.whole:
        bank.problems.append(BankProblem(_file_of(chosen, others[0].table), 0, "not_whole"))
    remembered = _to_remember(chosen)
    bound = previews.bound(bank, snapshot.part, remembered, aliases)
    preview = Preview(
        sheets=previews.sheet_previews(chosen),
        problems=previews.without_stored_numbers(bank.problems, chosen),
        changes=[
            *(others if snapshot.view.whole else ()),
            *previews.people_changes(found, people, bank, snapshot.view),
        ],
        counts=found.summary(),
        people=sum(row["status"] != "removed" for row in people.values()),
        leaving=len(found.lost),
        repeated=bank.repeated,
        digest=previews.digest_of(found, people, organisation.before, organisation.after, bound),
        chosen=chosen,
        aliases=_used_aliases(chosen, tables, snapshot.stored, aliases),
    )
    content = hashlib.sha256(b"\0".join(content for _, content in files)).hexdigest()
    return Prepared(
        bank,
        Compared(found, people, snapshot.organisation, snapshot.read_ms, 0, snapshot.charged),
        preview,
        ", ".join(name for name, _ in files)[:200],
        content,
        remembered,
        snapshot.view,
        snapshot.paths,
        bool(others),
        snapshot.part,
        bound,
        _taken(bank, snapshot.people, people),
        _asked(bank, people),
    )


def _taken(
    bank: DataBank, stored: Mapping[PersonId, RowValues], shown: Mapping[PersonId, RowValues]
) -> tuple[BankProblem, ...]:
    """Return the codes and numbers of a file that somebody has who is not shown."""
    elsewhere = [row for person, row in stored.items() if person not in shown]
    codes = {str(row["code"]) for row in elsewhere}
    numbers = {str(row["number"]) for row in elsewhere if row["status"] != "removed"}
    found: list[BankProblem] = []
    for person in bank.people if elsewhere else ():
        file, line = bank.lines.get(person.code, ("people.csv", 0))
        if person.code in codes:
            found.append(BankProblem(file, line, "code_in_use", person.code, "code"))
        elif person.number in numbers:
            found.append(BankProblem(file, line, "number_in_use", person.number, "number"))
    return tuple(found)


def _asked(bank: DataBank, shown: Mapping[PersonId, RowValues]) -> int:
    """Return how many rows bring a code or number that none of the shown people has."""
    known = {(str(row["code"]), str(row["number"])) for row in shown.values()}
    return sum((person.code, person.number) not in known for person in bank.people)


def _file_of(chosen: Sequence[Chosen], table: str) -> str:
    """Return the label of the sheet of a table; of that of people where the file has none."""
    labels = {one.mapping.table: one.label for one in chosen}
    return labels.get(table) or labels.get("people", f"{table}.csv")


def _clash(bank: DataBank, code: str, number: str) -> BankProblem:
    file, line = bank.lines.get(code, ("people.csv", 0))
    return BankProblem(file, line, "number_in_use", number, "number")


@dataclass(frozen=True, slots=True)
class OrganisationRows:
    """Units, levels, ranks and roles as rows of their files, before and after an import."""

    before: dict[str, list[FileRow]]
    after: dict[str, list[FileRow]]

    @classmethod
    def of(
        cls,
        found: PeopleChanges,
        stored: Mapping[PersonId, RowValues],
        organisation: Mapping[str, Sequence[Any]],
        bank: DataBank,
        charged: Iterable[tuple[PersonId, UnitId]],
    ) -> "OrganisationRows":
        """Return both for an import. A unit stays in which somebody who stays holds a charge."""
        before, after = exporting.organisation_rows(organisation), exporting.bank_rows(bank)
        used = exporting.used_units(found, stored)
        used |= {unit for person, unit in charged if person not in found.removed}
        after["units"] += exporting.kept_units(before["units"], after["units"], used)
        return cls(before, after)


def _used_aliases(
    chosen: Iterable[Chosen],
    tables: Mapping[str, Sequence[Table]],
    stored: StoredBank,
    new: Mapping[str, Mapping[str, str]],
) -> list[wire.ImportAlias]:
    """Return the names of a file that somebody matched by hand, now or before."""
    known = sources.known_of(tables, stored)
    found: set[tuple[str, str, str, bool]] = set()
    for one in chosen:
        for column, indices in one.mapping.columns.items():
            vocabulary = known.roles if column == "roles" else known.of(column)
            if vocabulary is None or not vocabulary.aliases:
                continue
            field = "unit" if column == "parent" else column
            texts = {
                row.cells[at] for row in one.sheet.rows for at in indices if at < len(row.cells)
            }
            parts = {part or "" for text in texts for part in values.SEPARATORS.split(text)}
            for text in sorted(texts | parts if column == "roles" else texts):
                typed = values.text(text)
                match = vocabulary.match(typed)
                if match.how == "alias":
                    said = {canonical(name) for name in new.get(field, ())}
                    before = canonical(typed) not in said
                    found.add((field, typed, match.code, before))
    return [
        wire.ImportAlias(column=column, typed=typed, code=code, remembered=remembered)
        for column, typed, code, remembered in sorted(found)
    ]


def _to_remember(chosen: Sequence[Chosen]) -> dict[str, mapping.ColumnMapping]:
    """Return the mappings by fingerprint, but of files with the data bank's own headings."""
    return {
        mapping.fingerprint(one.sheet): one.mapping
        for one in chosen
        if not set(one.sheet.headers) <= set(COLUMNS[one.mapping.table])
    }
