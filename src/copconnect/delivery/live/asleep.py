"""Devices that have not received a message: what pushes are about.

A device has received what its cursor has passed, whether it could open it or not (R9).
A connection that is open proves nothing, because a phone that sleeps keeps one for minutes.
:class:`Asleep` is the Delivery Service's part of ``copconnect.push.ports.PushConversations``.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, String, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.given import GivenRows
from copconnect.delivery.store import members
from copconnect.delivery.store.tables import CONVERSATIONS, CURSORS, LEAVES, LOG, MEMBERS
from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.principals import Loud, News

_MOST_READ = 200  # Messages whose senders are looked at.
_C, _E, _L, _M, _U = CONVERSATIONS.c, LOG.c, LEAVES.c, MEMBERS.c, CURSORS.c


class Asleep:
    """Reads who has not received what. Holds no state."""

    async def moved_since(
        self, connection: AsyncConnection, since_ms: int
    ) -> Sequence[tuple[ConversationId, Seq]]:
        """Return the conversations with a message since a time, and their newest seq."""
        rows = await connection.execute(
            select(_C.conversation_id, _C.last_seq).where(_C.last_message_ms >= since_ms)
        )
        return [(ConversationId(row.conversation_id), Seq(row.last_seq)) for row in rows]

    async def news(
        self, connection: AsyncConnection, after: Mapping[ConversationId, int], until_ms: int
    ) -> dict[ConversationId, News]:
        """Return what came after a seq of each of these conversations, until a time. Two
        statements."""
        rows = await connection.execute(_ENDS, {"p_ids": list(after)})
        ends = {ConversationId(row.conversation_id): row for row in rows}
        moved = {one: end for one, end in ends.items() if end.last_seq > after[one]}
        if not moved:
            return {}
        dialect = connection.dialect.name
        asked = _AFTER.values(dialect, [(one, after[one]) for one in moved])
        messages: dict[ConversationId, list[Any]] = {one: [] for one in moved}
        for row in await connection.execute(_newer(dialect), asked | {"p_until_ms": until_ms}):
            messages[row.conversation_id].append(row)
        return {one: _news(row, messages[one], after[one]) for one, row in moved.items()}

    def behind(
        self, asked: FromClause, *, calls_all: bool
    ) -> Select[tuple[ConversationId, ClientId, PersonId, int]]:
        """See push's ports.PushConversations."""
        delivered = func.coalesce(_U.delivered_seq, 0)
        query = (
            select(
                _L.conversation_id,
                _L.client_id,
                _L.person_id,
                delivered.label("delivered_seq"),
            )
            .select_from(asked)
            .join(LEAVES, _L.conversation_id == asked.c.conversation_id)
            .join(
                MEMBERS,
                and_(_M.conversation_id == _L.conversation_id, _M.person_id == _L.person_id),
            )
            .outerjoin(
                CURSORS,
                and_(_U.conversation_id == _L.conversation_id, _U.client_id == _L.client_id),
            )
            .where(
                _L.to_epoch.is_(None),
                _L.client_id >= bindparam("p_from", type_=_L.client_id.type),
                _L.client_id < bindparam("p_to", type_=_L.client_id.type),
                _M.removed_ms.is_(None),
                delivered < asked.c.seq,
                or_(asked.c.sender.is_(None), _L.person_id != asked.c.sender),
            )
        )
        if calls_all:
            return query
        return query.where(~members.is_muted(bindparam("p_now_ms", type_=BigInteger())))

    def received(self) -> Select[tuple[ConversationId, ClientId, int]]:
        """Return a statement of how far each device has come."""
        return select(_U.conversation_id, _U.client_id, _U.delivered_seq)


_ENDS = select(_C.conversation_id, _C.kind, _C.devices, _C.last_seq, _C.state_seq).where(
    among(_C.conversation_id, "p_ids")
)

_AFTER = GivenRows("p_after", {"conversation_id": String, "after": BigInteger})


@cache
def _newer(dialect: str) -> Select[Any]:
    """Return the statement of the newest messages of conversations, newest first."""
    asked = _AFTER.clause(dialect)
    place = func.row_number().over(partition_by=_E.conversation_id, order_by=_E.seq.desc())
    newest = (
        select(
            *(_E.conversation_id, _E.seq, _E.person_id, _E.quiet, _E.calls_all),
            place.label("place"),
        )
        .join(asked, and_(_E.conversation_id == asked.c.conversation_id, _E.seq > asked.c.after))
        .where(_E.sent_ms <= bindparam("p_until_ms", type_=BigInteger()))
        .subquery()
    )
    return (
        select(newest)
        .where(newest.c.place <= _MOST_READ)
        .order_by(newest.c.conversation_id, newest.c.seq.desc())
    )


def _news(end: Any, messages: Sequence[Any], after: int) -> News:
    """Return the news of a conversation from its messages, newest first."""
    upto = Seq(messages[0].seq if messages else after)
    # The name or the photo of a group changed, or somebody voted: nobody is woken for that.
    loud = [one for one in messages if one.seq != end.state_seq and not one.quiet]
    more = not messages or end.last_seq > upto
    some = [
        _loud([one for one in loud if one.calls_all], calls_all=True),
        _loud(loud, calls_all=False),
    ]
    return News(end.kind, end.devices, upto, [one for one in some if one], more)


def _loud(messages: Sequence[Any], *, calls_all: bool) -> Loud | None:
    """Return messages, newest first, as the messages that devices are woken for; None for none."""
    if not messages:
        return None
    senders = {PersonId(one.person_id) for one in messages}
    # Older ones than were looked at may be other people's.
    known = len(senders) == 1 and len(messages) < _MOST_READ
    return Loud(Seq(messages[0].seq), senders.pop() if known else None, calls_all)
