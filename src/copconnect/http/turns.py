"""Turns: a device has a few requests under way at a time, and its next ones wait for those.

A client never has more, as browsers open six connections to a host. A program that sends hundreds
at once would otherwise have the event loop do its work between everybody else's. The requests that
wait are bounded; one more is refused at once. Requests without an access token pass: limits of
addresses count them. Used from one event loop.
"""

import asyncio
import contextlib
from collections import deque

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

AT_ONCE = 6
MOST_WAITING = 256  # Requests of one token; uvicorn leaves those of closed connections under way.


class _ClientRequests:
    """The requests of one access token."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Turns:
    """An ASGI application that lets requests into another in turn."""

    def __init__(self, rest: ASGIApp, at_once: int = AT_ONCE) -> None:
        self.rest = rest
        self._at_once = at_once
        self._lines: dict[bytes, _ClientRequests] = {}

    def __len__(self) -> int:
        """Return how many access tokens have requests under way."""
        return len(self._lines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after those before it."""
        token = _token(scope)
        if not token:
            await self.rest(scope, receive, send)
            return
        line = self._lines.setdefault(token, _ClientRequests())
        if len(line.waiting) >= MOST_WAITING:
            await _refuse(send)
            return
        try:
            await self._enter(line)
            try:
                await self.rest(scope, receive, send)
            finally:
                self._leave(line)
        finally:
            if not line.under_way and not line.waiting:
                self._lines.pop(token, None)

    async def _enter(self, line: _ClientRequests) -> None:
        if line.under_way < self._at_once:
            line.under_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(line)  # Its turn had come.
            else:
                with contextlib.suppress(ValueError):  # Passed over in this turn of the loop.
                    line.waiting.remove(turn)
            raise

    def _leave(self, line: _ClientRequests) -> None:
        """Give the turn to the next, or back."""
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        line.under_way -= 1


async def _refuse(send: Send) -> None:
    """Answer 429 without a body, and end the connection."""
    headers = [(b"retry-after", b"1"), (b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _token(scope: Scope) -> bytes:
    if scope["type"] != ScopeType.HTTP:
        return b""
    # The token alone, as Gate reads it: the scheme "Bearer" can be spelled in 64 ways.
    values = (value for name, value in scope["headers"] if name == b"authorization")
    return next(values, b"").partition(b" ")[2]
