"""One live connection: a bounded queue of encoded frames and how it ends.

A slow reader never delays anybody: ``push`` only appends; beyond the limit the connection is
closed as too slow, and the client catches up from the log.
"""

import asyncio
import contextlib
from collections import deque

from litestar.types import Send

from copconnect import wire
from copconnect.principals import Caller

_CLOSE_TIMEOUT_S = 5.0


class Connection:
    """A socket after its Hello. Used from one event loop; ``push`` and ``close`` never wait."""

    __slots__ = ("_frames", "_limit", "_queued", "_wake", "caller", "close_code", "closed")

    def __init__(self, caller: Caller, limit_bytes: int) -> None:
        self.caller = caller
        self.close_code: int | None = None
        self.closed = asyncio.Event()
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._limit = limit_bytes
        self._wake = asyncio.Event()

    def push(self, frame: bytes) -> None:
        """Queue an encoded frame, or close the connection when its reader fell behind."""
        if self.close_code is not None:
            return
        self._queued += len(frame)
        if self._queued > self._limit:
            self._frames.clear()
            self.close(wire.CLOSE_TOO_SLOW)
            return
        self._frames.append(frame)
        self._wake.set()

    def close(self, code: int) -> None:
        """End the connection after what is queued; the first code stays."""
        if self.close_code is None:
            self.close_code = code
            self.closed.set()
            self._wake.set()

    async def write(self, send: Send) -> None:
        """Send what is queued, in order, until the connection is closed."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                await send({"type": "websocket.send", "bytes": frame, "text": None})
                self._queued -= len(frame)
            if self.close_code is not None:
                return
            self._wake.clear()
            await self._wake.wait()

    async def finish(self, send: Send, writer: asyncio.Task[None]) -> None:
        """Flush and send the close frame, but wait for neither longer than a few seconds."""
        if self.close_code == wire.CLOSE_TOO_SLOW:
            writer.cancel()
        await asyncio.wait([writer], timeout=_CLOSE_TIMEOUT_S)
        writer.cancel()
        # The peer may be gone, or not reading: the server then drops the connection as it is.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                code = self.close_code or 1000
                await send({"type": "websocket.close", "code": code, "reason": None})
