"""A sealed message and a change of roster run the same statements at 2 cells and at 250."""

import os
from typing import Any

from sqlalchemy import insert, update

from copconnect.database import Database
from copconnect.delivery import key_store
from copconnect.delivery.tables import CELL_KEYS, CELLS, CONVERSATIONS
from copconnect.ids import ConversationId, new_id
from tests.contract.sealed_world import Device, SealedWorld, seal, went
from tests.contract.statements import Statements

CELL_COUNT = 250
_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK")


async def add_cells(world: SealedWorld, c: ConversationId, count: int, *, ready: bool) -> None:
    """Put cells beside those that are there, behind the rules' back."""
    row = {
        "conversation_id": c,
        "epoch": 1 if ready else None,
        "removals": 0,
        "clients": 252,
        "lease_client": None,
        "lease_until_ms": 0,
        "lease_since_ms": 0,
        "lease_asked_ms": 0,
        "last_seq": 0,
        "previous_key_id": None,
        "previous_until_ms": 0,
    }
    rows = [
        row | {"cell_id": new_id(), "key_id": os.urandom(16) if ready else None}
        for _ in range(count)
    ]
    async with world.database.transaction() as connection:
        await connection.execute(insert(CELLS), rows)
        if ready:
            await connection.execute(insert(CELL_KEYS), [_key(world, row) for row in rows])
        await connection.execute(
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.conversation_id == c)
            .values(cells=CONVERSATIONS.c.cells + count)
        )


def _key(world: SealedWorld, cell: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_id": cell["cell_id"],
        "epoch": cell["epoch"],
        "conversation_id": cell["conversation_id"],
        "key_id": cell["key_id"],
        "record": b"",
        "signer_certificate_hash": "0" * 64,
        "signer_proof": b"",
        "created_ms": world.clock.at,
        "version": int(cell["cell_id"][:12], 16),
    }


async def post(world: SealedWorld, c: ConversationId, device: Device) -> int:
    """Post a message for every cell that is ready; return how many statements it took."""
    async with world.database.reading() as connection:
        states = await key_store.states(connection, c, world.clock.at)
    seals = [
        bytes.fromhex(one.cell_id) + (one.key_id or b"") + os.urandom(80)
        for one in sorted(states, key=lambda one: one.cell_id)
        if one.ready
    ]
    head, proof = await world.proof(c, device)
    message = seal(c, device, seals, head, proof, world.clock.at)
    with Statements(world.database) as statements:
        await world.service.sealed.post(device.caller, c, message)
    went(device, message)
    return len([one for one in statements if not one.startswith(_NOT_COUNTED)])


async def test_a_sealed_message_costs_the_same_for_2_and_for_250_cells(database: Database) -> None:
    world = SealedWorld(database)
    c, devices = await world.ready(6)
    few = await post(world, c, devices[0])
    await add_cells(world, c, CELL_COUNT - 2, ready=True)
    assert await post(world, c, devices[0]) == few == 6
    # One more when some cell has no key yet, however many those are.
    await add_cells(world, c, 1, ready=False)
    one = await post(world, c, devices[0])
    await add_cells(world, c, CELL_COUNT, ready=False)
    assert await post(world, c, devices[0]) == one == 7


async def test_a_change_of_roster_costs_the_same_for_2_and_for_250_cells(
    database: Database,
) -> None:
    world = SealedWorld(database)
    c, devices = await world.ready(6)

    async def another() -> int:
        world.device(devices[1].caller.person_id)
        with Statements(database) as statements:
            async with database.transaction() as connection:
                await world.service.client_added(connection, world.registry.clients[-1])
        return len([one for one in statements if not one.startswith(_NOT_COUNTED)])

    few = await another()
    await add_cells(world, c, CELL_COUNT - 2, ready=True)
    await another()  # The tree of the roster before is in memory from here on.
    assert await another() <= few
