"""Exports of a part of the tree: rows as the data bank's files have them, and the files.

Invariant: no cell of a file is run as a formula. Workbooks have text alone; in CSV files an
apostrophe stands before a value that a spreadsheet would run.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

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


class PartExports:
    """Reads rows and writes files. Holds no state of its own."""

    async def rows(
        self,
        connection: AsyncConnection,
        part: Part,
        paths: Sequence[str],
        shows: Callable[[str], bool],
        without: Select[tuple[PersonId]] | None = None,
    ) -> tuple[Sequence[str], list[FileRow]]:
        """Return the columns and rows of people, units or posts at or below these unit paths.
        ``shows``: whether numbers of people of a unit path are shown; ``without``: people who are
        left out. One statement."""
        units, people, posts = store.units, store.people, store.posts
        within = or_(
            *(units.c.path.startswith(rules.stored_path(path), autoescape=True) for path in paths)
        )
        if part == "units":
            found = await connection.execute(select(units).where(within).order_by(units.c.position))
            return COLUMNS["units"], exporting.organisation_rows({"units": list(found)})["units"]
        if part == "posts":
            query: Select[Any] = select(posts).join(units, units.c.unit_id == posts.c.unit_id)
            rows = (await connection.execute(query.where(within))).mappings()
            return COLUMNS["posts"], exporting.post_rows(rows)
        query = (
            store.posted(*people.c, *store.OF_POST, units.c.path)
            .join(units, units.c.unit_id == posts.c.unit_id)
            .where(within, people.c.status != "removed")
            .order_by(people.c.code)
        )
        if without is not None:
            query = query.where(people.c.person_id.not_in(without))
        return _PERSON_COLUMNS, [
            _shown(exporting.person_row(row), shows(row["path"].strip("/")))
            for row in (await connection.execute(query)).mappings()
        ]

    def file(
        self,
        name: str,
        columns: Sequence[str],
        rows: Iterable[Mapping[str, str]],
        form: Literal["xlsx", "csv"],
    ) -> bytes:
        """Return rows as a workbook, or as CSV in UTF-8 with a byte order mark."""
        cells = ([row[column] for column in columns] for row in rows)
        if form == "xlsx":
            return reports.tables({name: (columns, cells)})
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows([safe(cell) for cell in row] for row in cells)
        return out.getvalue().encode("utf-8-sig")


def _shown(row: FileRow, number: bool) -> FileRow:
    return row if number else row | {"number": ""}


def safe(text: str) -> str:
    """Return a value that no spreadsheet runs as a formula."""
    return f"'{text}" if _RUNS.match(text) and not _NUMBER.fullmatch(text) else text
