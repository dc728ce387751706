"""The audit log: acts with their entries in one transaction, numbered, chained."""

import asyncio
import json

import pytest
from sqlalchemy import Delete, Update, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit import Audit
from copconnect.audit.acts import PersonRestored, PersonSuspended
from copconnect.audit.rules import ZEROS, Broken
from copconnect.audit.store import ENTRIES, HEAD
from copconnect.database.engine import Database
from copconnect.ids import ClientId, PersonId, new_id
from copconnect.principals import NOTHING, Caller, Operator
from tests.contract.delivery_world import StillClock

ROOT = Operator("root")


class NoKeys:
    """Replaces the devices: these tests' entries are unsigned."""

    async def public_key(self, connection: AsyncConnection, device: bytes) -> bytes | None:
        raise AssertionError((connection, device))


@pytest.fixture
def audit(database: Database) -> Audit:
    return Audit(database, StillClock())


async def verify(audit: Audit) -> tuple[int, bytes]:
    found = await audit.verify(NoKeys())
    return found.number, found.hash


async def suspend(database: Database, audit: Audit, count: int) -> None:
    """Record so many acts."""
    for _ in range(count):
        async with database.transaction() as connection:
            await audit.record(connection, ROOT, PersonSuspended(PersonId(new_id())))


@pytest.mark.databases("sqlite")
async def test_an_empty_log_is_whole(audit: Audit) -> None:
    assert await verify(audit) == (0, ZEROS)


@pytest.mark.databases("sqlite")
async def test_entries_say_who_did_what(database: Database, audit: Audit) -> None:
    person = PersonId(new_id())
    admin = Caller(PersonId("1" * 32), ClientId(new_id()), bytes(32), outstanding=NOTHING)
    async with database.transaction() as connection:
        await audit.record(connection, ROOT, PersonSuspended(person))
        await audit.record(connection, admin, PersonRestored(person))
    found = [one async for one in audit.entries()]
    assert [one.number for one in found] == [1, 2]
    assert [one.content.by for one in found] == [
        "operator root",
        f"person {'1' * 32} device {'0' * 64}",
    ]
    assert [json.loads(one.content.act) for one in found] == [
        {"act": "person_suspended", "person_id": person, "reason": ""},
        {"act": "person_restored", "person_id": person},
    ]
    assert await verify(audit) == (2, found[1].hash)


@pytest.mark.databases("sqlite")
async def test_an_act_that_is_rolled_back_leaves_no_entry(database: Database, audit: Audit) -> None:
    await suspend(database, audit, 1)

    async def fails() -> None:
        async with database.transaction() as connection:
            await audit.record(connection, ROOT, PersonSuspended(PersonId(new_id())))
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await fails()
    await suspend(database, audit, 1)
    assert (await verify(audit))[0] == 2


async def test_administrators_at_once_are_numbered_one_after_another(
    database: Database, audit: Audit
) -> None:
    await asyncio.gather(*(suspend(database, audit, 3) for _ in range(5)))
    assert (await verify(audit))[0] == 15


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(by="operator eve"), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(made_ms=1), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(act="{}"), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(path="TG/X"), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(salt=bytes(16)), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(signed=b"x"), 3),
        (update(ENTRIES).where(ENTRIES.c.number == 3).values(hash=ZEROS), 3),
        (delete(ENTRIES).where(ENTRIES.c.number == 3), 3),
        (delete(ENTRIES).where(ENTRIES.c.number == 1), 1),
        (delete(ENTRIES).where(ENTRIES.c.number == 5), 5),
        (update(HEAD).values(hash=ZEROS), 5),
    ],
)
async def test_what_was_changed_is_found(
    database: Database, audit: Audit, change: Update | Delete, number: int
) -> None:
    await suspend(database, audit, 5)
    async with database.transaction() as connection:
        await connection.execute(change)
    with pytest.raises(Broken) as broken:
        await verify(audit)
    assert broken.value.number == number


async def test_entries_in_another_order_are_found(database: Database, audit: Audit) -> None:
    await suspend(database, audit, 3)
    async with database.transaction() as connection:
        rows = list(await connection.execute(select(ENTRIES).where(ENTRIES.c.number > 1)))
        await connection.execute(delete(ENTRIES).where(ENTRIES.c.number > 1))
        for row, number in zip(rows, (3, 2), strict=True):
            await connection.execute(ENTRIES.insert().values(row._asdict() | {"number": number}))
    with pytest.raises(Broken) as broken:
        await verify(audit)
    assert broken.value.number == 2
