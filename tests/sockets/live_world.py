"""A real web server on a random port with live connections over a feed, and clients for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from copconnect import wire
from copconnect.bus import AnyWakeup, Bus, KeyWakeup, LocalBus
from copconnect.clock import Clock
from copconnect.ids import (
    CellId,
    ClientId,
    ConversationId,
    MessageId,
    PersonId,
    Seq,
    UnitId,
    new_id,
)
from copconnect.principals import Caller, Ended
from copconnect.rates import SharedRates
from copconnect.sockets.endpoint import Limits, Sockets
from copconnect.sockets.feed import Current, Feed
from tests.harness.waiting import PATIENCE_S, until_async
from tests.sockets.listening import listening
from tests.sockets.memory_feed import Conversation, MemoryFeed
from tests.sockets.memory_feed import caller as new_caller

_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)


def hello(token: str, positions: Sequence[wire.Position] = ()) -> bytes:
    """Return an encoded Hello."""
    frame = wire.Hello(version=2, access_token=token, positions=list(positions))
    return msgspec.msgpack.encode(frame)


class Tokens:
    """Authenticates the client id itself as token."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.ended: dict[str, Ended] = {}
        self.apps: dict[ClientId, str] = {}
        self.answers = asyncio.Event()  # Cleared: looking up the person of a token waits.
        self.answers.set()

    async def authenticate_all(self, access_tokens: Sequence[str]) -> list[Caller | Ended | None]:
        """Return whom the tokens name."""
        await self.answers.wait()
        return [self.ended.get(token) or self.callers.get(token) for token in access_tokens]

    def runs(self, client_id: ClientId, app: str) -> None:
        """Note the version of a client's program."""
        self.apps[client_id] = app


class FixedVersions:
    """Versions that do not move."""

    async def current(self, _: Collection[PersonId]) -> Current:
        """Return some, and nobody who is sanctioned."""
        return Current(7, "d7", 7, 3, set())


class ForgetfulBus(LocalBus):
    """Drops wake-ups while ``forgetful``: a crash between commit and wake-up."""

    forgetful = False

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass on, or not."""
        if not self.forgetful:
            await super().publish(wakeups)


class FeedClock:
    """Says what the feed says."""

    def __init__(self, feed: MemoryFeed) -> None:
        self._feed = feed

    def now_ms(self) -> int:
        """Return the feed's time."""
        return self._feed.now_ms


class Watchers:
    """Remembers what each connection watches."""

    def __init__(self) -> None:
        self.watched: dict[Hashable, tuple[Caller, MessageId, UnitId | None]] = {}

    def watch(
        self,
        connection: Hashable,
        caller: Caller,
        order_id: MessageId | None,
        unit_id: UnitId | None,
    ) -> None:
        """Remember it."""
        self.gone(connection)
        if order_id is not None:
            self.watched[connection] = caller, order_id, unit_id

    def gone(self, connection: Hashable) -> None:
        """Forget it."""
        self.watched.pop(connection, None)


class Helpers:
    """See Helpers in sockets/feed.py."""

    def __init__(self) -> None:
        self.working: list[tuple[ClientId, ConversationId]] = []

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """Note it."""
        self.working.append((client_id, conversation_id))


