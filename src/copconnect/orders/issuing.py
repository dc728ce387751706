"""Takes the terms of orders, and their changes, in the transaction that stores the message.

Terms are not signed: a client writes the same into the encrypted text, for its readers to compare.
The terms of the first posting count; a repeat of the message changes nothing.
"""

from copconnect import errors, wire
from copconnect.database.engine import Transaction
from copconnect.ids import MessageId
from copconnect.orders import rules, store
from copconnect.principals import PostedMessage


class Issuing:
    """The part of orders that the Delivery Service asks; see its port ``Orders``."""

    async def posted(
        self,
        connection: Transaction,
        message: PostedMessage,
        said: wire.OrderTerms | wire.OrderChange,
    ) -> None:
        """Store what a message says of orders. Raises OrderInvalid; NotFound for a change of an
        order that its person did not issue in its conversation."""
        if isinstance(said, wire.OrderTerms):
            await self._issue(connection, message, said)
        else:
            await self._change(connection, message, said)

    async def _issue(
        self, connection: Transaction, message: PostedMessage, terms: wire.OrderTerms
    ) -> None:
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
                "priority": terms.priority,
                "choices": terms.choices,
                "answers": terms.answers,
                "valid_until_ms": terms.valid_until_ms,
                "remind_minutes": ",".join(map(str, terms.remind_minutes)),
                "escalate_minutes": terms.escalate_minutes,
                "escalate_below": terms.escalate_below,
                "due_ms": rules.next_due(terms, message.sent_ms, message.sent_ms),
            },
        )

    async def _change(
        self, connection: Transaction, message: PostedMessage, said: wire.OrderChange
    ) -> None:
        order_id = MessageId(said.order_id)
        order = await store.one(connection, order_id)
        mine = (
            order is not None
            and order.conversation_id == message.conversation_id
            and order.issuer_id == message.person_id
        )
        if order is None or not mine:
            raise errors.NotFound
        if order.withdrawn_ms is not None:
            raise errors.OrderInvalid(reason="the order is withdrawn")
        if said.change == "corrected":
            await store.change(connection, order_id, corrected_seq=message.seq)
        else:
            await store.change(
                connection,
                order_id,
                withdrawn_seq=message.seq,
                withdrawn_ms=message.sent_ms,
                due_ms=None,
            )
