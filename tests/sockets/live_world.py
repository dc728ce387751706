"""A real web server on a random port with the Delivery Service and sockets, and clients for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType

import msgspec
import uvicorn
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from copconnect import wire
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.database import Database
from copconnect.delivery import routes
from copconnect.http import Gate, on_error
from copconnect.ids import Seq
from copconnect.principals import Caller, Ended
from copconnect.sockets.endpoint import Limits, Sockets
from tests.contract.delivery_world import World
from tests.harness.waiting import PATIENCE_S

_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)


class Tokens:
    """Authenticates the client id itself as token."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.ended: dict[str, Ended] = {}

    async def authenticate(self, access_token: str) -> Caller | None:
        """Return whom the token names."""
        return self.callers.get(access_token)

    async def authenticate_all(self, access_tokens: Sequence[str]) -> list[Caller | Ended | None]:
        """Return whom the tokens name."""
        return [self.ended.get(token) or self.callers.get(token) for token in access_tokens]


class FixedVersions:
    """Versions that do not move."""

    async def trust_version(self) -> int:
        """Return one."""
        return 7

    async def directory_version(self) -> str:
        """Return one."""
        return "d7"


class ForgetfulBus(LocalBus):
    """Drops wake-ups while ``forgetful``: a crash between commit and wake-up."""

    forgetful = False

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass on, or not."""
        if not self.forgetful:
            await super().publish(wakeups)


class Live(World):
    """A World that serves."""

    def __init__(self, database: Database, **limits: int) -> None:
        self.live_bus = ForgetfulBus()
        super().__init__(database, bus=self.live_bus)
        self.tokens = Tokens()
        self.sockets = Sockets(
            feed=self.service.feed,
            tokens=self.tokens,
            versions=FixedVersions(),
            bus=self.bus,
            leases=self.leases,
            clock=self.clock,
            limits=Limits(**limits),
        )
        self.bus.subscribe(self.sockets.receive)
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Live"]:
        """Serve until the block ends."""
        app = Litestar(
            routes.routes(self.service, Gate(self.tokens)),
            exception_handlers={Exception: on_error},
            openapi_config=None,
            logging_config=None,
        )
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            ws=self.sockets.handover,  # type: ignore[arg-type]
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110  uvicorn has no event for it.
                await asyncio.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        await self.sockets.start()
        try:
            yield self
        finally:
            await self.sockets.close()
            server.should_exit = True
            await task

    def officer(self, person_id: str | None = None) -> Caller:
        """Register a client that may connect."""
        caller = self.registry.register(person_id)
        self.tokens.callers[caller.client_id] = caller
        return caller

    def raw(self, **options: object) -> connect:
        """Return a bare WebSocket to the endpoint."""
        return connect(f"ws://127.0.0.1:{self.port}/v1/socket", compression=None, **options)  # type: ignore[arg-type]

    def client(self, caller: Caller, positions: Mapping[str, int] | None = None) -> "LiveClient":
        """Return a client that says Hello, and how far it has come."""
        return LiveClient(self, caller, positions or {})


class LiveClient:
    """A client's socket after Hello and Ready."""

    def __init__(self, live: Live, caller: Caller, positions: Mapping[str, int]) -> None:
        self.caller = caller
        self._positions = [
            wire.Position(conversation_id=one, seq=Seq(seq)) for one, seq in positions.items()
        ]
        self._connect = live.raw(max_queue=None)
        self._socket: ClientConnection | None = None
        self.ready: wire.Ready | None = None

    async def __aenter__(self) -> "LiveClient":
        self._socket = await self._connect.__aenter__()
        hello = wire.Hello(version=1, access_token=self.caller.client_id, positions=self._positions)
        await self.send(hello)
        ready = await self.next()
        assert isinstance(ready, wire.Ready)
        self.ready = ready
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connect.__aexit__(kind, value, trace)

    @property
    def socket(self) -> ClientConnection:
        """The WebSocket."""
        assert self._socket is not None
        return self._socket

    async def send(self, frame: wire.ClientFrame) -> None:
        """Send a frame."""
        await self.socket.send(msgspec.msgpack.encode(frame))

    async def next(self, timeout_s: float = PATIENCE_S) -> wire.ServerFrame:
        """Return the next frame."""
        async with asyncio.timeout(timeout_s):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        frame: wire.ServerFrame = _FRAME.decode(data)
        return frame

    async def entry(self, timeout_s: float = PATIENCE_S) -> wire.LogEntry:
        """Return the entry of the next frame, which must be one."""
        frame = await self.next(timeout_s)
        assert isinstance(frame, wire.EntryFrame), frame
        return frame.entry

    async def nothing(self, for_s: float = 0.3) -> None:
        """Check that no frame comes."""
        try:
            frame = await self.next(for_s)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected {frame}")

    async def close_code(self) -> int | None:
        """Read to the end; return the close code."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await self.socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None
