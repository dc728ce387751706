"""Messages, people, conversations and files, as a bot's program sees them.

Everything here is a plain view; what it does goes through :class:`Desk`. Names and ranks are those
of a person's signed card, never what a server says.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from copconnect.bot import content
from copconnect.bot.core import CalledAs, ConversationView, Core, MessageView, Person, QueuedView
from copconnect.bot.failures import BotFailure, ServerRefused, Unreachable
from copconnect.ids import ConversationId, MessageId, PersonId


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message. ``size``: bytes; ``name`` and ``mime`` are the sender's."""

    name: str
    mime: str
    size: int
    _pointer: content.Pointer = field(repr=False)
    _desk: "Desk" = field(repr=False)

    async def read(self) -> bytes:
        """Fetch and decrypt it. Raises ValueError for one over 64 MiB, BotFailure for one that was
        changed on its way."""
        return await self._desk.read(self._pointer)


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes to send as a file."""

    name: str
    data: bytes
    mime: str | None = None


Sendable = Upload | Path


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who has acknowledged. ``choice``: its place in the order's list from 1, 0 for none;
    ``done``: places of the items of its checklist that are done; ``told_by``: who told the person
    in person and signed it; None: the person's own signature. ``signed_ms``: by the signer's
    device."""

    person_id: PersonId
    choice: int
    done: list[int]
    told_by: PersonId | None
    signed_ms: int
    answered: bool


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that is stored and will be sent, whatever happens. ``new``: False where the same
    was sent before, so that nothing was stored now."""

    message_id: MessageId
    new: bool
    _conversation_id: ConversationId = field(repr=False)
    _desk: "Desk" = field(repr=False)

    async def accepted(self) -> int:
        """Wait until the server has it; return its number in the conversation. Raises NotSent."""
        return await self._desk.settled(self._conversation_id, self.message_id)

    async def edit(self, text: str, *, mentions: Sequence[content.Mention] = ()) -> None:
        """Give it other words, once the server has it: for an hour, four times at most. The same
        words again send nothing. Raises NotSent, ServerRefused (``edit_closed``: too late or too
        often; ``not_found``: the state file has it no more), ValueError for no words or too many
        and for a message that takes none."""
        await self.accepted()
        await self._desk.edit(self._conversation_id, self.message_id, text, mentions)

    async def delete(self) -> None:
        """Delete it for everybody, once the server has it. Raises NotSent, BotFailure."""
        await self.accepted()
        await self._desk.delete(self._conversation_id, self.message_id)


@dataclass(frozen=True, slots=True)
class IssuedOrder(QueuedMessage):
    """An order of the bot's."""

    async def acknowledgements(self) -> AsyncIterator[Acknowledged]:
        """Yield who has acknowledged so far, by person, each signature verified. Raises
        BotFailure before the server has the order, and what the server raises."""
        for one in await self._desk.acknowledgements(self.message_id):
            yield one

    async def watch(self, every_s: float = 10.0) -> AsyncIterator[Acknowledged]:
        """Yield each acknowledgement once, and again where another record of the person counts;
        ask every so many seconds, for ever. An outage is waited for."""
        await self.accepted()
        told: dict[PersonId, Acknowledged] = {}
        while True:
            try:
                found = [one async for one in self.acknowledgements()]
            except Unreachable:
                found = []
            for one in found:
                if told.get(one.person_id) != one:
                    told[one.person_id] = one
                    yield one
            await asyncio.sleep(every_s)


