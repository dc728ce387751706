"""A department on PostgreSQL and NATS of its own, which tests may kill, with its officers."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copconnect.records.kem import XWING
from copconnect.services.nats import NatsServer
from copconnect.services.postgresql import PostgreSQL
from tests.faults.phones import Phone, Place, group, phone_of
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.server import ServerProcess, run_copconnect

OFFICERS = 10


class Department:
    """Services, keys and people that several servers share."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.data = folder / "data"
        shutil.copytree(keys, self.data, ignore=shutil.ignore_patterns("*.sqlite3*"))
        self.database = PostgreSQL({"max_connections": "300"})
        self.nats = NatsServer(folder)
        self._folder = folder

    @property
    def settings(self) -> dict[str, str | int | bool]:
        """What makes a server one of this department's nodes."""
        return {
            "database_url": self.database.url(),
            "bus_url": self.nats.url,
            "messages_per_person_per_minute": 100_000,
        }

    def start(self) -> None:
        """Start the services and load the people."""
        self.database.start()
        self.nats.start()
        databank.write(self._folder / "databank")
        run_copconnect(
            self.data, "roster", "import", str(self._folder / "databank"), **self.settings
        )

    def close(self) -> None:
        """End the services."""
        self.nats.stop()
        self.database.close()


@pytest.fixture(scope="module")
def shared(department: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Department]:
    """The department of a module's tests."""
    made = Department(tmp_path_factory.mktemp("faults"), department)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def node(shared: Department) -> Iterator[Callable[..., ServerProcess]]:
    """Call it, with ``workers``, for a started node; the module's tests share what it returns."""
    made: list[ServerProcess] = []

    def make(workers: int = 1) -> ServerProcess:
        server = ServerProcess(shared.data, workers, **shared.settings)
        server.log = shared.data.parent / f"node-{len(made)}.log"
        made.append(server)
        server.start()
        return server

    try:
        yield make
    finally:
        for server in made:
            server.stop()


@pytest.fixture(scope="module")
def server(node: Callable[..., ServerProcess]) -> ServerProcess:
    """Three workers on one port."""
    return node(workers=3)


@pytest.fixture(scope="module")
def phones(server: ServerProcess) -> Iterator[list[Phone]]:
    """Registered officers' phones."""
    with contextlib.ExitStack() as stack:
        yield [
            phone_of(stack.enter_context(Device(server, officer)).register(), XWING)
            for officer in databank.officers()[:OFFICERS]
        ]


@pytest.fixture
def place(server: ServerProcess, phones: list[Phone]) -> Place:
    """A new group of all of them."""
    return group(server.url, phones)
