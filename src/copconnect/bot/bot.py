"""The bot as a program writes it.

A program makes a :class:`Bot`, registers handlers, and calls :meth:`Bot.run`. Importing the program
opens and sends nothing. All of it runs in one asyncio loop; handlers must not block it.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from copconnect import wire
from copconnect.bot.content import Mention, Order
from copconnect.bot.core import ConversationView, Core, DeviceState, Event, opened
from copconnect.bot.dispatch import (
    LOG,
    Allowed,
    Command,
    CommandHandler,
    DeletionHandler,
    Dispatcher,
    EditHandler,
    Handlers,
    MessageHandler,
    ReactionHandler,
)
from copconnect.bot.failures import BotFailure, NoSuchConversation, SignedOut
from copconnect.bot.state import KeyFile, Passphrase, Unlock
from copconnect.bot.talking import BotConversation, Desk, IssuedOrder, QueuedMessage, Sendable
from copconnect.ids import PersonId

H = TypeVar("H", bound=CommandHandler)
M = TypeVar("M", bound=MessageHandler)
D = TypeVar("D", bound=DeletionHandler)
E = TypeVar("E", bound=EditHandler)
R = TypeVar("R", bound=ReactionHandler)
J = TypeVar("J", bound=Callable[[], Awaitable[None]])

PASSPHRASE_VARIABLE = "COPBOT_PASSPHRASE"  # noqa: S105 - a name.


def key_file_of(state: Path) -> Path:
    """Return where the key file of a state file lies unless it is said."""
    return state.with_name(f"{state.name}.key")


def unlock_of(state: Path, key_file: Path | None = None) -> Unlock:
    """Return what opens a state file: the key file that is named, the passphrase in the
    environment, or the key file beside the state."""
    words = os.environ.get(PASSPHRASE_VARIABLE)
    if key_file is None and words:
        return Passphrase(words)
    return KeyFile(key_file or key_file_of(state))


class Bot:
    """``state``: the file that ``copconnect-bot register`` made; its key lies beside it unless
    ``unlock`` says otherwise. ``ca_file``: the CA of the server's certificate, if the system lacks
    it."""

    def __init__(
        self,
        state: str | os.PathLike[str] | None = None,
        *,
        unlock: Unlock | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._state = None if state is None else Path(state)
        self._unlock = unlock
        self._ca_file = None if ca_file is None else Path(ca_file)
        self._handlers = Handlers()
        self._jobs: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        self._running: Running | None = None

    def uses(
        self, state: Path, *, key_file: Path | None = None, ca_file: Path | None = None
    ) -> None:
        """Take another state file than the program says, from the next start on."""
        self._state, self._unlock = state, unlock_of(state, key_file)
        self._ca_file = ca_file or self._ca_file

    # --- Handlers -------------------------------------------------------------------------------

    def command(self, name: str, *, allowed: Allowed = lambda _: True) -> Callable[[H], H]:
        """Register an async function for "/name word word". It takes a Message and a ``str`` for
        each word; its docstring's first line is shown by "/help". ``allowed``: who may use it."""

        def register(handler: H) -> H:
            self._handlers.commands[name.casefold()] = Command.of(name, handler, allowed)
            return handler

        return register

    def message(self, handler: M) -> M:
        """Register an async function for messages that are no commands."""
        self._handlers.others.append(handler)
        return handler

    def order(self, handler: M) -> M:
        """Register an async function for orders; it takes a Message whose ``order`` is not None."""
        self._handlers.orders.append(handler)
        return handler

    def deletion(self, handler: D) -> D:
        """Register an async function for messages that are gone: forget what they said."""
        self._handlers.deletions.append(handler)
        return handler

    def edit(self, handler: E) -> E:
        """Register an async function for later words of messages that a handler has had."""
        self._handlers.edits.append(handler)
        return handler

    def reaction(self, handler: R) -> R:
        """Register an async function for reactions to messages of the bot's."""
        self._handlers.reactions.append(handler)
        return handler

    def every(self, seconds: float) -> Callable[[J], J]:
        """Register an async function that runs at the start and again so many seconds after its
        end. A failure is logged, and the next run comes in its time."""

        def register(job: J) -> J:
            self._jobs.append((seconds, job))
            return job

        return register

    # --- Running --------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until SIGINT or SIGTERM. Raises BotFailure: the state file cannot be used, or the
        server does not take this bot any more."""
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # It logs every request.
        asyncio.run(self._run_until_told())

    async def _run_until_told(self) -> None:
        loop, main = asyncio.get_running_loop(), asyncio.current_task()
        for one in (signal.SIGINT, signal.SIGTERM):
            if main is not None:
                loop.add_signal_handler(one, main.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await self.serve()

    async def serve(self) -> None:
        """Run until cancelled, in a loop of the caller's. Raises what :meth:`run` raises."""
        async with self.started() as running:
            await running

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Run while the block does; it begins once the state file is open. The task that it gives
        ends with a BotFailure when the server does not take the bot any more."""
        if self._state is None:
            raise BotFailure('say which state file: Bot("control-room.bot")')
        unlock = self._unlock or unlock_of(self._state)
        async with opened(self._state, unlock, ca_file=self._ca_file) as (core, found):
            running = self._running = Running(core, found.state, self._handlers)
            ending = asyncio.create_task(running.end())
            jobs = [asyncio.create_task(self._again(running, *job)) for job in self._jobs]
            try:
                yield ending
            finally:
                for task in (*jobs, ending):
                    task.cancel()
                await asyncio.gather(*jobs, ending, return_exceptions=True)
                await running.dispatcher.close()
                self._running = None

    async def _again(
        self, running: "Running", seconds: float, job: Callable[[], Awaitable[None]]
    ) -> None:
        await running.in_step.wait()
        while True:
            try:
                await job()
            except Exception:
                LOG.exception("a job failed")
            await asyncio.sleep(seconds)

    @property
    def _now_running(self) -> "Running":
        if self._running is None:
            raise BotFailure("the bot does not run")
        return self._running

    # --- What a running bot does ----------------------------------------------------------------

    async def ready(self) -> None:
        """Wait until the bot is confirmed and in step with the server."""
        await self._now_running.confirmed.wait()
        await self._now_running.in_step.wait()

    @property
    def conversations(self) -> list[BotConversation]:
        """The conversations that list the bot."""
        return self._now_running.desk.conversations()

    def conversation(self, name_or_id: str) -> BotConversation:
        """Return a conversation by id or name. Raises NoSuchConversation: none, or several."""
        found = [one for one in self.conversations if name_or_id in {one.conversation_id, one.name}]
        if len(found) != 1:
            raise NoSuchConversation(f"{len(found)} conversations are called {name_or_id}")
        return found[0]

    async def direct(self, person_id: PersonId) -> BotConversation:
        """Return the direct conversation with a person, made if there is none."""
        running = self._now_running
        return running.desk.listed(
            await running.core.call(ConversationView, "bot.direct", person_id)
        )

    async def create_group(
        self, people: Sequence[PersonId], *, history_days: Literal[0, 30] = 0
    ) -> BotConversation:
        """Make a group of the bot and these people; ``history_days``: what new members see of
        before. The bot is its admin, and people may make others."""
        running = self._now_running
        asked = running.core.call(ConversationView, "bot.createGroup", list(people), history_days)
        return running.desk.listed(await asked)

    async def find_people(self, text: str, *, limit: int = 20) -> list[wire.Person]:
        """Search the data bank, as the app does: names, posts, units, codes, numbers. The answer is
        the server's word; a :class:`Person` is signed."""
        return await self._now_running.core.call(list[wire.Person], "bot.findPeople", text, limit)

    async def send(
        self,
        conversation: BotConversation | str,
        text: str,
        *,
        attachments: Sequence[Sendable] = (),
        mentions: Sequence[Mention] = (),
        once: str | None = None,
    ) -> QueuedMessage:
        """Send a message; it is stored before this returns, and then sent whatever happens.

        ``once``: a name that the program gives the message: it is sent once in a conversation,
        however often it is asked for, across crashes. Raises NoSuchConversation, ValueError for a
        message that is empty or too long.
        """
        if isinstance(conversation, str):
            conversation = self.conversation(conversation)
        return await conversation.send(text, attachments=attachments, mentions=mentions, once=once)

    async def issue(
        self, conversation: BotConversation | str, order: Order, *, once: str | None = None
    ) -> IssuedOrder:
        """Issue an order where the bot may send; flash orders need an admin of the conversation.
        Stored and sent as by :meth:`send`. Raises NoSuchConversation, ValueError for an order
        without a title, or with a part that is too long; terms that the server does not take end
        in NotSent (``order_invalid``) from ``accepted()``."""
        if isinstance(conversation, str):
            conversation = self.conversation(conversation)
        return await conversation.issue(order, once=once)


