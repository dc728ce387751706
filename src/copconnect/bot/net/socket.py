"""The live connection: says Hello, is told where everything stands, then receives frames in order.

It knows nothing of keys or state. Frames that do not decode close the connection. Liveness: the
client pings every 30 s and gives up after as long; the server pings, too.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from copconnect import wire
from copconnect.bot.failures import SignedOut, Unreachable
from copconnect.limits import APP_CHARACTERS, CURSORS_IN_FRAME, POSITIONS_IN_HELLO

_HELLO_S = 60.0  # A server that restarts answers Hello late.
_PING_S = 30.0
_MOST_FRAME_BYTES = 8 * 1024 * 1024
_ENDED = {
    wire.CLOSE_SIGNED_OUT: "the server has signed this bot out",
    wire.CLOSE_UNAUTHENTICATED: "the server does not know this bot's access token",
    wire.CLOSE_CONDUCT_NOT_ACCEPTED: "the code of conduct is a new one: copconnect-bot conduct",
    wire.CLOSE_REPLACED: "another process runs with this bot's state",
}
_frames: msgspec.msgpack.Decoder[wire.ServerFrame] = msgspec.msgpack.Decoder(wire.ServerFrame)


class Ended(SignedOut):
    """The server closed the connection for good; ``code``: the close code."""

    def __init__(self, code: int) -> None:
        super().__init__(_ENDED[code])
        self.code = code


class Socket:
    """One connection after its Ready."""

    def __init__(self, connection: ClientConnection, ready: wire.Ready) -> None:
        self._connection = connection
        self.ready = ready

    async def frames(self) -> AsyncIterator[wire.ServerFrame]:
        """Yield frames until the connection ends. Raises Ended, Unreachable."""
        while True:
            yield await _frame(self._connection)

    async def send_cursors(self, updates: list[wire.CursorUpdate]) -> None:
        """Say how far this device has come. Raises Unreachable."""
        for at in range(0, len(updates), CURSORS_IN_FRAME):
            frame = wire.Cursors(updates=updates[at : at + CURSORS_IN_FRAME])
            try:
                await self._connection.send(msgspec.msgpack.encode(frame))
            except ConnectionClosed as error:
                raise _closed(error) from error


@asynccontextmanager
async def connected(
    server: str, tls: ssl.SSLContext, token: str, positions: list[wire.Position]
) -> AsyncIterator[Socket]:
    """Connect and wait for Ready. Raises Ended, Unreachable."""
    url = "ws" + server.removeprefix("http") + "/v1/socket"
    hello = wire.Hello(
        version=wire.WIRE_VERSION,
        access_token=token,
        positions=positions[:POSITIONS_IN_HELLO],
        app=f"bot {version('copconnect')}"[:APP_CHARACTERS],
    )
    try:
        async with connect(
            url,
            ssl=tls if url.startswith("wss") else None,
            compression=None,
            max_size=_MOST_FRAME_BYTES,
            open_timeout=_HELLO_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
        ) as connection:
            await connection.send(msgspec.msgpack.encode(hello))
            ready = await _frame(connection)
            if not isinstance(ready, wire.Ready):
                raise Unreachable("the server's first frame was not Ready")
            yield Socket(connection, ready)
    except ConnectionClosed as error:
        raise _closed(error) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Unreachable(f"the socket: {error or type(error).__name__}") from error


async def _frame(connection: ClientConnection) -> wire.ServerFrame:
    try:
        data = await connection.recv(decode=False)
    except ConnectionClosed as error:
        raise _closed(error) from error
    try:
        return _frames.decode(data)
    except msgspec.MsgspecError as error:
        raise Unreachable("a frame is malformed") from error


def _closed(error: ConnectionClosed) -> Ended | Unreachable:
    code = error.rcvd.code if error.rcvd is not None else None
    if code in _ENDED:
        return Ended(code)
    return Unreachable(f"the connection was closed ({code})")
