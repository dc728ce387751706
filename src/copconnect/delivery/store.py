"""Statements on conversations and their signed roster heads.

Every function takes the caller's connection, so that a service composes one transaction. A write
to a conversation first holds its row (:func:`advance` or :func:`hold`): operations on one
conversation run one after another, which is what makes ``seq`` gap-free.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.database import upsert_for
from copconnect.delivery.standing import Held
from copconnect.delivery.tables import CONVERSATIONS, ROSTER_HEADS
from copconnect.ids import ConversationId, PersonId, Seq

_HOUR_MS = 3_600_000


def _bind(name: str, kind: Any = None) -> Any:
    return bindparam(f"p_{name}", type_=kind)


# The statement of every message is built once: building costs more than executing.
_ADVANCE = (
    update(CONVERSATIONS)
    .where(CONVERSATIONS.c.conversation_id == _bind("conversation_id"))
    .values(
        last_seq=CONVERSATIONS.c.last_seq + 1,
        last_message_ms=func.coalesce(
            _bind("message_ms", BigInteger), CONVERSATIONS.c.last_message_ms
        ),
    )
    .returning(CONVERSATIONS.c.last_seq)
)


def upsert(connection: AsyncConnection, table: Any) -> Any:
    """Return an INSERT that can say ON CONFLICT in this connection's dialect."""
    return upsert_for(connection.dialect.name, table)


async def add_conversation(
    connection: AsyncConnection,
    held: Held,
    created_by: PersonId,
    now_ms: int,
    direct_key: str | None = None,
) -> bool:
    """Insert a conversation; return False when its id or direct key is taken.

    Waits for a concurrent insert of the same key to commit or roll back.
    """
    values = {
        "conversation_id": held.conversation_id,
        "kind": held.kind,
        "suite": held.suite,
        "created_by": created_by,
        "created_ms": now_ms,
        "last_seq": held.last_seq,
        "last_message_ms": None,
        "who_may_post": held.who_may_post,
        "members": held.members,
        "direct_key": direct_key,
        "roster_epoch": held.roster_epoch,
        "roster_head": held.roster_head,
        "cells": held.cells,
        "shared_seq": 0,
        "key_version": 0,
    }
    statement = upsert(connection, CONVERSATIONS).values(values).on_conflict_do_nothing()
    added = await connection.execute(statement.returning(CONVERSATIONS.c.conversation_id))
    return added.first() is not None


async def find_direct(connection: AsyncConnection, direct_key: str) -> ConversationId | None:
    """Return the direct conversation with this key."""
    found = select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.direct_key == direct_key)
    conversation_id: str | None = await connection.scalar(found)
    return None if conversation_id is None else ConversationId(conversation_id)


async def created_by(connection: AsyncConnection, conversation_id: ConversationId) -> str | None:
    """Return who created a conversation, or None."""
    return await connection.scalar(
        select(CONVERSATIONS.c.created_by).where(CONVERSATIONS.c.conversation_id == conversation_id)
    )


async def require_not_too_many(
    connection: AsyncConnection, created_by: PersonId, most_per_hour: int, now_ms: int
) -> None:
    """Raise RateLimited when somebody has created more conversations than that within an hour, the
    one of this transaction among them."""
    created_ms = CONVERSATIONS.c.created_ms
    first_too_many = (
        select(created_ms)
        .where(CONVERSATIONS.c.created_by == created_by, created_ms > now_ms - _HOUR_MS)
        .order_by(created_ms.desc())
        .offset(most_per_hour)
        .limit(1)
    )
    oldest_ms = await connection.scalar(first_too_many)
    if oldest_ms is not None:
        raise errors.RateLimited(retry_after_ms=max(1, oldest_ms + _HOUR_MS - now_ms))


async def hold(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[Held]:
    """Lock conversations in ascending id order (so that two never wait for each other)."""
    return await _read_held(connection, _by_id(conversation_ids).with_for_update())


async def read(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[Held]:
    """Return conversations without locking them."""
    return await _read_held(connection, _by_id(conversation_ids))


def _by_id(conversation_ids: Collection[ConversationId]) -> Select[Any]:
    return (
        select(CONVERSATIONS)
        .where(CONVERSATIONS.c.conversation_id.in_(conversation_ids))
        .order_by(CONVERSATIONS.c.conversation_id)
    )


async def _read_held(connection: AsyncConnection, query: Select[Any]) -> list[Held]:
    return [
        Held(
            conversation_id=row.conversation_id,
            kind=row.kind,
            suite=row.suite,
            who_may_post=row.who_may_post,
            last_seq=row.last_seq,
            members=row.members,
            roster_epoch=row.roster_epoch,
            roster_head=row.roster_head,
            cells=row.cells,
        )
        for row in await connection.execute(query)
    ]


async def advance(
    connection: AsyncConnection, conversation_id: ConversationId, message_ms: int | None
) -> Seq | None:
    """Take the conversation's next seq, holding its row; None when there is no such one."""
    return await connection.run_sync(advance_at_once, conversation_id, message_ms)


def advance_at_once(
    connection: Connection, conversation_id: ConversationId, message_ms: int | None
) -> Seq | None:
    """Do what :func:`advance` does, in Database.write_at_once."""
    values = {"p_conversation_id": conversation_id, "p_message_ms": message_ms}
    seq: int | None = connection.scalar(_ADVANCE, values)
    return None if seq is None else Seq(seq)


async def change_conversations(
    connection: AsyncConnection, changes: Sequence[dict[str, Any]]
) -> None:
    """Update conversations; each change has ``id`` and the same columns as the others."""
    if not changes:
        return
    columns = {name: CONVERSATIONS.c[name] for name in changes[0] if name != "id"}
    statement = update(CONVERSATIONS).where(CONVERSATIONS.c.conversation_id == _bind("id"))
    statement = statement.values({name: _bind(name) for name in columns})
    await connection.execute(
        statement, [{f"p_{k}": v for k, v in change.items()} for change in changes]
    )


async def last_seq(connection: AsyncConnection, conversation_id: ConversationId) -> int | None:
    """Return the newest seq of a conversation."""
    seq: int | None = await connection.scalar(
        select(CONVERSATIONS.c.last_seq).where(CONVERSATIONS.c.conversation_id == conversation_id)
    )
    return seq


async def newest_roster(
    connection: AsyncConnection, conversation_id: ConversationId
) -> tuple[bytes, int] | None:
    """Return the newest signed roster head and the number of cells."""
    row = (
        await connection.execute(
            select(CONVERSATIONS.c.roster_head, CONVERSATIONS.c.cells).where(
                CONVERSATIONS.c.conversation_id == conversation_id
            )
        )
    ).first()
    return None if row is None else (row.roster_head, row.cells)


async def roster_heads(
    connection: AsyncConnection, conversation_id: ConversationId, first: int, last: int
) -> list[bytes]:
    """Return the kept heads of these roster epochs, ascending."""
    h = ROSTER_HEADS.c
    found = await connection.scalars(
        select(h.head)
        .where(h.conversation_id == conversation_id, h.roster_epoch.between(first, last))
        .order_by(h.roster_epoch)
    )
    return list(found)


async def add_roster_heads(
    connection: AsyncConnection, heads: Iterable[tuple[ConversationId, int, bytes]], now_ms: int
) -> None:
    """Keep signed heads, as (conversation, roster epoch, head)."""
    await connection.execute(
        insert(ROSTER_HEADS),
        [
            {"conversation_id": c, "roster_epoch": epoch, "head": head, "created_ms": now_ms}
            for c, epoch, head in heads
        ],
    )
