"""``python -m demo cluster``: several nodes behind a balancer, with PostgreSQL and NATS, on one
machine.

The command shows how a department runs on several machines, to try out and to test: a synthetic
force as in the demo, each node a process with its own port, no sticky sessions. A node that ends is
started again.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.options import console, settings_of, stop, with_roles
from copconnect.services import processes
from copconnect.services.balancer import Balancer
from copconnect.services.forking import Forked, Forking
from copconnect.services.nats import NatsServer
from copconnect.services.postgresql import PostgreSQL
from demo import run as demo

_START_S = 120
_PAUSE_S = 1.0


class Node:
    """One ``python -m demo serve`` of the cluster, forked from ``forking``."""

    def __init__(
        self, number: int, port: int, data: Path, forking: Forking, environment: Mapping[str, str]
    ) -> None:
        self.number = number
        self.port = port
        self._data = data
        self._forking = forking
        self._environment = environment
        self._log = data / f"node-{number}.log"
        self._process: Forked | None = None

    def start(self) -> None:
        """Start; :meth:`wait` says when it serves."""
        arguments = ["serve", "--data", str(self._data), "--port", str(self.port)]
        with self._log.open("ab") as log:
            outputs = log.fileno(), log.fileno()
            self._process = self._forking.start("demo", arguments, self._environment, outputs)

    def wait(self) -> None:
        """Return once it serves; say where."""
        if self._process is not None:
            accepts = functools.partial(processes.accepts, self.port)
            processes.wait_until(accepts, self._process, self._log, _START_S)
            console.print(
                f"Node {self.number}: http://localhost:{self.port} (process {self._process.pid})",
                highlight=False,
            )

    @property
    def ended(self) -> bool:
        """Whether its process has ended."""
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end(self._process)


def cluster(
    port: Annotated[int, typer.Option(help="Port of the balancer.")] = 8080,
    nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")] = 3,
    people: Annotated[int, typer.Option(help="How many people are in the force.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the names.")] = 1,
    data: Annotated[Path, typer.Option(help="Data folder.")] = Path(".cluster"),
    officers: Annotated[bool, typer.Option(help="Start the simulated officers.")] = True,
) -> None:
    """Start a synthetic force on several nodes, with PostgreSQL, NATS and a balancer."""
    # As for a service manager: processes started here are ended here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A shell that starts it in the background lets it ignore this one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        try:
            _run(stack, port, nodes, people, seed, data, officers)
        except RuntimeError as error:
            raise stop(str(error)) from error
        except KeyboardInterrupt:
            console.print("Stopping …")


def _run(
    stack: contextlib.ExitStack,
    port: int,
    count: int,
    people: int,
    seed: int,
    data: Path,
    officers: bool,
) -> None:
    data.mkdir(parents=True, exist_ok=True)
    if processes.accepts(port):
        raise RuntimeError(f"Port {port} is in use. Choose another: make cluster PORT={port + 1}")
    nats = NatsServer(data)
    database = PostgreSQL({"max_connections": "300"}, database_folder(data))
    stack.callback(database.close)
    if database.start():
        (data / "databank" / "made.json").unlink(missing_ok=True)
        shutil.rmtree(data / demo.VAULTS, ignore_errors=True)
    stack.callback(nats.stop)
    nats.start()
    console.print(f"PostgreSQL: {database.url()}", highlight=False, soft_wrap=True)
    console.print(f"NATS: {nats.url}", highlight=False)
    shared: dict[str, object] = {
        "database_url": database.url(),
        "bus_url": nats.url,
        "trusted_proxies": 1,
        **demo.GENEROUS,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COPCONNECT_")}
    environment |= {f"COPCONNECT_{name.upper()}": _text(value) for name, value in shared.items()}
    # It imports while the force is made.
    forking = Forking(["demo.cli"], str(Path.cwd()), environment)
    stack.callback(forking.close)
    settings = settings_of(data, port=port, **shared)
    demo.prepare(settings, people, seed)
    station = with_roles(settings, demo.station_of)
    ports = _free_ports(port, count)
    members = [Node(n, one, data, forking, environment) for n, one in enumerate(ports, 1)]
    for node in members:
        stack.callback(node.stop)
        node.start()
    for node in members:
        node.wait()
    balancer = Balancer(data, port, ports)
    stack.callback(balancer.stop)
    balancer.start()
    url = f"http://localhost:{port}"
    with_roles(settings, lambda container: demo.sign_out_lost(container, station))
    codes = with_roles(settings, lambda container: demo.letters(container, station))
    demo.greet(url, station, codes)
    if officers:
        playing: list[subprocess.Popen[bytes]] = list(
            demo.start_officers(url, station, data, codes)
        )
        stack.enter_context(demo.ending(playing))
    _watch(members)


def _watch(nodes: Sequence[Node]) -> None:
    """Start a node again that has ended, for ever."""
    while True:
        time.sleep(_PAUSE_S)
        for node in nodes:
            if node.ended:
                console.print(f"Node {node.number} ended; it is started again.")
                node.start()
                node.wait()


def database_folder(data: Path) -> Path:
    """Return where the database is kept. Root starts it as ``nobody``, who may not reach the
    data folder."""
    if os.geteuid() != 0:
        return data.resolve() / "postgresql"
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"copconnect-cluster-{name}"


def _free_ports(after: int, count: int) -> list[int]:
    """Return ports from the next one on that nobody listens on."""
    found: list[int] = []
    port = after
    while len(found) < count:
        port += 1
        if not processes.accepts(port):
            found.append(port)
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
