"""Writes workbooks: the refused rows of an import to mend and import again, what an import
changes, and whole tables. Pure.

Invariant: every cell is text. A value that begins with ``=`` is shown and never evaluated, and no
address becomes a link.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import xlsxwriter

from copconnect.directory.files.matching.headings import OWN
from copconnect.directory.files.sheets import Sheet

WHY = f"{OWN.title()}: why refused"
REMEDY = f"{OWN.title()}: what to do"
LINE = f"{OWN.title()}: row in the file"
WIDEST = 60
# XML has no such characters, so a spreadsheet would call the file damaged.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 32_767


@dataclass(slots=True)
class RefusedRow:
    """A row of a sheet that is refused: its line, why in words, what to do, and the indices of the
    cells that are wrong."""

    line: int
    why: list[str]
    remedies: list[str]
    wrong: set[int] = field(default_factory=set)


@dataclass(slots=True)
class RefusedSheet:
    """The refused rows of a sheet."""

    sheet: Sheet
    refused: Sequence[RefusedRow]


def plain(value: object) -> str:
    """Return a value as it can stand in a cell."""
    return _UNWRITABLE.sub("\ufffd", "" if value is None else str(value))[:_LONGEST]


def report(
    sheets: Iterable[RefusedSheet],
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> bytes:
    """Return a workbook with the refused rows of each sheet, under the sheet's own headings, and
    behind them one more sheet. The columns that say why come last, and an import leaves them
    out."""
    book = _Book()
    _write_refused(book, sheets)
    page = book.page(name, columns)
    for row in rows:
        page.row(row)
    return book.closed()


def _write_refused(book: "_Book", sheets: Iterable[RefusedSheet]) -> None:
    for one in sheets:
        rows = {row.line: row.cells for row in one.sheet.rows}
        width = len(one.sheet.headers)
        page = book.page(one.sheet.name, [*one.sheet.headers, WHY, REMEDY, LINE])
        for refused in one.refused:
            cells = [
                *rows.get(refused.line, [""] * width),
                "\n".join(refused.why),
                "\n".join(dict.fromkeys(refused.remedies)),
                str(refused.line),
            ]
            page.row(cells, marked=refused.wrong or {width})


def tables(pages: Mapping[str, tuple[Sequence[str], Iterable[Sequence[object]]]]) -> bytes:
    """Return a workbook with a sheet for each table: its name, its columns, its rows."""
    book = _Book()
    for name, (columns, rows) in pages.items():
        page = book.page(name, columns)
        for row in rows:
            page.row(row)
    return book.closed()


class OneTable:
    """A workbook with one table, written to a file as its rows come: it holds one row at a time."""

    def __init__(self, out: BinaryIO, name: str, columns: Sequence[str]) -> None:
        self._book = _Book(out)
        self._page = self._book.page(name, columns)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows."""
        for row in rows:
            self._page.row(row)

    def close(self) -> None:
        """Write what is still missing; the file stays open."""
        self._book.close()


class _Book:
    """A workbook that holds one row at a time."""

    def __init__(self, out: BinaryIO | None = None) -> None:
        """``out``: written to in place of memory."""
        self._memory = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            out or self._memory,
            {
                "constant_memory": True,
                "in_memory": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._heading = self._book.add_format({"bold": True, "bottom": 1, "num_format": "@"})
        self._text = self._book.add_format({"num_format": "@"})
        self._marked = self._book.add_format({"num_format": "@", "bg_color": "#FFD9D9"})
        self._names: set[str] = set()

    def page(self, name: str, columns: Sequence[str]) -> "_ReportSheet":
        """Begin a sheet; the sheet before is finished then."""
        sheet = self._book.add_worksheet(self._free_name(name))
        sheet.freeze_panes(1, 0)
        for index, column in enumerate(columns):
            sheet.set_column(index, index, min(WIDEST, max(12, len(column) + 2)), self._text)
            sheet.write_string(0, index, plain(column), self._heading)
        return _ReportSheet(sheet, self._text, self._marked)

    def _free_name(self, name: str) -> str:
        """Return a name that spreadsheets allow: 31 characters, some of them forbidden, once."""
        base = re.sub(r"[\[\]:*?/\\']", " ", plain(name)).strip()[:28] or "Sheet"
        free, number = base, 1
        while free.casefold() in self._names:
            number += 1
            free = f"{base[:27]} {number}"
        self._names.add(free.casefold())
        return free

    def closed(self) -> bytes:
        """Return the workbook's bytes."""
        self.close()
        return self._memory.getvalue()

    def close(self) -> None:
        """Write all of it."""
        if not self._names:
            self.page("Nothing", [])
        self._book.close()


class _ReportSheet:
    def __init__(self, sheet: Any, text: Any, marked: Any) -> None:
        self._sheet = sheet
        self._text = text
        self._marked = marked
        self._next = 1

    def row(self, cells: Sequence[object], marked: Iterable[int] = ()) -> None:
        """Write a row; ``marked`` are the indices of cells that are wrong."""
        wrong = frozenset(marked)
        for index, cell in enumerate(cells):
            text = plain(cell)
            form = self._marked if index in wrong else self._text
            if text or index in wrong:
                self._sheet.write_string(self._next, index, text, form)
        self._next += 1
