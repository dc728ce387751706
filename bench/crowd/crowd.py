"""The devices of conversations, over several simulator processes, as one thing."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.crowd.plan import Population
from bench.machine.children import Answer, Child

SIMULATION = "bench.crowd.simulation"
_SUMS = (
    "opened",
    "lost",
    "duplicates",
    "repeated",
    "unexpected",
    "waiting",
    "alarms",
    "without_key",
)


class Crowd:
    """Simulator processes, one for each population, at these servers in turn."""

    def __init__(
        self,
        populations: Sequence[Population],
        addresses: Sequence[tuple[str, int]],
        folder: Path,
        stack: contextlib.ExitStack,
        first_network: int = 1,
    ) -> None:
        self.devices = sum(len(one.devices) for one in populations)
        self._children: list[Child] = []
        for i, population in enumerate(populations):
            host, port = addresses[i % len(addresses)]
            number = first_network + i
            file = folder / f"crowd-{number}.msgpack"
            file.write_bytes(msgspec.msgpack.encode(population))
            child = Child(SIMULATION, str(file), host, str(port), f"127.{number}")
            self._children.append(stack.enter_context(contextlib.closing(child)))

    def ask(self, command: str, **fields: object) -> list[Answer]:
        """Ask every process at once; return their answers in order."""
        for child in self._children:
            child.tell(command, **fields)
        return [child.hear() for child in self._children]

    def verdict(self, message_ids: Sequence[str], *, times: bool = False) -> dict[str, Any]:
        """Sum up what the processes found. ``times_ns``: for each message, ascending."""
        answers = self.ask("verdict", message_ids=list(message_ids), times=times)
        found: dict[str, Any] = {name: sum(one[name] for one in answers) for name in _SUMS}
        refused: dict[str, int] = {}
        for one in answers:
            for code, count in one["refused"].items():
                refused[code] = refused.get(code, 0) + count
        found["refused"] = refused
        if times:
            found["times_ns"] = [
                sorted(at for one in answers for at in one["times_ns"][i])
                for i in range(len(message_ids))
            ]
        return found
