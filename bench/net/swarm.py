"""One process of many WebSocket clients that say Hello and keep what arrives, with the time.

As little work per client as a receiver can do that is to read its frame later, so that a
measurement is of the server; simulated devices (simulator.py) do no more while a message comes.
Commands:
``connect`` (tokens of the clients), ``expect`` (how many frames each is to receive; answered when
all have), ``acknowledge`` (each client sends one cursor).
"""

import asyncio
import sys
import time
from collections import deque
from typing import Any

import msgspec
import uvloop

from bench.machine.children import Answer, answer_lines
from bench.net.websocket import WebSocketClient, local_address, masked, upgrade_request
from copconnect import wire
from copconnect.commands import descriptors

CONNECTING_AT_ONCE = 200


class SwarmClient(WebSocketClient):
    """One connection: upgrade, Hello, then frames until it closes."""

    __slots__ = ("_hello", "_swarm")

    def __init__(self, swarm: "Swarm", hello: bytes) -> None:
        super().__init__(swarm.request)
        self._swarm = swarm
        self._hello = hello

    def opened(self) -> None:
        """Say Hello, or be ready without."""
        if self._hello:
            self.transport.write(self._hello)
        else:
            self._swarm.welcomed()

    def received(self, data: bytes, start: int, end: int) -> None:
        """Keep a frame; the first answers Hello."""
        if self._hello:
            self._hello = b""
            self._swarm.welcomed()
        else:
            self._swarm.received(self, data[start:end])

    def ended(self) -> None:
        """Count the loss."""
        self._swarm.ended(self.close_code)


class Swarm:
    """The clients of this process."""

    def __init__(self, host: str, port: int, network: str | None = None) -> None:
        self.request = upgrade_request(host, port)
        self._address = (host, port)
        self._network = network
        self._clients: list[SwarmClient] = []
        self._ready = 0
        self._changed = asyncio.Event()
        self._came: deque[tuple[SwarmClient, bytes, int]] = deque()
        self._awaited = 0
        self.lost = 0
        self.closed: list[int] = []

    def welcomed(self) -> None:
        """A client's Ready came."""
        self._ready += 1
        self._changed.set()

    def received(self, client: SwarmClient, payload: bytes) -> None:
        """A frame came. Who waits is woken once, by the last that is awaited."""
        self._came.append((client, payload, time.monotonic_ns()))
        if len(self._came) == self._awaited:
            self._changed.set()

    def ended(self, close_code: int | None) -> None:
        """A connection is gone: whoever waits need not wait for it."""
        self.lost += 1
        if close_code is not None:
            self.closed.append(close_code)
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

        async def one(number: int, token: str) -> None:
            hello = wire.Hello(version=wire.WIRE_VERSION, access_token=token, positions=[])
            framed = masked(msgspec.msgpack.encode(hello)) if token else b""
            async with slots:
                _, client = await loop.create_connection(
                    lambda: SwarmClient(self, framed),
                    *self._address,
                    local_addr=local_address(self._network, number),
                )
            self._clients.append(client)

        wanted = self._ready + len(tokens)
        before = len(self._clients)
        await asyncio.gather(*(one(before + i, token) for i, token in enumerate(tokens)))
        await self._until(lambda: self._ready >= wanted)
        return {"ready": self._ready, "ms": (time.monotonic_ns() - started) / 1e6}

    async def _expect(self, frames: int) -> Answer:
        """Wait until every client has received so many frames since the last question."""
        wanted = self._awaited = frames * len(self._clients)
        await self._until(lambda: len(self._came) >= wanted)
        came, self._came = self._came, deque()
        return {
            "frames": len(came),
            "expected": wanted,
            "times_ns": [at for _, _, at in came],
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


async def _main(host: str, port: str, network: str | None = None) -> None:
    descriptors.raise_limit()
    await answer_lines(Swarm(host, int(port), network).answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
