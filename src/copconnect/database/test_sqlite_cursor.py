"""A statement on SQLite goes to its connection's thread once, and says what SQLAlchemy's says."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from copconnect.database.engine import open_database

THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, unique=True),
)


async def test_each_statement_goes_to_the_thread_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = 0
    execute: Any = aiosqlite.Connection._execute  # noqa: SLF001 - Where they go.

    async def counted(self: Any, *given: Any, **more: Any) -> Any:
        nonlocal went
        went += 1
        return await execute(self, *given, **more)

    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'things.sqlite3'}")
    try:
        async with database.transaction() as connection:
            await connection.run_sync(THINGS.metadata.create_all)
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        async with database.transaction() as connection:
            await connection.execute(sa.insert(THINGS), [{"name": "one"}, {"name": "two"}])
        assert went == len(("BEGIN", "INSERT", "COMMIT"))
        async with database.reading() as read:
            assert (await read.scalars(sa.select(THINGS.c.name))).all() == ["one", "two"]
            assert (await read.scalars(sa.select(THINGS.c.name).where(sa.false()))).all() == []
        assert went == len(("BEGIN", "INSERT", "COMMIT", "BEGIN", "SELECT", "SELECT", "ROLLBACK"))
    finally:
        await database.close()


async def test_counts_numbers_errors_and_streams_are_as_before(tmp_path: Path) -> None:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'things.sqlite3'}")
    try:
        async with database.transaction() as connection:
            await connection.run_sync(THINGS.metadata.create_all)
            made = await connection.execute(sa.insert(THINGS).values(name="one"))
            assert made.inserted_primary_key == (1,)
            added = sa.insert(THINGS).values(name="two").returning(THINGS.c.number)
            assert await connection.scalar(added) == 2
            renamed = await connection.execute(sa.update(THINGS).values(name=THINGS.c.name + "!"))
            assert renamed.rowcount == 2
            with pytest.raises(IntegrityError):
                await connection.execute(sa.insert(THINGS).values(name="two!"))
            found = await connection.execute(sa.select(THINGS).order_by(THINGS.c.number))
            assert found.first() == (1, "one!")
        async with database.reading() as read:
            many = await read.stream(sa.select(THINGS.c.name).order_by(THINGS.c.number))
            assert [one async for one in many.scalars()] == ["one!", "two!"]
    finally:
        await database.close()


async def test_a_transaction_that_is_cancelled_while_it_begins_leaves_no_lock(
    tmp_path: Path,
) -> None:
    file = tmp_path / "things.sqlite3"
    database = open_database(f"sqlite+aiosqlite:///{file}")

    async def write() -> None:
        async with database.transaction():
            raise AssertionError("another writes")

    try:
        async with database.reading() as read:
            await read.execute(sa.text("SELECT 1"))
        with contextlib.closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            before = database.statements
            writing = asyncio.create_task(write())
            while database.statements == before:  # noqa: ASYNC110
                await asyncio.sleep(0)
            await asyncio.sleep(0.1)  # Its thread waits for the lock.
            writing.cancel()
            await asyncio.sleep(0.1)
            other.execute("ROLLBACK")
            with pytest.raises(asyncio.CancelledError):
                await writing
            async with database.reading() as read:
                await read.execute(sa.text("SELECT 1"))
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
    finally:
        await database.close()
