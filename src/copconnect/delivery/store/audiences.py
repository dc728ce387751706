"""Statements on audiences: the rules by which conversations follow the data bank.

Groups are a few thousand, whatever the force, and are read together. Conversations with posts may
be many for each person, and are found by the posts and people whom a change concerns.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.delivery.store.tables import AUDIENCES, CONVERSATIONS, MEMBERS
from copconnect.ids import ConversationId, PersonId, PostId

_RULE = msgspec.msgpack.Decoder(wire.Audience)
_STANDING = msgspec.msgpack.Decoder(wire.Standing)
_ENCODER = msgspec.msgpack.Encoder()
_A = AUDIENCES.c


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """A conversation that follows the data bank. ``standing``: None where a person made it."""

    rule: wire.Audience
    standing: wire.Standing | None


def read_rule(rule: bytes | None) -> wire.Audience | None:
    """Return a stored rule."""
    return None if rule is None else _RULE.decode(rule)


def read_standing(standing: bytes | None) -> wire.Standing | None:
    """Return what is stored of a conversation that the department made."""
    return None if standing is None else _STANDING.decode(standing)


async def add(connection: AsyncConnection, new: Mapping[ConversationId, AudienceRow]) -> None:
    """Store the rules of new conversations."""
    if new:
        rows = [_row(c, one) | {"changes": 1} for c, one in new.items()]
        await connection.execute(insert(AUDIENCES), rows)


async def change(
    connection: AsyncConnection, changed: Mapping[ConversationId, AudienceRow]
) -> None:
    """Write other rules and names in place of the stored ones."""
    if changed:
        statement = update(AUDIENCES).where(_A.conversation_id == bindparam("p_conversation_id"))
        values: dict[str, ColumnElement[Any]] = {
            name: bindparam(f"p_{name}") for name in ("rule", "standing", "post_id")
        }
        await connection.execute(
            statement.values(values | {"changes": _A.changes + 1}),
            [{f"p_{k}": v for k, v in _row(c, one).items()} for c, one in changed.items()],
        )


async def touch(connection: AsyncConnection, conversation_id: ConversationId) -> None:
    """Something else of a conversation has changed that rounds compare, where it follows the data
    bank."""
    statement = update(AUDIENCES).where(_A.conversation_id == conversation_id)
    await connection.execute(statement.values(changes=_A.changes + 1))


def _row(conversation_id: ConversationId, one: AudienceRow) -> dict[str, object]:
    standing = None if one.standing is None else _ENCODER.encode(one.standing)
    return {
        "conversation_id": conversation_id,
        "rule": _ENCODER.encode(one.rule),
        "standing": standing,
        "post_id": None if one.standing is None else one.standing.post_id,
    }


async def groups_version(connection: AsyncConnection) -> int:
    """Return a number that grows whenever :func:`groups` would return something else, or others may
    post in one of them. It is read from an index."""
    query = select(func.sum(_A.changes)).where(_A.post_id.is_(None))
    return int(await connection.scalar(query) or 0)


async def groups(connection: AsyncConnection) -> dict[ConversationId, AudienceRow]:
    """Return every conversation that follows the data bank, but those with posts."""
    rows = await connection.execute(select(AUDIENCES).where(_A.post_id.is_(None)))
    return {
        row.conversation_id: AudienceRow(_RULE.decode(row.rule), read_standing(row.standing))
        for row in rows
    }


async def one(connection: AsyncConnection, conversation_id: ConversationId) -> AudienceRow | None:
    """Return how a conversation follows the data bank; None where it does not."""
    query = select(AUDIENCES).where(_A.conversation_id == conversation_id)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return AudienceRow(_RULE.decode(row.rule), read_standing(row.standing))


async def rules_of(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, wire.Audience]:
    """Return the rules of those of these conversations, at most a chunk of them, that follow the
    data bank."""
    query = select(_A.conversation_id, _A.rule).where(_A.conversation_id.in_(conversation_ids))
    return {row.conversation_id: _RULE.decode(row.rule) for row in await connection.execute(query)}


async def with_posts(
    connection: AsyncConnection, posts: Collection[PostId], people: Collection[PersonId]
) -> dict[ConversationId, wire.Audience]:
    """Return the rules of the conversations with one of these posts, and of those with any post to
    which one of these people belongs or belonged. One statement."""
    theirs = select(MEMBERS.c.conversation_id).where(among(MEMBERS.c.person_id, people))
    rows = select(_A.conversation_id, _A.rule)
    query = union(
        rows.where(among(_A.post_id, posts)),
        rows.where(_A.post_id.is_not(None), _A.conversation_id.in_(theirs)),
    )
    return {row.conversation_id: _RULE.decode(row.rule) for row in await connection.execute(query)}


async def posts_asked(
    connection: AsyncConnection, posts: Collection[PostId]
) -> dict[ConversationId, PostId]:
    """Return the conversations with these posts. One statement."""
    query = select(_A.conversation_id, _A.post_id).where(among(_A.post_id, posts))
    return {row.conversation_id: row.post_id for row in await connection.execute(query)}


async def count_with_post(connection: AsyncConnection, post_id: PostId) -> int:
    """Return how many conversations there are with a post."""
    query = select(func.count()).select_from(AUDIENCES).where(_A.post_id == post_id)
    return await connection.scalar(query) or 0


async def with_post_of(
    connection: AsyncConnection, post_id: PostId, asker: PersonId
) -> ConversationId | None:
    """Return the first conversation that a person began with a post, or with one that continues as
    this post; None where there is none."""
    c = CONVERSATIONS.c
    query = (
        select(_A.conversation_id)
        .join(CONVERSATIONS, c.conversation_id == _A.conversation_id)
        .where(_A.post_id == post_id, c.created_by == asker)
        .order_by(c.created_ms, c.conversation_id)
    )
    return (await connection.scalars(query.limit(1))).first()


async def followed(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations follow the data bank."""
    query = select(_A.conversation_id).where(_A.conversation_id.in_(conversation_ids))
    return set(await connection.scalars(query))
