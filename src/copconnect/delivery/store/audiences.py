"""Statements on audiences: the rules by which conversations follow the data bank."""

from collections.abc import Collection

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.store.tables import AUDIENCES
from copconnect.ids import ConversationId

_RULE = msgspec.msgpack.Decoder(wire.Audience)
_A = AUDIENCES.c


def read_rule(rule: bytes | None) -> wire.Audience | None:
    """Return a stored rule."""
    return None if rule is None else _RULE.decode(rule)


async def add(
    connection: AsyncConnection, conversation_id: ConversationId, rule: wire.Audience
) -> None:
    """Store the rule of a conversation."""
    encoded = msgspec.msgpack.encode(rule)
    await connection.execute(
        insert(AUDIENCES).values(conversation_id=conversation_id, rule=encoded)
    )


async def all_rules(connection: AsyncConnection) -> dict[ConversationId, wire.Audience]:
    """Return every conversation that has an audience, with its rule."""
    rows = await connection.execute(select(AUDIENCES))
    return {row.conversation_id: _RULE.decode(row.rule) for row in rows}


async def rule_of(
    connection: AsyncConnection, conversation_id: ConversationId
) -> wire.Audience | None:
    """Return the rule of one conversation."""
    query = select(_A.rule).where(_A.conversation_id == conversation_id)
    return read_rule(await connection.scalar(query))


async def followed(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations follow the data bank."""
    query = select(_A.conversation_id).where(_A.conversation_id.in_(conversation_ids))
    return set(await connection.scalars(query))
