"""A database that has no connection, is locked or is away: `overloaded`, and all is well later."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.background import Periodic
from copconnect.database import engine as database_module
from copconnect.database.engine import CONNECTIONS, Database, open_database
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.harness.postgresql import PostgreSQL
from tests.harness.waiting import until, until_async
from tests.identity.running import SHO, MovedClock, Running, run, synthetic_bank


@pytest.fixture
async def hasty(
    settings: Settings, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """A server that does not wait long for its database."""
    monkeypatch.setattr(database_module, "POOL_WAIT_S", 0.2)
    monkeypatch.setattr(database_module, "LOCK_WAIT_MS", 200)
    async with run(settings, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        yield server


def check_overloaded(answer: httpx.Response) -> None:
    body = answer.json()
    assert (answer.status_code, body["code"], body["retry"]) == (503, "overloaded", True)
    assert body["retryAfterMs"] > 0
    assert int(answer.headers["retry-after"]) >= 1


async def every_connection(database: Database, stack: AsyncExitStack) -> None:
    """Take connections until there are no more."""
    for _ in range(100):
        try:
            await stack.enter_async_context(database.reading())
        except errors.Overloaded:
            return
    raise AssertionError("the pool has no end")


async def test_no_connection_left_in_the_pool(hasty: Running) -> None:
    device = await hasty.device(SHO)
    async with AsyncExitStack() as stack:
        await every_connection(hasty.container.database, stack)
        check_overloaded(await hasty.get("/v1/me", device))
        check_overloaded(await hasty.ask(SHO))
    assert (await hasty.get("/v1/me", device)).status_code == 200
    assert (await hasty.ask(SHO)).status_code == 200


async def test_another_process_holds_the_lock(hasty: Running) -> None:
    database = hasty.container.database
    if not database.is_sqlite:
        pytest.skip("PostgreSQL locks rows")
    with closing(sqlite3.connect(str(database.engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check_overloaded(await hasty.ask(SHO))
        other.execute("ROLLBACK")
    assert (await hasty.ask(SHO)).status_code == 200


@pytest.mark.postgresql
async def test_postgresql_takes_no_more_connections(postgresql: PostgreSQL) -> None:
    owner = open_database(postgresql.url("postgres"))
    async with owner.transaction() as connection:
        await connection.execute(sa.text("CREATE ROLE crowded LOGIN CONNECTION LIMIT 1"))
    url = owner.engine.url.set(username="crowded").render_as_string(hide_password=False)
    one, two = open_database(url), open_database(url)
    try:
        async with one.reading() as held:
            await held.execute(sa.text("SELECT 1"))
            for opening in (two.reading, two.transaction):
                with pytest.raises(errors.Overloaded):
                    async with opening():
                        pass
            with pytest.raises(errors.Overloaded):
                await two.write_at_once(lambda _: None)
    finally:
        for database in (one, two):
            await database.close()
        async with owner.transaction() as connection:
            await connection.execute(sa.text("DROP ROLE crowded"))
        await owner.close()


async def test_postgresql_is_away(tmp_path: Path) -> None:
    database = open_database(f"postgresql+asyncpg://postgres@/none?host={tmp_path}")
    with pytest.raises(errors.Overloaded):
        async with database.reading():
            pass
    await database.close()


@pytest.mark.postgresql
@pytest.mark.parametrize("unheard", [False, True])
async def test_a_connection_that_has_ended_is_not_lent(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch, unheard: bool
) -> None:
    owner, database = open_database(postgresql.url()), open_database(postgresql.url())
    try:
        async with database.reading() as one, database.reading() as other:
            ended = [await each.scalar(sa.text("SELECT pg_backend_pid()")) for each in (one, other)]
        async with owner.transaction() as connection:
            for pid in ended:
                await connection.execute(sa.select(sa.func.pg_terminate_backend(pid)))
        await asyncio.sleep(0.2)
        if unheard:  # As after a failover that closes nothing: only asking tells.
            is_closed, asked = asyncpg.Connection.is_closed, set[int]()

            def not_at_first(self: Any) -> bool:
                first = id(self) not in asked
                asked.add(id(self))
                return not first and bool(is_closed(self))

            monkeypatch.setattr(asyncpg.Connection, "is_closed", not_at_first)
            monkeypatch.setattr(database_module, "IDLE_S", 0.0)
        async with database.transaction() as one, database.transaction() as other:
            for each in (one, other):
                assert await each.scalar(sa.text("SELECT pg_backend_pid()")) not in ended
    finally:
        monkeypatch.undo()
        await database.close()
        await owner.close()


@pytest.mark.postgresql
async def test_connections_and_prepared_statements_outlive_a_rush(postgresql: PostgreSQL) -> None:
    database = open_database(postgresql.url())

    async def backends(count: int) -> list[int]:
        async with AsyncExitStack() as stack:
            found = [await stack.enter_async_context(database.reading()) for _ in range(count)]
            return [await each.scalar(sa.text("SELECT pg_backend_pid()")) for each in found]

    async def prepared(connection: AsyncConnection) -> int:
        counted = sa.text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like")
        return await connection.scalar(counted, {"like": "SELECT % AS number"}) or 0

    try:
        rush = await backends(CONNECTIONS)
        assert sorted(await backends(CONNECTIONS)) == sorted(rush)
        # One task has one connection, which has prepared the statements already.
        assert len({(await backends(1))[0] for _ in range(5)}) == 1
        async with database.reading() as connection:
            for number in range(300):
                await connection.execute(sa.text(f"SELECT {number} AS number"))
            assert await prepared(connection) == 300
    finally:
        await database.close()


def test_a_caller_cut_off_while_a_connection_opens_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, goes_on = threading.Event(), threading.Event()
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    died: list[object] = []

    def slow(*arguments: Any, **options: Any) -> sqlite3.Connection:
        began.set()
        assert goes_on.wait(10)
        return connect(*arguments, **options)

    async def cut_off() -> None:
        database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'slow.sqlite3'}")

        async def read() -> None:
            async with database.reading():
                raise AssertionError("was not cut off")

        reading = asyncio.create_task(read())
        await until_async(began.is_set)
        reading.cancel()
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, goes_on.set)
        with pytest.raises(asyncio.CancelledError):
            await reading
        await database.close()

    monkeypatch.setattr(threading, "excepthook", died.append)
    monkeypatch.setattr(sqlite3, "connect", slow)
    before = threading.active_count()
    asyncio.run(cut_off())
    goes_on.set()
    until(lambda: threading.active_count() <= before)
    assert died == []


async def test_background_work_outlives_a_busy_database() -> None:
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        raise errors.Overloaded

    periodic = Periodic("test", work, 0.01, soon=True)
    await periodic.start()
    try:
        await until_async(lambda: rounds > 3)
    finally:
        await periodic.close()
    ended = rounds
    await asyncio.sleep(0.05)
    assert rounds == ended
