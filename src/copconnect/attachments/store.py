"""Tables and statements of attachments.

Invariants: ``complete`` is set in the transaction that records the last missing chunk, whose blob
was written before; a chunk's row exists only after its blob; an attachment marked ``doomed`` can
no longer be read, sent, shared or continued, so that its blobs can be deleted outside a
transaction; they stay as long as ``held_attachments`` names it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    CompoundSelect,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA
from copconnect.database.rows import of_row
from copconnect.database.upserts import add_missing, add_once
from copconnect.ids import AttachmentId, ConversationId, MessageId, PersonId, Seq

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column("attachment_id", String(32), primary_key=True),
    Column("uploader", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
    Column("day", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("sent_ms", BigInteger),
    Column("doomed", Boolean, nullable=False),
    Column("order_id", String(32)),  # It is a photo that this order asks its uploader for.
    Index(
        "ix_attachments_order",
        "order_id",
        sqlite_where=text("order_id IS NOT NULL"),
        postgresql_where=text("order_id IS NOT NULL"),
    ),
)

CHUNKS = Table(
    "attachment_chunks",
    METADATA,
    Column("attachment_id", String(32), primary_key=True),
    Column("chunk", Integer, primary_key=True),
)

SHARES = Table(
    "attachment_shares",
    METADATA,
    Column("attachment_id", String(32), primary_key=True),
    Column("conversation_id", String(32), primary_key=True),
)

# Which message of which conversation names an attachment.
MESSAGES = Table(
    "attachment_messages",
    METADATA,
    Column("conversation_id", String(32), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("attachment_id", String(32), primary_key=True, index=True),
)

# Attachments of deleted messages of held conversations: they answer nobody, and keep their blobs.
HELD = Table(
    "held_attachments",
    METADATA,
    Column("attachment_id", String(32), primary_key=True),
    Column("conversation_id", String(32), primary_key=True),
)

QUOTAS = Table(
    "attachment_quotas",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("used", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """One attachment's row."""

    attachment_id: AttachmentId
    uploader: PersonId
    size: int
    chunks: int
    day: int
    complete: bool
    created_ms: int
    sent: bool
    order_id: MessageId | None


@dataclass(frozen=True, slots=True)
class Expected:
    """The blobs that the database names for one attachment; ``size``: None while it is uploaded."""

    attachment_id: AttachmentId
    chunks: int
    size: int | None


async def add(
    connection: AsyncConnection,
    attachment_id: AttachmentId,
    uploader: PersonId,
    size: int,
    chunks: int,
    now_ms: int,
    day: int,
    order_id: MessageId | None,
) -> bool:
    """Insert an attachment; return False when its id is taken."""
    row = {
        "attachment_id": attachment_id,
        "uploader": uploader,
        "size": size,
        "chunks": chunks,
        "created_ms": now_ms,
        "day": day,
        "complete": False,
        "sent_ms": None,
        "doomed": False,
        "order_id": order_id,
    }
    return await add_once(connection, ATTACHMENTS, row)


async def find(
    connection: AsyncConnection, attachment_id: AttachmentId, *, hold: bool = False
) -> StoredAttachment | None:
    """Return an attachment that is not about to be deleted; ``hold`` locks its row."""
    a = ATTACHMENTS.c
    statement = select(ATTACHMENTS).where(a.attachment_id == attachment_id, a.doomed.is_(False))
    if hold:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    return of_row(StoredAttachment, row, sent=row.sent_ms is not None)


async def expected(connection: AsyncConnection) -> list[Expected]:
    """Return what the blob store must hold of each attachment that is not about to be deleted."""
    a = ATTACHMENTS.c
    rows = await connection.execute(
        select(a.attachment_id, a.size, a.complete, func.count().label("chunks"))
        .join(CHUNKS, CHUNKS.c.attachment_id == a.attachment_id)
        .where(a.doomed.is_(False))
        .group_by(a.attachment_id, a.size, a.complete)
    )
    return [
        Expected(row.attachment_id, row.chunks, row.size if row.complete else None) for row in rows
    ]


async def received(connection: AsyncConnection, attachment_id: AttachmentId) -> list[int]:
    """Return the chunks that are stored, ascending."""
    rows = await connection.execute(
        select(CHUNKS.c.chunk)
        .where(CHUNKS.c.attachment_id == attachment_id)
        .order_by(CHUNKS.c.chunk)
    )
    return [row.chunk for row in rows]


