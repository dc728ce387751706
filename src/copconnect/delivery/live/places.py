"""Statements on the state of clients, rosters, logs and keys, for live connections."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, Table, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import KeyWakeup, RosterWakeup
from copconnect.database.among import among
from copconnect.delivery.rules.limits import KEY_MS
from copconnect.delivery.rules.versions import info_version
from copconnect.delivery.store.tables import (
    CELL_KEYS,
    CONVERSATIONS,
    CURSORS,
    KEYS,
    LEAVES,
    MEMBERS,
    RECEIPT_VERSIONS,
    SHARES,
)
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq
from copconnect.records.primitives.kem import seal_bytes
from copconnect.sockets.feed import ConversationPosition, LeafState, RosterNews

_C, _L = CONVERSATIONS.c, LEAVES.c


def _places() -> Select[Any]:
    m, own = MEMBERS.c, CURSORS.c
    persons = CURSORS.alias().c  # Cursors of all clients of the person.
    read_seq = (
        select(func.max(persons.read_seq))
        .where(persons.conversation_id == _L.conversation_id, persons.person_id == _L.person_id)
        .scalar_subquery()
    )
    shares = (
        select(func.count())
        .where(SHARES.c.conversation_id == _L.conversation_id, SHARES.c.device == _L.device)
        .scalar_subquery()
    )
    return (
        select(
            _L.client_id,
            _L.conversation_id,
            _L.cell_id,
            _L.history_from_ms,
            _C.last_seq,
            _C.roster_epoch,
            _C.info_number,
            m.muted_until_ms,
            RECEIPT_VERSIONS.c.version,
            own.delivered_seq,
            read_seq.label("read_seq"),
            shares.label("shares"),
        )
        .join(CONVERSATIONS, _C.conversation_id == _L.conversation_id)
        .outerjoin(
            MEMBERS, and_(m.conversation_id == _L.conversation_id, m.person_id == _L.person_id)
        )
        .outerjoin(
            CURSORS, and_(own.conversation_id == _L.conversation_id, own.client_id == _L.client_id)
        )
        .outerjoin(RECEIPT_VERSIONS, RECEIPT_VERSIONS.c.conversation_id == _L.conversation_id)
        .where(among(_L.client_id, "p_ids"), _L.to_epoch.is_(None))
    )


_PLACES = _places()  # Built once: building costs more than executing.


async def places_of(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, list[LeafState]]:
    """Return each leaf of these clients under a newest head, with the end of its log. One
    statement."""
    rows = await connection.execute(_PLACES, {"p_ids": list(client_ids)})
    places: dict[ClientId, list[LeafState]] = {}
    for row in rows:
        place = LeafState(
            conversation_id=row.conversation_id,
            cell_id=row.cell_id,
            history_from_ms=row.history_from_ms,
            last_seq=row.last_seq,
            roster_epoch=row.roster_epoch,
            info_version=info_version(row.info_number, row.muted_until_ms),
            receipts_version=row.version or 0,
            delivered_seq=row.delivered_seq or Seq(0),
            read_seq=row.read_seq or Seq(0),
            shares=row.shares,
        )
        places.setdefault(row.client_id, []).append(place)
    return places


async def roster_since(
    connection: AsyncConnection, conversation_id: ConversationId, epoch: int
) -> RosterNews:
    """Return how the newest roster differs from that of an epoch. Two statements."""
    stands = (
        await connection.execute(
            select(_C.last_seq, _C.roster_epoch, _C.cells, _C.devices).where(
                _C.conversation_id == conversation_id
            )
        )
    ).one()
    rows = await connection.execute(
        select(_L.client_id, _L.cell_id, _L.to_epoch).where(
            _L.conversation_id == conversation_id,
            or_(
                and_(_L.to_epoch.is_(None), _L.from_epoch > epoch),
                and_(_L.to_epoch > epoch, _L.from_epoch <= epoch),
            ),
        )
    )
    added: dict[ClientId, CellId] = {}
    removed: set[ClientId] = set()
    for client_id, cell_id, to_epoch in rows:
        if to_epoch is None:
            added[client_id] = cell_id
        else:
            removed.add(client_id)
    change = RosterWakeup(
        conversation_id=conversation_id,
        epoch=stands.roster_epoch,
        cells=stands.cells,
        devices=stands.devices,
        added=added,
        removed=sorted(removed - added.keys()),
        whole=True,
    )
    return RosterNews(change, stands.last_seq)


async def standings_since(
    connection: AsyncConnection, since_ms: int
) -> dict[ConversationId, ConversationPosition]:
    """Return the heads of the conversations that got a message or a head since a time."""
    rows = await connection.execute(
        select(_C.conversation_id, _C.last_seq, _C.roster_epoch).where(
            or_(_C.last_message_ms >= since_ms, _C.head_ms >= since_ms)
        )
    )
    return {
        row.conversation_id: ConversationPosition(row.last_seq, Epoch(row.roster_epoch))
        for row in rows
    }


# --- Keys -------------------------------------------------------------------------------------

_KEY = select(KEYS.c.conversation_id, KEYS.c.key_id, KEYS.c.record, KEYS.c.kem)


async def keys_since(connection: AsyncConnection, since_ms: int) -> list[KeyWakeup]:
    """Return the conversation keys that were stored since a time, without seals."""
    rows = await connection.execute(_KEY.where(KEYS.c.stored_ms >= since_ms))
    return [_key(*row) for row in rows]


async def key(
    connection: AsyncConnection, conversation_id: ConversationId, key_id: bytes
) -> KeyWakeup | None:
    """Return a conversation key that is kept, without seals."""
    rows = await connection.execute(
        _KEY.where(KEYS.c.conversation_id == conversation_id, KEYS.c.key_id == key_id)
    )
    row = rows.first()
    return None if row is None else _key(*row)


async def unused_keys(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], now_ms: int
) -> list[KeyWakeup]:
    """Return the newest key of those of these conversations where no message is under it yet,
    without seals. One statement."""
    k = KEYS.c
    rows = await connection.execute(
        _KEY.add_columns(k.messages, k.epoch, k.created_ms)
        .where(among(k.conversation_id, conversation_ids), k.stored_ms > now_ms - KEY_MS)
        .order_by(k.epoch, k.created_ms, k.key_id)
    )
    newest = {row.conversation_id: row for row in rows}
    return [_key(*row[:4]) for row in newest.values() if not row.messages]


def _key(conversation_id: ConversationId, key_id: bytes, record: bytes, kem: int) -> KeyWakeup:
    return KeyWakeup(
        conversation_id=conversation_id,
        key_id=key_id.hex(),
        record=record,
        seals=b"",
        size=seal_bytes(kem),
    )


async def seals_of(
    connection: AsyncConnection, keys: Table, conversation_id: ConversationId, key_id: bytes
) -> bytes:
    """Return the seals of a key, none if it is not kept; ``keys``: KEYS or CELL_KEYS."""
    same = (keys.c.conversation_id == conversation_id, keys.c.key_id == key_id)
    found: bytes | None = await connection.scalar(select(keys.c.seals).where(*same))
    return found or b""


async def cells_of_keys(
    connection: AsyncConnection, conversation_id: ConversationId
) -> Mapping[bytes, CellId]:
    """Return the cell of each cell key that a conversation keeps, a cell's newest last."""
    rows = await connection.execute(
        select(CELL_KEYS.c.key_id, CELL_KEYS.c.cell_id)
        .where(CELL_KEYS.c.conversation_id == conversation_id)
        .order_by(CELL_KEYS.c.epoch, CELL_KEYS.c.generation)
    )
    return {row.key_id: row.cell_id for row in rows}
