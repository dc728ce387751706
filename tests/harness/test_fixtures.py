"""The fixtures themselves: real back ends, a fresh database for each test."""

import nats
import pytest
import sqlalchemy as sa

from copconnect.database.engine import METADATA, Database
from tests.harness.nats import NatsServer
from tests.harness.waiting import PATIENCE_S

PROBE = sa.table("fixture_probe", sa.column("n"))


async def _tables(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set(await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names()))


async def test_database_has_every_table(database: Database) -> None:
    assert set(METADATA.tables) <= await _tables(database)


# Twice: the second run would find the first one's table if databases were shared.
@pytest.mark.parametrize("run", [1, 2])
async def test_database_is_fresh_for_each_test(database: Database, run: int) -> None:
    assert "fixture_probe" not in await _tables(database)
    async with database.transaction() as connection:
        await connection.execute(sa.text("CREATE TABLE fixture_probe (n INTEGER)"))
        await connection.execute(PROBE.insert().values(n=run))
    async with database.reading() as connection:
        assert (await connection.scalars(sa.select(PROBE.c.n))).all() == [run]


# Twice: the second run would find what the first one left if databases were shared as they are.
@pytest.mark.parametrize("run", [1, 2])
async def test_database_has_no_rows_of_another_test(database: Database, run: int) -> None:
    wakeups = METADATA.tables["wakeups"]
    async with database.transaction() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(wakeups)) == 0
        written = await connection.execute(
            wakeups.insert().values(node="n", created_ms=run, payload=b"").returning(wakeups.c.id)
        )
        assert written.scalar_one() == 1


async def test_back_ends_are_what_they_say(
    database: Database, request: pytest.FixtureRequest
) -> None:
    statement = "SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"
    async with database.reading() as connection:
        version = await connection.scalar(sa.text(statement))
    assert version
    assert database.is_sqlite == ("sqlite" in request.node.name)


@pytest.mark.nats
async def test_nats_server_passes_messages_and_comes_back(nats_server: NatsServer) -> None:
    for _ in range(2):
        connection = await nats.connect(nats_server.url)
        try:
            subscription = await connection.subscribe("probe")
            await connection.publish("probe", b"hello")
            message = await subscription.next_msg(timeout=PATIENCE_S)
            assert message.data == b"hello"
        finally:
            await connection.close()
        nats_server.stop()
        nats_server.start()
