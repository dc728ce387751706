"""``copconnect serve --workers N``: N server processes on one port, each started again if it dies.

The supervisor binds N sockets to the port (SO_REUSEPORT: the kernel spreads connections over them)
and gives one to each worker. It keeps them open, so connections that arrive while a worker starts
again wait for the new one instead of being refused. One more process serves no sockets: it draws
the heads of rosters (delivery/rosters/following.py). All are forked from one process that has
imported everything, so that one starts in a fraction of a second. They are ordinary nodes: they
share the database and the bus and nothing else. A pair of sockets joins each with its supervisor:
the worker says each second that it lives, and is killed when it falls silent, because its share of
the port's connections would wait for ever; and it ends when the supervisor is gone. SIGTERM and
SIGINT end all workers, SIGHUP starts them again one after another.
"""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog

from copconnect.services.forking import Forked, Forking, ForkingEnded
from copconnect.settings import Settings

GRACE_S = 15.0
START_LIMIT_S = 600.0  # Migrations may take their time.
SILENCE_LIMIT_S = 30.0
LONG_LIFE_S = 30.0
LONGEST_PAUSE_S = 10.0
log = structlog.get_logger()


class CannotShare(Exception):
    """Several workers need services that they can share. ``code`` is stable."""

    def __init__(self, code: str, remedy: str) -> None:
        super().__init__(f"{code}: {remedy}")
        self.code = code


def check(settings: Settings) -> None:
    """Refuse settings that several processes cannot share. Raises CannotShare."""
    if settings.effective_database_url.startswith("sqlite"):
        raise CannotShare(
            "workers_need_postgresql",
            "SQLite lets one process write at a time. Set COPCONNECT_DATABASE_URL to "
            "postgresql+asyncpg://user:password@host/name, or serve with one worker.",
        )
    if not settings.bus_url:
        raise CannotShare(
            "workers_need_nats",
            "Workers tell each other of new messages by NATS. Set COPCONNECT_BUS_URL to "
            "nats://host:4222, or serve with one worker.",
        )


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Bind so many sockets to one address. Raises OSError if somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Without SO_REUSEPORT, which would share the port with another program that has it too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
    bound: list[socket.socket] = []
    for _ in range(count):
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host, port))
        bound.append(one)
    return bound


class Nursery:
    """The process that forks workers of a program; it is replaced when it has ended. ``metrics``:
    the folder of the workers' metrics."""

    def __init__(self, module: str, metrics: str) -> None:
        self.metrics = metrics
        self._module = module
        self._lock = threading.Lock()
        self._forking = self._begin()

    def _begin(self) -> Forking:
        return Forking([f"{self._module}.cli"], str(Path.cwd()), self._environment)

    @property
    def _environment(self) -> Mapping[str, str]:
        return os.environ | {"PROMETHEUS_MULTIPROC_DIR": self.metrics}

    def start(self, arguments: Sequence[str], inherited: Sequence[int]) -> Forked:
        """Start ``python -m module arguments``. Raises ForkingEnded."""
        forking, outputs = self._forking, (1, 2)
        try:
            return forking.start(self._module, arguments, self._environment, outputs, inherited)
        except ForkingEnded:
            with self._lock:
                if self._forking is forking:
                    forking.close()
                    self._forking = self._begin()
            raise

    def close(self) -> None:
        """End the process that forks."""
        self._forking.close()


@contextlib.contextmanager
def nursery(module: str) -> Iterator[Nursery]:
    """Begin to import the program in another process while the caller continues."""
    with (
        tempfile.TemporaryDirectory(prefix="copconnect-metrics-") as metrics,
        contextlib.closing(Nursery(module, metrics)) as begun,
    ):
        yield begun