class Served:
    """Serves live connections."""

    def __init__(self, feed: Feed, bus: Bus, clock: Clock, **limits: int) -> None:
        self.tokens = Tokens()
        self.watchers = Watchers()
        self.helpers = Helpers()
        self.rates = SharedRates(bus, clock.now_ms)
        self.sockets = Sockets(
            feed=feed,
            tokens=self.tokens,
            versions=FixedVersions(),
            watchers=self.watchers,
            helpers=self.helpers,
            bus=bus,
            clock=clock,
            rates=self.rates,
            limits=Limits(**limits),
        )
        bus.subscribe(self.sockets.receive)
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Serve until the block ends."""
        async with listening(self.sockets) as port:
            self.port = port
            await self.sockets.start()
            yield self

    # --- Clients ----------------------------------------------------------------------------

    def raw(self, **options: object) -> connect:
        """Return a bare WebSocket to the endpoint."""
        return connect(f"ws://127.0.0.1:{self.port}/v1/socket", compression=None, **options)  # type: ignore[arg-type]

    def client(self, caller: Caller, positions: Mapping[str, int] | None = None) -> "LiveClient":
        """Return a client that says Hello, and how far it has come."""
        return LiveClient(self, caller, positions or {})

    async def settled(self, held: int = 0) -> None:
        """Wait until nothing is under way on the node but so many reads that the test holds."""
        fanout = self.sockets.fanout
        await until_async(lambda: not self.sockets.waiting and fanout.under_way <= held)
        assert fanout.under_way == held


class Live(Served):
    """Serves live connections over a MemoryFeed."""

    def __init__(self, **limits: int) -> None:
        self.bus = ForgetfulBus()
        self.feed = MemoryFeed(self.bus)
        self.clock = FeedClock(self.feed)
        super().__init__(self.feed, self.bus, self.clock, **limits)

    # --- What happens -----------------------------------------------------------------------

    def officer(self, person_id: str | None = None, *, confirmed: bool = True) -> Caller:
        """Register a device that may connect."""
        caller = new_caller(person_id, confirmed=confirmed)
        self.tokens.callers[caller.client_id] = caller
        return caller

    def group(self, *callers: Caller, cells: int = 1) -> Conversation:
        """Create a conversation."""
        return self.feed.create(callers, cells)

    async def post(
        self,
        made: Conversation,
        sender: Caller,
        text: bytes = b"",
        *,
        key: str = "",
        epoch: int = 0,
        deletes: bool = False,
    ) -> Seq:
        """Send a message; return its seq."""
        wakeup = self.feed.post(made, sender, text, key, epoch, deletes=deletes)
        await self.bus.publish([wakeup])
        return Seq(wakeup.seq)

    async def change(
        self,
        made: Conversation,
        *,
        add: Sequence[Caller] = (),
        remove: Sequence[Caller] = (),
        whole: bool = True,
    ) -> None:
        """Change who is listed."""
        await self.bus.publish([self.feed.change(made, add=add, remove=remove, whole=whole)])

    async def key(
        self, made: Conversation, cells: Collection[CellId] = (), devices: Collection[Caller] = ()
    ) -> KeyWakeup:
        """Make a conversation key."""
        wakeup = self.feed.key_for(made, cells, devices)
        await self.bus.publish([wakeup])
        return wakeup


class LiveClient:
    """A client's socket after Hello and Ready."""

    def __init__(self, served: Served, caller: Caller, positions: Mapping[str, int]) -> None:
        self._served = served
        self._client_id = caller.client_id
        self._positions = [
            wire.Position(conversation_id=ConversationId(one), seq=Seq(seq))
            for one, seq in positions.items()
        ]
        self._connect = served.raw(max_queue=None)
        self._socket: ClientConnection | None = None
        self._ready: wire.Ready | None = None

    async def __aenter__(self) -> "LiveClient":
        self._socket = await self._connect.__aenter__()
        await self._socket.send(hello(self._client_id, self._positions))
        ready = await self.next()
        assert isinstance(ready, wire.Ready)
        self._ready = ready
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connect.__aexit__(kind, value, trace)

    @property
    def ready(self) -> wire.Ready:
        """The first frame."""
        assert self._ready is not None
        return self._ready

    @property
    def socket(self) -> ClientConnection:
        """The WebSocket."""
        assert self._socket is not None
        return self._socket

    async def send(self, frame: wire.ClientFrame) -> None:
        """Send a frame."""
        await self.socket.send(msgspec.msgpack.encode(frame))

    async def raw_next(self, timeout_s: float = PATIENCE_S) -> bytes:
        """Return the bytes of the next frame."""
        async with asyncio.timeout(timeout_s):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        return data

    async def next(self, timeout_s: float = PATIENCE_S) -> wire.ServerFrame:
        """Return the next frame."""
        frame: wire.ServerFrame = _FRAME.decode(await self.raw_next(timeout_s))
        return frame

    async def entry_frame(self, timeout_s: float = PATIENCE_S) -> wire.EntryFrame:
        """Return the next frame, which must be a message."""
        frame = await self.next(timeout_s)
        assert isinstance(frame, wire.EntryFrame), frame
        return frame

    async def entry(self, timeout_s: float = PATIENCE_S) -> wire.LogEntry:
        """Return the message of the next frame, which must be one."""
        return (await self.entry_frame(timeout_s)).entry

    async def seqs(self, count: int) -> list[int]:
        """Return the seqs of the next frames, which must be messages."""
        return [(await self.entry()).seq for _ in range(count)]

    async def key_frame(self) -> wire.KeyFrame:
        """Return the next frame, which must be a conversation key."""
        frame = await self.next()
        assert isinstance(frame, wire.KeyFrame), frame
        return frame

    async def nothing(self, held: int = 0) -> None:
        """Check that no frame comes of what has happened: once the node has nothing under way but
        so many reads that the test holds, the next frame is one that is pushed here."""
        await self._served.settled(held)
        last = wire.ShareFrame(conversation_id=ConversationId(new_id()), share=b"")
        assert self._served.sockets.fanout.push_to(self._client_id, last)
        assert await self.next() == last

    async def close_code(self) -> int | None:
        """Read to the end; return the close code."""
        return await close_code(self.socket)


async def close_code(socket: ClientConnection) -> int | None:
    """Read to the end; return the close code."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None
