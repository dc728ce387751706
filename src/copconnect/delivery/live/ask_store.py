"""Statements for what the server asks of connected devices: shares, cell keys, the next key, late
seals."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table, and_, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.upserts import put
from copconnect.delivery.rosters.name_locks import claim_asks
from copconnect.delivery.rules.cell_keys import KnownCellKey
from copconnect.delivery.rules.conversation_keys import KnownKey, newest_first
from copconnect.delivery.rules.limits import CELL_KEY_RENEWED_MS, DAY_MS, FLAGS, HEAD_MS, KEY_MS
from copconnect.delivery.store import cell_keys
from copconnect.delivery.store.tables import (
    CELL_KEY_ASKS,
    CELL_KEY_FLAGS,
    CELL_LINES,
    CONVERSATIONS,
    KEY_ASKS,
    KEYS,
    LATE_SEAL_ASKS,
    LEAVES,
    LOG,
    SHARE_REQUESTS,
)
from copconnect.ids import CellId, ClientId, ConversationId, PersonId

WRITERS_MESSAGES = 20  # The writers of the newest ones are likely to write the next.
_C, _R, _L = CONVERSATIONS.c, SHARE_REQUESTS.c, LEAVES.c


# --- Shares (D4) ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A listed device that lacks secrets."""

    conversation_id: ConversationId
    device: bytes
    client_id: ClientId
    person_id: PersonId
    cell_id: CellId


async def open_requests(connection: AsyncConnection, limit: int) -> list[OpenRequest]:
    """Return the devices that lack secrets and are listed, the devices that asked last first."""
    rows = await connection.execute(
        select(_R.conversation_id, _R.device, _R.client_id, _R.person_id, _L.cell_id)
        .join(
            LEAVES,
            and_(
                _L.conversation_id == _R.conversation_id,
                _L.device == _R.device,
                _L.to_epoch.is_(None),
            ),
        )
        .group_by(_R.conversation_id, _R.device, _R.client_id, _R.person_id, _L.cell_id)
        .order_by(func.max(_R.asked_ms).desc())
        .limit(limit)
    )
    return [OpenRequest(*row) for row in rows]


# --- Cell keys (C1, C2) -----------------------------------------------------------------------


CellKeyRef = tuple[ConversationId, CellId, int]


@dataclass(frozen=True, slots=True)
class WantedCellKey:
    """A cell that needs a key of this epoch and generation, by none of these devices.
    ``rekey_epoch``: a key that answers a question since that epoch will do."""

    conversation_id: ConversationId
    cell_id: CellId
    rekey_epoch: int
    epoch: int
    generation: int
    not_by: frozenset[bytes]

    @property
    def place(self) -> CellKeyRef:
        """Return what it has in common with questions under other heads."""
        return self.conversation_id, self.cell_id, self.rekey_epoch


async def conversations_of_cells(connection: AsyncConnection) -> list[ConversationId]:
    """Return the conversations of several cells."""
    return list(await connection.scalars(select(_C.conversation_id).where(_C.cells > 1)))


async def writers_cells(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[tuple[ConversationId, CellId]]:
    """Return the cells of the devices that wrote the newest messages of these conversations."""
    entry = LOG.c
    rows = await connection.execute(
        select(_L.conversation_id, _L.cell_id)
        .distinct()
        .join(CONVERSATIONS, _C.conversation_id == _L.conversation_id)
        .join(
            LOG,
            and_(
                entry.conversation_id == _L.conversation_id,
                entry.seq > _C.last_seq - WRITERS_MESSAGES,
                entry.device == _L.device,
            ),
        )
        .where(_L.conversation_id.in_(conversation_ids), _L.to_epoch.is_(None))
    )
    return {(c, cell_id) for c, cell_id in rows}


async def wanted_cell_keys(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], now_ms: int
) -> list[WantedCellKey]:
    """Return the cells of these conversations that have no usable key, or one that is due to be
    renewed or that three people cannot open. Three statements."""
    line, flag = CELL_LINES.c, CELL_KEY_FLAGS.c
    lines = await connection.execute(
        select(line.conversation_id, line.cell_id, line.rekey_epoch, _C.roster_epoch, _C.kem)
        .join(CONVERSATIONS, _C.conversation_id == line.conversation_id)
        .where(line.conversation_id.in_(conversation_ids), line.to_epoch.is_(None), _C.cells > 1)
    )
    keys = await cell_keys.known(connection, conversation_ids)
    flagged = await connection.execute(
        select(flag.conversation_id, flag.key_id)
        .where(flag.conversation_id.in_(conversation_ids))
        .group_by(flag.conversation_id, flag.key_id)
        .having(func.count() >= FLAGS)
    )
    bad = {(row.conversation_id, row.key_id) for row in flagged}
    found = (_wanted(row, keys.get((row[0], row[1]), []), bad, now_ms) for row in lines)
    return [one for one in found if one is not None]


