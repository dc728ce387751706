"""Exports of a part of the tree: rows as the data bank's files have them, and the files.

Invariant: no cell of a file is run as a formula. Workbooks have text alone; in CSV files an
apostrophe precedes a value that a spreadsheet would run.
"""

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Literal

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.directory import rules, store
from copconnect.directory.columns import COLUMNS
from copconnect.directory.files import reports
from copconnect.directory.imports import exporting
from copconnect.directory.imports.exporting import FileRow
from copconnect.ids import PersonId

_RUNS = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"\+\d+")  # A phone number is a number to a spreadsheet too.
_PERSON_COLUMNS = tuple(name for name in COLUMNS["people"] if name != "enrolment_code")
Part = Literal["people", "units", "posts"]
BATCH = 1_000


class PartExports:
    """Reads rows and writes files. Stateless."""

    async def rows(
        self,
        connection: AsyncConnection,
        part: Part,
        paths: Sequence[str],
        shows: Callable[[str], bool],
        without: Select[tuple[PersonId]] | None = None,
    ) -> AsyncIterator[list[FileRow]]:
        """Yield rows of people, units or posts at or below these unit paths; people at most
        ``BATCH`` at once. ``shows``: whether numbers of people of a unit path are shown;
        ``without``: people who are left out. One statement."""
        units, people, posts = store.units, store.people, store.posts
        within = or_(
            *(units.c.path.startswith(rules.stored_path(path), autoescape=True) for path in paths)
        )
        if part == "units":
            found = await connection.execute(select(units).where(within).order_by(units.c.position))
            yield exporting.organisation_rows({"units": list(found)})["units"]
            return
        if part == "posts":
            query: Select[Any] = select(posts).join(units, units.c.unit_id == posts.c.unit_id)
            rows = (await connection.execute(query.where(within))).mappings()
            yield exporting.post_rows(rows)
            return
        query = (
            store.posted(*people.c, *store.OF_POST, units.c.path)
            .join(units, units.c.unit_id == posts.c.unit_id)
            .where(within, people.c.status != "removed")
            .order_by(people.c.code)
        )
        if without is not None:
            query = query.where(people.c.person_id.not_in(without))
        result = await connection.stream(query)
        async for some in result.mappings().partitions(BATCH):
            yield [_shown(exporting.person_row(row), shows(row["path"].strip("/"))) for row in some]

    def table(
        self, out: BinaryIO, name: str, columns: Sequence[str], form: Literal["xlsx", "csv"]
    ) -> "TableFile":
        """Return what writes rows to a file as a workbook, or as CSV in UTF-8 with a byte order
        mark."""
        return TableFile(out, name, columns, form)

    def columns(self, part: Part) -> Sequence[str]:
        """Return the columns of a part's rows."""
        return _PERSON_COLUMNS if part == "people" else COLUMNS[part]


class TableFile:
    """Rows on their way to a file, of which memory holds a few."""

    def __init__(
        self, out: BinaryIO, name: str, columns: Sequence[str], form: Literal["xlsx", "csv"]
    ) -> None:
        self._columns = columns
        self._book = reports.OneTable(out, name, columns) if form == "xlsx" else None
        self._text = None if self._book else io.TextIOWrapper(out, "utf-8-sig", newline="")
        if self._text is not None:
            csv.writer(self._text).writerow(columns)

    def add(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Write rows; it takes the processor, and no event loop."""
        cells = ([row[column] for column in self._columns] for row in rows)
        if self._book is not None:
            self._book.add(cells)
        elif self._text is not None:
            csv.writer(self._text).writerows([safe(cell) for cell in row] for row in cells)

    def close(self) -> None:
        """Write what is still missing; the file stays open."""
        if self._book is not None:
            self._book.close()
        elif self._text is not None:
            self._text.flush()
            self._text.detach()


def _shown(row: FileRow, number: bool) -> FileRow:
    return row if number else row | {"number": ""}


def safe(text: str) -> str:
    """Return a value that no spreadsheet runs as a formula."""
    return f"'{text}" if _RUNS.match(text) and not _NUMBER.fullmatch(text) else text
