"""Makes of a mapped sheet the table that the data bank judges. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from copconnect.directory.files import values
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.files.matching.headings import WITHIN
from copconnect.directory.files.matching.vocabularies import Vocabularies, Vocabulary
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


def tabulate(sheet: Sheet, mapping: ColumnMapping, known: Vocabularies, file: str) -> Table:
    """Return the rows of a sheet by the columns of its mapping."""
    columns = [column for column in mapping.columns if column != WITHIN]
    table = Table(file, columns, [], list(sheet.problems), line=sheet.header_line)
    # Column by column: many values of a column are the same.
    filled = [_filled(table, column, sheet, mapping, known) for column in columns]
    rows = zip(*filled, strict=True) if filled else ((),) * len(sheet.rows)
    table.rows = [
        TableRow(raw.line, dict(zip(columns, row, strict=True)))
        for raw, row in zip(sheet.rows, rows, strict=True)
    ]
    return table


def _filled(
    table: Table, column: str, sheet: Sheet, mapping: ColumnMapping, known: Vocabularies
) -> list[str]:
    """Return the values of a column, row by row."""
    indices = mapping.columns[column]
    vocabulary = known.of(column)
    larger = mapping.columns.get(WITHIN, []) if column == "unit" else []
    if len(indices) == 1:
        (index,) = indices
        cells = [raw.cells[index] for raw in sheet.rows]
    else:
        cells = [_made(column, raw, indices) for raw in sheet.rows]
    if not larger and (column != "unit" or len(indices) == 1):
        meant = {
            cell: values.typed(column, cell, known, (), mapping.kind)
            for cell in dict.fromkeys(cells)
        }
        if vocabulary is not None:
            for value in meant.values():
                _suggest(table, column, value, vocabulary, ())
        return [meant[cell] for cell in cells]
    found: list[str] = []
    for raw, cell in zip(sheet.rows, cells, strict=True):
        within = _within(raw, larger, indices)
        value = values.typed(column, cell, known, within, mapping.kind)
        if vocabulary is not None:
            _suggest(table, column, value, vocabulary, within)
        found.append(value)
    return found


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
