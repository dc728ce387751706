"""A load generator that costs far less than the server: raw HTTP/1.1 over keep-alive connections.

Each connection has one request on its way at a time. Requests are bytes that were made before.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from bench.net.http_client import answer_in

NextRequest = Callable[[], bytes | None]


@dataclass(slots=True)
class Load:
    """The results of one run of the load. Times are seconds, in the order of the answers."""

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)  # Whole answers but 2xx, the first few.
    failures: int = 0  # Answers but 2xx, and lost connections.


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: NextRequest, load: Load) -> None:
        self._next = next_request
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._waiting = False
        self._transport: asyncio.Transport
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            return
        self._waiting = True
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        answer = answer_in(buffer)
        self._buffer = b"" if answer else buffer
        if answer is None:
            return
        self._waiting = False
        if answer.status // 100 == 2:
            self._load.latencies_s.append(time.perf_counter() - self._sent_at)
        else:
            self._load.failures += 1
            if len(self._load.refused) < 5:
                self._load.refused.append(buffer)
        self._send()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._waiting:
            self._load.failures += 1
        if not self.done.done():
            self.done.set_result(None)


async def run(port: int, connections: int, next_request: NextRequest) -> Load:
    """Send what ``next_request`` returns, over so many connections, until it returns None."""
    loop = asyncio.get_running_loop()
    load = Load()
    began = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(next_request, load), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in opened))
    load.seconds = time.perf_counter() - began
    return load


def quantile(values: list[float], q: float) -> float:
    """Return the value below which a fraction ``q`` of the values lies."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