def _wanted(
    line: Any,  # A row of a cell line and its conversation.
    keys: Sequence[KnownCellKey],
    bad: Collection[tuple[ConversationId, bytes]],
    now_ms: int,
) -> WantedCellKey | None:
    newest = max(keys, key=KnownCellKey.order, default=None)
    not_by: frozenset[bytes] = frozenset()
    if newest is not None and newest.usable(line.rekey_epoch, line.kem, now_ms):
        if (line.conversation_id, newest.key_id) in bad:
            # At most one more generation a day (C2).
            again = [
                one
                for one in keys
                if one.epoch == newest.epoch
                and one is not newest
                and one.created_ms > now_ms - DAY_MS
            ]
            if again:
                return None
            not_by = frozenset(one.author for one in keys if one.epoch == newest.epoch)
        elif newest.created_ms > now_ms - CELL_KEY_RENEWED_MS:
            return None
    same_epoch = [one.generation for one in keys if one.epoch == line.roster_epoch]
    return WantedCellKey(
        line.conversation_id,
        line.cell_id,
        line.rekey_epoch,
        line.roster_epoch,
        max(same_epoch, default=0) + 1,
        not_by,
    )


async def record_cell_key_asks(
    connection: AsyncConnection,
    asks: Sequence[tuple[WantedCellKey, bytes]],
    now_ms: int,
    pause_ms: Callable[[int], int],
) -> list[tuple[WantedCellKey, bytes]]:
    """Note that these devices are asked, except for cells of which somebody was asked just now;
    return the new questions. ``pause_ms``: how long that is after so many devices were asked.
    Another node that asks at the same time waits. Three statements at most."""
    await claim_asks(connection, {want.conversation_id for want, _ in asks})
    a = CELL_KEY_ASKS.c
    rows = await connection.execute(
        select(a.conversation_id, a.cell_id, a.epoch, a.asked_ms).where(
            a.conversation_id.in_({want.conversation_id for want, _ in asks}),
            a.epoch >= min((want.rekey_epoch for want, _ in asks), default=0),
            a.asked_ms > now_ms - HEAD_MS,
        )
    )
    asked: dict[tuple[ConversationId, CellId], list[tuple[int, int]]] = {}
    for c, cell_id, epoch, asked_ms in rows:
        asked.setdefault((c, cell_id), []).append((epoch, asked_ms))

    def is_free(want: WantedCellKey) -> bool:
        before = asked.get((want.conversation_id, want.cell_id), ())
        times = [asked_ms for epoch, asked_ms in before if epoch >= want.rekey_epoch]
        return not times or max(times) <= now_ms - pause_ms(len(times))

    chosen = [(want, device) for want, device in asks if is_free(want)]
    if chosen:
        columns = ("conversation_id", "cell_id", "epoch", "generation", "device")
        new = [(*_key(want), device) for want, device in chosen]
        await _note(connection, CELL_KEY_ASKS, columns, new, now_ms)
    return chosen


async def extend_cell_key_asks(
    connection: AsyncConnection, asks: Collection[tuple[WantedCellKey, bytes]], by_ms: int
) -> None:
    """Let these questions count as asked so much later: their devices make the keys. One
    statement."""
    rows = [(*_key(want), device) for want, device in asks]
    await _extend(connection, CELL_KEY_ASKS, rows, by_ms)


def _key(want: WantedCellKey) -> tuple[str, str, int, int]:
    return want.conversation_id, want.cell_id, want.epoch, want.generation


# --- The next conversation key (D7) -----------------------------------------------------------