class Worker:
    """One place of a worker: its socket, and the process that has it now. None in place of the
    socket: the place of the process that draws heads."""

    def __init__(
        self, number: int, listening: socket.socket | None, begun: Nursery, options: Sequence[str]
    ) -> None:
        self.number = number
        self._listening = listening
        self._nursery = begun
        self._options = options
        self._process: Forked | None = None
        self._stopping = False
        self.serves = asyncio.Event()

    async def run(self) -> None:
        """Keep a process running until :meth:`stop`."""
        failures = 0
        while True:
            started = time.monotonic()
            code = await self._live()
            if self._stopping:
                return
            lived_s = time.monotonic() - started
            failures = 0 if lived_s > LONG_LIFE_S else failures + 1
            log.error("worker_ended", worker=self.number, status=code, lived_s=round(lived_s))
            if failures > 1:
                await asyncio.sleep(min(LONGEST_PAUSE_S, 0.5 * 2**failures))

    async def _live(self) -> int:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                arguments = ["serve", *self._options, "--supervisor", str(theirs.fileno())]
                given = [theirs.fileno()]
                if self._listening is None:
                    arguments += ["--heads", "alone"]
                else:
                    given.append(self._listening.fileno())
                    arguments += ["--listening", str(given[1]), "--heads", "not"]
                try:
                    # In a thread: the first worker can only start when everything is imported.
                    process = await asyncio.to_thread(self._nursery.start, arguments, given)
                except ForkingEnded:
                    return -1
            self._process = process
            ours.setblocking(False)
            saying = asyncio.create_task(self._hear(ours))
            try:
                if self._stopping:
                    self.end()
                return await process.ended()
            finally:
                saying.cancel()
                self.serves.clear()
                _forget_metrics(self._nursery.metrics, process.pid)

    async def _hear(self, ours: socket.socket) -> None:
        """The worker says a byte when it serves, and then each second."""
        loop = asyncio.get_running_loop()
        limit_s = START_LIMIT_S
        while True:
            try:
                said = await asyncio.wait_for(loop.sock_recv(ours, 64), limit_s)
            except TimeoutError:
                log.error("worker_silent", worker=self.number)
                self.kill()
                return
            if not said:
                return
            if limit_s == START_LIMIT_S:
                self.serves.set()
            limit_s = SILENCE_LIMIT_S

    def end(self) -> None:
        """Ask the process to end; :meth:`run` starts another."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask the process to end for good."""
        self._stopping = True
        self.end()

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, ForkingEnded):
                self._process.send_signal(number)


def _forget_metrics(folder: str, pid: int) -> None:
    """Gauges of a process that ended count no more; its counters stay."""
    for file in Path(folder).glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)


class Supervisor:
    """The workers of one port: each is ``serve`` with ``options``."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        begun: Nursery,
        options: Sequence[str],
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._sockets = sockets
        self._nursery = begun
        self._options = options
        self._ready = ready
        self._stop = asyncio.Event()
        self._restarting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Keep the workers running until a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._restart)
        self._workers = [
            Worker(n, one, self._nursery, self._options)
            for n, one in enumerate([*self._sockets, None])
        ]
        running = [asyncio.create_task(one.run()) for one in self._workers]
        announcing = asyncio.create_task(self._announce())
        try:
            await self._stop.wait()
        finally:
            announcing.cancel()
            if self._restarting is not None:
                self._restarting.cancel()
            await self._end(running)

    async def _announce(self) -> None:
        for worker in self._workers:
            await worker.serves.wait()
        if self._ready is not None:
            await self._ready()

    async def _end(self, running: Sequence[asyncio.Task[None]]) -> None:
        for worker in self._workers:
            worker.stop()
        _, late = await asyncio.wait(running, timeout=GRACE_S)
        for worker in self._workers:
            worker.kill()
        if late:
            await asyncio.wait(late)

    def _restart(self) -> None:
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._one_after_another())

    async def _one_after_another(self) -> None:
        for worker in self._workers:
            await worker.serves.wait()
            worker.serves.clear()
            worker.end()
            await worker.serves.wait()
