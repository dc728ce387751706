"""Devices that have not received a message: what pushes are about.

A device has received what its cursor has passed, whether it could open it or not (R9).
A connection that is open proves nothing, because a phone that sleeps keeps one for minutes.
:class:`Asleep` is the Delivery Service's part of ``copconnect.push.ports.Conversations``.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

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
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        after: int,
        until_ms: int,
    ) -> News | None:
        """Return what came after a seq and until a time; None for nothing. Two statements."""
        found = (
            await connection.execute(
                select(_C.kind, _C.devices, _C.last_seq, _C.state_seq).where(
                    _C.conversation_id == conversation_id
                )
            )
        ).first()
        if found is None or found.last_seq <= after:
            return None
        messages = (
            await connection.execute(
                select(_E.seq, _E.person_id, _E.quiet, _E.flash)
                .where(_E.conversation_id == conversation_id, _E.seq > after)
                .where(_E.sent_ms <= until_ms)
                .order_by(_E.seq.desc())
                .limit(_MOST_READ)
            )
        ).all()
        upto = Seq(messages[0].seq if messages else after)
        # The name or the photo of a group changed, or somebody voted: nobody is woken for that.
        loud = [one for one in messages if one.seq != found.state_seq and not one.quiet]
        more = not messages or found.last_seq > upto
        some = [_loud([one for one in loud if one.flash], flash=True), _loud(loud, flash=False)]
        return News(found.kind, found.devices, upto, [one for one in some if one], more)

    def behind(
        self, conversation_id: ConversationId, loud: Loud, now_ms: int, within: tuple[str, str]
    ) -> Select[tuple[ClientId, PersonId, int]]:
        """Return a statement of the listed devices that have not received the newest of messages,
        as ``client_id``, ``person_id``, ``delivered_seq``: without those of the sender and, but for
        flash orders, of people who muted the conversation."""
        delivered = func.coalesce(_U.delivered_seq, 0)
        query = (
            select(_L.client_id, _L.person_id, delivered.label("delivered_seq"))
            .select_from(LEAVES)
            .join(
                MEMBERS,
                and_(_M.conversation_id == _L.conversation_id, _M.person_id == _L.person_id),
            )
            .outerjoin(
                CURSORS,
                and_(_U.conversation_id == _L.conversation_id, _U.client_id == _L.client_id),
            )
            .where(
                _L.conversation_id == conversation_id,
                _L.to_epoch.is_(None),
                _L.client_id >= within[0],
                _L.client_id < within[1],
                _M.removed_ms.is_(None),
                delivered < loud.seq,
            )
        )
        if not loud.flash:
            query = query.where(~members.is_muted(now_ms))
        return query if loud.sender is None else query.where(_L.person_id != loud.sender)

    def received(self) -> Select[tuple[ConversationId, ClientId, int]]:
        """Return a statement of how far each device has come."""
        return select(_U.conversation_id, _U.client_id, _U.delivered_seq)


def _loud(messages: Sequence[Any], *, flash: bool) -> Loud | None:
    """Return messages, newest first, as those that devices are woken for; None for none."""
    if not messages:
        return None
    senders = {PersonId(one.person_id) for one in messages}
    # Older ones than were looked at may be other people's.
    known = len(senders) == 1 and len(messages) < _MOST_READ
    return Loud(Seq(messages[0].seq), senders.pop() if known else None, flash)
