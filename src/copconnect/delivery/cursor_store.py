"""Statements on cursors: how far each client has come. They only grow."""

from collections.abc import Collection, Sequence

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import CONVERSATIONS, CURSORS
from copconnect.ids import ConversationId, PersonId
from copconnect.sockets.feed import SeenCursor


async def grow(connection: AsyncConnection, cursors: Sequence[SeenCursor]) -> None:
    """Move cursors forward, never back, in one statement."""
    statement = upsert(connection, CURSORS)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[CURSORS.c.conversation_id, CURSORS.c.client_id],
        set_={
            name: case((new[name] > CURSORS.c[name], new[name]), else_=CURSORS.c[name])
            for name in ("delivered_seq", "read_seq")
        },
    )
    # In key order, so that two nodes never wait for each other's rows.
    ordered = sorted(cursors, key=lambda one: (one.conversation_id, one.client_id))
    await connection.execute(
        statement,
        [
            {
                "conversation_id": one.conversation_id,
                "client_id": one.client_id,
                "person_id": one.person_id,
                "delivered_seq": one.delivered_seq,
                "read_seq": one.read_seq,
            }
            for one in ordered
        ],
    )


async def receipts(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    person_ids: Collection[PersonId],
    most_people: int,
) -> dict[ConversationId, list[wire.Receipt]]:
    """Return how far these people have come, in conversations of at most ``most_people``."""
    rows = await connection.execute(
        select(
            CURSORS.c.conversation_id,
            CURSORS.c.person_id,
            func.max(CURSORS.c.delivered_seq).label("delivered_seq"),
            func.max(CURSORS.c.read_seq).label("read_seq"),
        )
        .join(CONVERSATIONS, CONVERSATIONS.c.conversation_id == CURSORS.c.conversation_id)
        .where(
            CURSORS.c.conversation_id.in_(conversation_ids),
            CURSORS.c.person_id.in_(person_ids),
            CONVERSATIONS.c.members <= most_people,
        )
        .group_by(CURSORS.c.conversation_id, CURSORS.c.person_id)
    )
    found: dict[ConversationId, list[wire.Receipt]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, []).append(
            wire.Receipt(
                person_id=row.person_id, delivered_seq=row.delivered_seq, read_seq=row.read_seq
            )
        )
    return found
