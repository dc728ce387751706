"""Makes of a mapped sheet the table that the data bank judges. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from copconnect.directory.files import values
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.files.matching.headings import WITHIN
from copconnect.directory.files.matching.vocabularies import Known, Vocabulary
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
    table.rows = [TableRow(row.line, {}) for row in sheet.rows]
    # Column by column: most values of a column mean what the one above them means.
    for column in columns:
        _fill(table, column, sheet, mapping, known)
    return table


def _fill(table: Table, column: str, sheet: Sheet, mapping: ColumnMapping, known: Known) -> None:
    indices = mapping.columns[column]
    vocabulary = known.of(column)
    larger = mapping.columns.get(WITHIN, []) if column == "unit" else []
    meant: dict[str, str] = {}
    for raw, row in zip(sheet.rows, table.rows, strict=True):
        cells = raw.cells
        cell = cells[indices[0]] if len(indices) == 1 else _made(column, raw, indices)
        if larger or (column == "unit" and len(indices) > 1):
            within = _within(raw, larger, indices)
            value = values.typed(column, cell, known, within, mapping.kind)
            if vocabulary is not None:
                _suggest(table, column, value, vocabulary, within)
        else:
            found = meant.get(cell)
            if found is None:
                found = meant[cell] = values.typed(column, cell, known, (), mapping.kind)
                if vocabulary is not None:
                    _suggest(table, column, found, vocabulary, ())
            value = found
        row.values[column] = value


def _suggest(
    table: Table, column: str, value: str, vocabulary: Vocabulary, within: tuple[str, ...]
) -> None:
    for word in value.split() if column == "roles" else [value]:
        if word and word not in vocabulary.entries and (column, word) not in table.suggestions:
            close = vocabulary.match(word.replace("_", " "), within).suggestions
            table.suggestions[column, word] = close


def _made(column: str, row: RawRow, indices: list[int]) -> str:
    """Return what several cells make: of units the first that has a value, else all, joined."""
    texts = [text for index in indices if (text := values.text(row.cells[index]))]
    return (texts[0] if texts else "") if column == "unit" else " ".join(texts)


def _within(row: RawRow, larger: list[int], unit: list[int]) -> tuple[str, ...]:
    names = [text for index in larger if (text := values.text(row.cells[index]))]
    # Columns of units behind the first that has a value name larger units.
    filled = [text for index in unit if (text := values.text(row.cells[index]))]
    return (*filled[1:], *names)
