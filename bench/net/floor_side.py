"""The floor beside a fan-out: processes that write ready bytes, and processes that receive them."""

import contextlib
import time
from dataclasses import dataclass

from bench.machine.children import Child
from copconnect.services.processes import accepts, free_port

SERVER, CLIENTS = "bench.net.floor", "bench.net.swarm"


@dataclass(frozen=True, slots=True)
class FloorRound:
    """The cost of one write to every socket."""

    last_ms: float
    cpu_us: float  # CPU time of the writing processes, for one socket.


class Floor:
    """So many connected sockets over so many processes on each side."""

    def __init__(self, sockets: int, processes: int) -> None:
        self._sockets = sockets
        self._stack = contextlib.ExitStack()
        self._servers: list[Child] = []
        self._swarms: list[Child] = []
        with contextlib.ExitStack() as stack:
            for number in range(processes):
                arguments = ("127.0.0.1", str(free_port()))
                server = stack.enter_context(contextlib.closing(Child(SERVER, *arguments)))
                while not accepts(int(arguments[1])):
                    time.sleep(0.02)
                swarm = stack.enter_context(
                    contextlib.closing(Child(CLIENTS, *arguments, f"127.{101 + number}"))
                )
                swarm.tell("connect", clients=len(range(number, sockets, processes)))
                self._servers.append(server)
                self._swarms.append(swarm)
            for swarm in self._swarms:
                swarm.hear()
            self._stack = stack.pop_all()

    def round(self, size: int) -> FloorRound:
        """Write ``size`` ready bytes to every socket; return once all have come."""
        before = self._cpu_s()
        for swarm in self._swarms:
            swarm.tell("expect", frames=1)
        began = time.monotonic_ns()
        for server in self._servers:
            server.tell("fire", size=size)
        for server in self._servers:
            server.hear()
        times = [at for swarm in self._swarms for at in swarm.hear()["times_ns"]]
        if len(times) != self._sockets:
            raise RuntimeError(f"{len(times)} of {self._sockets} sockets of the floor received")
        cpu_us = (self._cpu_s() - before) / self._sockets * 1e6
        return FloorRound((max(times) - began) / 1e6, cpu_us)

    def _cpu_s(self) -> float:
        return sum(float(server.ask("usage")["cpu_s"]) for server in self._servers)

    def close(self) -> None:
        """Close every socket and process."""
        self._stack.close()