async def add_chunk(connection: AsyncConnection, stored: StoredAttachment, index: int) -> None:
    """Record a stored chunk, and completeness when it was the last missing one.

    The attachment's row must be held, so that two last chunks do not overlook each other.
    """
    await add_once(connection, CHUNKS, {"attachment_id": stored.attachment_id, "chunk": index})
    count = (
        select(func.count()).where(CHUNKS.c.attachment_id == stored.attachment_id).scalar_subquery()
    )
    await connection.execute(
        update(ATTACHMENTS)
        .where(ATTACHMENTS.c.attachment_id == stored.attachment_id, count == stored.chunks)
        .values(complete=True)
    )


async def share(
    connection: AsyncConnection, attachment_id: AttachmentId, conversation_id: ConversationId
) -> None:
    """Let a conversation's members fetch an attachment."""
    row = {"attachment_id": attachment_id, "conversation_id": conversation_id}
    await add_once(connection, SHARES, row)


async def shared_to(
    connection: AsyncConnection, attachment_id: AttachmentId
) -> list[ConversationId]:
    """Return the conversations an attachment was shared to."""
    rows = await connection.execute(
        select(SHARES.c.conversation_id).where(SHARES.c.attachment_id == attachment_id)
    )
    return [row.conversation_id for row in rows]


async def mark_named(
    connection: AsyncConnection,
    attachment_ids: Collection[AttachmentId],
    conversation_id: ConversationId,
    seq: Seq,
    now_ms: int,
) -> int:
    """Mark the attachments that are complete and shared to the conversation as named by a message;
    return how many they are."""
    a = ATTACHMENTS.c
    shared = exists(
        select(literal(1)).where(
            SHARES.c.attachment_id == a.attachment_id, SHARES.c.conversation_id == conversation_id
        )
    )
    marked = await connection.execute(
        update(ATTACHMENTS)
        .where(
            a.attachment_id.in_(attachment_ids), a.complete.is_(True), a.doomed.is_(False), shared
        )
        .values(sent_ms=now_ms)
        .returning(a.attachment_id)
    )
    found = marked.scalars().all()
    message = {"conversation_id": conversation_id, "seq": seq}
    if found:
        rows = [{**message, "attachment_id": one} for one in found]
        await connection.execute(insert(MESSAGES), rows)
    return len(found)


async def drop(
    connection: AsyncConnection, conversation_id: ConversationId, seq: Seq, *, held: bool
) -> None:
    """Forget that a message names attachments. The conversation no longer shares an attachment that
    none of its other messages names; an attachment that no conversation shares is deleted later,
    those of a held conversation not before its holds are over."""
    a, p, s = ATTACHMENTS.c, MESSAGES.c, SHARES.c
    named = await connection.scalars(
        delete(MESSAGES)
        .where(p.conversation_id == conversation_id, p.seq == seq)
        .returning(p.attachment_id)
    )
    ids = named.all()
    if not ids:
        return
    if held:
        for attachment_id in ids:
            row = {"attachment_id": attachment_id, "conversation_id": conversation_id}
            await add_once(connection, HELD, row)
    still = exists(
        select(literal(1)).where(
            p.attachment_id == s.attachment_id, p.conversation_id == s.conversation_id
        )
    )
    await connection.execute(
        delete(SHARES).where(s.conversation_id == conversation_id, s.attachment_id.in_(ids), ~still)
    )
    shared = exists(select(literal(1)).where(s.attachment_id == a.attachment_id))
    await connection.execute(
        update(ATTACHMENTS).where(a.attachment_id.in_(ids), ~shared).values(doomed=True)
    )


# --- Photos that orders ask for ---------------------------------------------------------------


async def complete(
    connection: AsyncConnection, attachment_ids: Collection[AttachmentId]
) -> dict[AttachmentId, tuple[PersonId, MessageId]]:
    """Return the complete ones, each with its uploader and its order, and hold their rows: nobody
    deletes one meanwhile."""
    a = ATTACHMENTS.c
    usable = a.complete.is_(True), a.doomed.is_(False), a.order_id.is_not(None)
    # In key order, so that two nodes never wait for each other's rows.
    rows = await connection.execute(
        select(a.attachment_id, a.uploader, a.order_id)
        .where(among(a.attachment_id, attachment_ids), *usable)
        .order_by(a.attachment_id)
        .with_for_update()
    )
    return {row.attachment_id: (row.uploader, row.order_id) for row in rows}


async def mark_sent(
    connection: AsyncConnection, attachment_ids: Collection[AttachmentId], now_ms: int
) -> None:
    """Mark photos as sent."""
    condition = among(ATTACHMENTS.c.attachment_id, attachment_ids)
    await connection.execute(update(ATTACHMENTS).where(condition).values(sent_ms=now_ms))


