"""Statements that count how many people have received and read; none grows with their number.

A message is for those who belonged when it was accepted, registered or not, but its sender: that is
what the rows of members say, former ones too. How far a person has come is the furthest of their
devices' cursors.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store.tables import CURSORS, LOG, MEMBERS
from copconnect.ids import ConversationId, PersonId, Seq

_LOOKED_BACK = 1_000  # Messages behind the newest one that is looked for.
_E, _M, _U = LOG.c, MEMBERS.c, CURSORS.c


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message in the log, and whose it is."""

    seq: Seq
    sent_ms: int
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Standing:
    """So many people have come so far, and belonged from ``added_ms`` (0: from the oldest message
    that is asked about) until ``removed_ms`` (None: until the newest). A cursor before the oldest
    message is 0."""

    delivered_seq: int
    read_seq: int
    added_ms: int
    removed_ms: int | None
    people: int

    def belonged(self, sent_ms: int) -> bool:
        """Return whether they belonged when a message was accepted."""
        return self.added_ms <= sent_ms and (self.removed_ms is None or self.removed_ms > sent_ms)


def _messages(conversation_id: ConversationId) -> Select[Any]:
    return (
        select(_E.seq, _E.sent_ms, _E.person_id)
        .where(_E.conversation_id == conversation_id)
        .order_by(_E.seq.desc())
    )


async def newest_messages(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    limit: int,
    person_id: PersonId | None = None,
) -> list[SentMessage]:
    """Return the newest messages of a conversation, or of one person there, newest first."""
    newest = select(func.max(_E.seq)).where(_E.conversation_id == conversation_id).scalar_subquery()
    query = _messages(conversation_id).where(_E.seq > newest - _LOOKED_BACK).limit(limit)
    if person_id is not None:
        query = query.where(_E.person_id == person_id)
    return [SentMessage(*row) for row in await connection.execute(query)]


async def messages_at(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    seqs: Collection[Seq],
) -> list[SentMessage]:
    """Return those of these messages that are a person's, newest first."""
    query = _messages(conversation_id).where(_E.seq.in_(seqs), _E.person_id == person_id)
    return [SentMessage(*row) for row in await connection.execute(query)]


_CURSORS = and_(_U.conversation_id == _M.conversation_id, _U.person_id == _M.person_id)


async def standings(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    messages: Sequence[SentMessage],
) -> list[Standing]:
    """Return how far the people have come who belonged when one of these messages was accepted.

    It reads a row for each of them, so it is not for every cursor that moves.
    """
    oldest, oldest_ms = min(one.seq for one in messages), min(one.sent_ms for one in messages)
    newest_ms = max(one.sent_ms for one in messages)
    person = (
        select(
            func.max(_U.delivered_seq).label("delivered"),
            func.max(_U.read_seq).label("read"),
            _M.added_ms,
            _M.removed_ms,
        )
        .select_from(MEMBERS)
        .outerjoin(CURSORS, _CURSORS)
        .where(
            _M.conversation_id == conversation_id,
            _M.added_ms <= newest_ms,
            or_(_M.removed_ms.is_(None), _M.removed_ms > oldest_ms),
        )
        .group_by(_M.person_id, _M.added_ms, _M.removed_ms)
        .subquery()
        .c
    )

    def reached(column: ColumnElement[Any], label: str) -> Any:
        return case((column >= oldest, column), else_=0).label(label)

    columns = (
        reached(person.delivered, "d"),
        reached(person.read, "r"),
        case((person.added_ms > oldest_ms, person.added_ms), else_=0).label("a"),
        case((person.removed_ms <= newest_ms, person.removed_ms), else_=None).label("x"),
    )
    rows = await connection.execute(select(*columns, func.count()).group_by("d", "r", "a", "x"))
    return [Standing(*row) for row in rows]


async def of_people(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> dict[PersonId, Standing]:
    """Return how far each of these people has come."""
    rows = await connection.execute(
        select(
            _M.person_id,
            func.coalesce(func.max(_U.delivered_seq), 0).label("delivered"),
            func.coalesce(func.max(_U.read_seq), 0).label("read"),
            _M.added_ms,
            _M.removed_ms,
        )
        .select_from(MEMBERS)
        .outerjoin(CURSORS, _CURSORS)
        .where(_M.conversation_id == conversation_id, _M.person_id.in_(people))
        .group_by(_M.person_id, _M.added_ms, _M.removed_ms)
    )
    return {
        row.person_id: Standing(row.delivered, row.read, row.added_ms, row.removed_ms, 1)
        for row in rows
    }
