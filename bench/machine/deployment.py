"""PostgreSQL, NATS and several workers on this machine, for a benchmark: the real thing."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from bench.figures import say
from bench.machine import copying
from bench.machine.postgresql import PostgreSQL
from bench.machine.workers import Worker, cpu_s, family_cpu_s, rss_bytes
from copconnect.services.nats import NatsServer


class Deployment:
    """Running servers. ``workers`` serve the same database, each on its own port."""

    def __init__(self, postgresql: PostgreSQL, nats: NatsServer, workers: Sequence[Worker]) -> None:
        self.postgresql = postgresql
        self.nats = nats
        self.workers = workers

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses on which the workers listen."""
        return [("127.0.0.1", worker.port) for worker in self.workers]

    @property
    def origins(self) -> list[str]:
        """The workers' origins, for clients."""
        return [f"http://127.0.0.1:{worker.port}" for worker in self.workers]

    def statements(self) -> float:
        """SQL statements that the workers have executed."""
        return sum(w.metric("copconnect_database_statements_total") for w in self.workers)

    def cpu_s(self) -> float:
        """Processor time of the workers."""
        return sum(cpu_s(worker.pid) for worker in self.workers)

    def cpu_by_server(self) -> dict[str, float]:
        """Processor time of the workers, of PostgreSQL and of NATS."""
        return {
            "workers": self.cpu_s(),
            "database": family_cpu_s(self.postgresql.pid),
            "bus": cpu_s(self.nats.pid),
        }

    def rss_bytes(self) -> float:
        """Resident memory of the workers."""
        return sum(rss_bytes(worker.pid) for worker in self.workers)


@contextlib.contextmanager
def deployed(
    keys: Path,
    database: Path,
    folder: Path,
    count: int,
    module: str = "copconnect",
    **settings: object,
) -> Iterator[Deployment]:
    """Start everything on a copy of a prepared SQLite database; stop it at the end. ``module``:
    the program that serves; ``settings``: more of the workers' settings."""
    data = folder / "data"
    data.mkdir()
    shutil.copytree(keys, data / "keys")
    nats = NatsServer(folder)
    with PostgreSQL() as postgresql, contextlib.ExitStack() as stack:
        say(f"Copied {uvloop.run(copying.to_postgresql(database, postgresql.url())):,} rows.")
        nats.start()
        stack.callback(nats.stop)
        settings |= {"database_url": postgresql.url(), "bus_url": nats.url}
        workers = [Worker(data, settings, module) for _ in range(count)]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.wait()
            say(f"{count} workers serve.")
            yield Deployment(postgresql, nats, workers)
        finally:
            for worker in workers:
                worker.stop()