async def drop_replaced(
    connection: AsyncConnection,
    photos: Mapping[AttachmentId, ConversationId],
    held: CompoundSelect[tuple[ConversationId]],
) -> None:
    """Delete photos of orders of these conversations later; those of a held conversation not before
    its holds are over."""
    named = held.subquery().c.conversation_id
    found = await connection.scalars(select(named).where(named.in_(set(photos.values()))))
    kept = set(found)
    rows = [
        {"attachment_id": attachment_id, "conversation_id": conversation_id}
        for attachment_id, conversation_id in photos.items()
        if conversation_id in kept
    ]
    await add_missing(connection, HELD, rows)
    condition = among(ATTACHMENTS.c.attachment_id, photos.keys())
    await connection.execute(update(ATTACHMENTS).where(condition).values(doomed=True))


async def drop_of_orders(connection: AsyncConnection, order_ids: Collection[MessageId]) -> None:
    """Delete the photos of orders later."""
    condition = among(ATTACHMENTS.c.order_id, order_ids)
    await connection.execute(update(ATTACHMENTS).where(condition).values(doomed=True))


# --- Quota ------------------------------------------------------------------------------------


async def use_quota(
    connection: AsyncConnection, person_id: PersonId, day: int, size: int, limit: int
) -> bool:
    """Add to what a person used on a day unless that would pass the limit; return whether."""
    await add_once(connection, QUOTAS, {"person_id": person_id, "day": day, "used": 0})
    used = await connection.execute(
        update(QUOTAS)
        .where(
            QUOTAS.c.person_id == person_id,
            QUOTAS.c.day == day,
            QUOTAS.c.used + size <= limit,
        )
        .values(used=QUOTAS.c.used + size)
        .returning(QUOTAS.c.used)
    )
    return used.first() is not None


async def return_quota(
    connection: AsyncConnection, person_id: PersonId, day: int, size: int
) -> None:
    """Give back what a deleted upload used."""
    await connection.execute(
        update(QUOTAS)
        .where(QUOTAS.c.person_id == person_id, QUOTAS.c.day == day)
        .values(used=QUOTAS.c.used - size)
    )


async def used_quota(connection: AsyncConnection, person_id: PersonId, day: int) -> int:
    """Return what a person used on a day."""
    used: int | None = await connection.scalar(
        select(QUOTAS.c.used).where(QUOTAS.c.person_id == person_id, QUOTAS.c.day == day)
    )
    return used or 0


# --- Cleaning ---------------------------------------------------------------------------------


async def doom(connection: AsyncConnection, attachment_id: AttachmentId) -> None:
    """Mark one attachment for deletion."""
    await connection.execute(
        update(ATTACHMENTS).where(ATTACHMENTS.c.attachment_id == attachment_id).values(doomed=True)
    )


async def doom_old(
    connection: AsyncConnection,
    abandoned_before_ms: int,
    expired_before_ms: int,
    held: CompoundSelect[tuple[ConversationId]],
) -> None:
    """Mark uploads that were never sent, and attachments last sent long ago that no message of
    a held conversation names. Photos that orders ask for go with their orders."""
    a, p = ATTACHMENTS.c, MESSAGES.c
    kept = exists(
        select(literal(1)).where(p.attachment_id == a.attachment_id, p.conversation_id.in_(held))
    )
    await connection.execute(
        update(ATTACHMENTS)
        .where(
            a.doomed.is_(False),
            or_(
                and_(a.sent_ms.is_(None), a.created_ms < abandoned_before_ms),
                and_(a.sent_ms < expired_before_ms, a.order_id.is_(None), ~kept),
            ),
        )
        .values(doomed=True)
    )


async def release(connection: AsyncConnection, held: CompoundSelect[tuple[ConversationId]]) -> None:
    """Keep nothing for conversations that are held no more."""
    await connection.execute(delete(HELD).where(HELD.c.conversation_id.not_in(held)))


async def doomed(connection: AsyncConnection, limit: int) -> list[tuple[AttachmentId, int]]:
    """Return attachments marked for deletion that no hold keeps, with how many chunks each may
    have."""
    a = ATTACHMENTS.c
    kept = exists(select(literal(1)).where(HELD.c.attachment_id == a.attachment_id))
    rows = await connection.execute(
        select(a.attachment_id, a.chunks).where(a.doomed.is_(True), ~kept).limit(limit)
    )
    return [(row.attachment_id, row.chunks) for row in rows]


async def forget(connection: AsyncConnection, attachment_id: AttachmentId) -> None:
    """Delete an attachment's rows; its blobs are gone."""
    for table in (CHUNKS, SHARES, MESSAGES, ATTACHMENTS):
        await connection.execute(delete(table).where(table.c.attachment_id == attachment_id))


async def forget_quotas(connection: AsyncConnection, before_day: int) -> None:
    """Delete the quota of past days."""
    await connection.execute(delete(QUOTAS).where(QUOTAS.c.day < before_day))
