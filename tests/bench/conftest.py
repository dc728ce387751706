"""A small force with one conversation of several cells, at one real server on SQLite."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.crowd.plan import Population, populations
from bench.crowd.sending import Sender
from bench.force import caching, conversations
from bench.force.conversations import Prepared
from bench.machine import copying, workers
from bench.machine.workers import Worker
from tests.harness import forking

PEOPLE, CELL_SIZE = 24, 8


@dataclass(frozen=True)
class World:
    """The force, its server, and the device that sends; ``population`` is everybody else."""

    prepared: Prepared
    worker: Worker
    sender: Sender
    population: Population

    @property
    def address(self) -> tuple[str, int]:
        """The address at which the server listens."""
        return "127.0.0.1", self.worker.port


@pytest.fixture(autouse=True)
def one_forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers of benchmarks be forked from the process that forks all others of the session."""
    monkeypatch.setattr(workers, "forking_of", lambda _: forking.process())


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A force of 24 devices in cells of 8."""
    force = caching.force(tmp_path_factory.mktemp("cache"), PEOPLE)
    return conversations.prepared(force, cell_size=CELL_SIZE)


@pytest.fixture
def world(prepared: Prepared, tmp_path: Path) -> Iterator[World]:
    """Everything, the server fresh."""
    copying.to_file(prepared.database, tmp_path / caching.DATABASE)
    shutil.copytree(prepared.force.folder / "keys", tmp_path / "keys")
    worker = Worker(tmp_path, {"cell_size": CELL_SIZE})
    worker.start()
    try:
        worker.wait()
        first = prepared.force.devices[0]
        (population,) = populations(prepared, 1, {first.device})
        devices = {one.device: one for one in prepared.force.devices}
        conversation_id = prepared.conversations[0].conversation_id
        sender = Sender(first, conversation_id, ("127.0.0.1", worker.port), devices)
        yield World(prepared, worker, sender, population)
        sender.client.close()
    finally:
        worker.stop()