class Running:
    """A bot that runs: what the core tells becomes views, handlers and ends."""

    def __init__(self, core: Core, state: DeviceState, handlers: Handlers) -> None:
        self.core = core
        self.desk = Desk(core)
        self.dispatcher = Dispatcher(core, self.desk, handlers)
        self.in_step, self.confirmed = asyncio.Event(), asyncio.Event()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._follow(state)
        core.listen(self._heard)

    async def end(self) -> None:
        """Wait until the server does not take this bot any more, or the core ends. Raises
        BotFailure."""
        await asyncio.wait([self._ended, self.core.reading], return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            self._ended.result()
        raise BotFailure("the core of the bot has ended")

    def _heard(self, event: Event) -> None:
        match event.event:
            case "waiting":
                self.dispatcher.kick(event.conversation_id)
            case "gone":
                self.desk.gone(event.conversation_id)
            case "alarm":
                LOG.error("alarm: %s", event.text)
            case "conversation" if event.conversation is not None:
                self.desk.listed(event.conversation)
            case "state" if event.state is not None:
                self._follow(event.state)

    def _follow(self, state: DeviceState) -> None:
        for event, there in ((self.in_step, state.in_step), (self.confirmed, state.confirmed)):
            if there:
                event.set()
            else:
                event.clear()
        failure = _failure_of(state)
        if failure is not None and not self._ended.done():
            self._ended.set_exception(failure)
        if state.phase == "conduct":
            LOG.error("the code of conduct has changed: stop the bot, run copconnect-bot conduct")


def _failure_of(state: DeviceState) -> BotFailure | None:
    match state.phase:
        case "register":
            return BotFailure("this bot is not registered: copconnect-bot register")
        case "signed_out" if state.kept:
            return SignedOut(f"the server does not take this bot any more: {state.reason}")
        case "signed_out":
            return SignedOut("a revocation has ended this bot: its state is wiped")
        case "storage_failed":
            return BotFailure(f"the state file cannot be used: {state.reason}")
    return None
