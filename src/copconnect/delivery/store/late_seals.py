"""Statements on seals that members add later (S9), and on the devices that were asked for them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import upsert_for
from copconnect.delivery.store.tables import LATE_SEAL_ASKS, LATE_SEALS
from copconnect.ids import CellId, ConversationId

_S, _A = LATE_SEALS.c, LATE_SEAL_ASKS.c


@dataclass(frozen=True, slots=True)
class Ask:
    """A seal of a conversation key to a cell key, which a device is asked for."""

    conversation_id: ConversationId
    key_id: bytes
    cell_key_id: bytes
    device: bytes


async def put(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_id: bytes,
    helper: bytes,
    seals: Mapping[bytes, bytes],
    cells: Mapping[bytes, CellId],
    now_ms: int,
) -> None:
    """Store seals by cell key; each takes the place of the one before."""
    statement = upsert_for(connection.dialect.name, LATE_SEALS)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(LATE_SEALS.primary_key),
            set_={name: statement.excluded[name] for name in ("helper", "seal", "stored_ms")},
        ),
        [
            {
                "conversation_id": conversation_id,
                "key_id": key_id,
                "cell_key_id": cell_key_id,
                "cell_id": cells[cell_key_id],
                "helper": helper,
                "seal": seal,
                "stored_ms": now_ms,
            }
            for cell_key_id, seal in sorted(seals.items())
        ],
    )


async def of_keys(
    connection: AsyncConnection, conversation_id: ConversationId, key_ids: Collection[bytes]
) -> dict[bytes, dict[bytes, bytes]]:
    """Return the helper of each late seal, by key and cell key."""
    rows = await connection.execute(
        select(_S.key_id, _S.cell_key_id, _S.helper).where(
            _S.conversation_id == conversation_id, _S.key_id.in_(key_ids)
        )
    )
    found: dict[bytes, dict[bytes, bytes]] = {}
    for key_id, cell_key_id, helper in rows:
        found.setdefault(key_id, {})[cell_key_id] = helper
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


async def to_cell(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_ids: Collection[bytes],
    cell_key_ids: Sequence[bytes],
) -> dict[bytes, bytes]:
    """Return by key the late seal to the first of these cell keys that has one."""
    order = {one: at for at, one in enumerate(cell_key_ids)}
    rows: Sequence[Any] = (
        await connection.execute(
            select(_S.key_id, _S.cell_key_id, _S.seal).where(
                _S.conversation_id == conversation_id,
                _S.cell_key_id.in_(cell_key_ids),
                _S.key_id.in_(key_ids),
            )
        )
    ).all()
    return {row.key_id: row.seal for row in sorted(rows, key=lambda row: -order[row.cell_key_id])}


# --- Asked ------------------------------------------------------------------------------------


async def record_asks(
    connection: AsyncConnection, asks: Sequence[Ask], now_ms: int, pause_ms: int
) -> list[Ask]:
    """Note that these devices are asked, except for seals that somebody was asked for within the
    pause; return the asks that are left. Two statements."""
    rows = await connection.execute(
        select(_A.conversation_id, _A.key_id, _A.cell_key_id)
        .where(
            among(_A.conversation_id, {one.conversation_id for one in asks}),
            _A.asked_ms > now_ms - pause_ms,
        )
        .group_by(_A.conversation_id, _A.key_id, _A.cell_key_id)
    )
    busy = {tuple(row) for row in rows}
    chosen = [one for one in asks if (one.conversation_id, one.key_id, one.cell_key_id) not in busy]
    if chosen:
        statement = upsert_for(connection.dialect.name, LATE_SEAL_ASKS)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(LATE_SEAL_ASKS.primary_key),
                set_={"asked_ms": statement.excluded.asked_ms},
            ),
            [
                {
                    "conversation_id": one.conversation_id,
                    "key_id": one.key_id,
                    "cell_key_id": one.cell_key_id,
                    "device": one.device,
                    "asked_ms": now_ms,
                }
                for one in chosen
            ],
        )
    return chosen


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
