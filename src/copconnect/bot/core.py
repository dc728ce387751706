"""The core of a bot: the app's own, in a process of Node that this one starts.

Calls go to its standard input and answers and events come from its standard output, each as its
length in four bytes and MessagePack (client/src/bot/frames.ts). The core keeps the state file and
every rule of docs/keys.md; this side has no keys but the one that opens the file. The core ends
when its input ends, however this process ended, and the lock of the state file ends with it.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from copconnect.bot.failures import (
    BotFailure,
    NotConfirmed,
    NotSent,
    ServerRefused,
    SignedOut,
    StateFailure,
    Unreachable,
    Untrusted,
)
from copconnect.bot.state import Unlock, require_private
from copconnect.core_program import CoreMissing, command
from copconnect.ids import ClientId, ConfirmationId, ConversationId, DeviceId, MessageId, PersonId

T = TypeVar("T")

_CLOSE_S = 5.0
_NULL = b"\xc0"
_LATIN = "Latn"
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class _CoreValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of what the core answers; fields that a program does not need are left out."""


class DeviceState(_CoreValue, frozen=True, kw_only=True):
    """The device's state. ``in_step``: connected, and nothing that the server has is missing."""

    phase: Literal["register", "conduct", "locked", "ready", "signed_out", "storage_failed"]
    reason: str | None
    kept: bool
    confirmed: bool
    in_step: bool


class ConversationView(_CoreValue, frozen=True, kw_only=True):
    """A conversation that lists the bot."""

    conversation_id: ConversationId
    name: str
    kind: str
    members: int
    may_send: bool


class Person(_CoreValue, frozen=True, kw_only=True):
    """A person by their signed card. ``names``: by ISO 15924 script ("Latn", "Telu");
    ``unit_path``: units from the top, joined by "/"; ``approved``: False if no admin has
    confirmed the person's first device."""

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


CalledAs = Literal["person", "post", "posts", "rank", "everybody"]


class MessageView(_CoreValue, frozen=True, kw_only=True):
    """A message that waits for a handler. MessagePack: ``content`` of a text or an order, ``mark``
    of a mark; null: it is another kind. ``called``: how its mentions call the bot."""

    message_id: MessageId
    position: int
    conversation: ConversationView
    sender: Person
    signed_ms: int
    sent_ms: int
    gap: bool
    tries: int
    called: CalledAs | None
    content: msgspec.Raw
    mark: msgspec.Raw


class QueuedView(_CoreValue, frozen=True, kw_only=True):
    """A message that is stored. ``is_new``: False if the same message was sent before."""

    message_id: MessageId
    is_new: bool


class Comparison(_CoreValue, frozen=True, kw_only=True):
    """A comparison of digits that an admin has begun (E3)."""

    confirmation_id: ConfirmationId
    state: str
    admin: str
    digits: str | None


class SetAside(_CoreValue, frozen=True, kw_only=True):
    """A message that no handler could end with."""

    message_id: MessageId
    conversation_id: ConversationId
    sent_ms: int
    failed: str


class Status(_CoreValue, frozen=True, kw_only=True):
    """Everything that an operator asks for. ``conversations`` and what follows is empty while the
    server does not take this bot."""

    person_id: PersonId
    client_id: ClientId
    device: DeviceId
    state: DeviceState
    conversations: list[ConversationView]
    waiting: int
    outgoing: int
    keyless: int
    refused: int
    set_aside: list[SetAside]
    alarms: list[str]


class Event(_CoreValue, frozen=True, kw_only=True):
    """News of the core; ``event`` says which of the others there is."""

    event: Literal["waiting", "state", "conversation", "gone", "alarm"]
    conversation_id: ConversationId = ConversationId("")
    state: DeviceState | None = None
    conversation: ConversationView | None = None
    text: str = ""


class OpenedDevice(_CoreValue, frozen=True, kw_only=True):
    """The device in a state file."""

    server: str
    state: DeviceState


class _Error(_CoreValue, frozen=True, kw_only=True):
    code: str
    retry: bool
    retry_after_ms: float | None
    details: dict[str, str | float]


class _CoreAnswer(msgspec.Struct, frozen=True):
    number: int = 0
    value: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    event: str = ""


