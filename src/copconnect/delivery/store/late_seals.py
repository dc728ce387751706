"""Statements on seals that members add later (S9), and on the devices that were asked for them."""

from collections.abc import Collection, Mapping

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database import upserts
from copconnect.database.among import among
from copconnect.delivery.store.tables import CELL_KEYS, LATE_SEAL_ASKS, LATE_SEALS
from copconnect.ids import CellId, ConversationId

_S, _A = LATE_SEALS.c, LATE_SEAL_ASKS.c


async def put(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_id: bytes,
    seals: Mapping[bytes, bytes],
    now_ms: int,
) -> None:
    """Store seals by cell key, in place of earlier ones."""
    rows = [
        {
            "conversation_id": conversation_id,
            "key_id": key_id,
            "cell_key_id": cell_key_id,
            "seal": seal,
            "stored_ms": now_ms,
        }
        for cell_key_id, seal in sorted(seals.items())
    ]
    await upserts.put(connection, LATE_SEALS, rows, "seal", "stored_ms")


async def sealed_to(
    connection: AsyncConnection, conversation_id: ConversationId, key_ids: Collection[bytes]
) -> dict[bytes, set[bytes]]:
    """Return by key the cell keys that have a late seal of it."""
    rows = await connection.execute(
        select(_S.key_id, _S.cell_key_id).where(
            _S.conversation_id == conversation_id, _S.key_id.in_(key_ids)
        )
    )
    found: dict[bytes, set[bytes]] = {}
    for key_id, cell_key_id in rows:
        found.setdefault(key_id, set()).add(cell_key_id)
    return found


async def seals(
    connection: AsyncConnection, conversation_id: ConversationId, key_id: bytes
) -> dict[bytes, bytes]:
    """Return the late seals of a key by cell key."""
    rows = await connection.execute(
        select(_S.cell_key_id, _S.seal).where(
            _S.conversation_id == conversation_id, _S.key_id == key_id
        )
    )
    return {row.cell_key_id: row.seal for row in rows}


async def to_cells(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_ids: Collection[bytes],
    cell_ids: Collection[CellId],
) -> dict[CellId, dict[bytes, bytes]]:
    """Return by cell and key the late seal to the cell's newest key that has one."""
    k = CELL_KEYS.c
    rows = await connection.execute(
        select(k.cell_id, _S.key_id, _S.seal)
        .join(LATE_SEALS, and_(_S.conversation_id == k.conversation_id, _S.cell_key_id == k.key_id))
        .where(
            k.conversation_id == conversation_id,
            among(k.cell_id, cell_ids),
            _S.key_id.in_(key_ids),
        )
        .order_by(k.epoch, k.generation)
    )
    found: dict[CellId, dict[bytes, bytes]] = {one: {} for one in cell_ids}
    for cell_id, key_id, seal in rows:
        found[cell_id][key_id] = seal
    return found


async def asked_for(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_id: bytes,
    device: bytes,
    since_ms: int,
) -> set[bytes]:
    """Return the cell keys to which a device was asked to seal a key since a time."""
    found = await connection.scalars(
        select(_A.cell_key_id).where(
            _A.conversation_id == conversation_id,
            _A.key_id == key_id,
            _A.device == device,
            _A.asked_ms > since_ms,
        )
    )
    return set(found)
