"""``python -m demo cluster`` as people start it: two nodes, one address, and a node that dies."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from copconnect.records.primitives.kem import XWING
from demo.cluster import database_folder
from tests.faults.phones import group, phone_of
from tests.faults.stream import streaming, until
from tests.harness import databank, forking, processes
from tests.harness.officer import Device
from tests.harness.server import ROOT, ServerProcess

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]
NODE = re.compile(r"^Node (\d): http://localhost:(\d+) \(process (\d+)\)$", re.MULTILINE)
OFFICERS = 6
START_S = 120


class Cluster(ServerProcess):
    """The command as a child process; its address is the balancer's."""

    @property
    def output(self) -> str:
        """The text that it has printed."""
        return self.log.read_text()

    def nodes(self) -> list[tuple[int, int]]:
        """Return port and newest process of each node."""
        found = {number: (int(port), int(pid)) for number, port, pid in NODE.findall(self.output)}
        return list(found.values())

    def start(self) -> None:
        """Start; returns when it greets."""
        given = ["--port", str(self.port), "--nodes", "2", "--people", "300", "--no-officers"]
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "COLUMNS": "200"}
        with self.log.open("wb") as log:
            arguments = ["cluster", *given, "--data", str(self.data)]
            self._process = forking.start("demo", arguments, environment, log, log)
        processes.wait_until(lambda: "Ctrl+C" in self.output, self._process, self.log, START_S)

    def interrupt(self) -> None:
        """Ctrl+C."""
        if self._process is not None:
            assert processes.end(self._process, 30, by=signal.SIGINT) == 0
            self._process = None


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A running cluster."""
    made = Cluster(tmp_path / "cluster")
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(database_folder(made.data), ignore_errors=True)


def ended(pid: int) -> bool:
    """Whether a process is gone."""
    return not Path(f"/proc/{pid}").exists()


async def test_it_talks_across_nodes_and_a_node_may_die(cluster: Cluster) -> None:
    people = databank.of_demo(cluster.data)[:OFFICERS]
    devices = [Device(cluster, officer).register() for officer in people]
    place = group(cluster.url, [phone_of(device, XWING) for device in devices])
    ports = [port for port, _ in cluster.nodes()]
    addresses = [f"127.0.0.1:{port}" for port in (cluster.port, *ports)]
    async with streaming(addresses, place) as stream:
        await stream.more(20)
        os.kill(cluster.nodes()[0][1], signal.SIGKILL)
        await until(lambda: len(NODE.findall(cluster.output)) == 3, "the node is started again")
        await stream.all_online()
    for device in devices:
        assert device.http.get("/healthz").headers["via"].endswith("Caddy")
        device.http.close()
    nodes = [pid for _, pid in cluster.nodes()]
    cluster.interrupt()
    assert all(map(ended, nodes))
    await until(
        lambda: not any(map(processes.accepts, (cluster.port, *ports))),
        "nobody listens any more",
    )