class Core:
    """A running core. :func:`opened` makes it. ``on_event`` is called in the order of events."""

    def __init__(self, process: asyncio.subprocess.Process, path: Path) -> None:
        self._process = process
        self._input, self._output = _pipes(process)
        self._path = path
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._early: list[Event] = []
        self._on_event: Callable[[Event], None] = self._early.append
        self.reading = asyncio.create_task(self._read())
        """Ends when the process does."""

    def listen(self, on_event: Callable[[Event], None]) -> None:
        """Call for each event from now on, and for past events."""
        self._on_event = on_event
        for event in self._early:
            on_event(event)
        self._early.clear()

    async def call(self, type_: type[T], method: str, *arguments: object) -> T:
        """Call a method of an object of client/src/bot/main.ts: ``bot.send``. Raises BotFailure,
        ValueError."""
        return msgspec.msgpack.decode(await self._call(method, arguments), type=type_)

    async def find(self, type_: type[T], method: str, *arguments: object) -> T | None:
        """Call a method that answers with null where there is nothing."""
        answer = await self._call(method, arguments)
        return None if bytes(answer) == _NULL else msgspec.msgpack.decode(answer, type=type_)

    async def _call(self, method: str, arguments: tuple[object, ...]) -> msgspec.Raw:
        number = next(self._numbers)
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        if self.reading.done():
            raise _ended()
        self._waiting[number] = answer
        call = {"number": number, "method": method, "args": arguments}
        frame = msgspec.msgpack.encode(call)
        self._input.write(len(frame).to_bytes(4, "little") + frame)
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def tell(self, method: str, *arguments: object) -> None:
        """Call a method whose answer nobody reads."""
        await self.call(object, method, *arguments)

    async def close(self) -> None:
        """End the process, which stores nothing any more; the state file may be used again."""
        with contextlib.suppress(BotFailure, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.tell("stateFile.close")
        self._input.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self.reading

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await self._output.readexactly(4), "little")
                self._dispatch(await self._output.readexactly(length))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_ended())

    def _dispatch(self, frame: bytes) -> None:
        found = msgspec.msgpack.decode(frame, type=_CoreAnswer)
        if found.event:
            self._on_event(msgspec.msgpack.decode(frame, type=Event))
            return
        answer = self._waiting.get(found.number)
        if answer is None or answer.done():
            return
        if found.error is None:
            answer.set_result(found.value.copy())
        else:
            answer.set_exception(self._failure(found.error))

    def _failure(self, error: _Error) -> Exception:
        reason = error.details.get("reason")
        match error.code:
            case "storage_failed" if reason == "in_use":
                return StateFailure(f"{self._path} is in use by another process")
            case "storage_failed" if reason == "not_a_vault":
                return StateFailure(f"{self._path} is not a bot's state")
            case "storage_failed" if reason == "OperationError":
                return StateFailure("wrong passphrase or key file")
            case "storage_failed":
                return StateFailure(f"{self._path} cannot be used: {reason}")
            case "not_registered" if error.details.get("wiped"):
                return SignedOut("a revocation has ended this bot: its state is wiped")
            case "not_registered":
                return BotFailure("this bot is not registered: copconnect-bot register")
            case "network":
                return Unreachable(f"the server cannot be reached: {reason}")
            case "trust_invalid":
                return Untrusted(f"the department's certificates do not verify: {reason}")
            case "device_unconfirmed":
                return NotConfirmed("no admin has confirmed this bot: copconnect-bot confirm")
            case "not_sent":
                return NotSent(str(error.details.get("code")))
            case "message_invalid":
                return ValueError(f"it is empty, too long or out of range: {error.details}")
        after = error.retry_after_ms
        return ServerRefused(
            error.code,
            retry=error.retry,
            retry_after_s=None if after is None else after / 1000,
            details=error.details,
        )


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _pipes(
    process: asyncio.subprocess.Process,
) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("the process has no pipes")
    return process.stdin, process.stdout


def _ended() -> BotFailure:
    return BotFailure("the core of the bot has ended")


@contextlib.asynccontextmanager
async def opened(
    state: Path, unlock: Unlock, *, server: str | None = None, ca_file: Path | None = None
) -> AsyncIterator[tuple[Core, OpenedDevice]]:
    """Start a core on a state file, which exists; ``server``: where it registers. Raises
    StateFailure: missing, in use, wrong passphrase or key; SignedOut: it was wiped."""
    require_private(state)
    secret = unlock.secret()
    try:
        program = command()
    except CoreMissing as error:
        raise BotFailure(str(error)) from error
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # A terminal's Ctrl-C is for this process alone, which ends the core in order.
        start_new_session=True,
        env=os.environ | ({} if ca_file is None else {"NODE_EXTRA_CA_CERTS": str(ca_file)}),
    )
    core = Core(process, state)
    try:
        where = None if server is None else require_safe(server)
        yield core, await core.call(OpenedDevice, "stateFile.open", _absolute(state), secret, where)
    finally:
        await core.close()


def require_safe(server: str) -> str:
    """Return a server's address without a slash at its end. Raises BotFailure for plain HTTP to
    another machine."""
    parts = urlsplit(server)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not safe or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BotFailure(f"{server} is not an https:// address of a server")
    return server.rstrip("/")
