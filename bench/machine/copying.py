"""Copies a prepared SQLite database: to another file, or into an empty PostgreSQL by COPY."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Boolean, Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from copconnect.database.engine import METADATA, open_database
from copconnect.migrations import OtherSchema, migrate


def to_file(source: Path, target: Path) -> None:
    """Copy a SQLite database that nobody writes to, with the contents of its WAL."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


async def brought_up_to_date(file: Path) -> bool:
    """Migrate a cached SQLite database; return whether it is what this version makes. (It is not
    where somebody has changed a migration that had already run.)"""
    database = open_database(f"sqlite+aiosqlite:///{file}")
    try:
        await migrate(database)
    except (OtherSchema, DBAPIError):
        return False
    finally:
        await database.close()
    return True


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a database by the driver alone."""
    parts = make_url(url)
    connection = await asyncpg.connect(
        host=parts.query.get("host") or parts.host,
        port=parts.port or 5432,
        user=parts.username,
        password=parts.password,
        database=parts.database,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def to_postgresql(source: Path, url: str) -> int:
    """Fill an empty PostgreSQL database with every table of ``source``; return how many rows."""
    database = open_database(url)
    try:
        await migrate(database)
    finally:
        await database.close()
    async with connected(url) as connection:
        with closing(sqlite3.connect(source)) as old:
            async with connection.transaction():
                rows = 0
                for table in METADATA.sorted_tables:
                    rows += await _copy(old, connection, table)
        await connection.execute("ANALYZE")
    return rows


async def _copy(old: sqlite3.Connection, new: Any, table: Table) -> int:
    columns = [column.name for column in table.columns]
    names = ", ".join(f'"{name}"' for name in columns)
    found = old.execute(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - our own tables.
    truths = [i for i, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    rows = found.fetchall()
    if truths:
        rows = [tuple(bool(v) if i in truths else v for i, v in enumerate(row)) for row in rows]
    if not rows:
        return 0
    await new.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - what migrations put there.
    await new.copy_records_to_table(table.name, records=rows, columns=columns)
    counted = table.autoincrement_column
    if counted is not None:
        sequence = f"pg_get_serial_sequence('{table.name}', '{counted.name}')"
        # NULL where the inserting code counts the column.
        await new.execute(
            f'SELECT setval({sequence}, (SELECT max("{counted.name}") FROM "{table.name}"))'  # noqa: S608
            f" WHERE {sequence} IS NOT NULL"
        )
    return len(rows)
