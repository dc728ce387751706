"""The devices of a large conversation, over several simulator processes, as one thing."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.machine.children import Answer, Child
from copconnect.bench.founding import Conversation
from bench.crowd.simulator import Population, PublishedKey, SimulatedDevice

SIMULATION = "bench.crowd.simulation"
LIMIT_S = 600


class Crowd:
    """Every device of the conversation but those of whole clients (``without``)."""

    def __init__(
        self,
        conversation: Conversation,
        addresses: Sequence[tuple[str, int]],
        processes: int,
        folder: Path,
        stack: contextlib.ExitStack,
        without: Collection[str] = (),
    ) -> None:
        self._folder = folder
        self._files = 0
        self._cell_index = {cell.cell_id: i for i, cell in enumerate(conversation.cells)}
        founding = conversation.founding
        dealt: list[list[SimulatedDevice]] = [[] for _ in range(processes)]
        number = 0
        for i, cell in enumerate(conversation.cells):
            for client_id in cell.client_ids:
                if client_id in without:
                    continue
                device = SimulatedDevice(conversation.devices[client_id].token, i)
                dealt[number % processes].append(device)
                number += 1
        self.devices = number
        self._children: list[Child] = []
        for i, devices in enumerate(dealt):
            population = Population(
                conversation_id=founding.conversation_id,
                kem=conversation.kem,
                roster_key=founding.roster_key,
                heads=[founding.head],
                issuing=founding.trust.issuing,
                cells=list(self._cell_index),
                devices=devices,
            )
            host, port = addresses[i % len(addresses)]
            file = self._file(population)
            child = Child(SIMULATION, str(file), host, str(port), f"127.{i + 1}")
            self._children.append(stack.enter_context(contextlib.closing(child)))

    def _file(self, value: object) -> Path:
        self._files += 1
        file = self._folder / f"crowd-{self._files}.msgpack"
        file.write_bytes(msgspec.msgpack.encode(value))
        return file

    def ask(self, command: str, **fields: object) -> list[Answer]:
        """Ask every process at once; return their answers in order."""
        for child in self._children:
            child.tell(command, **fields)
        return [child.hear() for child in self._children]

    def publish(self, keys: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Let cells' members hold keys: cell id → (key id, seed)."""
        published = [
            PublishedKey(self._cell_index[cell_id], key_id, seed)
            for cell_id, (key_id, seed) in keys.items()
        ]
        self.ask("publish", file=str(self._file(published)))

    def verdict(self, entry_ids: Sequence[str], *, times: bool = False) -> dict[str, Any]:
        """Sum up what the processes found. ``times_ns``: for each message, ascending."""
        answers = self.ask("verdict", entry_ids=list(entry_ids), times=times)
        names = ("opened", "lost", "duplicates", "repeated", "unexpected", "waiting")
        found: dict[str, Any] = {name: sum(one[name] for one in answers) for name in names}
        refused: dict[str, int] = {}
        for one in answers:
            for code, count in one["refused"].items():
                refused[code] = refused.get(code, 0) + count
        found["refused"] = refused
        if times:
            found["times_ns"] = [
                sorted(at for one in answers for at in one["times_ns"][i])
                for i in range(len(entry_ids))
            ]
        return found


def new_keys(lines: Sequence[Mapping[str, Any]]) -> dict[str, tuple[bytes, bytes]]:
    """Return what full clients said of new seeds, for :meth:`Crowd.publish`."""
    return {
        line["cellId"]: (bytes.fromhex(line["keyId"]), bytes.fromhex(line["seed"]))
        for line in lines
    }
