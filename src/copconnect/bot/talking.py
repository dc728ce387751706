"""Messages, people, conversations and files, as a bot's program sees them.

Everything here is a plain view; what it does goes through :class:`Desk`. Names and ranks are those
of a person's signed card, never what a server says.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from copconnect.bot import content
from copconnect.bot.context import LOG
from copconnect.bot.conversation.place import Place
from copconnect.bot.device import Device
from copconnect.bot.failures import BotFailure, NotPosted, Unreachable
from copconnect.bot.ordering import Acknowledged, acknowledge, acknowledgements
from copconnect.bot.state.rows import InboxRow, OutgoingRow
from copconnect.ids import ConversationId, MessageId, PersonId, new_id
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.confirmed import How, confirmed
from copconnect.records.trust.person_card import PersonCard

_LATIN = "Latn"


@dataclass(frozen=True, slots=True)
class Person:
    """A person by their signed card. ``names``: by ISO 15924 script ("Latn", "Telu");
    ``unit_path``: units from the top, joined by "/"; ``approved``: False where the department lets
    first devices in that no admin has confirmed."""

    person_id: PersonId
    names: dict[str, str]
    rank: str
    post: str
    unit: str
    unit_path: str
    approved: bool

    @property
    def name(self) -> str:
        """The name in Latin script, or in the first that the card has."""
        return self.names.get(_LATIN) or next(iter(self.names.values()), "")


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message. ``size``: bytes; ``name`` and ``mime`` are the sender's."""

    name: str
    mime: str
    size: int
    _pointer: content.Pointer = field(repr=False)
    _device: Device = field(repr=False)

    async def read(self) -> bytes:
        """Fetch and decrypt it. Raises BotFailure for one over 64 MiB, or changed on its way."""
        return await self._device.uploads.download(self._pointer)


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes to send as a file."""

    name: str
    data: bytes
    mime: str | None = None


Sendable = Upload | Path


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that is stored and will be sent, whatever happens. ``new``: False where the same
    was posted before, so that nothing was stored now."""

    message_id: MessageId
    new: bool
    _device: Device = field(repr=False)

    async def accepted(self) -> int:
        """Wait until the server has it; return its number in the conversation. Raises NotPosted."""
        row = await self._device.outbox.settled(self.message_id)
        if row.code:
            raise NotPosted(row.code)
        return row.seq


@dataclass(frozen=True, slots=True)
class IssuedOrder(Posted):
    """An order of the bot's."""

    _conversation_id: ConversationId = field(repr=False)

    async def acknowledgements(self) -> AsyncIterator[Acknowledged]:
        """Yield who has acknowledged so far, by person, each signature verified. Raises
        BotFailure before the server has the order, and what the server raises."""
        found = acknowledgements(self._device, self._conversation_id, self.message_id)
        async for one in found:
            yield one

    async def watch(self, every_s: float = 10.0) -> AsyncIterator[Acknowledged]:
        """Yield each acknowledgement once, and again where another record of the person counts;
        ask every so many seconds, for ever. An outage is waited for."""
        await self.accepted()
        told: dict[PersonId, Acknowledged] = {}
        while True:
            try:
                found = [one async for one in self.acknowledgements()]
            except Unreachable as error:
                LOG.info("order %s: acknowledgements wait: %s", self.message_id, error)
                found = []
            for one in found:
                if told.get(one.person_id) != one:
                    told[one.person_id] = one
                    yield one
            await asyncio.sleep(every_s)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation that lists the bot."""

    conversation_id: ConversationId
    name: str
    kind: str
    members: int
    may_post: bool
    _desk: "Desk" = field(repr=False)

    async def post(
        self, text: str, *, attachments: Sequence[Sendable] = (), once: str | None = None
    ) -> Posted:
        """Post a message; see :meth:`copconnect.bot.Bot.post`."""
        return self._desk.post(self.conversation_id, text, attachments=attachments, once=once)

    async def issue(self, order: content.Order, *, once: str | None = None) -> IssuedOrder:
        """Issue an order; see :meth:`copconnect.bot.Bot.issue`."""
        return self._desk.issue(self.conversation_id, order, once=once)


@dataclass(slots=True)
class Message:
    """A message to the bot. ``message_id``: the idempotency key, the same whenever this message is
    handed to a handler; ``redelivered``: a handler had begun with it and did not end.
    ``signed_ms``: by the sender's device; ``sent_ms``: when the server took it. ``gap``: an earlier
    message of this sender is missing, lost or withheld by the server. ``order``: the order that the
    message is; ``text`` and ``files`` are the order's then."""

    message_id: MessageId
    conversation: Conversation
    sender: Person
    text: str
    files: Sequence[File]
    signed_ms: int
    sent_ms: int
    redelivered: bool
    gap: bool
    order: content.Order | None
    _header_hash: bytes = field(repr=False)
    _desk: "Desk" = field(repr=False)
    _replies: int = 0

    async def acknowledge(self, choice: int = 0) -> None:
        """Sign and send that the bot has the order; ``choice``: its place in the order's list from
        1. Raises ValueError for a message that is no order, NotPosted with the outcome that refuses
        it, and what the server raises: then the handler runs again."""
        if self.order is None:
            raise ValueError("the message is no order")
        await self._desk.acknowledge(
            self.conversation.conversation_id, self.message_id, self._header_hash, choice
        )

    async def reply(self, text: str, *, attachments: Sequence[Sendable] = ()) -> Posted:
        """Answer in the same conversation, quoting the message.

        The answer is stored before this returns. The first reply of a handler is the first however
        often the handler runs: after a crash it is not posted again.
        """
        self._replies += 1
        pointer = content.ReplyPointer(
            message_id=self.message_id,
            person_id=self.sender.person_id,
            preview=content.preview_of(self.text),
        )
        return self._desk.post(
            self.conversation.conversation_id,
            text,
            attachments=attachments,
            once=f"reply {self.message_id} {self._replies}",
            reply_to=pointer,
        )


