"""Statements that count how many people have received and read; none grows with their number.

A message is for the members when it was accepted, registered or not, but its sender: that is
what the rows of members say, former ones too. How far a person has come is the furthest of their
devices' cursors; a device that asks for a message's key counts for nothing there (R9).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store.tables import CURSORS, LEAVES, LOG, MEMBERS, SHARE_REQUESTS
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.records.conversation.key_share import SecretKind
from copconnect.records.primitives.fields import KEY_ID_BYTES

_LOOKED_BACK = 1_000  # Messages behind the newest one that is looked for.
_E, _L, _M, _R, _U = LOG.c, LEAVES.c, MEMBERS.c, SHARE_REQUESTS.c, CURSORS.c


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message in the log, and whose it is."""

    seq: Seq
    sent_ms: int
    person_id: PersonId
    key_id: bytes

    @property
    def reference(self) -> bytes:
        """Return what requests for its key name it by."""
        return self.key_id[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class ReaderCount:
    """So many people have come so far, and belonged from ``added_ms`` (0: from the oldest message
    that is asked about) until ``removed_ms`` (None: until the newest). A cursor before the oldest
    message is 0. ``phone``: they have a listed device, or have passed all these messages.
    ``person_id``: of one who sent one of them."""

    delivered_seq: int
    read_seq: int
    added_ms: int
    removed_ms: int | None
    people: int
    phone: bool = True
    person_id: PersonId | None = None

    def belonged(self, sent_ms: int) -> bool:
        """Return whether they belonged when a message was accepted."""
        return self.added_ms <= sent_ms and (self.removed_ms is None or self.removed_ms > sent_ms)


@dataclass(frozen=True, slots=True)
class Lacking:
    """So many people, with devices that ask for a key, have come as ``standing`` says, but only up
    to ``without`` on other devices. ``reference``: of the key."""

    reference: bytes
    without: int
    standing: ReaderCount

    def lack(self, message: SentMessage) -> bool:
        """Return whether they have passed a message that none of their devices has opened."""
        return self.reference == message.reference and self.without < message.seq


def _messages(conversation_id: ConversationId) -> Select[Any]:
    return (
        select(_E.seq, _E.sent_ms, _E.person_id, _E.key_id)
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
_MEMBER = _M.conversation_id, _M.person_id, _M.added_ms, _M.removed_ms
_FURTHEST = func.max(_U.delivered_seq).label("delivered"), func.max(_U.read_seq).label("read")


class _Window:
    """The messages that are asked about, and the columns of a member as they look from there."""

    def __init__(self, conversation_id: ConversationId, messages: Sequence[SentMessage]) -> None:
        self.oldest, self.newest = (choose(one.seq for one in messages) for choose in (min, max))
        self.oldest_ms, self.newest_ms = (
            choose(one.sent_ms for one in messages) for choose in (min, max)
        )
        self.senders = sorted({one.person_id for one in messages})
        self.here = and_(
            _M.conversation_id == conversation_id,
            _M.added_ms <= self.newest_ms,
            or_(_M.removed_ms.is_(None), _M.removed_ms > self.oldest_ms),
        )

    def reached(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a cursor, 0 before the oldest message."""
        return case((column >= self.oldest, column), else_=0)

    def columns(self, person: Any) -> tuple[ColumnElement[Any], ...]:
        """Return the columns of a ReaderCount but the number, of a row of a person."""
        phone = exists(
            select(literal(1)).where(
                _L.conversation_id == person.conversation_id,
                _L.person_id == person.person_id,
                _L.to_epoch.is_(None),
            )
        )
        has = or_(func.coalesce(person.delivered, 0) >= self.newest, phone)
        added, removed = person.added_ms, person.removed_ms
        return (
            self.reached(person.delivered).label("d"),
            self.reached(person.read).label("r"),
            case((added > self.oldest_ms, added), else_=0).label("a"),
            case((removed <= self.newest_ms, removed), else_=None).label("x"),
            case((has, 1), else_=0).label("p"),
            case((person.person_id.in_(self.senders), person.person_id), else_=None).label("s"),
        )


async def standings(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    messages: Sequence[SentMessage],
) -> list[ReaderCount]:
    """Return how far the people have come who belonged when one of these messages was accepted.

    It reads a row for each of them, so it is not for every cursor that moves.
    """
    window = _Window(conversation_id, messages)
    person = (
        select(*_MEMBER, *_FURTHEST)
        .select_from(MEMBERS)
        .outerjoin(CURSORS, _CURSORS)
        .where(window.here)
        .group_by(*MEMBERS.primary_key)
        .subquery()
        .c
    )
    rows = await connection.execute(
        select(*window.columns(person), func.count()).group_by("d", "r", "a", "x", "p", "s")
    )
    return [_standing(row) for row in rows]


async def lacking(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    messages: Sequence[SentMessage],
) -> list[Lacking]:
    """Return those of the same people who ask for the key of one of these messages."""
    window = _Window(conversation_id, messages)
    asks = and_(
        _R.conversation_id == conversation_id,
        _R.kind == int(SecretKind.CONVERSATION_KEY),
        _R.reference.in_({one.reference for one in messages}),
    )
    wanted = select(_R.person_id, _R.reference).where(asks).distinct().subquery().c
    asking = and_(asks, _R.client_id == _U.client_id, _R.reference == wanted.reference)
    other = case((_R.client_id.is_(None), _U.delivered_seq), else_=0)
    person = (
        select(
            *_MEMBER,
            wanted.reference,
            *_FURTHEST,
            func.max(other).label("without"),
        )
        .select_from(MEMBERS)
        .join(wanted.reference.table, wanted.person_id == _M.person_id)
        .join(CURSORS, _CURSORS)
        .outerjoin(SHARE_REQUESTS, asking)
        .where(window.here)
        .group_by(*MEMBERS.primary_key, wanted.reference)
        .subquery()
        .c
    )
    columns = (person.reference, window.reached(person.without).label("w"))
    rows = await connection.execute(
        select(*columns, *window.columns(person), func.count()).group_by(
            person.reference, "w", "d", "r", "a", "x", "p", "s"
        )
    )
    return [Lacking(row[0], row[1], _standing(row[2:])) for row in rows]


def _standing(row: Sequence[Any]) -> ReaderCount:
    delivered, read, added_ms, removed_ms, phone, person_id, people = row
    return ReaderCount(delivered, read, added_ms, removed_ms, people, bool(phone), person_id)
