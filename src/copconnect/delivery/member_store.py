"""Statements on the members of conversations, within the caller's transaction."""

from collections.abc import Collection, Iterable

from sqlalchemy import delete, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.tables import CURSORS, MEMBERS
from copconnect.ids import ConversationId, PersonId


async def member_flags(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    only: Collection[PersonId] | None = None,
) -> dict[PersonId, bool]:
    """Return every member with whether they are an admin; ``only``: of these people."""
    query = select(MEMBERS.c.person_id, MEMBERS.c.admin).where(
        MEMBERS.c.conversation_id == conversation_id
    )
    if only is not None:
        query = query.where(MEMBERS.c.person_id.in_(only))
    return {row.person_id: row.admin for row in await connection.execute(query)}


async def conversations_with_person(
    connection: AsyncConnection, person_id: PersonId
) -> list[ConversationId]:
    """Return the conversations a person belongs to."""
    rows = await connection.execute(
        select(MEMBERS.c.conversation_id).where(MEMBERS.c.person_id == person_id)
    )
    return [row.conversation_id for row in rows]


async def is_member(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    person_id: PersonId,
) -> bool:
    """Return whether the person belongs to any of these conversations."""
    found = select(
        exists(
            select(literal(1)).where(
                MEMBERS.c.conversation_id.in_(conversation_ids), MEMBERS.c.person_id == person_id
            )
        )
    )
    return bool(await connection.scalar(found))


async def add_members(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Iterable[tuple[PersonId, bool]],
    now_ms: int,
) -> None:
    """Insert members as (person, admin)."""
    rows = [
        {
            "conversation_id": conversation_id,
            "person_id": person_id,
            "admin": admin,
            "added_ms": now_ms,
            "muted_until_ms": None,
            "pinned": False,
        }
        for person_id, admin in people
    ]
    if rows:
        await connection.execute(insert(MEMBERS), rows)


async def remove_members(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> None:
    """Delete members and their cursors."""
    c = CURSORS.c
    # In the order in which cursor_store.grow holds them: each would wait for the other.
    await connection.execute(
        select(c.client_id)
        .where(c.conversation_id == conversation_id, c.person_id.in_(people))
        .order_by(c.client_id)
        .with_for_update()
    )
    for table in (MEMBERS, CURSORS):
        await connection.execute(
            delete(table).where(
                table.c.conversation_id == conversation_id, table.c.person_id.in_(people)
            )
        )


async def set_admin(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Collection[PersonId],
    admin: bool,
) -> None:
    """Make members admins, or no longer."""
    await connection.execute(
        update(MEMBERS)
        .where(MEMBERS.c.conversation_id == conversation_id, MEMBERS.c.person_id.in_(people))
        .values(admin=admin)
    )


async def set_preferences(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    preferences: wire.SetPreferences,
) -> None:
    """Store a member's own settings."""
    await connection.execute(
        update(MEMBERS)
        .where(MEMBERS.c.conversation_id == conversation_id, MEMBERS.c.person_id == person_id)
        .values(muted_until_ms=preferences.muted_until_ms, pinned=preferences.pinned)
    )
