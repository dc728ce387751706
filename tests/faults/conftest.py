"""A department on PostgreSQL and NATS of its own, which tests may kill, with its officers."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from copconnect import wire
from copconnect.ids import new_id
from copconnect.services.nats import NatsServer
from copconnect.services.postgresql import OWNER, PostgreSQL
from tests.faults import founded
from tests.faults.stream import Place
from tests.faults.two_nodes import TwoNodes
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
        return {"database_url": self.database.url(), "bus_url": self.nats.url}

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


async def found(database_host: str, conversation: wire.Conversation) -> Place:
    """Put a conversation's cell at epoch 1, as if a member had founded it."""
    cell_id = conversation.cells[0].cell_id
    connection = await asyncpg.connect(host=database_host, user=OWNER, database=OWNER)
    try:
        await connection.execute("UPDATE cells SET epoch = 1 WHERE cell_id = $1", cell_id)
    finally:
        await connection.close()
    return Place(conversation.conversation_id, cell_id)


def group(devices: list[Device]) -> wire.Conversation:
    """Return a new group of all of them."""
    return devices[0].call(
        "POST",
        "/v1/conversations",
        wire.CreateConversation(
            conversation_id=new_id(),
            kind="group",
            cell_id=new_id(),
            person_ids=[device.person_id for device in devices[1:]],
            who_may_post="everyone",
        ),
        wire.Conversation,
    )


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    """Two workers and a conversation of several cells; a module's tests leave them running."""
    conversation = founded.make(tmp_path_factory.mktemp("force"))
    made = TwoNodes(conversation, tmp_path_factory.mktemp("nodes"))
    try:
        made.start()
        yield made
    finally:
        made.close()


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
def devices(server: ServerProcess) -> Iterator[list[Device]]:
    """Registered officers."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Device(server, officer)).register()
            for officer in databank.officers()[:OFFICERS]
        ]


@pytest.fixture
async def place(shared: Department, devices: list[Device]) -> Place:
    """A group of all of them."""
    return await found(shared.database.host, group(devices))
