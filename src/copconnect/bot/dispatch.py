"""Handing messages and marks to a program's handlers: none is lost, each is finished with once.

A message waits in the core → tries + 1 stored → handler runs → out of the core; the read cursor
moves.
A handler that raises is run again after 1, 5 and 30 s, then the message is set aside and reported;
so is one during which the process ended five times. A crash in between hands the message out again,
with the same ``message_id`` and ``redelivered``; its replies are not doubled (``talking.py``).
Messages of one conversation are handled one by one; conversations do not wait for each other.
"""

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from copconnect.bot.core import Core, MessageView, Person
from copconnect.bot.failures import BotFailure
from copconnect.bot.talking import Deletion, Desk, Edit, Mark, Message, Reaction
from copconnect.ids import ConversationId

T = TypeVar("T")

LOG = logging.getLogger("copconnect.bot")

MessageHandler = Callable[[Message], Awaitable[None]]
DeletionHandler = Callable[[Deletion], Awaitable[None]]
EditHandler = Callable[[Edit], Awaitable[None]]
ReactionHandler = Callable[[Reaction], Awaitable[None]]
CommandHandler = Callable[..., Awaitable[None]]
Allowed = Callable[[Person], bool]

_COMMAND = re.compile(r"/([^\s/]+)(?:\s+(.*))?", re.DOTALL)
PAUSES_S = (1.0, 5.0, 30.0)
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Command:
    """A handler that officers call by "/name"."""

    name: str
    handler: CommandHandler
    allowed: Allowed
    least: int
    most: int | None
    usage: str

    @classmethod
    def of(cls, name: str, handler: CommandHandler, allowed: Allowed) -> "Command":
        """Read from a handler's signature how many words it takes. Raises TypeError for one that is
        not a coroutine function of a message and words."""
        if not inspect.iscoroutinefunction(handler):
            raise TypeError(f"the handler of /{name} is not an async function")
        if not re.fullmatch(r"[^\s/]+", name):
            raise TypeError(f"/{name} is not one word")
        parameters = list(inspect.signature(handler).parameters.values())[1:]
        words = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        rest = [one for one in parameters if one.kind is one.VAR_POSITIONAL]
        if len(words) + len(rest) != len(parameters):
            raise TypeError(f"the handler of /{name} takes more than a message and words")
        shown = [one.name if one.default is one.empty else f"[{one.name}]" for one in words]
        shown += [f"[{one.name} ...]" for one in rest]
        said = (inspect.getdoc(handler) or "").partition("\n")[0]
        usage = " ".join([f"/{name}", *shown]) + (f" - {said}" if said else "")
        least = len([one for one in words if one.default is one.empty])
        return cls(name, handler, allowed, least, None if rest else len(words), usage)

    def takes(self, words: list[str]) -> bool:
        """Return whether the handler takes so many words."""
        return self.least <= len(words) and (self.most is None or len(words) <= self.most)


class Handlers:
    """The handlers that a program has registered."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self.others: list[MessageHandler] = []
        self.orders: list[MessageHandler] = []
        self.deletions: list[DeletionHandler] = []
        self.edits: list[EditHandler] = []
        self.reactions: list[ReactionHandler] = []

    async def handle(self, heard: Message | Mark) -> None:
        """Hand a mark to the handlers of its kind, an order to those of orders, a message to its
        command, or to the handlers of all others."""
        match heard:
            case Deletion():
                await _each(self.deletions, heard)
            case Edit():
                await _each(self.edits, heard)
            case Reaction():
                await _each(self.reactions, heard)
            case Message(order=None):
                await self._text(heard)
            case Message():
                await _each(self.orders, heard)

    async def _text(self, message: Message) -> None:
        found = _COMMAND.fullmatch(message.text.strip())
        if found is None:
            await _each(self.others, message)
            return
        name, words = found[1].casefold(), (found[2] or "").split()
        command = self.commands.get(name)
        if command is None:
            await self._unknown(message, name)
        elif not command.allowed(message.sender):
            await message.reply("You may not use this command.")
        elif not command.takes(words):
            await message.reply(f"Usage: {command.usage}")
        else:
            await command.handler(message, *words)

    async def _unknown(self, message: Message, name: str) -> None:
        """Say what there is, where nobody else could be meant."""
        if name == "help" and self.commands:
            # It does not begin with "/": another bot would take it for a command.
            usages = [self.commands[one].usage for one in sorted(self.commands)]
            await message.reply("\n".join(["Commands:", *usages]))
        elif message.conversation.kind == "direct":
            await message.reply("There is no such command. /help lists them.")


async def _each(handlers: Sequence[Callable[[T], Awaitable[None]]], heard: T) -> None:
    for handler in handlers:
        await handler(heard)


class Dispatcher:
    """Runs handlers over the messages that wait in the core."""

    def __init__(self, core: Core, desk: Desk, handlers: Handlers) -> None:
        self._core = core
        self._desk = desk
        self._handlers = handlers
        self._workers: dict[ConversationId, asyncio.Task[None]] = {}
        self._again: set[ConversationId] = set()

    def kick(self, conversation_id: ConversationId) -> None:
        """Look whether messages of a conversation wait."""
        worker = self._workers.get(conversation_id)
        if worker is not None and not worker.done():
            self._again.add(conversation_id)
            return
        self._workers[conversation_id] = asyncio.create_task(self._work(conversation_id))

    async def close(self) -> None:
        """End all handlers; what they had begun is handed out again at the next start."""
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def _work(self, conversation_id: ConversationId) -> None:
        try:
            while True:
                self._again.discard(conversation_id)
                while view := await self._next(conversation_id):
                    failed = await self._handle(conversation_id, view)
                    await self._core.tell("bot.settle", conversation_id, failed)
                if conversation_id not in self._again:
                    return
        except BotFailure as error:
            # The message stays, and is handed out again.
            LOG.error("conversation %s: %s", conversation_id, error)

    async def _next(self, conversation_id: ConversationId) -> MessageView | None:
        return await self._core.find(MessageView, "bot.next", conversation_id)

    async def _handle(self, conversation_id: ConversationId, view: MessageView) -> str | None:
        """Run handlers; return why the message is set aside, or None."""
        failed = "the process ended while a handler ran"
        for pause in (0.0, *PAUSES_S):
            if view.tries >= MOST_TRIES:
                break
            if pause:
                await asyncio.sleep(pause)
                again = await self._next(conversation_id)
                if again is None:
                    return None
                view = again
            try:
                heard = self._desk.mark(view) or self._desk.message(view)
                if heard is not None:
                    await self._handlers.handle(heard)
            except Exception as error:
                LOG.exception("message %s: a handler failed", view.message_id)
                failed = f"{type(error).__name__}: {error}"
                continue
            return None
        LOG.error("message %s is set aside: %s", view.message_id, failed)
        return failed
