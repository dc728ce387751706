"""Statements that count how many people have received and read; none grows with their number."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.tables import CURSORS, LOG_ENTRIES, MEMBERS, ROSTER_LEAVES
from copconnect.ids import ConversationId, PersonId, Seq

_LOOKED_BACK = 1_000  # Entries behind the newest message that is looked for.
_MESSAGES = ("message", "sealed")


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message in the log, and whose it is."""

    seq: Seq
    sent_ms: int
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Standing:
    """So many people have come so far, and belong since then. Whatever is before the oldest message
    that is asked about is 0."""

    delivered_seq: int
    read_seq: int
    added_ms: int
    people: int


def _messages(conversation_id: ConversationId) -> Select[Any]:
    """Whose device sent a message is known from its cursor, also when it is revoked by now."""
    e, c = LOG_ENTRIES.c, CURSORS.c
    return (
        select(e.seq, e.sent_ms, c.person_id)
        .join(CURSORS, and_(c.conversation_id == e.conversation_id, c.client_id == e.sender))
        .where(e.conversation_id == conversation_id, e.kind.in_(_MESSAGES))
        .order_by(e.seq.desc())
    )


async def newest_messages(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    limit: int,
    person_id: PersonId | None = None,
) -> list[SentMessage]:
    """Return the newest messages of a conversation, or of one person there, newest first."""
    e = LOG_ENTRIES.c
    newest = select(func.max(e.seq)).where(e.conversation_id == conversation_id).scalar_subquery()
    query = _messages(conversation_id).where(e.seq > newest - _LOOKED_BACK).limit(limit)
    if person_id is not None:
        query = query.where(CURSORS.c.person_id == person_id)
    return [SentMessage(*row) for row in await connection.execute(query)]


async def messages_at(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    seqs: Collection[Seq],
) -> list[SentMessage]:
    """Return those of these entries that are messages of a person, newest first."""
    query = _messages(conversation_id).where(
        LOG_ENTRIES.c.seq.in_(seqs), CURSORS.c.person_id == person_id
    )
    return [SentMessage(*row) for row in await connection.execute(query)]


async def standings(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    messages: Sequence[SentMessage],
) -> list[Standing]:
    """Return how far the people have come who have a device in a conversation, all of them.

    It reads a row for each, so it is not for every cursor that moves.
    """
    oldest, oldest_ms = min(one.seq for one in messages), min(one.sent_ms for one in messages)
    r, m, c = ROSTER_LEAVES.c, MEMBERS.c, CURSORS.c
    person = (
        select(
            func.max(c.delivered_seq).label("delivered"),
            func.max(c.read_seq).label("read"),
            func.max(m.added_ms).label("added"),
        )
        .select_from(ROSTER_LEAVES)
        .join(MEMBERS, and_(m.conversation_id == r.conversation_id, m.person_id == r.person_id))
        .outerjoin(
            CURSORS, and_(c.conversation_id == r.conversation_id, c.person_id == r.person_id)
        )
        .where(r.conversation_id == conversation_id)
        .group_by(r.person_id)
        .subquery()
        .c
    )
    delivered = case((person.delivered >= oldest, person.delivered), else_=0).label("d")
    read = case((person.read >= oldest, person.read), else_=0).label("r")
    added = case((person.added > oldest_ms, person.added), else_=0).label("a")
    rows = await connection.execute(
        select(delivered, read, added, func.count()).group_by(delivered, read, added)
    )
    return [Standing(*row) for row in rows]