class Desk:
    """Makes views of the device's state, and posts."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def place(self, conversation_id: ConversationId) -> Place | None:
        """Return a conversation that lists the bot."""
        place = self._device.places.get(conversation_id)
        return place if place is not None and place.row.listed else None

    def conversations(self) -> list[Conversation]:
        """Return the conversations that list the bot."""
        places = list(self._device.places.values())
        return [self.conversation(one) for one in places if one.row.listed]

    def conversation(self, place: Place) -> Conversation:
        """Return the view of a conversation."""
        row = place.row
        name = row.profile.title if row.profile is not None else row.name
        if row.direct_person_id is not None:
            name = self.person(row.direct_person_id).name
        return Conversation(place.id, name, row.kind, row.members, row.may_post, self)

    def person(self, person_id: PersonId, device: bytes | None = None) -> Person:
        """Return a person by their card; ``device``: the one that is judged."""
        owner = bytes.fromhex(person_id)
        card: PersonCard | None = self._device.people.card(owner)
        approved = device is not None and self._is_approved(device)
        if card is None:
            return Person(person_id, {}, "", "", "", "", approved)
        names = dict(card.names)
        rank, post, unit = (dict(one).get("Latn", "") for one in (card.rank, card.post, card.unit))
        return Person(person_id, names, rank, post, unit, card.path, approved)

    def _is_approved(self, device: bytes) -> bool:
        try:
            now = self._device.context.time.best_now()
            how = confirmed(self._device.people.trust, device, now).how
        except Refused:
            return False
        return how != How.NOT_APPROVED

    def message(self, row: InboxRow) -> Message | None:
        """Return the view of a message in the inbox; None: nothing that a handler reads."""
        found = content.decode(row.plaintext)
        place = self._device.places.get(row.conversation_id)
        if not isinstance(found, content.Text | content.Order) or place is None:
            return None
        files = [File(one.name, one.mime, one.size, one, self._device) for one in found.attachments]
        sender = self.person(row.person_id, bytes.fromhex(row.device))
        return Message(
            message_id=row.message_id,
            conversation=self.conversation(place),
            sender=sender,
            text=found.text,
            files=files,
            signed_ms=row.signed_ms,
            sent_ms=row.sent_ms,
            redelivered=row.tries > 0,
            gap=row.gap,
            order=found if isinstance(found, content.Order) else None,
            _header_hash=row.header_hash,
            _desk=self,
        )

    async def acknowledge(
        self,
        conversation_id: ConversationId,
        order_id: MessageId,
        header_hash: bytes,
        choice: int,
    ) -> None:
        """Acknowledge an order. Raises NotPosted."""
        await acknowledge(self._device, conversation_id, order_id, header_hash, choice)

    def issue(
        self, conversation_id: ConversationId, order: content.Order, *, once: str | None = None
    ) -> IssuedOrder:
        """Store an order to be sent, and begin to send it. Raises BotFailure, ValueError."""
        posted = self._send(conversation_id, order, once=once, files=())
        return IssuedOrder(
            posted.message_id,
            new=posted.new,
            _device=self._device,
            _conversation_id=conversation_id,
        )

    def post(
        self,
        conversation_id: ConversationId,
        text: str,
        *,
        attachments: Sequence[Sendable] = (),
        once: str | None = None,
        reply_to: content.ReplyPointer | None = None,
    ) -> Posted:
        """Store a message to be sent, and begin to send it. Raises BotFailure, ValueError."""
        draft = content.Text(text=text, reply_to=reply_to)
        return self._send(conversation_id, draft, once=once, files=attachments)

    def _send(
        self,
        conversation_id: ConversationId,
        draft: content.Text | content.Order,
        *,
        once: str | None,
        files: Sequence[Sendable],
    ) -> Posted:
        place = self.place(conversation_id)
        if place is None:
            raise BotFailure(f"the bot is not in conversation {conversation_id}")
        device = self._device
        message_id = self._message_id(place, once)
        if device.stores.once.get(message_id) is not None:
            return Posted(message_id, new=False, _device=device)
        uploads = [self._read(one) for one in files]
        with device.stores.transaction():
            pointers = [device.uploads.seal(one.name, one.data, one.mime) for one in uploads]
            last = device.stores.outgoing.all(place.id, newest=True, limit=1)
            row = OutgoingRow(
                message_id=message_id,
                conversation_id=place.id,
                order=last[0].order + 1 if last else 1,
                content=content.encode(replace(draft, attachments=pointers) if pointers else draft),
                attachment_ids=[one.id for one in pointers],
            )
            device.outbox.store(place, row)
        device.outbox.kick(place)
        return Posted(message_id, new=True, _device=device)

    def _read(self, one: Sendable) -> Upload:
        return Upload(one.name, one.read_bytes()) if isinstance(one, Path) else one

    def _message_id(self, place: Place, once: str | None) -> MessageId:
        """Return an id: the same for what a program calls the same, else a random one. The secret
        key makes both look alike to everybody else."""
        if once is None:
            return MessageId(new_id())
        key = self._device.account.row.once_key
        name = f"{place.id}\0{once}".encode()
        return MessageId(hmac.digest(key, name, "sha256")[:16].hex())
