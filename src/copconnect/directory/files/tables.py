"""Makes of a mapped sheet the table that the data bank judges. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from copconnect.directory.files import values
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.files.matching.headings import WITHIN
from copconnect.directory.files.matching.vocabularies import Known, Match
from copconnect.directory.files.sheets import RawRow, RowProblem, Sheet


class TableRow(NamedTuple):
    """A row of a table: its line in the file, and its values by column."""

    line: int
    values: dict[str, str]


@dataclass(slots=True)
class Table:
    """Rows of a file by the data bank's columns. ``problems``: rows that could not be read.
    ``suggestions``: by column and value, the codes that are close to a value that means none."""

    file: str
    columns: list[str]
    rows: list[TableRow]
    problems: list[RowProblem] = field(default_factory=list)
    suggestions: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    line: int = 0  # The header's.


def tabulate(sheet: Sheet, mapping: ColumnMapping, known: Known, file: str) -> Table:
    """Return the rows of a sheet by the columns of its mapping."""
    columns = [column for column in mapping.columns if column != WITHIN]
    table = Table(file, columns, [], list(sheet.problems), line=sheet.header_line)
    plain = [(column, mapping.columns[column]) for column in columns]
    larger = mapping.columns.get(WITHIN, [])
    for row in sheet.rows:
        within = _within(row, larger, mapping.columns.get("unit", []))
        found: dict[str, str] = {}
        for column, indices in plain:
            cell = row.cells[indices[0]] if len(indices) == 1 else _made(column, row, indices)
            value = values.typed(column, cell, known, within, mapping.kind)
            found[column] = value
            vocabulary = known.of(column)
            if value and vocabulary is not None and (column, value) not in table.suggestions:
                for word in value.split() if column == "roles" else [value]:
                    if word not in vocabulary.entries:
                        match: Match = vocabulary.match(word.replace("_", " "), within)
                        table.suggestions[column, word] = match.suggestions
        table.rows.append(TableRow(row.line, found))
    return table


def _made(column: str, row: RawRow, indices: list[int]) -> str:
    """Return what several cells make: of units the first that has a value, else all, joined."""
    texts = [text for index in indices if (text := values.text(row.cells[index]))]
    return (texts[0] if texts else "") if column == "unit" else " ".join(texts)


def _within(row: RawRow, larger: list[int], unit: list[int]) -> tuple[str, ...]:
    names = [text for index in larger if (text := values.text(row.cells[index]))]
    # Columns of units behind the first that has a value name larger units.
    filled = [text for index in unit if (text := values.text(row.cells[index]))]
    return (*filled[1:], *names)
