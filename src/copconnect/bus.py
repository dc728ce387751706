"""Wake-ups between nodes: hints that something is there. They may be lost; the log is the truth.

A role publishes after its transaction has committed; every node's :mod:`copconnect.sockets`
receives every wake-up and passes it to its own live connections. In process by default; NATS
core pub/sub where ``bus_url`` is set.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from copconnect.ids import CellId, ClientId, ConversationId, PersonId

MAX_PUBLISHED_BYTES = 1000 * 1024  # NATS takes 1 MiB unless told otherwise.
_CONNECT_S = 3
_RETRY_S = 1
# Of the event loop, until what was published has left: the client's task takes it, then the loop
# writes it. Were it more, it would leave later; nothing depends on it.
_TURNS_TO_SEND = 3
_SEND_LIMIT_S = 1.0  # The client waits for a server that takes nothing; it is replaced meanwhile.
_ECHO_EVERY_S = 5.0
_ECHO_LIMIT_S = 10.0  # A busy machine is not a lost connection.
log = structlog.get_logger()


class Wakeup(msgspec.Struct, frozen=True, kw_only=True, tag_field="w"):
    """Base of every wake-up."""


class EntryWakeup(Wakeup, frozen=True, kw_only=True, tag="entry"):
    """A message was committed. ``frame`` is the encoded wire.EntryFrame without a supplement; empty
    when it is too large for the bus: the receiver reads the entry from the log. ``device`` and
    ``person_id`` are the sender's, ``epoch`` and ``key_id`` the header's; ``named_epoch`` is the
    highest epoch that the log names up to and with this message (R2)."""

    conversation_id: ConversationId
    seq: int
    device: str  # Hex.
    person_id: PersonId
    epoch: int
    named_epoch: int
    key_id: str  # Hex.
    frame: bytes


class RosterWakeup(Wakeup, frozen=True, kw_only=True, tag="roster"):
    """A conversation has a new head. ``added`` and ``removed`` are the differences from the head
    before, by client; both are empty where ``whole`` is False, because they are too long for the
    bus: the receiver reads them. Record it in the wake-up log too: no message announces it."""

    conversation_id: ConversationId
    epoch: int
    cells: int
    added: dict[ClientId, CellId]
    removed: list[ClientId]
    whole: bool


class KeyWakeup(Wakeup, frozen=True, kw_only=True, tag="key"):
    """A conversation key was accepted. ``seals`` are those of its record, of one size each,
    ascending by recipient key id; empty when they are too large for the bus: the receiver reads
    them. ``size``: bytes of one seal."""

    conversation_id: ConversationId
    key_id: str  # Hex.
    record: bytes
    seals: bytes
    size: int


class CellKeyWakeup(Wakeup, frozen=True, kw_only=True, tag="cell_key"):
    """A cell key was accepted; as KeyWakeup."""

    conversation_id: ConversationId
    cell_id: CellId
    record: bytes
    seals: bytes
    size: int


class CellKeyMarkedWakeup(Wakeup, frozen=True, kw_only=True, tag="cell_key_marked"):
    """Three people cannot open the key of a cell (C2), so that one more is wanted."""

    conversation_id: ConversationId
    cell_id: CellId


class ShareWakeup(Wakeup, frozen=True, kw_only=True, tag="share"):
    """A key share waits for a client."""

    conversation_id: ConversationId
    client_id: ClientId
    share: bytes


class ShareAskedWakeup(Wakeup, frozen=True, kw_only=True, tag="share_asked"):
    """A listed device lacks secrets (D4). ``anybody``: the node at which it is connected has no
    other device of the conversation, so every node asks at once. A request that repeats one that
    is kept is announced again: whoever was asked may be asked anew."""

    conversation_id: ConversationId
    device: str  # Hex.
    client_id: ClientId
    person_id: PersonId
    of_cell: CellId | None  # Its cell, where it lacks a cell key, which devices of the cell have.
    anybody: bool = False


class ShareDoneWakeup(Wakeup, frozen=True, kw_only=True, tag="share_done"):
    """A device says that everything it asked for has opened."""

    conversation_id: ConversationId
    device: str


class TrustWakeup(Wakeup, frozen=True, kw_only=True, tag="trust"):
    """Signed records of these people changed: readers of their next messages may lack some."""

    person_ids: list[PersonId]


class ConversationWakeup(Wakeup, frozen=True, kw_only=True, tag="conversation"):
    """The conversation changed for these people (none: for all its members). RosterWakeup says who
    comes and who goes."""

    conversation_id: ConversationId
    person_ids: list[PersonId]


class ReceiptsWakeup(Wakeup, frozen=True, kw_only=True, tag="receipts"):
    """``frame`` is the encoded wire.Receipts."""

    conversation_id: ConversationId
    frame: bytes


class CursorsMovedWakeup(Wakeup, frozen=True, kw_only=True, tag="cursors_moved"):
    """Somebody has come further in these conversations, whose people are too many for receipts."""

    conversation_ids: list[ConversationId]


class ReceiptCountsWakeup(Wakeup, frozen=True, kw_only=True, tag="receipt_counts"):
    """``frame`` is the encoded wire.ReceiptCounts for the devices of a person."""

    conversation_id: ConversationId
    person_id: PersonId
    frame: bytes


class EnteredWakeup(Wakeup, frozen=True, kw_only=True, tag="entered"):
    """These clients have connected, with when each said Hello: older connections are over."""

    clients: dict[ClientId, int]


class AccountWakeup(Wakeup, frozen=True, kw_only=True, tag="account"):
    """Something about accounts changed. Empty lists mean everybody."""

    event: str  # As in wire.AccountFrame.
    person_ids: list[PersonId]
    client_ids: list[ClientId]
    reason: str = ""  # Of ``signed_out``, as in errors.SignedOut.


AnyWakeup = (
    EntryWakeup
    | RosterWakeup
    | KeyWakeup
    | CellKeyWakeup
    | CellKeyMarkedWakeup
    | ShareWakeup
    | ShareAskedWakeup
    | ShareDoneWakeup
    | TrustWakeup
    | ConversationWakeup
    | ReceiptsWakeup
    | CursorsMovedWakeup
    | ReceiptCountsWakeup
    | EnteredWakeup
    | AccountWakeup
)
Receiver = Callable[[AnyWakeup], Awaitable[None]]


def shortened(wakeup: AnyWakeup) -> AnyWakeup:
    """Return a wake-up without what its receivers can read in the database."""
    match wakeup:
        case EntryWakeup():
            return msgspec.structs.replace(wakeup, frame=b"")
        case RosterWakeup():
            return msgspec.structs.replace(wakeup, added={}, removed=[], whole=False)
        case KeyWakeup() | CellKeyWakeup():
            return msgspec.structs.replace(wakeup, seals=b"")
        case _:
            return wakeup


class Bus(Protocol):
    """Publishes wake-ups to every node, this one included."""

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Send wake-ups in order. Never raises for a lost connection."""
        ...

    def subscribe(self, receiver: Receiver) -> None:
        """Call ``receiver`` for every wake-up, one at a time."""
        ...

    @property
    def hears(self) -> bool:
        """Whether wake-ups of other nodes arrive, as far as this node knows."""
        ...

    async def start(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class LocalBus:
    """The bus of a single node: a direct call."""

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass each wake-up to every receiver. One that fails does not keep it from the others:
        what a wake-up announces is committed, and its caller must be told so."""
        for wakeup in wakeups:
            for receiver in self._receivers:
                try:
                    await receiver(wakeup)
                except Exception:
                    log.exception("wakeup_receiver_failed")

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver."""
        self._receivers.append(receiver)

    @property
    def hears(self) -> bool:
        """There is no other node."""
        return True

    async def start(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing to disconnect."""


class NatsBus:
    """The bus of several nodes: NATS core pub/sub on one subject.

    This node's own receivers are called directly, so that they do not depend on NATS; the echo is
    recognised by the node's id. While NATS is away wake-ups to other nodes are dropped: their
    sockets look into the log each second instead (sockets/healing.py).

    A connection counts only while what this node sends comes back to it, and is replaced as soon
    as it does not. The client's own idea of being connected is not enough: a PING of the server
    ahead of its first PONG leaves nats-py connecting for ever (or, after a reconnect, unable to
    send), and an -ERR closes it for good; all of them without a word.
    """

    def __init__(self, url: str, subject: str = "copconnect.wakeups") -> None:
        self.joined = asyncio.Event()  # Set while this node hears and is heard.
        self._servers = url.split(",")
        self._subject = subject
        self._node = secrets.token_bytes(8)
        self._local = LocalBus()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(tuple[bytes, AnyWakeup])
        self._client: NatsClient | None = None
        self._echoed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass wake-ups to the other nodes and to this node's receivers.

        The others first: to write to this node's tens of thousands of sockets takes a tenth of a
        second, in which they can write to theirs. This node's have them whatever NATS does.
        """
        try:
            if self._client is not None:
                async with asyncio.timeout(_SEND_LIMIT_S):
                    for wakeup in wakeups:
                        await self._send(wakeup)
                    for _ in range(_TURNS_TO_SEND):
                        await asyncio.sleep(0)
        except TimeoutError:
            log.warning("wakeup_lost", error="NATS takes nothing")
        finally:
            await self._local.publish(wakeups)

    async def _send(self, wakeup: AnyWakeup) -> None:
        client = self._client
        if client is None:
            return
        data = self._encoder.encode((self._node, wakeup))
        limit = min(MAX_PUBLISHED_BYTES, client.max_payload)
        if len(data) > limit:
            data = self._encoder.encode((self._node, shortened(wakeup)))
        if len(data) > limit:
            log.error("wakeup_too_large", kind=type(wakeup).__name__, size=len(data))
            return
        try:
            await client.publish(self._subject, data)
        except (nats.errors.Error, OSError) as error:
            log.warning("wakeup_lost", error=str(error))

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver."""
        self._local.subscribe(receiver)

    @property
    def hears(self) -> bool:
        """Whether NATS is connected."""
        return self.joined.is_set()

    async def start(self) -> None:
        """Begin to connect; returns at once if NATS is there, else goes on in the background."""
        self._keeper = asyncio.create_task(self._keep())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.joined.wait(), _CONNECT_S)

    async def _keep(self) -> None:
        """Hold one connection, and replace it when it ends or falls silent; whatever the client
        raises, as a node without this task hears nobody until it is started again."""
        while True:
            client = NatsClient()
            try:
                await self._hold(client)
            except Exception as error:
                log.warning("bus_lost", error=str(error) or type(error).__name__)
            finally:
                self._client = None
                self.joined.clear()
                try:
                    # Sends what was published; a server that reads nothing must not stop us.
                    await asyncio.wait_for(client.close(), _CONNECT_S)
                except Exception as error:
                    log.warning("bus_not_closed", error=str(error) or type(error).__name__)
            await asyncio.sleep(_RETRY_S)

    async def _hold(self, client: NatsClient) -> None:
        """Connect and use the connection. Raises when it is of no use any more."""
        ended = asyncio.Event()
        echoes = f"{self._subject}.echo.{self._node.hex()}"

        async def on_end() -> None:
            ended.set()

        async def on_echo(_: Msg) -> None:
            self._echoed.set()

        await client.connect(
            self._servers,
            name="copconnect",
            connect_timeout=_CONNECT_S,
            allow_reconnect=False,
            max_reconnect_attempts=-1,  # Of the first connection.
            reconnect_time_wait=_RETRY_S,
            error_cb=self._on_error,
            closed_cb=on_end,
        )
        if not client.is_connected:
            raise nats.errors.ConnectionClosedError
        await client.subscribe(self._subject, cb=self._on_message)
        await client.subscribe(echoes, cb=on_echo)
        while not ended.is_set():
            self._echoed.clear()
            await client.publish(echoes, b"")
            await asyncio.wait_for(self._echoed.wait(), _ECHO_LIMIT_S)
            # The server took the subscriptions before the echo: others are heard from here on.
            self._client = client
            self.joined.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _ECHO_EVERY_S)
        raise nats.errors.ConnectionClosedError

    async def _on_message(self, message: Msg) -> None:
        try:
            node, wakeup = self._decoder.decode(message.data)
        except msgspec.MsgspecError:
            log.error("wakeup_malformed")
            return
        if node != self._node:
            await self._local.publish([wakeup])

    async def _on_error(self, error: Exception) -> None:
        log.warning("bus_error", error=str(error))

    async def close(self) -> None:
        """Disconnect, after what was published has gone out."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper


def open_bus(url: str) -> Bus:
    """Return the bus at NATS URLs, separated by commas, or the one in process for an empty one."""
    return NatsBus(url) if url else LocalBus()
