"""Legal holds: their rows, and the one statement that says which conversations are held.

Everything that deletes messages, or what readers of messages need, asks :func:`held`. It follows
the members, so that a conversation which a held person joins is held from that moment on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Row, and_, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.upserts import add_once
from copconnect.delivery.store.tables import LEGAL_HOLDS, MEMBERS
from copconnect.ids import ConversationId, HoldId, PersonId

_H, _M = LEGAL_HOLDS.c, MEMBERS.c


def in_force(now_ms: int) -> ColumnElement[bool]:
    """Return the condition that a hold is neither lifted nor over."""
    return and_(_H.lifted_ms.is_(None), or_(_H.until_ms.is_(None), _H.until_ms > now_ms))


def held(now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
    """Return a statement of the held conversations: conversations that a hold names, and
    conversations to which a held person belongs, or belonged at ``members_from_ms`` or later."""
    belonged = or_(_M.removed_ms.is_(None), _M.removed_ms >= _H.members_from_ms)
    return union(
        select(_H.conversation_id).where(in_force(now_ms), _H.conversation_id.is_not(None)),
        select(_M.conversation_id)
        .join(LEGAL_HOLDS, _H.person_id == _M.person_id)
        .where(in_force(now_ms), belonged),
    )


async def is_held(
    connection: AsyncConnection, conversation_id: ConversationId, now_ms: int
) -> bool:
    """Return whether a conversation is held."""
    found = held(now_ms).subquery()
    column = found.c[0]
    row = await connection.execute(select(column).where(column == conversation_id).limit(1))
    return row.first() is not None


async def any_in_force(connection: AsyncConnection, now_ms: int) -> bool:
    """Return whether there is any hold."""
    row = await connection.execute(select(_H.hold_id).where(in_force(now_ms)).limit(1))
    return row.first() is not None


async def held_people(connection: AsyncConnection, now_ms: int) -> set[PersonId]:
    """Return the people whom a hold names."""
    query = select(_H.person_id).where(in_force(now_ms), _H.person_id.is_not(None))
    return set(await connection.scalars(query))


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
    """Insert a legal hold; return whether no hold had its id."""
    return await add_once(connection, LEGAL_HOLDS, row)


async def find(connection: AsyncConnection, hold_id: HoldId) -> Row[Any] | None:
    """Return a hold."""
    return (await connection.execute(select(LEGAL_HOLDS).where(_H.hold_id == hold_id))).first()


async def lift(
    connection: AsyncConnection, hold_id: HoldId, now_ms: int, by: PersonId | None
) -> bool:
    """End a hold in force; return whether there was one."""
    lifted = await connection.execute(
        update(LEGAL_HOLDS)
        .where(_H.hold_id == hold_id, in_force(now_ms))
        .values(lifted_ms=now_ms, lifted_by=by)
        .returning(_H.hold_id)
    )
    return lifted.first() is not None


async def newest(connection: AsyncConnection, limit: int) -> Sequence[Row[Any]]:
    """Return holds, those in force and former ones, the newest first."""
    query = select(LEGAL_HOLDS).order_by(_H.from_ms.desc(), _H.hold_id).limit(limit)
    return (await connection.execute(query)).all()
