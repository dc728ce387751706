"""The ASGI side of ``/v1/socket``: Hello, then frames both ways, then a close code.

Keep-alive pings are the web server's (every 20 s; an answer is due within 20 s). Every two minutes
a connection's token is judged again, so that a revocation holds even if its wake-up was lost.
"""

import asyncio
import contextlib
from typing import Any

import msgspec
import structlog
from litestar import asgi
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, Bus
from copconnect.clock import Clock
from copconnect.http import Authenticator
from copconnect.ids import ConversationId, Seq
from copconnect.principals import Caller
from copconnect.sockets.connection import Connection
from copconnect.sockets.cursors import CursorBuffer
from copconnect.sockets.fanout import Fanout
from copconnect.sockets.feed import Feed, SeenCursor, Versions

HELLO_S = 5.0
REJUDGE_S = 120.0
MAX_CLIENT_FRAME_BYTES = 256 * 1024  # A thousand cursors are 100 KB.
_DECODER = msgspec.msgpack.Decoder(wire.ClientFrame)
_ENCODER = msgspec.msgpack.Encoder()
log = structlog.get_logger()


class Sockets:
    """The live connections of one node; app.py starts and closes it."""

    def __init__(
        self,
        *,
        feed: Feed,
        authenticator: Authenticator,
        versions: Versions,
        bus: Bus,
        clock: Clock,
        buffer_bytes: int,
    ) -> None:
        self._authenticator = authenticator
        self._versions = versions
        self._clock = clock
        self._buffer_bytes = buffer_bytes
        self.fanout = Fanout(feed, clock)
        self.cursors = CursorBuffer(feed, bus)
        self._healing: asyncio.Task[None] | None = None

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Pass a wake-up to the connections; subscribe this to the bus."""
        await self.fanout.receive(wakeup)

    async def start(self) -> None:
        """Begin to flush cursors and to heal."""
        await self.cursors.start()
        self._healing = asyncio.create_task(self.fanout.run())

    async def close(self) -> None:
        """Close every connection (1012: come back) and store the last cursors."""
        if self._healing is not None:
            self._healing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._healing
        for connection in self.fanout.connections:
            connection.close(1012)
        await self.fanout.close()
        await self.cursors.close()

    # --- One connection ---------------------------------------------------------------------

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one WebSocket from its handshake to its end."""
        if scope["type"] != ScopeType.WEBSOCKET:
            raise errors.NotFound
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        hello = await self._hello(receive)
        caller = None if hello is None else await self._authenticate(hello)
        if hello is None or caller is None:
            await _refuse(send, wire.CLOSE_UNAUTHENTICATED)
            return
        if not caller.conduct_accepted:
            await _refuse(send, wire.CLOSE_CONDUCT_NOT_ACCEPTED)
            return
        connection = Connection(caller, self._buffer_bytes)
        try:
            trust_version = await self._versions.trust_version()
            directory_version = await self._versions.directory_version()
            # From here to the push nothing awaits but the read of the places, before anything
            # is subscribed: Ready is the first frame.
            heads = await self.fanout.enter(connection)
            ready = wire.Ready(
                server_time_ms=self._clock.now_ms(),
                trust_version=trust_version,
                directory_version=directory_version,
                heads=heads,
            )
            connection.push(_ENCODER.encode(ready))
            await self._converse(connection, hello.access_token, receive, send)
        finally:
            self.fanout.leave(connection)

    async def _hello(self, receive: Receive) -> wire.Hello | None:
        try:
            async with asyncio.timeout(HELLO_S):
                frame = _decode(await receive())
        except (TimeoutError, msgspec.MsgspecError):
            return None
        return frame if isinstance(frame, wire.Hello) else None

    async def _authenticate(self, hello: wire.Hello) -> Caller | None:
        return await self._authenticator.authenticate(hello.access_token)

    async def _converse(
        self, connection: Connection, token: str, receive: Receive, send: Send
    ) -> None:
        writer = asyncio.create_task(connection.write(send))
        others = [
            asyncio.create_task(self._read(connection, receive)),
            asyncio.create_task(self._rejudge(connection, token)),
            asyncio.create_task(connection.closed.wait()),
        ]
        try:
            await asyncio.wait([writer, *others], return_when=asyncio.FIRST_COMPLETED)
            connection.close(1000)
            await connection.finish(send, writer)
        finally:
            for task in (writer, *others):
                task.cancel()
            await asyncio.gather(writer, *others, return_exceptions=True)

    async def _read(self, connection: Connection, receive: Receive) -> None:
        """Take frames until the peer goes or breaks the protocol."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                frame = _decode(message)
            except msgspec.MsgspecError:
                connection.close(wire.CLOSE_BAD_FRAME)
                return
            if not isinstance(frame, wire.Cursors):
                connection.close(wire.CLOSE_BAD_FRAME)
                return
            for update in frame.updates:
                self._take(connection, update)

    def _take(self, connection: Connection, update: wire.CursorUpdate) -> None:
        """Buffer a cursor of a conversation the client belongs to, at most at its head."""
        conversation_id = ConversationId(update.conversation_id)
        head = self.fanout.head_of(connection, conversation_id)
        if head is None:
            return
        read = max(0, min(update.read_seq, head))
        delivered = max(read, min(update.delivered_seq, head))
        self.cursors.add(
            SeenCursor(
                conversation_id=conversation_id,
                client_id=connection.caller.client_id,
                person_id=connection.caller.person_id,
                delivered_seq=Seq(delivered),
                read_seq=Seq(read),
            )
        )

    async def _rejudge(self, connection: Connection, token: str) -> None:
        while True:
            await asyncio.sleep(REJUDGE_S)
            try:
                caller = await self._authenticator.authenticate(token)
            except Exception:
                log.exception("rejudge_failed")  # The database is away; ask again later.
                continue
            if caller is None:
                connection.close(wire.CLOSE_SIGNED_OUT)
                return


def routes(sockets: Sockets) -> list[Any]:
    """Return the WebSocket handler."""

    @asgi("/v1/socket", copy_scope=True)
    async def socket(scope: Scope, receive: Receive, send: Send) -> None:
        await sockets.serve(scope, receive, send)

    return [socket]


def _decode(message: Any) -> wire.ClientFrame:
    """Decode a received message. Raises msgspec.MsgspecError for anything but a frame."""
    data = message.get("bytes")
    if data is None or len(data) > MAX_CLIENT_FRAME_BYTES:
        raise msgspec.ValidationError("not a binary frame, or too large")
    frame: wire.ClientFrame = _DECODER.decode(data)
    return frame


async def _refuse(send: Send, code: int) -> None:
    with contextlib.suppress(Exception):
        await send({"type": "websocket.close", "code": code, "reason": None})
