"""A department that tests may harm, with servers, and officers' phones."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copconnect.records.primitives.kem import XWING
from tests.faults.department import Department
from tests.faults.phones import Phone, Place, group, phone_of
from tests.faults.two_nodes import TwoNodes
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.server import ServerProcess

OFFICERS = 6


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
def nodes(shared: Department) -> Iterator[TwoNodes]:
    """Two workers that can be stopped at any step, and phones."""
    made = TwoNodes(shared)
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
