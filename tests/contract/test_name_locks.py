"""Names are held by few locks, no two transactions deadlock, and who must wait does."""

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Database
from copconnect.delivery.rosters import name_locks
from copconnect.ids import PersonId, new_id
from copconnect.principals import ListedDevice
from tests.contract.delivery_world import World
from tests.harness.waiting import PATIENCE_S

_HELD = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


async def test_a_large_group_holds_few_locks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's table of locks has room for some 64 for each connection."""
    world, most = World(database), 0
    devices_of = world.registry.devices_of

    async def counting(
        connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        nonlocal most
        if connection.dialect.name == "postgresql":
            most = max(most, await connection.scalar(_HELD) or 0)
        return await devices_of(connection, person_ids)

    monkeypatch.setattr(world.registry, "devices_of", counting)
    a, *others = (world.registry.register() for _ in range(601))
    made = await world.group(a, others[:300])
    after = await world.change(a.caller, made, add=others[300:])
    assert after.members == 601
    await world.devices_changed(*others, urgent=True)
    # Each of 601 names has one of 64 locks by its hash: one in 200 times, one is left out.
    least = 0 if database.is_sqlite else name_locks.LOCKS - 4
    assert least <= most <= (0 if database.is_sqlite else name_locks.LOCKS)


async def test_who_claims_waits_for_who_shares(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    one, other = new_id(), new_id()
    claimed = asyncio.Event()

    async def claim() -> None:
        async with database.transaction() as connection:
            await name_locks.claim(connection, [one])
            claimed.set()

    async with (
        asyncio.timeout(PATIENCE_S),
        database.transaction() as connection,
        database.transaction() as second,
    ):
        await name_locks.share(connection, [one, other])
        await name_locks.share(second, [other, one])
        waiting = asyncio.create_task(claim())
        await asyncio.sleep(0.1)
        assert not claimed.is_set()
    await waiting


async def test_no_deadlock_where_everybody_is_in_everybodys_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rosters are made and changed while devices come and go, with few locks for all of them."""
    monkeypatch.setattr(name_locks, "LOCKS", 3)
    world = World(database)
    people = [world.registry.register() for _ in range(6)]
    groups = [await world.group(people[0], people[1:4]) for _ in range(2)]

    async def make() -> None:
        await world.group(people[1], people[2:])

    async def change(at: int) -> None:
        await world.change(people[0].caller, groups[at], add=people[4:])
        await world.change(people[0].caller, groups[at], remove=people[4:])

    async def come_and_go(at: int) -> None:
        phone = world.registry.register(people[at].caller.person_id)
        await world.devices_changed(phone)
        await world.revoke(phone)

    # PostgreSQL ends one of two that wait for each other: DeadlockDetectedError.
    work = [make(), make(), change(0), change(1), *(come_and_go(at) for at in range(6))]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*work)
