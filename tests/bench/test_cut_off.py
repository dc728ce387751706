"""The benchmark of transfers notices when somebody can read on, and when not."""

import msgspec
import pytest
from sqlalchemy import delete, insert, update

from copconnect import errors, wire
from copconnect.bench.cells import CellKey
from copconnect.bench.cut_off import CutOff, Place, opened_with
from copconnect.clock import SystemClock
from copconnect.database import Database
from copconnect.delivery.sealed.format import X25519
from copconnect.delivery.tables import (
    CELL_KEYS,
    CELLS,
    LOG_ENTRIES,
    ROSTER_LEAVES,
    SEALED_SEALS,
)
from copconnect.ids import CellId, ClientId, ConversationId, new_id
from tests.cells.sealing import SENT_MS, Cell, Sender

CONVERSATION, CELL = ConversationId(new_id()), CellId(new_id())
GOES, STAYS = ClientId(new_id()), ClientId(new_id())


async def _cell(database: Database) -> None:
    """A cell of two devices with a key of its first epoch."""
    async with database.transaction() as connection:
        await connection.execute(
            insert(CELLS).values(
                cell_id=CELL,
                conversation_id=CONVERSATION,
                epoch=1,
                removals=0,
                clients=2,
                lease_until_ms=0,
                last_seq=0,
                key_id=b"1",
                previous_until_ms=0,
                lease_since_ms=0,
                lease_asked_ms=0,
            )
        )
        for client_id in (GOES, STAYS):
            await connection.execute(
                insert(ROSTER_LEAVES).values(
                    conversation_id=CONVERSATION,
                    cell_id=CELL,
                    certificate_hash=client_id * 2,
                    client_id=client_id,
                    person_id=new_id(),
                )
            )
    await _key(database, 1)


async def _key(database: Database, epoch: int) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            insert(CELL_KEYS).values(
                cell_id=CELL,
                epoch=epoch,
                conversation_id=CONVERSATION,
                key_id=str(epoch).encode(),
                record=b"",
                signer_certificate_hash="",
                signer_proof=b"",
                created_ms=SystemClock().now_ms(),
                version=epoch,
            )
        )


async def _looked(database: Database, watch: CutOff) -> tuple[bool, bool]:
    """Return whether the device is gone, and cut off."""
    async with database.reading() as connection:
        await watch.look(connection, CONVERSATION)
    return GOES in watch.gone_ms, GOES in watch.cut_off_ms


async def test_cut_off_means_removed_committed_and_keyed(database: Database) -> None:
    await _cell(database)
    watch = CutOff("", {GOES: Place(CONVERSATION, CELL)})
    assert await _looked(database, watch) == (False, False)
    async with database.transaction() as connection:
        leaf = ROSTER_LEAVES.c.client_id == GOES
        await connection.execute(delete(ROSTER_LEAVES).where(leaf))
        await connection.execute(update(CELLS).values(removals=1))
    assert await _looked(database, watch) == (True, False)
    async with database.transaction() as connection:
        # Committed, and no key of the new epoch yet.
        await connection.execute(update(CELLS).values(removals=0, epoch=2, key_id=None))
    assert await _looked(database, watch) == (True, False)
    await _key(database, 2)
    async with database.transaction() as connection:
        await connection.execute(update(CELLS).values(key_id=b"2"))
    assert await _looked(database, watch) == (True, True)
    assert watch.gone_ms[GOES] <= watch.cut_off_ms[GOES]
    assert watch.all_gone
    assert watch.all_cut_off


async def test_who_was_in_a_cell_that_is_no_more_is_cut_off(database: Database) -> None:
    watch = CutOff("", {GOES: Place(CONVERSATION, CELL)})
    assert await _looked(database, watch) == (True, True)


def test_what_ends_the_watch_is_raised() -> None:
    watch = CutOff("sqlite+aiosqlite:////nowhere/at/all", {GOES: Place(CONVERSATION, CELL)})
    watch.start()
    watch.join()
    with pytest.raises(errors.Overloaded):
        _ = watch.all_cut_off


async def test_only_a_key_that_a_message_was_sealed_to_opens_it(database: Database) -> None:
    sender = Sender(X25519)
    cells = [sender.cell(f"cell {number}", 2) for number in range(3)]
    old = [sender.cell(f"cell {number}", 1) for number in range(3)]
    sealed = sender.seal(b"to all", cells, "one")
    payload = wire.SealedPayload(
        sealed=sealed.header,
        seal=None,
        certificate=sender.certificate,
        proof=b"",
        body=sealed.body,
    )
    entry_id = sealed.header[19:35].hex()
    async with database.transaction() as connection:
        await connection.execute(
            insert(LOG_ENTRIES).values(
                conversation_id=CONVERSATION,
                seq=1,
                kind="sealed",
                entry_id=entry_id,
                sent_ms=SENT_MS,
                payload=msgspec.msgpack.encode(payload),
            )
        )
        await connection.execute(
            insert(SEALED_SEALS).values(
                conversation_id=CONVERSATION, seq=1, seals=b"".join(sealed.seals)
            )
        )

    async def opened(keys: list[Cell]) -> int:
        held = [CellKey.from_seed(X25519, one.seed) for one in keys]
        return await opened_with(database, CONVERSATION, entry_id, held)

    assert await opened(cells) == 3
    assert await opened([*old, cells[1]]) == 1
    assert await opened(old) == 0
