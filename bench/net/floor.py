"""The floor of a fan-out: one process that writes the same ready bytes to each of its sockets.

No protocol behind the upgrade, no bookkeeping, no limits: the time above this is the price of the
program. Commands: ``fire`` (bytes of a payload), ``usage``.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

from bench.machine.children import Answer, answer_lines, resident_kb
from copconnect.commands import descriptors
from copconnect.sockets.connections import framing

_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class FloorConnection(asyncio.Protocol):
    """Accepts whatever comes."""

    __slots__ = ("_transports", "transport")

    def __init__(self, transports: list[asyncio.Transport]) -> None:
        self._transports = transports
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Accept the upgrade; ignore the rest."""
        if data.startswith(b"GET ") and self.transport is not None:
            self.transport.write(_ACCEPT)
            self._transports.append(self.transport)


class Floor:
    """The sockets of this process."""

    def __init__(self) -> None:
        self.transports: list[asyncio.Transport] = []

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        if asked["command"] == "usage":
            return {"cpu_s": time.process_time(), "rss_kb": resident_kb()}
        frame = framing.binary(bytes(asked["size"]))
        started = time.monotonic_ns()
        for transport in self.transports:
            transport.write(frame)
        return {"started_ns": started, "passed_ns": time.monotonic_ns()}


async def _main(host: str, port: str) -> None:
    descriptors.raise_limit()
    floor = Floor()
    server = await asyncio.get_running_loop().create_server(
        lambda: FloorConnection(floor.transports), host, int(port), backlog=4096
    )
    async with server:
        await answer_lines(floor.answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
