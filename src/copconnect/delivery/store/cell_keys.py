"""Statements on cell keys, the devices that were asked for them, and flags."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.upserts import add_once
from copconnect.delivery.rules.cell_keys import KnownCellKey
from copconnect.delivery.store.tables import (
    CELL_KEY_ASKS,
    CELL_KEY_FLAGS,
    CELL_KEYS,
)
from copconnect.ids import CellId, ConversationId, PersonId

_K, _A, _M = CELL_KEYS.c, CELL_KEY_ASKS.c, CELL_KEY_FLAGS.c
_NO_SEALS = literal(b"", LargeBinary).label("seals")


@dataclass(frozen=True, slots=True)
class StoredCellKey(KnownCellKey):
    """A cell key with its record and seals; without seals where only the record was asked for."""

    cell_id: CellId
    stored_ms: int
    record: bytes
    seals: bytes


_KNOWN = (_K.key_id, _K.epoch, _K.generation, _K.created_ms, _K.author, _K.kem)
_COLUMNS = (*_KNOWN, _K.cell_id, _K.stored_ms, _K.record)


def _stored(row: Any) -> StoredCellKey:
    return StoredCellKey(*row)


async def add(
    connection: AsyncConnection, conversation_id: ConversationId, key: StoredCellKey
) -> bool:
    """Store a key, unless its cell has another of its epoch and generation."""
    values: dict[str, Any] = {
        name: getattr(key, name) for name in StoredCellKey.__dataclass_fields__
    }
    return await add_once(connection, CELL_KEYS, values | {"conversation_id": conversation_id})


async def newest(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    *,
    after_ms: int = 0,
) -> dict[CellId, StoredCellKey]:
    """Return the newest key of each cell, without seals, of those stored after a time."""
    query = select(*_COLUMNS, _NO_SEALS).where(
        _K.conversation_id == conversation_id, _K.stored_ms > after_ms
    )
    rows = await connection.execute(query.order_by(_K.epoch, _K.generation))
    return {row.cell_id: _stored(row) for row in rows}


async def known(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[tuple[ConversationId, CellId], list[KnownCellKey]]:
    """Return every kept key of the cells of these conversations, without its bytes."""
    rows = await connection.execute(
        select(_K.conversation_id, _K.cell_id, *_KNOWN).where(
            among(_K.conversation_id, conversation_ids)
        )
    )
    found: dict[tuple[ConversationId, CellId], list[KnownCellKey]] = {}
    for c, cell_id, *rest in rows:
        found.setdefault((c, cell_id), []).append(KnownCellKey(*rest))
    return found


async def records(
    connection: AsyncConnection, conversation_id: ConversationId, key_ids: Collection[bytes]
) -> dict[bytes, StoredCellKey]:
    """Return those of these keys that are kept, with their seals."""
    query = select(*_COLUMNS, _K.seals).where(
        _K.conversation_id == conversation_id, _K.key_id.in_(key_ids)
    )
    return {row.key_id: _stored(row) for row in await connection.execute(query)}


async def places(
    connection: AsyncConnection, conversation_id: ConversationId, kem: int, since_ms: int
) -> list[tuple[bytes, CellId, int]]:
    """Return id, cell and epoch of every key of a KEM that was made since a time."""
    rows = await connection.execute(
        select(_K.key_id, _K.cell_id, _K.epoch).where(
            _K.conversation_id == conversation_id, _K.kem == kem, _K.created_ms > since_ms
        )
    )
    return [(row.key_id, row.cell_id, row.epoch) for row in rows]


async def ids_of_cells(
    connection: AsyncConnection, conversation_id: ConversationId, cell_ids: Collection[CellId]
) -> dict[CellId, list[bytes]]:
    """Return the ids of the kept keys of these cells, the newest first."""
    rows = await connection.execute(
        select(_K.cell_id, _K.key_id)
        .where(_K.conversation_id == conversation_id, among(_K.cell_id, cell_ids))
        .order_by(_K.epoch.desc(), _K.generation.desc())
    )
    found: dict[CellId, list[bytes]] = {one: [] for one in cell_ids}
    for cell_id, key_id in rows:
        found[cell_id].append(key_id)
    return found


async def by_id(
    connection: AsyncConnection, conversation_id: ConversationId, key_id: bytes
) -> StoredCellKey | None:
    """Return one key, without seals."""
    query = select(*_COLUMNS, _NO_SEALS).where(
        _K.conversation_id == conversation_id, _K.key_id == key_id
    )
    row = (await connection.execute(query)).first()
    return None if row is None else _stored(row)


# --- Asked (C1) -------------------------------------------------------------------------------


async def asked_under(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_id: CellId,
    epoch: int,
    generation: int,
    device: bytes,
) -> int | None:
    """Return the last epoch up to this one under which the server asked a device for a key of a
    generation."""
    query = select(func.max(_A.epoch)).where(
        _A.conversation_id == conversation_id,
        _A.cell_id == cell_id,
        _A.epoch <= epoch,
        _A.generation == generation,
        _A.device == device,
    )
    asked: int | None = await connection.scalar(query)
    return asked


async def has_since(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_id: CellId,
    epoch: int,
    generation: int,
) -> bool:
    """Return whether a cell has a key of this epoch and generation, or a newer one."""
    found = await connection.scalar(
        select(_K.key_id)
        .where(
            _K.conversation_id == conversation_id,
            _K.cell_id == cell_id,
            or_(_K.epoch > epoch, and_(_K.epoch == epoch, _K.generation >= generation)),
        )
        .limit(1)
    )
    return found is not None


# --- Flags (C2) -------------------------------------------------------------------------------


async def flag(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_id: bytes,
    person_id: PersonId,
    now_ms: int,
) -> int | None:
    """Note that a person's device cannot open a cell's key; return how many people said so, None
    where this one had said so before."""
    flag = {"conversation_id": conversation_id, "key_id": key_id, "person_id": person_id}
    if not await add_once(connection, CELL_KEY_FLAGS, flag | {"flagged_ms": now_ms}):
        return None
    count: int | None = await connection.scalar(
        select(func.count()).where(_M.conversation_id == conversation_id, _M.key_id == key_id)
    )
    return count