class Pinned(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A pinned message. ``text``: its words now, "" for one without words."""

    message_id: MessageId
    sender_id: PersonId | None
    text: str
    pinned_by: PersonId | None


@dataclass(frozen=True, slots=True)
class BotConversation:
    """A conversation that lists the bot."""

    conversation_id: ConversationId
    name: str
    kind: str
    members: int
    may_send: bool
    _desk: "Desk" = field(repr=False)

    async def send(
        self,
        text: str,
        *,
        attachments: Sequence[Sendable] = (),
        mentions: Sequence[content.Mention] = (),
        once: str | None = None,
    ) -> QueuedMessage:
        """Send a message; see :meth:`copconnect.bot.Bot.send`."""
        return await self._desk.send(
            self.conversation_id, text, attachments=attachments, mentions=mentions, once=once
        )

    async def issue(self, order: content.Order, *, once: str | None = None) -> IssuedOrder:
        """Issue an order; see :meth:`copconnect.bot.Bot.issue`."""
        return await self._desk.issue(self.conversation_id, order, once=once)

    async def pinned(self) -> list[Pinned]:
        """Return the pinned messages that the state file still has, the last pinned first."""
        return await self._desk.pinned(self.conversation_id)

    async def pin(self, message_id: MessageId, *, pinned: bool = True) -> None:
        """Pin a message, or take it down. Raises ServerRefused where the bot is no admin."""
        await self._desk.pin(self.conversation_id, message_id, pinned=pinned)


@dataclass(slots=True)
class Message:
    """A message to the bot. ``message_id``: the idempotency key, the same whenever this message is
    handed to a handler; ``redelivered``: a handler had begun with it and did not end.
    ``signed_ms``: by the sender's device; ``sent_ms``: when the server took it. ``gap``: an earlier
    message of this sender is missing, lost or withheld by the server. ``order``: the order that the
    message is; ``text`` and ``files`` are the order's then. ``mentions``: the places of the text
    that call somebody; ``called``: how they call the bot, None: not at all. ``page``: the preview
    of its link."""

    message_id: MessageId
    conversation: BotConversation
    sender: Person
    text: str
    files: Sequence[File]
    signed_ms: int
    sent_ms: int
    redelivered: bool
    gap: bool
    order: content.Order | None
    mentions: Sequence[content.Mention]
    called: CalledAs | None
    page: content.LinkedPage | None
    _desk: "Desk" = field(repr=False)
    _replies: int = 0

    async def react(self, emoji: str | None) -> None:
        """React with one emoji in place of the bot's former one; None takes it back. The same again
        sends nothing. Raises ServerRefused (``reactions_too_large``: more than 256 people, or not
        everybody may send), ValueError for no emoji and for a message that takes none."""
        await self._desk.react(self.conversation.conversation_id, self.message_id, emoji)

    async def delete(self) -> None:
        """Delete it for everybody, as an admin of the conversation. Raises BotFailure."""
        await self._desk.delete(self.conversation.conversation_id, self.message_id)

    async def acknowledge(self, choice: int = 0, *, done: Collection[int] = ()) -> None:
        """Sign and send that the bot has the order, and wait until that counts; ``choice``: its
        place in the order's list from 1; ``done``: places of the items that are done. A later call
        replaces it. Raises ValueError for a message that is no order, for no choice of its list and
        for no item of its checklist, NotSent with the outcome that refuses it, and what the server
        raises: then the handler runs again."""
        if self.order is None:
            raise ValueError("the message is no order")
        if any(not 1 <= place <= len(self.order.items) for place in done):
            raise ValueError("the order has no such item")
        await self._desk.acknowledge(self.message_id, choice, done)

    async def reply(self, text: str, *, attachments: Sequence[Sendable] = ()) -> QueuedMessage:
        """Answer in the same conversation, quoting the message.

        The answer is stored before this returns. The first reply of a handler is the first however
        often the handler runs: after a crash it is not sent again.
        """
        self._replies += 1
        return await self._desk.send(
            self.conversation.conversation_id,
            text,
            attachments=attachments,
            once=f"reply {self.message_id} {self._replies}",
            reply_to=self.message_id,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody else's mark on a message. ``mark_id``: the idempotency key, the same whenever this
    mark is handed to a handler; ``redelivered``: a handler had begun with it and did not end."""

    mark_id: MessageId
    message_id: MessageId
    conversation: BotConversation
    by: Person
    redelivered: bool


@dataclass(frozen=True, slots=True)
class Deletion(Mark):
    """A message is gone: its author deleted it, or an admin removed it. A message that was deleted
    before its handler began is handed to none, and neither are other marks on it."""


@dataclass(frozen=True, slots=True)
class Edit(Mark):
    """A message that a handler has had was given other words by its author."""

    text: str
    mentions: Sequence[content.Mention]


@dataclass(frozen=True, slots=True)
class Reaction(Mark):
    """Somebody reacted to a message of the bot's, in place of that person's former reaction.
    ``emoji``: None: it was taken back."""

    emoji: str | None


class Desk:
    """Makes views of what the core says, and sends through it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._conversations: dict[ConversationId, BotConversation] = {}

    def conversations(self) -> list[BotConversation]:
        """Return the conversations that list the bot."""
        return list(self._conversations.values())

    def listed(self, view: ConversationView) -> BotConversation:
        """Keep a conversation as it is now, and return it."""
        made = BotConversation(**msgspec.structs.asdict(view), _desk=self)
        self._conversations[view.conversation_id] = made
        return made

    def gone(self, conversation_id: ConversationId) -> None:
        """Forget a conversation that does not list the bot any more."""
        self._conversations.pop(conversation_id, None)

    def message(self, view: MessageView) -> Message | None:
        """Return the view of a message; None: nothing that a handler reads."""
        said = content.decode(view.content)
        if said is None:
            return None
        found, order = said
        files = [
            File(content.safe_name(one.name), one.mime, one.size, one, self)
            for one in found.attachments
        ]
        return Message(
            message_id=view.message_id,
            conversation=self.listed(view.conversation),
            sender=view.sender,
            text=found.text,
            files=files,
            signed_ms=view.signed_ms,
            sent_ms=view.sent_ms,
            redelivered=view.tries > 0,
            gap=view.gap,
            order=order,
            mentions=found.mentions,
            called=view.called,
            page=found.page,
            _desk=self,
        )

    def mark(self, view: MessageView) -> Mark | None:
        """Return the view of a mark; None: none that a handler reads."""
        mark = content.mark_of(view.mark)
        if mark is None:
            return None
        where, again = self.listed(view.conversation), view.tries > 0
        about = (view.message_id, mark.message_id, where, view.sender, again)
        match mark.mark:
            case "deletion":
                return Deletion(*about)
            case "edit":
                return Edit(*about, mark.text, mark.mentions)
            case "reaction":
                return Reaction(*about, mark.emoji)
        return None

    async def react(
        self, conversation_id: ConversationId, message_id: MessageId, emoji: str | None
    ) -> None:
        """React to a message. Raises ServerRefused, ValueError."""
        await self._core.tell("messages.react", conversation_id, message_id, emoji)

    async def edit(
        self,
        conversation_id: ConversationId,
        message_id: MessageId,
        text: str,
        mentions: Sequence[content.Mention],
    ) -> None:
        """Give a message of the bot's other words. Raises ServerRefused, ValueError."""
        said = msgspec.to_builtins(mentions)
        await self._core.tell("messages.edit", conversation_id, message_id, text, said)

    async def delete(self, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Delete a message for everybody. Raises BotFailure."""
        await self._core.tell("messages.delete", conversation_id, message_id, 0)

    async def read(self, pointer: content.Pointer) -> bytes:
        """Return the plaintext of a file."""
        given = {"id": pointer.id, "key": pointer.key, "size": pointer.size}
        return await self._core.call(bytes, "bot.file", given)

    async def acknowledge(self, order_id: MessageId, choice: int, done: Collection[int]) -> None:
        """Acknowledge an order. Raises NotSent, ValueError."""
        await self._core.tell("bot.acknowledge", order_id, choice, sorted(set(done)))

    async def acknowledgements(self, order_id: MessageId) -> list[Acknowledged]:
        """Return who has acknowledged an order of this bot, each verified. Raises BotFailure."""
        try:
            return await self._core.call(list[Acknowledged], "bot.acknowledgements", order_id)
        except ServerRefused as error:
            if error.code != "not_found":
                raise
            raise BotFailure(f"this bot has no order {order_id} that the server has") from error

    async def pinned(self, conversation_id: ConversationId) -> list[Pinned]:
        """Return the pinned messages of a conversation."""
        return await self._core.call(list[Pinned], "bot.pinned", conversation_id)

    async def pin(
        self, conversation_id: ConversationId, message_id: MessageId, *, pinned: bool
    ) -> None:
        """Pin a message, or take it down."""
        await self._core.tell("messages.pin", conversation_id, message_id, pinned)

    async def settled(self, conversation_id: ConversationId, message_id: MessageId) -> int:
        """Wait until the server has a message. Raises NotSent."""
        return await self._core.call(int, "bot.settled", conversation_id, message_id)

    async def issue(
        self, conversation_id: ConversationId, order: content.Order, *, once: str | None = None
    ) -> IssuedOrder:
        """Store an order to be sent, and begin to send it. Raises BotFailure, ValueError."""
        said = content.order_of(order)
        queued = await self._send(conversation_id, said, once, None)
        return IssuedOrder(queued.message_id, queued.is_new, conversation_id, self)

    async def send(
        self,
        conversation_id: ConversationId,
        text: str,
        *,
        attachments: Sequence[Sendable] = (),
        mentions: Sequence[content.Mention] = (),
        once: str | None = None,
        reply_to: MessageId | None = None,
    ) -> QueuedMessage:
        """Store a message to be sent, and begin to send it. Raises BotFailure, ValueError."""
        files = [_read(one) for one in attachments]
        given = [content.file_of(one.name, one.data, one.mime) for one in files]
        said = content.text_of(text, given, mentions)
        queued = await self._send(conversation_id, said, once, reply_to)
        return QueuedMessage(queued.message_id, queued.is_new, conversation_id, self)

    async def _send(
        self,
        conversation_id: ConversationId,
        said: dict[str, object],
        once: str | None,
        reply_to: MessageId | None,
    ) -> QueuedView:
        return await self._core.call(QueuedView, "bot.send", conversation_id, said, once, reply_to)


def _read(one: Sendable) -> Upload:
    return Upload(one.name, one.read_bytes()) if isinstance(one, Path) else one
