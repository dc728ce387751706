"""Stored rows as rows of the data bank's files: for exports, for comparing, for undoing. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from copconnect.directory import names
from copconnect.directory.changes import PeopleChanges
from copconnect.directory.columns import COLUMNS, VOCABULARIES
from copconnect.directory.databank import DataBank
from copconnect.directory.files import reports
from copconnect.directory.names import RowValues
from copconnect.ids import PersonId

FileRow = dict[str, str]
NAME_COLUMNS, POST_COLUMNS = names.columns("name"), names.columns("post")
# The most junior table first, as imports read them.
TABLES = (*VOCABULARIES, "units", "people")


def person_row(row: RowValues) -> FileRow:
    """Return a stored person as a row of people.csv. Enrolment codes are stored as hashes, so
    nothing can give them back."""
    return {
        "code": row["code"],
        **{column: row[column] for column in NAME_COLUMNS},
        "number": row["number"],
        "rank": row["rank"],
        **{column: row[column] for column in POST_COLUMNS},
        "roles": " ".join(row["roles"].split()),
        "unit": row["unit_id"],
        "head": "yes" if row["head"] else "no",
        "status": row["status"],
        "enrolment_code": "",
    }


def post_row(row: RowValues) -> FileRow:
    """Return a stored post as a row of posts.csv."""
    return {
        "unit": row["unit_id"],
        **{column: row[column] for column in POST_COLUMNS},
        "roles": " ".join(row["roles"].split()),
        "head": "yes" if row["head"] else "no",
    }


def post_rows(rows: Iterable[RowValues]) -> list[FileRow]:
    """Return stored posts as rows of posts.csv, by unit and title, without the abolished ones
    and the ones without a title."""
    there = [row for row in rows if row["abolished_ms"] is None and row["post_en"]]
    there.sort(key=lambda row: (row["unit_id"], row["post_en"], row["post_id"]))
    return [post_row(row) for row in there]


def removed_row(code: str) -> FileRow:
    """Return the row of people.csv that removes somebody."""
    return dict.fromkeys(COLUMNS["people"], "") | {"code": code, "status": "removed"}


def organisation_rows(organisation: Mapping[str, Sequence[Any]]) -> dict[str, list[FileRow]]:
    """Return stored units, levels, ranks and roles as rows of their files, by table."""
    stored = {"code": "unit_id", "parent": "parent_id"}
    found = {
        name: [
            {column: getattr(row, column) for column in COLUMNS[name]}
            for row in organisation.get(name, ())
        ]
        for name in VOCABULARIES
    }
    found["units"] = [
        {column: getattr(row, stored.get(column, column)) or "" for column in COLUMNS["units"]}
        for row in organisation.get("units", ())
    ]
    return found


def bank_rows(bank: DataBank) -> dict[str, list[FileRow]]:
    """Return the units, levels, ranks and roles of a data bank as rows of their files."""
    found: dict[str, list[FileRow]] = {
        name: [{"code": term.code, **names.row(term.names)} for term in getattr(bank, name)]
        for name in VOCABULARIES
    }
    found["units"] = [
        {
            "code": unit.code,
            "parent": unit.parent or "",
            "level": unit.level,
            **names.row(unit.names),
        }
        for unit in bank.units
    ]
    return found


def used_units(found: PeopleChanges, stored: Mapping[PersonId, RowValues]) -> set[str]:
    """Return the codes of the units to which somebody belongs after these changes."""
    left = found.removed | {row["person_id"] for row in found.update}
    used = {
        row["unit_id"]
        for person_id, row in stored.items()
        if row["status"] != "removed" and person_id not in left
    }
    return used | {row["unit_id"] for row in (*found.insert, *found.update)}


def kept_units(
    before: Sequence[FileRow], after: Sequence[FileRow], used: Iterable[str]
) -> list[FileRow]:
    """Return the stored units that a file lacks but that stay, because somebody belongs to them or
    to a unit below."""
    stored = {row["code"]: row for row in before}
    there = {row["code"] for row in after}
    kept: dict[str, FileRow] = {}
    for unit in used:
        at = stored.get(unit)
        while at is not None and at["code"] not in kept:
            if at["code"] not in there:
                kept[at["code"]] = at
            at = stored.get(at["parent"])
    return list(kept.values())


def csv_files(tables: Mapping[str, Iterable[FileRow]]) -> dict[str, bytes]:
    """Return tables as CSV files by name without ``.csv``: UTF-8 with a byte order mark, without
    which spreadsheets show Telugu as noise."""
    files: dict[str, bytes] = {}
    for name, rows in tables.items():
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, COLUMNS[name])
        writer.writeheader()
        writer.writerows(rows)
        files[name] = out.getvalue().encode("utf-8-sig")
    return files


def workbook(tables: Mapping[str, Iterable[FileRow]]) -> bytes:
    """Return tables as a workbook with a sheet each."""
    return reports.tables(
        {
            name: (COLUMNS[name], [[row[column] for column in COLUMNS[name]] for row in rows])
            for name, rows in tables.items()
        }
    )
