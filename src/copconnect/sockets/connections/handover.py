"""How a connection that the web server accepted becomes a live one, on the same port.

uvicorn reads the upgrade request, as it reads every request, and gives the connection away to the
protocol that ``uvicorn.Config(ws=…)`` names. That is :class:`Handover`: it passes the request on to
the parser of :mod:`copconnect.sockets.connections.connection` and the transport with it.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast

# Firefox says "keep-alive, Upgrade", which the parser does not expect.
_CONNECTION = re.compile(rb"(?im)^connection:[^\r\n]*")


class Handover(asyncio.Protocol):
    """Has the connection for one turn of the event loop."""

    def __init__(self, parser: asyncio.BufferedProtocol) -> None:
        self._parser = parser
        self._transport: asyncio.Transport | None = None
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection from uvicorn."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on the upgrade request, then the connection once uvicorn has let go of it."""
        self._pass_on(_CONNECTION.sub(b"connection: Upgrade", data, count=1))
        asyncio.get_running_loop().call_soon(self._give_away)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer went in that very turn."""
        self._lost = True
        self._parser.connection_lost(exc)

    def _pass_on(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            buffer = memoryview(cast(Any, self._parser.get_buffer(len(data) - at)))
            size = min(len(buffer), len(data) - at)
            buffer[:size] = data[at : at + size]
            self._parser.buffer_updated(size)
            at += size

    def _give_away(self) -> None:
        if self._transport is not None and not self._lost:
            self._transport.set_protocol(self._parser)


class HandedOverConnections:
    """The one thing that uvicorn waits for when it shuts down: all that was handed over."""

    def __init__(self, shutdown: Callable[[], None]) -> None:
        self.shutdown = shutdown