async def used_keys_due(
    connection: AsyncConnection,
    now_ms: int,
    conversation_ids: Collection[ConversationId] | None = None,
) -> list[ConversationId]:
    """Return the conversations whose last key was written under and does not serve any more; None:
    of all whose last key the server still takes messages under. Two statements at most."""
    k = KEYS.c
    columns = (
        k.conversation_id,
        _C.rekey_epoch,
        k.key_id,
        k.epoch,
        k.created_ms,
        k.messages,
        k.author,
    )
    asked = (
        select(*columns)
        .join(CONVERSATIONS, _C.conversation_id == k.conversation_id)
        .where(_C.rekey_epoch <= _C.roster_epoch)  # No key can be made before the head (D6).
    )
    if conversation_ids is None:
        asked = asked.where(k.stored_ms > now_ms - KEY_MS)
    else:
        asked = asked.where(k.conversation_id.in_(conversation_ids))
    keys: dict[ConversationId, list[KnownKey]] = {}
    rekey: dict[ConversationId, int] = {}
    for c, rekey_epoch, *rest in await connection.execute(asked):
        keys.setdefault(c, []).append(KnownKey(*rest))
        rekey[c] = rekey_epoch
    return [c for c, own in keys.items() if _is_due(newest_first(own)[0], rekey[c], now_ms)]


def _is_due(last: KnownKey, rekey_epoch: int, now_ms: int) -> bool:
    return last.messages > 0 and not last.serves(rekey_epoch, now_ms)


async def record_key_asks(
    connection: AsyncConnection,
    asks: Sequence[tuple[ConversationId, bytes]],
    now_ms: int,
    pause_ms: int,
) -> list[tuple[ConversationId, bytes]]:
    """Note that these devices are asked, except for conversations of which somebody was asked
    within the pause; return the new questions. Another node that asks at the same time waits.
    Three statements at most."""
    await claim_asks(connection, {c for c, _ in asks})
    a = KEY_ASKS.c
    rows = await connection.scalars(
        select(a.conversation_id).where(
            a.conversation_id.in_({c for c, _ in asks}), a.asked_ms > now_ms - pause_ms
        )
    )
    busy = set(rows)
    chosen = [one for one in asks if one[0] not in busy]
    if chosen:
        await _note(connection, KEY_ASKS, ("conversation_id", "device"), chosen, now_ms)
    return chosen


# --- Late seals (S9) --------------------------------------------------------------------------


class SealAsk(NamedTuple):
    """A seal of a conversation key to a cell key, which a device is asked for."""

    conversation_id: ConversationId
    key_id: bytes
    cell_key_id: bytes
    device: bytes


async def record_seal_asks(
    connection: AsyncConnection, asks: Sequence[SealAsk], now_ms: int, pause_ms: int
) -> list[SealAsk]:
    """Note that these devices are asked, except for seals that somebody was asked for within the
    pause; return the new questions. Another node that asks at the same time waits. Three
    statements at most."""
    await claim_asks(connection, {one.conversation_id for one in asks})
    a = LATE_SEAL_ASKS.c
    rows = await connection.execute(
        select(a.conversation_id, a.key_id, a.cell_key_id)
        .where(
            a.conversation_id.in_({one.conversation_id for one in asks}),
            a.asked_ms > now_ms - pause_ms,
        )
        .distinct()
    )
    busy = {tuple(row) for row in rows}
    chosen = [one for one in asks if one[:3] not in busy]
    if chosen:
        await _note(connection, LATE_SEAL_ASKS, SealAsk._fields, chosen, now_ms)
    return chosen


async def extend_seal_asks(
    connection: AsyncConnection, asks: Collection[SealAsk], by_ms: int
) -> None:
    """As :func:`extend_cell_key_asks`."""
    await _extend(connection, LATE_SEAL_ASKS, asks, by_ms)


async def _extend(
    connection: AsyncConnection, table: Table, asks: Collection[Sequence[Any]], by_ms: int
) -> None:
    await connection.execute(
        update(table)
        .where(tuple_(*table.primary_key).in_(asks))
        .values(asked_ms=table.c.asked_ms + by_ms)
    )


async def _note(
    connection: AsyncConnection,
    table: Table,
    columns: Sequence[str],
    asks: Iterable[Sequence[Any]],
    now_ms: int,
) -> None:
    """Store in a table that its devices are asked now. ``columns``: those of its primary key."""
    rows = [dict(zip(columns, one, strict=True)) | {"asked_ms": now_ms} for one in asks]
    await put(connection, table, rows, "asked_ms")
