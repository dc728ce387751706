"""The values that readers make: a file's sheets, each with a header and rows of text. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple


class RawRow(NamedTuple):
    """A row as it was read. ``line``: as an editor or a spreadsheet counts, from 1."""

    line: int
    cells: list[str]


class RowProblem(NamedTuple):
    """A row that could not be read: a stable code, and the text that was found."""

    line: int
    code: str
    value: str = ""


@dataclass(slots=True)
class Sheet:
    """A table of a file. ``headers`` has one text for each column, "" for a column without one;
    every row has as many cells. ``header_line`` is 0 for a sheet without a header."""

    name: str
    headers: list[str]
    rows: list[RawRow]
    header_line: int = 0
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class SourceFile:
    """A file that was read. ``encoding``: of text files, such as ``utf-16``; ``delimiter``: of
    them, "" for workbooks."""

    name: str
    kind: str
    sheets: list[Sheet]
    encoding: str = ""
    delimiter: str = ""
