"""Statements on audiences: their rules, and people whose clients have changed."""

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import bindparam, delete, exists, insert, literal, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import AUDIENCE_CHANGES, AUDIENCES, MEMBERS, ROSTER_LEAVES
from copconnect.ids import ConversationId, PersonId, new_id

_RULE = msgspec.msgpack.Decoder(wire.Audience)


def read_rule(rule: bytes | None) -> wire.Audience | None:
    """Return a stored rule."""
    return None if rule is None else _RULE.decode(rule)


async def add(
    connection: AsyncConnection, conversation_id: ConversationId, rule: wire.Audience
) -> None:
    """Store the rule of a conversation."""
    await connection.execute(
        insert(AUDIENCES).values(conversation_id=conversation_id, rule=msgspec.msgpack.encode(rule))
    )


async def rules(
    connection: AsyncConnection, only: ConversationId | None = None
) -> dict[ConversationId, wire.Audience]:
    """Return every conversation that has an audience, with its rule; ``only``: this one."""
    query = select(AUDIENCES)
    if only is not None:
        query = query.where(AUDIENCES.c.conversation_id == only)
    rows = await connection.execute(query)
    return {row.conversation_id: _RULE.decode(row.rule) for row in rows}


async def mark(connection: AsyncConnection, person_id: PersonId) -> None:
    """A person's clients have changed: if there are audiences, they are to be looked at."""
    marked = select(literal(person_id).label("person_id"), literal(new_id()).label("mark")).where(
        exists(select(literal(1)).select_from(AUDIENCES))
    )
    statement = upsert(connection, AUDIENCE_CHANGES).from_select(["person_id", "mark"], marked)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[AUDIENCE_CHANGES.c.person_id], set_={"mark": statement.excluded.mark}
        )
    )


async def marked(connection: AsyncConnection, limit: int) -> dict[PersonId, str]:
    """Return people whose clients have changed, with the mark of the change."""
    rows = await connection.execute(select(AUDIENCE_CHANGES).limit(limit))
    return {row.person_id: row.mark for row in rows}


async def concerned(
    connection: AsyncConnection, people: Collection[PersonId]
) -> dict[ConversationId, set[PersonId]]:
    """Return the conversations with an audience in which any of these people belong or have a
    place, with which of them. One statement."""
    theirs = union(
        *(
            select(one.c.conversation_id, one.c.person_id).where(one.c.person_id.in_(people))
            for one in (MEMBERS, ROSTER_LEAVES)
        )
    ).subquery()
    rows = await connection.execute(
        select(theirs).join(AUDIENCES, AUDIENCES.c.conversation_id == theirs.c.conversation_id)
    )
    found: dict[ConversationId, set[PersonId]] = {}
    for conversation_id, person_id in rows:
        found.setdefault(conversation_id, set()).add(person_id)
    return found


async def forget(connection: AsyncConnection, marks: Mapping[PersonId, str]) -> None:
    """These changes have been looked at; a later one of the same person stays."""
    a = AUDIENCE_CHANGES.c
    await connection.execute(
        delete(AUDIENCE_CHANGES).where(
            a.person_id == bindparam("p_person"), a.mark == bindparam("p_mark")
        ),
        [{"p_person": person, "p_mark": mark} for person, mark in marks.items()],
    )


async def without_audience(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[ConversationId]:
    """Return which of these conversations have people chosen by hand."""
    a = AUDIENCES.c
    followed = set(
        await connection.scalars(
            select(a.conversation_id).where(a.conversation_id.in_(conversation_ids))
        )
    )
    return [one for one in conversation_ids if one not in followed]
