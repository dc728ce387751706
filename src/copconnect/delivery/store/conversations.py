"""Statements on the rows of conversations.

A write to a conversation first holds its row (:func:`hold`), so operations on one conversation run
one after another: that keeps ``seq`` without gaps and its roster heads a chain.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import at_least, chunks
from copconnect.database.upserts import add_once
from copconnect.delivery.rules.limits import HOUR_MS
from copconnect.delivery.store.tables import CONVERSATIONS, RECEIPT_VERSIONS
from copconnect.ids import ConversationId, PersonId, Seq

_C = CONVERSATIONS.c


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation's row, as far as changes of people and rosters need it. ``epoch`` 0: it has no
    head yet, only inside the transaction that creates it."""

    conversation_id: ConversationId
    kind: wire.ConversationKind
    created_by: PersonId | None  # None: the department.
    who_may_send: wire.WhoMaySend
    history_days: int | None
    last_seq: Seq
    members: int
    listed_people: int
    kem: int
    epoch: int
    rekey_epoch: int
    head: bytes
    head_hash: bytes
    head_ms: int
    devices: int
    cells: int

    @property
    def is_shut(self) -> bool:
        """Whether a removal waits for its head (D6)."""
        return self.rekey_epoch > self.epoch > 0

    @classmethod
    def new(
        cls, body: wire.CreateConversation, creator: PersonId | None, kem: int
    ) -> "ConversationRow":
        """Return the row of a conversation that is being created."""
        return cls(
            conversation_id=ConversationId(body.conversation_id),
            kind=body.kind,
            created_by=creator,
            who_may_send=body.who_may_send,
            history_days=body.history_days,
            last_seq=Seq(0),
            members=0,
            listed_people=0,
            kem=kem,
            epoch=0,
            rekey_epoch=0,
            head=b"",
            head_hash=bytes(32),
            head_ms=0,
            devices=0,
            cells=0,
        )


_HELD = (
    _C.conversation_id,
    _C.kind,
    _C.created_by,
    _C.who_may_send,
    _C.history_days,
    _C.last_seq,
    _C.members,
    _C.listed_people,
    _C.kem,
    _C.roster_epoch,
    _C.rekey_epoch,
    _C.head,
    _C.head_hash,
    _C.head_ms,
    _C.devices,
    _C.cells,
)


async def add(
    connection: AsyncConnection,
    held: ConversationRow,
    now_ms: int,
    direct_people: str | None = None,
) -> bool:
    """Insert a conversation; return False when its id is taken.

    Waits for a concurrent insert of the same id to commit or roll back.
    """
    values = {
        "conversation_id": held.conversation_id,
        "kind": held.kind,
        "created_by": held.created_by,
        "created_ms": now_ms,
        "who_may_send": held.who_may_send,
        "history_days": held.history_days,
        "direct_people": direct_people,
        "last_seq": 0,
        "last_message_ms": None,
        "log_hash": bytes(32),
        "named_epoch": 0,
        "state_seq": None,
        "members": 0,
        "listed_people": 0,
        "info_number": 1,
        "kem": held.kem,
        "roster_epoch": 0,
        "rekey_epoch": 0,
        "head": b"",
        "head_hash": bytes(32),
        "head_ms": 0,
        "devices": 0,
        "cells": 0,
    }
    return await add_once(connection, CONVERSATIONS, values)


async def hold(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[ConversationRow]:
    """Lock conversations in ascending id order, which prevents deadlocks between two writers."""
    return await _read(connection, _by_id(conversation_ids).with_for_update())


async def hold_one(connection: AsyncConnection, conversation_id: ConversationId) -> ConversationRow:
    """Lock one conversation. Raises NotMember where there is none."""
    held = await hold(connection, [conversation_id])
    if not held:
        raise errors.NotMember
    return held[0]


async def read(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[ConversationRow]:
    """Return conversations without locking them."""
    return await _read(connection, _by_id(conversation_ids))


def _by_id(conversation_ids: Collection[ConversationId]) -> Select[Any]:
    return (
        select(*_HELD).where(_C.conversation_id.in_(conversation_ids)).order_by(_C.conversation_id)
    )


async def _read(connection: AsyncConnection, query: Select[Any]) -> list[ConversationRow]:
    return [ConversationRow(*row) for row in await connection.execute(query)]


async def change(connection: AsyncConnection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Update conversations; each change has ``conversation_id`` and the same columns as the others.

    ``info_number`` grows by what a change says.
    """
    if not changes:
        return
    names = [name for name in changes[0] if name != "conversation_id"]
    values: dict[str, Any] = {name: bindparam(f"p_{name}") for name in names}
    if "info_number" in values:
        values["info_number"] = _C.info_number + bindparam(
            "p_info_number", type_=_C.info_number.type
        )
    statement = update(CONVERSATIONS).where(_C.conversation_id == bindparam("p_conversation_id"))
    await connection.execute(
        statement.values(values),
        [{f"p_{name}": value for name, value in one.items()} for one in changes],
    )


async def shut(connection: AsyncConnection, conversation_ids: Collection[ConversationId]) -> None:
    """Shut these conversations until their next head (D6): from now on the rekey_epoch is above the
    epoch of every key, so the server accepts no message."""
    await hold(connection, conversation_ids)
    await connection.execute(
        update(CONVERSATIONS)
        .where(_C.conversation_id.in_(conversation_ids), _C.roster_epoch > 0)
        .values(rekey_epoch=_C.roster_epoch + 1)
    )


async def raise_versions(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], least: int
) -> None:
    """Let the versions of these conversations and their receipts rise, to this number at least."""
    await connection.execute(
        update(CONVERSATIONS)
        .where(_C.conversation_id.in_(conversation_ids))
        .values(info_number=at_least(_C.info_number + 1, least))
    )
    receipts = RECEIPT_VERSIONS.c
    await connection.execute(
        update(RECEIPT_VERSIONS)
        .where(receipts.conversation_id.in_(conversation_ids))
        .values(version=at_least(receipts.version + 1, least))
    )


async def created_by(connection: AsyncConnection, conversation_id: ConversationId) -> str | None:
    """Return who created a conversation, or None."""
    query = select(_C.created_by).where(_C.conversation_id == conversation_id)
    found: str | None = await connection.scalar(query)
    return found


async def sending_and_creators(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, tuple[wire.WhoMaySend, PersonId | None]]:
    """Return who may send in these conversations, and who created each."""
    found: dict[ConversationId, tuple[wire.WhoMaySend, PersonId | None]] = {}
    columns = (_C.conversation_id, _C.who_may_send, _C.created_by)
    for some in chunks(conversation_ids):
        rows = await connection.execute(select(*columns).where(_C.conversation_id.in_(some)))
        found |= {row.conversation_id: (row.who_may_send, row.created_by) for row in rows}
    return found


async def require_not_too_many(
    connection: AsyncConnection, created_by: PersonId, most_per_hour: int, now_ms: int
) -> None:
    """Raise RateLimited when somebody has created more conversations than that within an hour, the
    one of this transaction among them."""
    first_too_many = (
        select(_C.created_ms)
        .where(_C.created_by == created_by, _C.created_ms > now_ms - HOUR_MS)
        .order_by(_C.created_ms.desc())
        .offset(most_per_hour)
        .limit(1)
    )
    oldest_ms = await connection.scalar(first_too_many)
    if oldest_ms is not None:
        raise errors.RateLimited(
            retry_after_ms=max(1, oldest_ms + HOUR_MS - now_ms), limit="conversations_per_hour"
        )
