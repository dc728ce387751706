"""A statement on SQLite goes to its connection's thread once, and says what SQLAlchemy's says."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from copconnect.database.engine import Database, open_database
from copconnect.database.sqlite_cursor import FIRST

THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, unique=True),
)


@pytest.fixture
async def things(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'things.sqlite3'}")
    try:
        async with database.transaction() as connection:
            await connection.run_sync(THINGS.metadata.create_all)
        yield database
    finally:
        await database.close()


async def _add(database: Database, count: int) -> list[str]:
    names = [f"{one:05}" for one in range(count)]
    async with database.transaction() as connection:
        await connection.execute(sa.insert(THINGS), [{"name": one} for one in names])
    return names


async def test_each_statement_goes_to_the_thread_once(
    things: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_back = 0
    loop = asyncio.get_running_loop()
    call = loop.call_soon_threadsafe

    def counted(callback: Callable[..., Any], *given: Any, **more: Any) -> Any:
        nonlocal came_back
        came_back += 1
        return call(callback, *given, **more)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    names = await _add(things, 2)
    assert came_back == len(("BEGIN", "INSERT", "COMMIT"))
    async with things.reading() as read:
        assert (await read.scalars(sa.select(THINGS.c.name))).all() == names
        assert (await read.scalars(sa.select(THINGS.c.name).where(sa.false()))).all() == []
    assert came_back == len(("BEGIN", "INSERT", "COMMIT", "BEGIN", "SELECT", "SELECT", "ROLLBACK"))


async def test_counts_numbers_and_errors_are_as_before(things: Database) -> None:
    async with things.transaction() as connection:
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


@pytest.mark.parametrize("count", [FIRST - 1, FIRST, 2 * FIRST + 1])
async def test_rows_after_the_first_are_fetched_as_they_are_read(
    things: Database, count: int
) -> None:
    names = await _add(things, count)
    query = sa.select(THINGS.c.name).order_by(THINGS.c.number)
    async with things.reading() as read:
        assert (await read.scalars(query)).all() == names
        assert [one async for one in (await read.stream(query)).scalars()] == names
        # A stream that nobody reads to its end is closed, and the next statement runs.
        async with read.stream(query) as begun:
            assert await begun.fetchone() == (names[0],)
        assert await read.scalar(sa.select(sa.func.count()).select_from(THINGS)) == count
    async with things.transaction() as connection:
        changed = sa.update(THINGS).values(name=THINGS.c.name + "!").returning(THINGS.c.name)
        assert len((await connection.scalars(changed)).all()) == count


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
            await asyncio.sleep(0.1)
            assert database.statements > before  # Its thread waits for the lock.
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
