"""Concurrency for each client: a device has a few requests under way at a time; its others queue.

A browser opens six connections to a host, so the app never queues. A program that sends hundreds of
requests at once would otherwise slow down everybody else's. The queue is bounded; one request more
is refused at once. Requests without an access token pass: limits of
addresses count them. Used from one event loop.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import Any

from copconnect.http.requests import ASGIApp, Receive, Send

AT_ONCE = 6
MOST_WAITING = 256  # Requests of one token; uvicorn leaves those of closed connections under way.


class _ClientRequests:
    """The requests of one access token."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class ClientConcurrency:
    """An ASGI application that limits how many requests of a client reach another at a time."""

    def __init__(self, rest: ASGIApp, at_once: int = AT_ONCE) -> None:
        self.rest = rest
        self._at_once = at_once
        self._clients: dict[bytes, _ClientRequests] = {}

    def __len__(self) -> int:
        """Return how many access tokens have requests under way."""
        return len(self._clients)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer, after the earlier requests of the same token."""
        token = _token(scope)
        if not token:
            await self.rest(scope, receive, send)
            return
        client = self._clients.setdefault(token, _ClientRequests())
        if len(client.waiting) >= MOST_WAITING:
            await _refuse(send)
            return
        try:
            await self._enter(client)
            try:
                await self.rest(scope, receive, send)
            finally:
                self._leave(client)
        finally:
            if not client.under_way and not client.waiting:
                self._clients.pop(token, None)

    async def _enter(self, client: _ClientRequests) -> None:
        if client.under_way < self._at_once:
            client.under_way += 1
            return
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        client.waiting.append(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():
                self._leave(client)  # It had been given a slot.
            else:
                with contextlib.suppress(ValueError):  # Passed over in this turn of the loop.
                    client.waiting.remove(slot)
            raise

    def _leave(self, client: _ClientRequests) -> None:
        """Give the slot to the next request in the queue, or free it."""
        while client.waiting:
            slot = client.waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        client.under_way -= 1


async def _refuse(send: Send) -> None:
    """Answer 429 without a body, and end the connection."""
    headers = [(b"retry-after", b"1"), (b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _token(scope: Mapping[str, Any]) -> bytes:
    # The token alone, as in requests.py: the scheme "Bearer" can be spelled in 64 ways.
    values = (value for name, value in scope["headers"] if name == b"authorization")
    return next(values, b"").partition(b" ")[2]
