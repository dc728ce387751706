"""Phones that sleep: they have no connection until their push service wakes them.

A child process with the phones and their push service. Arguments: file of the Population
(MessagePack), the certificate's file, its key's, the server's public key in hex. Commands: ``port``
(of the push service), ``begin`` (with the server's host and port), ``forget`` (measure from now
on), ``sleeps`` (the seconds of each sleep until the push that ended it; a phone that still sleeps
counts with its seconds so far, so that a phone without a push is noticed).

A phone that is woken connects, reads, asks for what it cannot open, says how far it has come, and
sleeps again.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.crowd.device import SimulatedDevice
from bench.crowd.plan import Population
from bench.crowd.simulator import Simulator
from bench.machine.children import Answer, answer_lines
from bench.net.push_service import TAKEN, Pushed, PushService, Reply
from copconnect.commands import descriptors

READS_S = 10.0  # The longest wait of a woken phone for its messages.
AWAKE_S = 2.0  # The longest stay after the messages arrived: the phone asks for keys meanwhile.


def endpoint(client_id: str) -> str:
    """Return the path of a phone's endpoint."""
    return f"/wpush/v2/{client_id}"


class Sleeping:
    """The phones of this process."""

    def __init__(self, population: Population, service: PushService) -> None:
        self._population = population
        self._service = service
        self._simulator: Simulator | None = None
        self._by_path: dict[str, SimulatedDevice] = {}
        self._since: dict[SimulatedDevice, float] = {}  # When each sleeping device fell asleep.
        self._sleeps: list[float] = []
        service.answer = self._pushed

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        match asked["command"]:
            case "port":
                return {"port": self._service.port}
            case "begin":
                await self._begin((asked["host"], asked["port"]))
            case "forget":
                self._sleeps.clear()
                self._since = dict.fromkeys(self._since, time.monotonic())
            case "sleeps":
                now = time.monotonic()
                lasting = [now - since for since in self._since.values()]
                return {"sleeps": [*self._sleeps, *lasting], "wrong": len(self._service.wrong)}
            case command:
                raise ValueError(command)
        return {}

    async def _begin(self, address: tuple[str, int]) -> None:
        simulator = self._simulator = await Simulator.start(self._population, address)
        simulator.connections.live = True
        for device in simulator.devices:
            self._by_path[endpoint(device.planned.client_id)] = device
            self._since[device] = time.monotonic()

    def _pushed(self, pushed: Pushed) -> Reply:
        device = self._by_path.get(pushed.path)
        since = self._since.pop(device, None) if device is not None else None
        if device is not None and since is not None and self._simulator is not None:
            self._sleeps.append(time.monotonic() - since)
            self._simulator.connections.spawn(self._awake(self._simulator, device))
        return TAKEN

    async def _awake(self, simulator: Simulator, device: SimulatedDevice) -> None:
        connections = simulator.connections
        before = {c: place.came for c, place in device.places.items()}
        connections.come_back([device])
        await connections.until(
            lambda: device.ready and any(device.places[c].came > seq for c, seq in before.items()),
            READS_S,
        )
        await asyncio.sleep(AWAKE_S * (0.5 + random.random() / 2))  # noqa: S311 - jitter.
        simulator.say_cursors(device)
        await asyncio.sleep(0.1)
        connections.end(device)
        self._since[device] = time.monotonic()


async def _main(population: Population, certificate: str, key: str, public_key: str) -> None:
    descriptors.raise_limit()
    service = PushService(bytes.fromhex(public_key))
    await service.start((Path(certificate), Path(key)))
    await answer_lines(Sleeping(population, service).answer)


if __name__ == "__main__":
    told = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Population)
    uvloop.run(_main(told, *sys.argv[2:]))
