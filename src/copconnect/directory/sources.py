"""From files to the tables of a data bank: which sheet is which table, which column is which, and
which cells stay as it is stored. Pure.

A file says what changes. A column that it lacks keeps what is stored of each person, so that a
file of codes and numbers changes numbers alone; an empty cell of a column that it has empties.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from copconnect.directory import names, rules
from copconnect.directory.columns import COLUMNS, VOCABULARIES
from copconnect.directory.files import mapping
from copconnect.directory.files.limits import FileRefused
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.files.matching.vocabularies import (
    Vocabularies,
    Vocabulary,
    VocabularyEntry,
)
from copconnect.directory.files.reading import read_text
from copconnect.directory.files.sheets import RowProblem, Sheet, SourceFile
from copconnect.directory.files.tables import Table, TableRow, tabulate
from copconnect.ids import UnitId

# Columns that a file lacks keep what is stored, but for these, which it says each time again.
SAID_EACH_TIME = ("status", "enrolment_code")
POST_NAMES = names.columns("post")
TABLES = tuple(COLUMNS)  # Each after the tables that it refers to.
SKIP = "none"  # For a sheet that is no table.


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sheet, the table that it is and its mapping. ``label`` names it in problems.
    ``remembered``: the mapping is one that somebody corrected or confirmed before."""

    label: str
    sheet: Sheet
    mapping: ColumnMapping
    remembered: bool


@dataclass(slots=True)
class StoredBank:
    """The content of the data bank, as rows of its files: ``tables`` by name; ``person`` returns
    the row of a code, empty for an unknown one. ``mappings``: by fingerprint; ``aliases``: by
    column, codes by what people type for them."""

    tables: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    person: Callable[[str], Mapping[str, str]] | None = None
    mappings: Mapping[str, ColumnMapping] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corrections:
    """A person's corrections of the guesses: the table of a sheet (``none``: no table) by the
    sheet's name, and a table's columns by ``table.column`` or, of people, by column alone."""

    sheets: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def of(self, table: str) -> dict[str, str]:
        """Return the corrections of a table's columns."""
        found: dict[str, str] = {}
        for key, said in self.columns.items():
            named, dot, column = key.rpartition(".")
            if (named if dot else "people") == table:
                found[column] = said
        return found


def choose(
    files: Sequence[SourceFile], stored: StoredBank, corrections: Corrections = Corrections()
) -> list[Chosen]:
    """Return the tables of files, in the order in which they are made.

    Raises MappingWrong for a correction that fits nothing.
    """
    places: list[tuple[str, str, Sheet]] = []
    for file in files:
        for sheet in file.sheets:
            said = corrections.sheets.get(sheet.name)
            if said is not None and said != SKIP and said not in COLUMNS:
                raise mapping.MappingWrong(said)
            table = said or mapping.table_of(sheet)
            if table != SKIP:
                several = len(file.sheets) > 1
                label = f"{file.name} / {sheet.name}" if several else file.name
                places.append((table, label, sheet))
    places.sort(key=lambda place: TABLES.index(place[0]))
    chosen: list[Chosen] = []
    for table, label, sheet in places:
        # Vocabularies and units of the same files help to recognise the columns of people.
        last = table in ("posts", "people")
        known = known_of(tables_of(chosen, stored), stored) if last else Vocabularies()
        said_columns = corrections.of(table)
        before = stored.mappings.get(mapping.fingerprint(sheet))
        remembered = (
            before is not None
            and before.table == table
            and mapping.fits(before, sheet, COLUMNS[table])
        )
        found = (
            before
            if before is not None and remembered
            else mapping.guess(sheet, table, COLUMNS[table], known)
        )
        if said_columns:
            found = mapping.corrected(found, sheet, said_columns, COLUMNS[table])
        chosen.append(Chosen(label, sheet, found, remembered))
    return chosen


def tables_of(chosen: Iterable[Chosen], stored: StoredBank) -> dict[str, list[Table]]:
    """Return the tables of chosen sheets; stored ones replace tables that the files lack."""
    made: dict[str, list[Table]] = {}
    sheets = list(chosen)
    for name in TABLES:
        known = Vocabularies() if name in VOCABULARIES else known_of(made, stored)
        for one in sheets:
            if one.mapping.table == name:
                made.setdefault(name, []).append(tabulate(one.sheet, one.mapping, known, one.label))
        if name == "units" and name in made:
            # Parents are named by units of the same file.
            known = known_of(made, stored)
            made[name] = [
                tabulate(one.sheet, one.mapping, known, one.label)
                for one in sheets
                if one.mapping.table == name
            ]
        if name not in made and stored.tables.get(name):
            rows = [TableRow(line, dict(row)) for line, row in enumerate(stored.tables[name], 2)]
            made[name] = [Table(f"{name}.csv", list(COLUMNS[name]), rows, line=1)]
    for table in made.get("people", ()):
        _keep_what_is_stored(table, stored)
    return made


def _keep_what_is_stored(table: Table, stored: StoredBank) -> None:
    kept = [
        column
        for column in COLUMNS["people"]
        if column not in table.columns and column not in SAID_EACH_TIME
    ]
    if not kept or stored.person is None or "code" not in table.columns:
        return
    for row in table.rows:
        before = stored.person(row.values["code"])
        # Another post has other names than the one before in the languages that the file lacks.
        same = row.values.get("post_en", "") in ("", before.get("post_en"))
        for column in kept:
            other = column in POST_NAMES and not same
            row.values[column] = "" if other else before.get(column, "")
    table.columns += kept


def known_of(tables: Mapping[str, Sequence[Table]], stored: StoredBank) -> Vocabularies:
    """Return the vocabularies of tables, or of what is stored where there is none."""

    def rows(name: str) -> Iterable[Mapping[str, str]]:
        if name in tables:
            return [row.values for table in tables[name] for row in table.rows]
        return stored.tables.get(name, ())

    def entries(name: str) -> list[VocabularyEntry]:
        return [
            VocabularyEntry(row.get("code", ""), _names(row))
            for row in rows(name)
            if row.get("code")
        ]

    parents = {
        UnitId(row["code"]): UnitId(row["parent"]) if row.get("parent") else None
        for row in rows("units")
        if row.get("code")
    }
    paths = rules.unit_paths(parents)
    units = [
        VocabularyEntry(
            row["code"],
            _names(row),
            frozenset(rules.units_above(paths.get(UnitId(row["code"]), ""))),
        )
        for row in rows("units")
        if row.get("code")
    ]
    aliases = stored.aliases
    return Vocabularies(
        units=Vocabulary.of(units, aliases.get("unit")),
        ranks=Vocabulary.of(entries("ranks"), aliases.get("rank")),
        roles=Vocabulary.of(entries("roles"), aliases.get("roles")),
        levels=Vocabulary.of(entries("levels"), aliases.get("level")),
    )


def _names(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for column, value in row.items() if column.startswith("name_") and value)


def tables_of_files(files: Mapping[str, bytes]) -> dict[str, list[Table]]:
    """Return the tables of the CSV files of a whole data bank, by table. A file that cannot be
    read is a table without rows that says why."""
    read: list[SourceFile] = []
    refused: dict[str, list[Table]] = {}
    for name, content in files.items():
        try:
            read.append(read_text(f"{name}.csv", content))
        except FileRefused as error:
            problem = RowProblem(0, error.problem, error.value)
            refused[name] = [Table(f"{name}.csv", [], [], [problem])]
    named = {file.name: file.name.removesuffix(".csv") for file in read}
    chosen = choose(read, StoredBank(), Corrections(sheets=named))
    return {**tables_of(chosen, StoredBank()), **refused}
