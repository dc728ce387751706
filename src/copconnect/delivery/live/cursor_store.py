"""Statements on cursors: how far each client has come. They only grow."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import case, func, literal, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import unnested, upsert_for
from copconnect.delivery.store.tables import CONVERSATIONS, CURSORS, RECEIPT_VERSIONS
from copconnect.ids import ConversationId, PersonId
from copconnect.sockets.feed import SeenCursor

_COLUMNS = ("conversation_id", "client_id", "person_id", "delivered_seq", "read_seq")


async def grow(connection: AsyncConnection, cursors: Sequence[SeenCursor]) -> None:
    """Move cursors forward, never back, in one statement."""
    # In key order, so that two nodes never wait for each other's rows.
    ordered = sorted(cursors, key=lambda one: (one.conversation_id, one.client_id))
    if connection.dialect.name == "postgresql":
        # Rows as arrays: the driver would run the statement once for each row.
        await connection.execute(
            _growing(postgresql.insert(CURSORS).from_select(_COLUMNS, _ROWS)),
            {name: [getattr(one, name) for one in ordered] for name in _COLUMNS},
        )
    else:
        await connection.execute(
            _growing(sqlite.insert(CURSORS)),
            [{name: getattr(one, name) for name in _COLUMNS} for one in ordered],
        )


_ROWS = select(*(unnested(name, CURSORS.c[name]) for name in _COLUMNS))


def _growing(statement: Any) -> Any:
    new, old = statement.excluded, CURSORS.c
    seqs = ("delivered_seq", "read_seq")
    return statement.on_conflict_do_update(
        index_elements=[old.conversation_id, old.client_id],
        set_={name: case((new[name] > old[name], new[name]), else_=old[name]) for name in seqs},
        where=or_(*(new[name] > old[name] for name in seqs)),
    )


async def next_versions(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], most_people: int
) -> dict[ConversationId, int]:
    """Give the cursors of those of these conversations that have at most ``most_people`` their
    next version; return it by conversation."""
    c, known = CONVERSATIONS.c, RECEIPT_VERSIONS.c
    # In key order, so that two nodes never wait for each other's rows.
    few = (
        select(c.conversation_id, literal(1))
        .where(c.conversation_id.in_(conversation_ids), c.members <= most_people)
        .order_by(c.conversation_id)
    )
    inserted = upsert_for(connection.dialect.name, RECEIPT_VERSIONS).from_select(
        ["conversation_id", "version"], few
    )
    rows = await connection.execute(
        inserted.on_conflict_do_update(
            index_elements=[known.conversation_id], set_={"version": known.version + 1}
        ).returning(known.conversation_id, known.version)
    )
    return {row.conversation_id: row.version for row in rows}


async def receipts(
    connection: AsyncConnection, places: Collection[tuple[ConversationId, PersonId]]
) -> dict[ConversationId, list[wire.Receipt]]:
    """Return how far these people have come in these conversations, over all their clients."""
    c = CURSORS.c
    rows = await connection.execute(
        select(c.conversation_id, c.person_id, func.max(c.delivered_seq), func.max(c.read_seq))
        .where(tuple_(c.conversation_id, c.person_id).in_(places))
        .group_by(c.conversation_id, c.person_id)
    )
    found: dict[ConversationId, list[wire.Receipt]] = {}
    for conversation_id, person_id, delivered_seq, read_seq in rows:
        found.setdefault(conversation_id, []).append(
            wire.Receipt(person_id=person_id, delivered_seq=delivered_seq, read_seq=read_seq)
        )
    return found
