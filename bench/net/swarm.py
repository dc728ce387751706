"""One process of many WebSocket clients that keep what arrives, with the time.

As little work per client as a receiver can do that is to read its frame later; simulated devices
(crowd/simulator.py) do no more while a message comes. Commands: ``connect`` (how many clients),
``expect`` (how many frames each is to receive; answered when all have).
"""

import asyncio
import sys
import time
from collections.abc import Callable

import uvloop

from bench.machine.children import Answer, answer_lines
from bench.net.websocket import WebSocketClient, local_address, upgrade_request
from copconnect.commands import descriptors

CONNECTING_AT_ONCE = 200
LIMIT_S = 120


class SwarmClient(WebSocketClient):
    """One connection: the upgrade, then frames until it closes."""

    __slots__ = ("_swarm",)

    def __init__(self, swarm: "Swarm") -> None:
        super().__init__(swarm.request)
        self._swarm = swarm

    def opened(self) -> None:
        """Be ready."""
        self._swarm.welcomed()

    def received(self, data: bytes, start: int, end: int) -> None:
        """Keep a frame."""
        self._swarm.received(data[start:end])

    def ended(self) -> None:
        """Count the loss."""
        self._swarm.ended()


class Swarm:
    """The clients of this process."""

    def __init__(self, host: str, port: int, network: str | None = None) -> None:
        self.request = upgrade_request(host, port)
        self._address = (host, port)
        self._network = network
        self._clients: list[SwarmClient] = []
        self._ready = 0
        self._changed = asyncio.Event()
        self._came: list[tuple[bytes, int]] = []
        self._awaited = 0
        self._lost = 0

    def welcomed(self) -> None:
        """A client is connected."""
        self._ready += 1
        self._changed.set()

    def received(self, payload: bytes) -> None:
        """A frame came. The task that waits is woken once, by the last frame that is awaited."""
        self._came.append((payload, time.monotonic_ns()))
        if len(self._came) == self._awaited:
            self._changed.set()

    def ended(self) -> None:
        """A connection is gone: nothing need wait for it."""
        self._lost += 1
        self._changed.set()

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        match asked["command"]:
            case "connect":
                return await self._connect(asked["clients"])
            case "expect":
                return await self._expect(asked["frames"])
            case command:
                raise ValueError(command)

    async def _connect(self, clients: int) -> Answer:
        loop = asyncio.get_running_loop()
        slots = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(number: int) -> None:
            async with slots:
                _, client = await loop.create_connection(
                    lambda: SwarmClient(self),
                    *self._address,
                    local_addr=local_address(self._network, number),
                )
            self._clients.append(client)

        await asyncio.gather(*(one(number) for number in range(clients)))
        await self._until(lambda: self._ready >= clients)
        return {"ready": self._ready}

    async def _expect(self, frames: int) -> Answer:
        """Wait until every client has received so many frames since the last question."""
        wanted = self._awaited = frames * len(self._clients)
        await self._until(lambda: len(self._came) >= wanted)
        came, self._came = self._came, []
        return {"times_ns": [at for _, at in came], "lost": self._lost}

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not done() and not self._lost:
                self._changed.clear()
                await self._changed.wait()


async def _main(host: str, port: str, network: str | None = None) -> None:
    descriptors.raise_limit()
    await answer_lines(Swarm(host, int(port), network).answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
