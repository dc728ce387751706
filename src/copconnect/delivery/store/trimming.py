"""Statements that forget what is past its time (log/retention.py).

A statement that deletes in batches begins at a time and returns the time at which the next batch
continues, so that a round reads once what stays, such as a held conversation's rows. None: there is
no more.
"""

from typing import Any

from sqlalchemy import Select, Table, and_, delete, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store.holds import held
from copconnect.delivery.store.tables import (
    CELL_KEY_ASKS,
    CELL_KEY_FLAGS,
    CELL_KEYS,
    CELL_LINES,
    CONVERSATIONS,
    HEADS,
    HELD_MESSAGES,
    KEY_ASKS,
    KEYS,
    LATE_SEAL_ASKS,
    LATE_SEALS,
    LEAVES,
    LOG,
    MEMBER_CHANGES,
    SHARE_REQUESTS,
    SHARES,
)

_C = CONVERSATIONS.c


async def _delete(connection: AsyncConnection, table: Table, rows: list[Any]) -> int:
    if rows:
        keys = tuple_(*table.primary_key.columns)
        await connection.execute(delete(table).where(keys.in_([tuple(row) for row in rows])))
    return len(rows)


async def _delete_batch(
    connection: AsyncConnection, table: Table, query: Select[Any], limit: int
) -> int | None:
    """Delete rows by their key and time; return the time of the last one of a full batch."""
    rows = list(await connection.execute(query.limit(limit)))
    await _delete(connection, table, [row[:-1] for row in rows])
    return rows[-1][-1] if len(rows) == limit else None


async def forget_entries(
    connection: AsyncConnection, after_ms: int, before_ms: int, now_ms: int, limit: int
) -> int | None:
    """Delete messages of before a time, but no conversation's newest state and nothing of held
    conversations."""
    e = LOG.c
    is_state = exists(
        select(literal(1)).where(_C.conversation_id == e.conversation_id, _C.state_seq == e.seq)
    )
    query = (
        select(e.conversation_id, e.seq, e.sent_ms)
        .where(e.sent_ms >= after_ms, e.sent_ms < before_ms)
        .where(~is_state, e.conversation_id.not_in(held(now_ms)))
        .order_by(e.sent_ms)
    )
    return await _delete_batch(connection, LOG, query, limit)


async def forget_held(connection: AsyncConnection, now_ms: int, limit: int) -> int | None:
    """Delete what deletions left of conversations that are held no more."""
    h = HELD_MESSAGES.c
    rows = await connection.execute(
        select(h.conversation_id, h.seq).where(h.conversation_id.not_in(held(now_ms))).limit(limit)
    )
    return 0 if await _delete(connection, HELD_MESSAGES, list(rows)) == limit else None


async def forget_keys(
    connection: AsyncConnection, after_ms: int, before_ms: int, limit: int
) -> int | None:
    """Delete keys of before a time that open no message of the log any more."""
    k, e = KEYS.c, LOG.c
    opens = exists(
        select(literal(1)).where(
            e.conversation_id == k.conversation_id,
            e.key_id == k.key_id,
            or_(
                e.seq == k.last_seq,
                and_(
                    _C.conversation_id == k.conversation_id,
                    _C.state_seq == e.seq,
                ),
            ),
        ).select_from(LOG.join(CONVERSATIONS, _C.conversation_id == e.conversation_id))
    )  # fmt: skip
    query = (
        select(k.conversation_id, k.key_id, k.stored_ms)
        .where(k.stored_ms >= after_ms, k.stored_ms < before_ms, ~opens)
        .order_by(k.stored_ms)
    )
    return await _delete_batch(connection, KEYS, query, limit)


async def forget_heads(
    connection: AsyncConnection, after_ms: int, before_ms: int, limit: int
) -> int | None:
    """Delete heads of before a time that are not the newest and that no kept message or key names.

    R2 asks for proofs under the highest epoch named so far, which a kept message names too unless
    it was trimmed: named_before then answers with the highest that is left.
    """
    h = HEADS.c
    newest = exists(
        select(literal(1)).where(
            _C.conversation_id == h.conversation_id, _C.roster_epoch == h.epoch
        )
    )
    named = exists(
        select(literal(1)).where(
            LOG.c.conversation_id == h.conversation_id,
            or_(LOG.c.epoch == h.epoch, LOG.c.named_epoch == h.epoch),
        )
    )
    of_key = exists(
        select(literal(1)).where(
            KEYS.c.conversation_id == h.conversation_id, KEYS.c.epoch == h.epoch
        )
    )
    query = (
        select(h.conversation_id, h.epoch, h.created_ms)
        .where(h.created_ms >= after_ms, h.created_ms < before_ms, ~newest, ~named, ~of_key)
        .order_by(h.created_ms)
    )
    return await _delete_batch(connection, HEADS, query, limit)


async def forget_intervals(connection: AsyncConnection) -> None:
    """Delete former leaves and lines that ended before every kept head of their conversation."""
    for table in (LEAVES, CELL_LINES):
        oldest = (
            select(func.min(HEADS.c.epoch))
            .where(HEADS.c.conversation_id == table.c.conversation_id)
            .scalar_subquery()
        )
        await connection.execute(delete(table).where(table.c.to_epoch <= oldest))


async def forget_cell_keys(connection: AsyncConnection, before_ms: int) -> None:
    """Delete cell keys of before a time, and flags and late seals of theirs."""
    await connection.execute(delete(CELL_KEYS).where(CELL_KEYS.c.created_ms < before_ms))
    await connection.execute(delete(LATE_SEALS).where(LATE_SEALS.c.stored_ms < before_ms))
    await connection.execute(delete(CELL_KEY_FLAGS).where(CELL_KEY_FLAGS.c.flagged_ms < before_ms))


async def forget_notes(connection: AsyncConnection, before_ms: int) -> None:
    """Delete who was asked for keys, and which changes of members were made, before a time."""
    for table, column in (
        (KEY_ASKS, KEY_ASKS.c.asked_ms),
        (CELL_KEY_ASKS, CELL_KEY_ASKS.c.asked_ms),
        (LATE_SEAL_ASKS, LATE_SEAL_ASKS.c.asked_ms),
        (MEMBER_CHANGES, MEMBER_CHANGES.c.changed_ms),
    ):
        await connection.execute(delete(table).where(column < before_ms))


async def forget_shares(connection: AsyncConnection, shares_ms: int, log_ms: int) -> None:
    """Delete shares that their device never fetched, requests older than the log, and both of
    devices that are not listed any more."""
    for table, old in (
        (SHARES, SHARES.c.created_ms < shares_ms),
        (SHARE_REQUESTS, SHARE_REQUESTS.c.asked_ms < log_ms),
    ):
        listed = exists(
            select(literal(1)).where(
                LEAVES.c.conversation_id == table.c.conversation_id,
                LEAVES.c.device == table.c.device,
                LEAVES.c.to_epoch.is_(None),
            )
        )
        await connection.execute(delete(table).where(or_(old, ~listed)))
