"""Acknowledgements of orders: giving one, and reading those of an own order.

Every record is checked before a program sees it: it names this order by the hash of the header that
this bot signed, and it is signed by a confirmed device, of its own person or, for somebody who was
told in person, of the person who the server says told them. A record that fails is left out and
logged: a server can withhold acknowledgements, and cannot make one up. Answers are sealed to phones
of the issuer and are not opened here.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from copconnect import wire
from copconnect.bot.context import LOG
from copconnect.bot.device import Device
from copconnect.bot.failures import BotFailure, NotPosted
from copconnect.ids import ConversationId, MessageId, PersonId
from copconnect.records.conversation.acknowledgement import NO_ANSWER, Acknowledgement, Told
from copconnect.records.primitives.fields import Refused, require


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A person who has acknowledged. ``choice``: its place in the order's list from 1, 0 for none;
    ``told_by``: who told the person in person and signed it; None: the person's own signature.
    ``signed_ms``: by the signer's device."""

    person_id: PersonId
    choice: int
    told_by: PersonId | None
    signed_ms: int
    answered: bool


async def acknowledge(
    device: Device,
    conversation_id: ConversationId,
    order_id: MessageId,
    header_hash: bytes,
    choice: int,
) -> None:
    """Sign that the bot has an order, and post it. Raises NotPosted with the outcome that refuses
    it, and what the server raises."""
    context = device.context
    identity = context.identity
    record = Acknowledgement(
        conversation_id=bytes.fromhex(conversation_id),
        message_id=bytes.fromhex(order_id),
        header_hash=header_hash,
        text_hash=header_hash,
        device=identity.device,
        person_id=identity.person,
        told=Told.OWN,
        choice=choice,
        answer_hash=NO_ANSWER,
        created=context.time.require_now(),
    ).signed(identity.signer)
    outcome = await context.api.acknowledge(order_id, record.encode())
    if outcome not in {"counted", "superseded"}:
        raise NotPosted(outcome)


async def acknowledgements(
    device: Device, conversation_id: ConversationId, order_id: MessageId
) -> AsyncIterator[Acknowledged]:
    """Yield who has acknowledged an order of this bot, by person, each verified. Raises what the
    server raises, and BotFailure for an order that this bot did not send."""
    once = device.stores.once.get(order_id)
    if once is None or not once.header_hash:
        raise BotFailure(f"this bot has sent no order {order_id} that the server has")
    tellers: dict[PersonId, PersonId] | None = None
    after = ""
    while True:
        page = await device.context.api.order_records(order_id, after)
        for item in page.records:
            try:
                record = Acknowledgement.parse(item.record)
                _check_order(record, conversation_id, order_id, once.header_hash)
                person_id = PersonId(record.person_id.hex())
                told_by = None
                if record.told == Told.IN_PERSON:
                    if tellers is None:
                        tellers = await _tellers(device, order_id)
                    told_by = tellers.get(person_id)
                    require(told_by is not None, "O1", "nobody is said to have told the person")
                signer = bytes.fromhex(told_by or person_id)
                confirmed = await device.people.confirmed(
                    signer, record.device, record.created, "O1"
                )
                record.verify(confirmed.public_key)
                require(record.has_answer(item.answer), "O1", "another answer than was signed")
            except Refused as refused:
                LOG.error("order %s: an acknowledgement is left out: %s", order_id, refused)
                continue
            if record.unreadable:  # The person has not acknowledged the order.
                continue
            yield Acknowledged(
                person_id=person_id,
                choice=record.choice,
                told_by=told_by,
                signed_ms=record.created,
                answered=item.answer is not None,
            )
        if page.next is None:
            return
        after = page.next


def _check_order(
    record: Acknowledgement, conversation_id: ConversationId, order_id: MessageId, hashed: bytes
) -> None:
    names = (
        record.conversation_id.hex() == conversation_id
        and record.message_id.hex() == order_id
        and record.header_hash == hashed
    )
    require(names, "O1", "it is about another order")


async def _tellers(device: Device, order_id: MessageId) -> dict[PersonId, PersonId]:
    """Return who told whom in person, as the server says; signatures decide."""
    found: dict[PersonId, PersonId] = {}
    after: str | None = ""
    while after is not None:
        page: wire.OrderPeople = await device.context.api.order_people(order_id, after)
        for one in page.people:
            given = one.acknowledgement
            if given is not None and given.told_by is not None:
                found[one.person.person_id] = given.told_by
        after = page.next
    return found
