"""How long one entry takes to reach thousands of sockets of one process, beside the floor.

The floor and the program run in turn in the same run, each with its own
clients; medians of the rounds are compared. Nothing decrypts here: this is the transport alone.
"""

import contextlib
import socket
import statistics
import time

from bench.machine.children import Child
from copconnect.services.processes import free_port

SWARM = "bench.net.swarm"
FLOOR = "bench.net.floor"
SERVER = "bench.measures.transport_server"
IN_PROCESS = 18_000  # Of the 20,000 descriptors that a process may hold.


class Side:
    """A server process and the processes of its clients."""

    def __init__(
        self, module: str, clients: int, *, tokens: bool, stack: contextlib.ExitStack
    ) -> None:
        self.clients = clients
        port = free_port()
        self.server = stack.enter_context(contextlib.closing(Child(module, "127.0.0.1", str(port))))
        _wait_for(port)
        before = self.server.ask("usage")
        self.swarms: list[Child] = []
        self.connected_ms = 0.0
        for first in range(0, clients, IN_PROCESS):
            # Each process of clients has an address of its own, so that ports suffice.
            swarm = stack.enter_context(contextlib.closing(Child(SWARM, "127.0.0.1", str(port))))
            self.swarms.append(swarm)
            numbers = range(first, min(first + IN_PROCESS, clients))
            answer = swarm.ask("connect", tokens=[str(n) if tokens else "" for n in numbers])
            _check(answer["ready"] == len(numbers), answer)
            self.connected_ms += answer["ms"]
        after = self.server.ask("usage")
        self.rss_kb = (after["rss_kb"] - before["rss_kb"]) / clients
        self.connect_cpu_us = 1e6 * (after["cpu_s"] - before["cpu_s"]) / clients

    def round(self, size: int) -> dict[str, float]:
        """Send one entry to everybody; return the times in ms and µs."""
        before = self.server.ask("usage")["cpu_s"]
        for swarm in self.swarms:
            swarm.tell("expect", frames=1)
        fired = self.server.ask("fire", size=size)
        answers = [swarm.hear() for swarm in self.swarms]
        for answer in answers:
            _check(answer["frames"] == answer["expected"] and not answer["lost"], answer["closed"])
        after = self.server.ask("usage")["cpu_s"]
        times = sorted(t - fired["started_ns"] for one in answers for t in one["times_ns"])
        return {
            "last_ms": times[-1] / 1e6,
            "p50_ms": times[len(times) // 2] / 1e6,
            "p99_ms": times[int(len(times) * 0.99)] / 1e6,
            "passed_ms": (fired["passed_ns"] - fired["started_ns"]) / 1e6,
            "cpu_us": 1e6 * (after - before) / self.clients,
        }

    def acknowledge(self, conversation_id: str) -> float:
        """Let every client send a cursor; return the server's time for one in µs."""
        before = self.server.ask("usage")
        for swarm in self.swarms:
            swarm.ask("acknowledge", conversation_id=conversation_id, seq=1)
        while self.server.ask("usage")["stored"] - before["stored"] < self.clients:
            time.sleep(0.2)
        cpu_s: float = self.server.ask("usage")["cpu_s"] - before["cpu_s"]
        return 1e6 * cpu_s / self.clients


def measure(clients: int, size: int, rounds: int) -> dict[str, float]:
    """Return the figures."""
    with contextlib.ExitStack() as stack:
        floor = Side(FLOOR, clients, tokens=False, stack=stack)
        program = Side(SERVER, clients, tokens=True, stack=stack)
        floors, programs = [], []
        for _ in range(rounds):
            floors.append(floor.round(size))
            programs.append(program.round(size))
        acknowledged = program.acknowledge("c" * 32)

    def median(of: list[dict[str, float]], name: str) -> float:
        return round(statistics.median(one[name] for one in of), 3)

    def best(of: list[dict[str, float]]) -> float:
        return min(one["last_ms"] for one in of)

    return {
        "clients": clients,
        "frame_bytes": size,
        "rounds": rounds,
        "last_ms": median(programs, "last_ms"),
        "floor_last_ms": median(floors, "last_ms"),
        "ratio_to_floor": round(median(programs, "last_ms") / median(floors, "last_ms"), 3),
        "best_ratio_to_floor": round(best(programs) / best(floors), 3),
        "cpu_us_per_delivery": median(programs, "cpu_us"),
        "floor_cpu_us_per_delivery": median(floors, "cpu_us"),
        "cpu_ratio": round(median(programs, "cpu_us") / median(floors, "cpu_us"), 3),
        "p50_ms": median(programs, "p50_ms"),
        "p99_ms": median(programs, "p99_ms"),
        "loop_held_ms": median(programs, "passed_ms"),
        "floor_loop_held_ms": median(floors, "passed_ms"),
        "rss_kb_per_connection": round(program.rss_kb, 2),
        "floor_rss_kb_per_connection": round(floor.rss_kb, 2),
        "hellos_per_s": round(1e3 * clients / program.connected_ms),
        "cpu_us_per_hello": round(program.connect_cpu_us, 1),
        "cpu_us_per_acknowledgement": round(acknowledged, 2),
    }


def _check(true: bool, found: object) -> None:
    if not true:
        raise RuntimeError(f"not every client is there: {found}")


def _wait_for(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")
