"""Statements on audiences: the rules by which conversations follow the data bank."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.store.tables import AUDIENCES
from copconnect.ids import ConversationId

_RULE = msgspec.msgpack.Decoder(wire.Audience)
_STANDING = msgspec.msgpack.Decoder(wire.Standing)
_ENCODER = msgspec.msgpack.Encoder()
_A = AUDIENCES.c


@dataclass(frozen=True, slots=True)
class Followed:
    """A conversation that follows the data bank. ``standing``: None where a person made it."""

    rule: wire.Audience
    standing: wire.Standing | None


def read_rule(rule: bytes | None) -> wire.Audience | None:
    """Return a stored rule."""
    return None if rule is None else _RULE.decode(rule)


def read_standing(standing: bytes | None) -> wire.Standing | None:
    """Return what is stored of a conversation that the department made."""
    return None if standing is None else _STANDING.decode(standing)


async def add(connection: AsyncConnection, new: Mapping[ConversationId, Followed]) -> None:
    """Store the rules of new conversations."""
    if new:
        await connection.execute(insert(AUDIENCES), [_row(c, one) for c, one in new.items()])


async def change(connection: AsyncConnection, changed: Mapping[ConversationId, Followed]) -> None:
    """Write other rules and names in place of those that are stored."""
    if changed:
        statement = update(AUDIENCES).where(_A.conversation_id == bindparam("p_conversation_id"))
        await connection.execute(
            statement.values(rule=bindparam("p_rule"), standing=bindparam("p_standing")),
            [{f"p_{k}": v for k, v in _row(c, one).items()} for c, one in changed.items()],
        )


def _row(conversation_id: ConversationId, one: Followed) -> dict[str, object]:
    standing = None if one.standing is None else _ENCODER.encode(one.standing)
    return {
        "conversation_id": conversation_id,
        "rule": _ENCODER.encode(one.rule),
        "standing": standing,
    }


async def all_followed(connection: AsyncConnection) -> dict[ConversationId, Followed]:
    """Return every conversation that follows the data bank."""
    rows = await connection.execute(select(AUDIENCES))
    return {
        row.conversation_id: Followed(_RULE.decode(row.rule), read_standing(row.standing))
        for row in rows
    }


async def one(connection: AsyncConnection, conversation_id: ConversationId) -> Followed | None:
    """Return how a conversation follows the data bank; None where it does not."""
    query = select(AUDIENCES).where(_A.conversation_id == conversation_id)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return Followed(_RULE.decode(row.rule), read_standing(row.standing))


async def rules_of(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, wire.Audience]:
    """Return the rules of those of these conversations, at most a chunk of them, that follow the
    data bank."""
    query = select(_A.conversation_id, _A.rule).where(_A.conversation_id.in_(conversation_ids))
    return {row.conversation_id: _RULE.decode(row.rule) for row in await connection.execute(query)}


async def followed(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations follow the data bank."""
    query = select(_A.conversation_id).where(_A.conversation_id.in_(conversation_ids))
    return set(await connection.scalars(query))
