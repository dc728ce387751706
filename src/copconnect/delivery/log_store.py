"""Statements on the log."""

from collections.abc import Collection, Sequence
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Connection, Select, and_, bindparam, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.standing import KnownEntry
from copconnect.delivery.tables import LOG_ENTRIES
from copconnect.ids import CellId, ConversationId, EntryId, Seq

ENTRIES = Counter("copconnect_entries", "Log entries written by this process", ["kind"])
_INSERT = insert(LOG_ENTRIES)
PAGE_BYTES = 4 * 1024 * 1024  # A log page is cut there.


async def add_entries(connection: AsyncConnection, entries: Sequence[wire.LogEntry]) -> None:
    """Append entries to the log."""
    if entries:
        await connection.run_sync(add_entries_at_once, entries)


def add_entries_at_once(connection: Connection, entries: Sequence[wire.LogEntry]) -> None:
    """Do what :func:`add_entries` does, in Database.write_at_once."""
    connection.execute(
        _INSERT, [{f: getattr(entry, f) for f in entry.__struct_fields__} for entry in entries]
    )
    for entry in entries:
        ENTRIES.labels(entry.kind).inc()


async def find_entry(
    connection: AsyncConnection, conversation_id: ConversationId, entry_id: EntryId
) -> KnownEntry | None:
    """Return the entry with this id."""
    e = LOG_ENTRIES.c
    row = (
        await connection.execute(
            select(e.seq, e.sent_ms, e.epoch, e.kind, e.sender).where(
                e.conversation_id == conversation_id, e.entry_id == entry_id
            )
        )
    ).first()
    return None if row is None else KnownEntry(*row)


async def log_page(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cells: Collection[CellId],
    after: int,
    limit: int,
) -> tuple[list[wire.LogEntry], bool]:
    """Return entries after a seq that concern these cells, at most ``limit`` and PAGE_BYTES.

    The second value says whether there are more. Sizes are read first, so that a page of large
    commits never comes into memory whole.
    """
    e = LOG_ENTRIES.c
    concerns = and_(
        e.conversation_id == conversation_id,
        or_(e.cell_id.is_(None), e.cell_id.in_(cells)),
    )
    sizes = (
        await connection.execute(
            select(e.seq, func.length(e.payload))
            .where(concerns, e.seq > after)
            .order_by(e.seq)
            .limit(limit + 1)
        )
    ).all()
    upto, size = after, 0
    for seq, length in sizes[:limit]:
        size += length
        if size > PAGE_BYTES and upto > after:
            break
        upto = seq
    if upto == after:
        return [], False
    entries = await _entries(
        connection, select(LOG_ENTRIES).where(concerns, e.seq > after, e.seq <= upto)
    )
    return entries, bool(sizes) and sizes[-1][0] > upto


async def entries_between(
    connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int, limit: int
) -> list[wire.LogEntry]:
    """Return entries of every cell with after < seq ≤ upto, ascending."""
    e = LOG_ENTRIES.c
    return await _entries(
        connection,
        select(LOG_ENTRIES)
        .where(e.conversation_id == conversation_id, e.seq > after, e.seq <= upto)
        .limit(limit),
    )


async def _entries(connection: AsyncConnection, statement: Select[Any]) -> list[wire.LogEntry]:
    rows = await connection.execute(statement.order_by(LOG_ENTRIES.c.seq))
    return [wire.LogEntry(**row._mapping) for row in rows]


async def heads_since(connection: AsyncConnection, since_ms: int) -> dict[ConversationId, Seq]:
    """Return the newest seq of each conversation with an entry at or after ``since_ms``."""
    e = LOG_ENTRIES.c
    rows = await connection.execute(
        select(e.conversation_id, func.max(e.seq))
        .where(e.sent_ms >= since_ms)
        .group_by(e.conversation_id)
    )
    return {row[0]: row[1] for row in rows}


async def roster_entries_since(connection: AsyncConnection, since_ms: int) -> list[wire.LogEntry]:
    """Return roster changes at or after ``since_ms``, by conversation and seq."""
    e = LOG_ENTRIES.c
    statement = select(LOG_ENTRIES).where(e.sent_ms >= since_ms, e.kind == "roster")
    return await _entries(connection, statement.order_by(e.conversation_id))


async def forget_before(connection: AsyncConnection, before_ms: int, limit: int) -> int:
    """Delete up to ``limit`` of the oldest entries sent before a time; return how many."""
    e = LOG_ENTRIES.c
    old = (select(e.conversation_id, e.seq).where(e.sent_ms < before_ms).order_by(e.sent_ms)).limit(
        limit
    )
    rows = (await connection.execute(old)).all()
    if rows:
        await connection.execute(
            delete(LOG_ENTRIES).where(
                e.conversation_id == bindparam("p_conversation"), e.seq == bindparam("p_seq")
            ),
            [{"p_conversation": c, "p_seq": s} for c, s in rows],
        )
    return len(rows)
