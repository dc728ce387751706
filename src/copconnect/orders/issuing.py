"""Decides who may issue orders to whom, and takes the terms of orders and of their changes in the
transaction that stores the message.

A person may issue an order in a conversation who has the right of its priority over everybody
there (``require``), and to a unit who heads a unit above it (``post_over``). Devices read the
answer from the signed list of members (client/src/orders/rightful.ts).

Terms are not signed: a client writes the same into the encrypted text, for its readers to compare.
The terms of the first sending count; a repeat of the message changes nothing.
"""

from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import Transaction
from copconnect.ids import ConversationId, MessageId, PersonId, PostId, UnitId
from copconnect.orders import rules, store
from copconnect.orders.ports import OrderConversations, PersonRights, Postings
from copconnect.principals import AcceptedMessage, Caller
from copconnect.rights import HeldRights


class OrderIssuing:
    """The part of orders that the Delivery Service asks; see its port ``Orders``.

    A person may issue an order in a conversation if they have the right of its priority
    (``rules.ISSUE``) over the unit of everybody else there. Their leaf signs it, from their first
    order there on, and devices go by that; :meth:`require` checks it in the transaction of the
    order's message, for every order and every correction. The Delivery Service demands besides that
    an admin of the conversation sends a flash order (delivery/rules/messages.py, ``for_admins``).
    """

    def __init__(self, conversations: OrderConversations, postings: Postings) -> None:
        self._conversations = conversations
        self._postings = postings
        self._rights: PersonRights

    def attach(self, rights: PersonRights) -> None:
        """Take the rights of people, before any message is sent. They are made after this."""
        self._rights = rights

    async def allowed(
        self, connection: AsyncConnection, caller: Caller, conversation_id: ConversationId | None
    ) -> wire.Issuing:
        """Return the priorities that the caller may use, in a conversation and anywhere. Raises
        NotMember."""
        held = await self._rights.of(connection, caller.person_id)
        anywhere = [one for one, right in rules.ISSUE.items() if held.has(right)]
        here: list[wire.OrderPriority] = []
        if conversation_id is not None:
            found = await self._here(connection, held, conversation_id, caller.person_id)
            if found is None:
                raise errors.NotMember
            here = found
        return wire.Issuing(here=here, anywhere=anywhere)

    async def issuable(
        self, connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId
    ) -> list[wire.OrderPriority]:
        """Return the priorities of which a person may issue orders in a conversation now."""
        held = await self._rights.of(connection, person_id)
        return await self._here(connection, held, conversation_id, person_id) or []

    async def _here(
        self,
        connection: AsyncConnection,
        held: HeldRights,
        conversation_id: ConversationId,
        person_id: PersonId,
    ) -> list[wire.OrderPriority] | None:
        """Return the same by the person's rights; None for somebody who does not belong."""
        reader = self._conversations.readers(conversation_id).subquery()
        own = (
            await connection.execute(select(reader.c.admin).where(reader.c.person_id == person_id))
        ).first()
        if own is None:
            return None
        return [
            one
            for one, right in rules.ISSUE.items()
            if held.has(right)
            and (own.admin or one != "flash")
            and await self._outside(connection, held, right, conversation_id, person_id) == 0
        ]

    async def units(self, connection: AsyncConnection, caller: Caller) -> wire.IssuableUnits:
        """Return the units to each of which the caller may issue orders, with their people."""
        commanded = await self._commanded(connection, caller.person_id)
        if not commanded:
            return wire.IssuableUnits(units=[])
        paths = await self._postings.unit_paths(connection)
        people = dict.fromkeys(commanded, 0)
        for unit, count in (await self._postings.people_by_unit(connection)).items():
            for above in paths.get(unit, "").split("/"):
                if above in people:
                    people[UnitId(above)] += count
        return wire.IssuableUnits(
            units=[wire.IssuableUnit(unit_id=one, people=count) for one, count in people.items()]
        )

    async def post_over(
        self, connection: AsyncConnection, person_id: PersonId, unit_id: UnitId
    ) -> PostId:
        """Return the post by which a person issues orders to a unit: the nearest of the person's
        that heads a unit above it. Raises NotFound for a unit that is not there, MayNotIssue."""
        if unit_id not in await self._postings.unit_paths(connection):
            raise errors.NotFound
        post_id = (await self._commanded(connection, person_id)).get(unit_id)
        if post_id is None:
            raise errors.MayNotIssue(right=rules.ISSUE["routine"])
        return post_id

    async def _commanded(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> dict[UnitId, PostId]:
        """Return the units, below the units that a person heads, to which the person may issue
        orders of some priority, each with the person's post that heads the nearest unit above."""
        headed = await self._postings.headed(connection, person_id)
        if not headed:
            return {}
        held = await self._rights.of(connection, person_id)
        found: dict[UnitId, PostId] = {}
        for unit, path in (await self._postings.unit_paths(connection)).items():
            above = [UnitId(one) for one in path.split("/")[-2::-1]]
            post_id = next((headed[one] for one in above if one in headed), None)
            may = any(held.lacking(right, [path]) is None for right in rules.ISSUE.values())
            if post_id is not None and may:
                found[unit] = post_id
        return found

    async def require(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        person_id: PersonId,
        priority: wire.OrderPriority,
    ) -> None:
        """Raise MayNotIssue unless the person may issue an order of this priority here."""
        right = rules.ISSUE[priority]
        held = await self._rights.of(connection, person_id)
        # A conversation without others asks for the right too: people who are added to it later owe
        # what was issued before.
        if not held.has(right):
            raise errors.MayNotIssue(right=right)
        outside = await self._outside(connection, held, right, conversation_id, person_id)
        if outside:
            raise errors.MayNotIssue(right=right, outside=outside)

    async def _outside(
        self,
        connection: AsyncConnection,
        held: HeldRights,
        right: wire.Right,
        conversation_id: ConversationId,
        person_id: PersonId,
    ) -> int:
        """Return how many others of a conversation hold no post over which a right is held. People
        who are suspended count for nothing: they read no order."""
        paths = await self._postings.unit_paths(connection)
        units = [unit for unit, path in paths.items() if held.lacking(right, [path]) is None]
        reader = self._conversations.readers(conversation_id).subquery()
        outside = self._postings.posted_elsewhere(units).subquery()
        return (
            await connection.execute(
                select(func.count())
                .select_from(reader)
                .where(
                    reader.c.person_id != person_id,
                    reader.c.person_id.in_(select(outside.c.person_id)),
                )
            )
        ).scalar_one()

    async def accepted(
        self,
        connection: Transaction,
        message: AcceptedMessage,
        said: wire.OrderTerms | wire.OrderChange,
    ) -> None:
        """Store what a message says of orders. Raises OrderInvalid, MayNotIssue; NotFound for a
        change of an order of another conversation, or one that is not the person's to change."""
        if isinstance(said, wire.OrderTerms):
            await self._issue(connection, message, said)
        else:
            await self._change(connection, message, said)

    async def _issue(
        self, connection: Transaction, message: AcceptedMessage, terms: wire.OrderTerms
    ) -> None:
        await self.require(connection, message.conversation_id, message.person_id, terms.priority)
        rules.check_terms(terms, message.sent_ms)
        if await store.one(connection, message.message_id) is not None:
            # Another conversation's message has this id.
            raise errors.OrderInvalid(reason="the message id is taken")
        await store.add(
            connection,
            {
                "order_id": message.message_id,
                "conversation_id": message.conversation_id,
                "seq": message.seq,
                "header_hash": message.header_hash,
                "issuer_id": message.person_id,
                "issued_ms": message.sent_ms,
                "texts": rules.packed({message.header_hash: message.seq}),
                "asked_seq": message.seq,
                "asked_ms": message.sent_ms,
                "priority": terms.priority,
                "choices": terms.choices,
                "items": terms.items,
                "answers": terms.answers,
                "photo": terms.photo,
                "valid_until_ms": terms.valid_until_ms,
                "readers": ",".join(terms.readers),
                "remind_minutes": ",".join(map(str, terms.remind_minutes)),
                "escalate_minutes": terms.escalate_minutes,
                "escalate_below": terms.escalate_below,
                "due_ms": rules.next_due(terms, message.sent_ms, message.sent_ms),
            },
        )

    async def _change(
        self, connection: Transaction, message: AcceptedMessage, said: wire.OrderChange
    ) -> None:
        order_id = MessageId(said.order_id)
        order = await store.one(connection, order_id)
        if order is None or order.conversation_id != message.conversation_id:
            raise errors.NotFound
        withdraws = said.change == "withdrawn" and message.person_id in store.terms(order).readers
        if order.issuer_id != message.person_id and not withdraws:
            raise errors.NotFound
        if order.withdrawn_ms is not None:
            raise errors.OrderInvalid(reason="the order is withdrawn")
        if said.change == "corrected":
            await self.require(
                connection, message.conversation_id, message.person_id, order.priority
            )
            await store.change(connection, order_id, **_corrected(order, message, said))
        elif said.asks_again:
            raise errors.OrderInvalid(reason="a withdrawal asks nobody")
        else:
            await store.change(
                connection,
                order_id,
                withdrawn_ms=message.sent_ms,
                due_ms=None,
            )


def _corrected(order: Row[Any], message: AcceptedMessage, said: wire.OrderChange) -> dict[str, Any]:
    """Return what a correction changes of its order's row. Raises OrderInvalid."""
    texts = rules.unpacked(order.texts) | {message.header_hash: message.seq}
    if len(texts) > rules.MOST_TEXTS:
        raise errors.OrderInvalid(reason="corrected too often: issue another order")
    values: dict[str, Any] = {"texts": rules.packed(texts)}
    if said.asks_again:
        due_ms = rules.next_due(store.terms(order), message.sent_ms, message.sent_ms)
        values |= {"asked_seq": message.seq, "asked_ms": message.sent_ms}
        values |= {"due_ms": due_ms, "escalated_ms": None}
    return values
