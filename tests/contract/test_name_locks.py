"""Names are held by few locks, nobody waits in a circle, and who must wait does."""

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database import Database
from copconnect.delivery import name_locks
from copconnect.ids import PersonId, new_id
from copconnect.principals import RegisteredClient
from tests.contract.delivery_world import Registry, World
from tests.harness.waiting import PATIENCE_S

_HELD = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


class CountingRegistry(Registry):
    """Looks how many names the transaction that asks holds."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    async def clients_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[RegisteredClient]:
        """Return them."""
        if connection.dialect.name == "postgresql":
            self.most = max(self.most, await connection.scalar(_HELD) or 0)
        wanted = set(person_ids)
        return [one for one in self.clients if one.person_id in wanted]


async def test_a_large_group_holds_few_locks(database: Database) -> None:
    """PostgreSQL's table of locks has room for some 64 for each connection."""
    registry = CountingRegistry()
    world = World(database, registry=registry)
    a, *others = (registry.register() for _ in range(601))
    made = await world.group(a, others[:300])
    assert registry.most <= 2 * name_locks.LOCKS
    added = wire.ChangeMembers(
        change_id=new_id(),
        add=[one.person_id for one in others[300:]],
        remove=[],
        make_admin=[],
        revoke_admin=[],
    )
    after = await world.service.membership.change_members(a, made.conversation_id, added)
    assert after.members == 601
    assert registry.most <= 2 * name_locks.LOCKS
    if not database.is_sqlite:
        assert registry.most > name_locks.LOCKS
    async with database.transaction() as connection:  # As at the import of a data bank.
        gone = [one.client_id for one in others]
        await world.service.clients_removed(connection, gone, "department")
        if not database.is_sqlite:
            assert await connection.scalar(_HELD) == name_locks.LOCKS


async def test_who_claims_waits_for_who_shares(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    one, other = new_id(), new_id()
    claimed = asyncio.Event()

    async def claim() -> None:
        async with database.transaction() as connection:
            await name_locks.claim(connection, "people", [one])
            claimed.set()

    async with (
        asyncio.timeout(PATIENCE_S),
        database.transaction() as connection,
        database.transaction() as second,
    ):
        assert await name_locks.share(connection, "people", [one, other])
        assert await name_locks.share(second, "people", [other, one])
        await name_locks.claim(second, "clients", [one])  # Another's name, though it is the same.
        waiting = asyncio.create_task(claim())
        await asyncio.sleep(0.1)
        assert not claimed.is_set()
    await waiting


async def test_nobody_waits_in_a_circle(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So few locks that everybody is in everybody's way."""
    monkeypatch.setattr(name_locks, "LOCKS", 3)

    async def make_a_roster() -> None:
        async with database.transaction() as connection:
            await name_locks.share(connection, "people", [new_id(), new_id()])
            await asyncio.sleep(0)
            await name_locks.share(connection, "clients", [new_id(), new_id()])

    async def revoke() -> None:
        async with database.transaction() as connection:
            await name_locks.claim(connection, "clients", [new_id() for _ in range(3)])

    async def register() -> None:
        async with database.transaction() as connection:
            await name_locks.claim(connection, "people", [new_id()])

    # PostgreSQL ends one of those that wait in a circle: DeadlockDetectedError.
    await asyncio.gather(*(work() for _ in range(60) for work in (make_a_roster, revoke, register)))
