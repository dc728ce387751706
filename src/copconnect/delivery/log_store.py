"""Statements on the log."""

from collections.abc import Collection, Sequence
from typing import Any

from prometheus_client import Counter
from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.standing import ClientPlaces, KnownEntry, LogView
from copconnect.delivery.tables import (
    CELLS,
    CONVERSATIONS,
    FORMER_PLACES,
    LOG_ENTRIES,
    MISSING_SEALS,
    ROSTER_LEAVES,
    SEALED_SEALS,
)
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, Seq

ENTRIES = Counter("copconnect_entries", "Log entries written by this process", ["kind"])
_INSERT = insert(LOG_ENTRIES)
PAGE_BYTES = 4 * 1024 * 1024  # A log page is cut there.
GAP_BYTES = 16 * 1024 * 1024  # With seals: one message to 63,000 has 600 KB of post-quantum ones.


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
    count = _fits([length for _, length in sizes], limit)
    if not count:
        return [], False
    upto = sizes[count - 1][0]
    entries = await _entries(
        connection, select(LOG_ENTRIES).where(concerns, e.seq > after, e.seq <= upto)
    )
    return entries, len(sizes) > count


def cut(entries: list[wire.LogEntry], limit: int) -> tuple[list[wire.LogEntry], bool]:
    """Return what of these fits a page, and whether there are more."""
    count = _fits([len(one.payload) for one in entries], limit)
    return entries[:count], len(entries) > count


def _fits(sizes: Sequence[int], limit: int, most_bytes: int = PAGE_BYTES) -> int:
    """Return how many of the entries of these sizes fit a page: at least one, if there is one."""
    size = 0
    for at, length in enumerate(sizes[:limit]):
        size += length
        if size > most_bytes and at:
            return at
    return min(len(sizes), limit)


async def newest_shared(
    connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int, limit: int
) -> list[wire.LogEntry]:
    """Return the newest entries for every cell with after < seq ≤ upto, ascending."""
    e = LOG_ENTRIES.c
    newest = (
        select(LOG_ENTRIES)
        .where(
            e.conversation_id == conversation_id,
            e.cell_id.is_(None),
            e.seq > after,
            e.seq <= upto,
        )
        .order_by(e.seq.desc())
        .limit(limit)
    )
    rows = (await connection.execute(newest)).all()
    return [wire.LogEntry(**row._mapping) for row in reversed(rows)]


async def entry_at(
    connection: AsyncConnection, conversation_id: ConversationId, seq: int
) -> wire.LogEntry | None:
    """Return one entry."""
    e = LOG_ENTRIES.c
    found = await _entries(
        connection,
        select(LOG_ENTRIES).where(e.conversation_id == conversation_id, e.seq == seq),
    )
    return found[0] if found else None


async def view_of(
    connection: AsyncConnection, conversation_id: ConversationId, client_id: ClientId
) -> LogView | None:
    """Return where the log stands for a client. One statement; None for no such conversation."""
    rows = (
        await connection.execute(
            _VIEW, {"p_conversation_id": conversation_id, "p_client_id": client_id}
        )
    ).all()
    if not rows:
        return None
    return LogView(
        last_seq=rows[0].last_seq,
        shared_seq=rows[0].shared_seq,
        several=rows[0].cells > 1,
        own_seq=Seq(max(row.own_seq or 0 for row in rows)),
        places=ClientPlaces(
            now=frozenset(
                row.cell_id for row in rows if row.cell_id is not None and row.until_seq is None
            ),
            before=tuple(
                sorted((row.until_seq, row.cell_id) for row in rows if row.until_seq is not None)
            ),
        ),
    )


def _view() -> Select[Any]:
    conversation_id: Any = bindparam("p_conversation_id")
    client_id: Any = bindparam("p_client_id")
    r, f, c = ROSTER_LEAVES.c, FORMER_PLACES.c, CONVERSATIONS.c
    now = select(r.cell_id, null().label("until_seq")).where(
        r.conversation_id == conversation_id, r.client_id == client_id
    )
    before = select(f.cell_id, f.until_seq).where(
        f.conversation_id == conversation_id, f.client_id == client_id
    )
    places = now.union_all(before).subquery()
    return (
        select(
            c.last_seq,
            c.shared_seq,
            c.cells,
            places.c.cell_id,
            places.c.until_seq,
            CELLS.c.last_seq.label("own_seq"),
        )
        .select_from(CONVERSATIONS)
        .outerjoin(places, true())
        .outerjoin(CELLS, CELLS.c.cell_id == places.c.cell_id)
        .where(c.conversation_id == conversation_id)
    )


_VIEW = _view()


async def entries_between(
    connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int, limit: int
) -> list[wire.LogEntry]:
    """Return the first entries of every cell with after < seq ≤ upto, ascending: at most ``limit``,
    and as many as have GAP_BYTES with all their seals."""
    e, s = LOG_ENTRIES.c, SEALED_SEALS.c
    between = and_(e.conversation_id == conversation_id, e.seq > after, e.seq <= upto)
    sizes = (
        await connection.execute(
            select(e.seq, func.length(e.payload) + func.coalesce(func.length(s.seals), 0))
            .outerjoin_from(
                LOG_ENTRIES,
                SEALED_SEALS,
                and_(s.conversation_id == e.conversation_id, s.seq == e.seq),
            )
            .where(between)
            .order_by(e.seq)
            .limit(limit)
        )
    ).all()
    count = _fits([length for _, length in sizes], limit, GAP_BYTES)
    if not count:
        return []
    return await _entries(
        connection, select(LOG_ENTRIES).where(between, e.seq <= sizes[count - 1][0])
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
        for table in (LOG_ENTRIES, SEALED_SEALS, MISSING_SEALS):
            await connection.execute(
                delete(table).where(
                    table.c.conversation_id == bindparam("p_conversation"),
                    table.c.seq == bindparam("p_seq"),
                ),
                [{"p_conversation": c, "p_seq": s} for c, s in rows],
            )
    return len(rows)
