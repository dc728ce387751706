"""Orders: messages that ask everybody for an acknowledgement, and who has given it.

Text, choices and answers are encrypted like any message. The device sends the server the terms in
the clear beside the message, so that it can count; ``order_id`` is the message's id.
Acknowledgements are signed records of docs/keys.md.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import AttachmentId, ConversationId, MessageId, PersonId, Seq, UnitId
from copconnect.limits import (
    ACKNOWLEDGEMENTS,
    MAX_ANSWER_BYTES,
    MAX_RECORD_BYTES,
    ORDER_CHOICES,
    ORDER_ITEMS,
    ORDER_READERS,
    ORDER_UNITS,
    REMINDERS,
)
from copconnect.wire.base import HEX16, Frame, Wire
from copconnect.wire.directory import Person
from copconnect.wire.trust import PersonTrust

OrderPriority = Literal["routine", "urgent", "flash"]
# How far somebody who owes an acknowledgement has come: each state excludes those before it.
# "unreadable": their device has it, and the person says that it cannot be read.
OrderState = Literal["waiting", "received", "read", "acknowledged", "unreadable"]
# "counted": this record counts, or did already; "superseded": another record of the person counts.
# Everything else refuses it: docs/protocol.md.
AcknowledgementOutcome = Literal[
    "counted",
    "superseded",
    "malformed",
    "wrong_order",
    "wrong_device",
    "wrong_choice",
    "wrong_answer",
    "wrong_photo",
    "photo_missing",
    "not_owed",
    "not_allowed",
    "wrong_time",
    "too_late",
    "withdrawn",
]
ItemPlace = Annotated[int, Meta(ge=1, le=ORDER_ITEMS)]
Minutes = Annotated[int, Meta(ge=1, le=43_200)]


class MessageTerms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="t",
):
    """Base of what a message tells the server in the clear."""


class OrderTerms(MessageTerms, frozen=True, kw_only=True, tag="order"):
    """The message is an order. ``choices``: how many texts to choose from it has, 0 for none;
    ``items``: how many items its checklist has, 0 for none; ``answers``: it asks for a short text,
    which an order with a checklist does not; ``photo``: it asks for one as proof.
    ``valid_until_ms``: acknowledgements signed later do
    not count. ``remind_minutes``: ascending, when people who owe an acknowledgement are woken
    again. ``escalate_minutes``: when heads of units are woken below which fewer than
    ``escalate_below`` percent have acknowledged; None: never. ``readers``: people appointed to read
    answers beside the issuer, who may withdraw the order too."""

    priority: OrderPriority
    choices: Annotated[int, Meta(ge=0, le=ORDER_CHOICES)]
    items: Annotated[int, Meta(ge=0, le=ORDER_ITEMS)]
    answers: bool
    photo: bool
    readers: Annotated[list[Annotated[PersonId, HEX16]], Meta(max_length=ORDER_READERS)]
    valid_until_ms: Annotated[int, Meta(ge=0)] | None
    remind_minutes: Annotated[list[Minutes], Meta(max_length=REMINDERS)]
    escalate_minutes: Minutes | None
    escalate_below: Annotated[int, Meta(ge=1, le=100)]


class OrderChange(MessageTerms, frozen=True, kw_only=True, tag="order_change"):
    """The message corrects or withdraws an order of the same conversation. Its issuer does either;
    the people whom it appoints withdraw it. ``asks_again``: a correction that everybody is to
    acknowledge again."""

    order_id: Annotated[MessageId, HEX16]
    change: Literal["corrected", "withdrawn"]
    asks_again: bool


class OrderText(Wire, frozen=True, kw_only=True):
    """A text of an order: its own or a correction's. ``header_hash``: H(header ‖ signature) of its
    message, by which acknowledgements name it."""

    seq: Seq
    header_hash: bytes


class OwnAcknowledgement(Wire, frozen=True, kw_only=True):
    """The record that counts for the caller, whole, and whose device signed it: the caller's own,
    or of somebody who told the caller in person. The caller's device verifies it.
    ``first_created_ms``: as GivenAcknowledgement has it."""

    record: bytes
    signer_id: PersonId
    first_created_ms: int


class GivenAcknowledgement(Wire, frozen=True, kw_only=True):
    """The record that counts for a person, as the server read it. ``told_by``: who told the person
    and signed it; None: the person's own. ``choice`` 0: none; UNREADABLE: the person cannot read
    the order, and has not acknowledged it. ``done``: items of the checklist, bit n - 1 for the
    nth; ``photo``: the person has sent one. ``received_ms``: when the server had it.
    ``first_created_ms``: when the first record was signed that acknowledged what is asked now: a
    tick of the checklist or another choice replaces the record, and keeps this time by the server's
    word."""

    choice: int
    done: int
    photo: bool
    told_by: PersonId | None
    created_ms: int
    received_ms: int
    first_created_ms: int


class Order(Wire, frozen=True, kw_only=True):
    """An order as one person sees it. ``header_hash``: H(header ‖ signature) of the message, which
    acknowledgements name. ``texts``: the oldest first; ``asked_seq``: of the newest that everybody
    is to acknowledge. ``escalated_ms``: when heads were woken because too few had acknowledged.
    ``owed``: the caller is asked for an acknowledgement and has given none that counts.
    ``overseen``: the caller may see who has acknowledged. The issuer and administrators of the
    conversation see everybody; others see the units where they have the right ``oversee_orders``.
    ``reminded_ms``: when somebody last asked for a reminder; ``reminds``: the caller may, because
    they see all of it."""

    order_id: MessageId
    conversation_id: ConversationId
    seq: Seq
    header_hash: bytes
    issuer_id: PersonId
    issued_ms: int
    terms: OrderTerms
    texts: list[OrderText]
    asked_seq: Seq
    withdrawn_ms: int | None
    escalated_ms: int | None
    reminded_ms: int | None
    owed: bool
    acknowledgement: OwnAcknowledgement | None
    overseen: bool
    reminds: bool


class Issuing(Wire, frozen=True, kw_only=True):
    """The priorities of which the caller may issue orders: ``here`` in the conversation that was
    asked about, to everybody in it; ``anywhere`` to some people."""

    here: list[OrderPriority]
    anywhere: list[OrderPriority]


class IssuableUnit(Wire, frozen=True, kw_only=True):
    """A unit below one that the caller heads. ``people``: active people in it and below it."""

    unit_id: UnitId
    people: int


class IssuableUnits(Wire, frozen=True, kw_only=True):
    """The units to each of which the caller may issue orders without belonging to their chats."""

    units: list[IssuableUnit]


class Orders(Wire, frozen=True, kw_only=True):
    """Newest first. ``next``: the ``after`` of the next page."""

    orders: list[Order]
    next: str | None


class SealedPhoto(Wire, frozen=True, kw_only=True):
    """A photo that an order asks for: the sealed pointer, and the attachment to which it points,
    which the same person uploaded for this order."""

    sealed: Annotated[bytes, Meta(min_length=1, max_length=MAX_ANSWER_BYTES)]
    attachment_id: Annotated[AttachmentId, HEX16]


class AcknowledgementItem(Wire, frozen=True, kw_only=True):
    """``record``: an Acknowledgement of docs/keys.md; ``answer`` and ``photo``: the sealed ones
    whose hashes it has; None also where the record that counts so far names the same."""

    record: Annotated[bytes, Meta(min_length=1, max_length=MAX_RECORD_BYTES)]
    answer: Annotated[bytes, Meta(min_length=1, max_length=MAX_ANSWER_BYTES)] | None
    photo: SealedPhoto | None


class SubmitAcknowledgements(Wire, frozen=True, kw_only=True):
    """Records of the calling device, about its person or, told in person, about others.
    Idempotent: a record that is kept counts once."""

    acknowledgements: Annotated[
        list[AcknowledgementItem], Meta(min_length=1, max_length=ACKNOWLEDGEMENTS)
    ]


class AcknowledgementOutcomes(Wire, frozen=True, kw_only=True):
    """An outcome for each record, in their order. A refused one keeps no other from counting."""

    outcomes: list[AcknowledgementOutcome]


class OrderProgress(Wire, frozen=True, kw_only=True):
    """Counts of a unit (None: of everybody) and of the units below it with people who owe, by
    unit; people of the unit itself are counted under its own id. Counts: owe, received, read,
    acknowledged, told in person among those, cannot read it, have sent a photo, then one for each
    choice, then one
    for each item of the checklist: the number of people who have done it. ``items``: how many of
    the counts are of items. The count of readers includes the people who acknowledged. The count of
    recipients includes the readers and the people who cannot read the order."""

    order_id: MessageId
    unit_id: UnitId | None
    counted_ms: int
    items: int
    total: list[int]
    units: dict[UnitId, list[int]]


class CountOrders(Wire, frozen=True, kw_only=True):
    """Orders that the caller issued, for example one order to several units."""

    order_ids: Annotated[
        list[Annotated[MessageId, HEX16]], Meta(min_length=1, max_length=ORDER_UNITS)
    ]


class RemindOfOrder(Wire, frozen=True, kw_only=True):
    """``reminded_ms``: when somebody last asked for a reminder, as the caller knows it. If another
    reminder has gone out lately, the request is a repeat and wakes nobody."""

    reminded_ms: int | None


class OrderReminded(Wire, frozen=True, kw_only=True):
    """When somebody last asked for a reminder of the order."""

    reminded_ms: int


class OrderTotal(Wire, frozen=True, kw_only=True):
    """Counts over everybody who must acknowledge an order, as in OrderProgress."""

    order_id: MessageId
    items: int
    total: list[int]


class OrderTotals(Wire, frozen=True, kw_only=True):
    """Counts of the orders that the caller issued, in the order of the request."""

    totals: list[OrderTotal]


class OrderCurve(Wire, frozen=True, kw_only=True):
    """How many had acknowledged by the end of each step of time after the order, ascending;
    steps without a change are left out."""

    order_id: MessageId
    step_ms: int
    points: list[tuple[int, int]]  # The number of the step from 1, and the count.


class OrderPerson(Wire, frozen=True, kw_only=True):
    """Somebody who owes, and how far they have come."""

    person: Person
    state: OrderState
    acknowledgement: GivenAcknowledgement | None


class OrderPeople(Wire, frozen=True, kw_only=True):
    """Seniors first, as the directory lists people."""

    people: list[OrderPerson]
    next: str | None


class OrderRecord(Wire, frozen=True, kw_only=True):
    """A record that counts, whole, with its sealed answer and photo: for verification and export.
    ``first_created_ms``: as GivenAcknowledgement has it."""

    record: bytes
    answer: bytes | None
    photo: SealedPhoto | None
    received_ms: int
    first_created_ms: int


class OrderRecords(Wire, frozen=True, kw_only=True):
    """By person id, ascending. ``people``: where asked for, all that is signed about the people of
    these records and their signers, and transitively about those whom they rest on."""

    records: list[OrderRecord]
    people: list[PersonTrust]
    next: str | None


class WatchOrder(Frame, frozen=True, kw_only=True, tag="watch_order"):
    """Send the progress of an order, of a unit (None: of everybody): all of it within a second,
    then what changes. A connection watches one at a time; None: none any more."""

    order_id: Annotated[MessageId, HEX16] | None
    unit_id: Annotated[UnitId, Meta(max_length=64)] | None


class OrderProgressFrame(Frame, frozen=True, kw_only=True, tag="order_progress"):
    """As OrderProgress, but with those units alone whose counts are others than were sent before.
    At most one each second."""

    order_id: MessageId
    unit_id: UnitId | None
    counted_ms: int
    items: int
    total: list[int]
    units: dict[UnitId, list[int]]


class OrderAcknowledged(Frame, frozen=True, kw_only=True, tag="order_acknowledged"):
    """Another device acknowledged this order for this person: ask for the order again."""

    order_id: MessageId
