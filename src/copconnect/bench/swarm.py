"""One process of many WebSocket clients that say Hello and count what arrives.

As little work per client as a receiver can do, so that a measurement is of the server. Commands:
``connect`` (tokens of the clients), ``expect`` (how many frames each is to receive; answered when
all have), ``acknowledge`` (each client sends one cursor).
"""

import asyncio
import sys
import time
from array import array
from typing import Any, cast

import msgspec
import uvloop

from copconnect import wire
from copconnect.bench.children import Answer, answer_lines
from copconnect.commands import descriptors

CONNECTING_AT_ONCE = 200
_BINARY, _PING = 0x82, 0x89
_PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(payload: bytes) -> bytes:
    """Frame a client's payload. Its mask is zero: masking protects proxies, and here are none."""
    size = len(payload)
    if size < 126:
        head = bytes([_BINARY, 0x80 | size])
    elif size < 65536:
        head = bytes([_BINARY, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([_BINARY, 0xFF]) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class SwarmClient(asyncio.Protocol):
    """One connection: upgrade, Hello, then frames until it closes."""

    __slots__ = ("_hello", "_rest", "_swarm", "_upgraded", "transport")

    def __init__(self, swarm: "Swarm", hello: bytes) -> None:
        self._swarm = swarm
        self._hello = hello
        self._rest = b""
        self._upgraded = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._swarm.request)

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what came."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(data[:200].decode("latin-1"))
            self._upgraded = True
            at = end + 4
            if self._hello:
                self.transport.write(self._hello)
            else:
                self._swarm.welcomed()
        size = len(data)
        while size - at >= 2:
            length, head = data[at + 1], 2
            if length > 125:
                head = 4 if length == 126 else 10
                if size - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + head], "big")
            if size - at < head + length:
                break
            self._frame(data[at], data, at + head, length)
            at += head + length
        if at < size:
            self._rest = data[at:]

    def _frame(self, first: int, data: bytes, start: int, length: int) -> None:
        if first == _BINARY:
            if self._hello:  # The answer is Ready.
                self._hello = b""
                self._swarm.welcomed()
            else:
                self._swarm.received(length)
        elif first == _PING:
            self.transport.write(_PONG)
        else:
            self._swarm.closed.append(int.from_bytes(data[start : start + 2], "big"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Count the loss."""
        self._swarm.lost += 1


class Swarm:
    """The clients of this process."""

    def __init__(self, host: str, port: int, source: str | None = None) -> None:
        self.request = _REQUEST.format(host=host, port=port, path="/v1/socket").encode()
        self._address = (host, port)
        # Ports that others have bound on addresses of their own are taken for who binds none.
        self._local = None if source is None else (source, 0)
        self._clients: list[SwarmClient] = []
        self._ready = 0
        self._changed = asyncio.Event()
        self._times: array[int] = array("q")
        self.lost = 0
        self.closed: list[int] = []

    def welcomed(self) -> None:
        """A client's Ready came."""
        self._ready += 1
        self._changed.set()

    def received(self, length: int) -> None:  # noqa: ARG002
        """A frame came."""
        self._times.append(time.monotonic_ns())
        self._changed.set()

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        match asked["command"]:
            case "connect":
                return await self._connect(asked["tokens"])
            case "expect":
                return await self._expect(asked["frames"])
            case "acknowledge":
                return self._acknowledge(asked["conversation_id"], asked["seq"])
            case command:
                raise ValueError(command)

    async def _connect(self, tokens: list[str]) -> Answer:
        """Open a connection for each token; an empty token says no Hello."""
        loop = asyncio.get_running_loop()
        slots = asyncio.Semaphore(CONNECTING_AT_ONCE)
        started = time.monotonic_ns()

        async def one(token: str) -> None:
            hello = wire.Hello(version=wire.WIRE_VERSION, access_token=token)
            framed = masked(msgspec.msgpack.encode(hello)) if token else b""
            async with slots:
                _, client = await loop.create_connection(
                    lambda: SwarmClient(self, framed), *self._address, local_addr=self._local
                )
            self._clients.append(client)

        wanted = self._ready + len(tokens)
        await asyncio.gather(*map(one, tokens))
        await self._until(lambda: self._ready >= wanted)
        return {"ready": self._ready, "ms": (time.monotonic_ns() - started) / 1e6}

    async def _expect(self, frames: int) -> Answer:
        """Wait until every client has received so many frames since the last question."""
        wanted = frames * len(self._clients)
        await self._until(lambda: len(self._times) >= wanted)
        times, self._times = self._times, array("q")
        return {
            "frames": len(times),
            "expected": wanted,
            "times_ns": times.tolist(),
            "lost": self.lost,
            "closed": self.closed,
        }

    def _acknowledge(self, conversation_id: str, seq: int) -> Answer:
        update: dict[str, Any] = {
            "conversationId": conversation_id,
            "deliveredSeq": seq,
            "readSeq": 0,
        }
        frame = masked(msgspec.msgpack.encode({"t": "cursors", "updates": [update]}))
        for client in self._clients:
            client.transport.write(frame)
        return {"sent": len(self._clients)}

    async def _until(self, done: Any) -> None:
        async with asyncio.timeout(120):
            while not done() and not self.lost:
                self._changed.clear()
                await self._changed.wait()


async def _main(host: str, port: str, source: str | None = None) -> None:
    descriptors.raise_limit()
    await answer_lines(Swarm(host, int(port), source).answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
