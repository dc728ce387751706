"""Starts the web server: one process, or several under a supervisor.

A :class:`Program` says which server: ``copconnect`` itself, or a program that puts something around
it, as the demo does.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
import uvicorn
import uvloop
from sqlalchemy.exc import DBAPIError

from copconnect.app import Container, create_app
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.commands import descriptors, supervising
from copconnect.commands.announcing import announce
from copconnect.commands.patience import PatientProtocol
from copconnect.doctor.reasons import reason_of
from copconnect.errors.base import DependencyError
from copconnect.http.client_concurrency import ClientConcurrency
from copconnect.migrations import OtherSchema, migrate
from copconnect.settings import Settings

GRACE_S = 3  # For requests under way; a stop takes 5 s in all, sockets included.
BACKLOG = 4096
LIVES_EVERY_S = 1.0
# New objects before the youngest are looked through for cycles, then how often the older ones are.
# Tens of thousands of connections are old for good: Python's own (700, 10, 10) spends a tenth of a
# reconnect storm on them.
COLLECT = (50_000, 20, 50)
DRAWING = "cop-heads"  # In a list of processes: the one that draws heads and serves no sockets.
HeadDrawing = Literal["too", "not", "alone"]  # Whether a process draws heads.
Ready = Callable[[], Awaitable[None]]


def configure_logging() -> None:
    """Log JSON lines to standard output. Nothing logs names, numbers or content."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Lines(),
    )


class CannotStart(Exception):
    """A part of the server did not start. The only argument says why."""


class _Lines:
    """Prints lines, or drops them: a full disk must cost log lines and no answers."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            print(line, flush=True)

    debug = info = warning = error = critical = msg


@dataclass(frozen=True, slots=True)
class Supervised:
    """A worker's descriptors from its supervisor: the listening socket, and one end of a socket
    pair, on which it says that it lives and which ends when the supervisor does. ``heads``: whether
    it draws them."""

    listening: int
    supervisor: int
    heads: HeadDrawing


@dataclass(frozen=True, slots=True)
class Program:
    """A program that serves. ``python -m module serve`` starts one of its workers, with what
    ``module.cli`` imports; ``compose`` builds its parts and its web server, and raises
    AuthorityMissing or NoGateway."""

    module: str
    compose: Callable[[Settings], tuple[Container, ClientConcurrency]]


def _compose(settings: Settings) -> tuple[Container, ClientConcurrency]:
    container = Container(settings)
    return container, create_app(settings, container)


COPCONNECT = Program("copconnect", _compose)


class Server(uvicorn.Server):
    """Serves from the start of the parts to their close; calls ``ready`` once it serves."""

    def __init__(self, config: uvicorn.Config, parts: Container, ready: Ready | None) -> None:
        super().__init__(config)
        self._parts = parts
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the parts, bind, then report. Raises CannotStart, OtherSchema, and SystemExit for
        a port that is in use, of which uvicorn has told."""
        try:
            await self._parts.start()
        except OtherSchema:
            raise
        except Exception as error:
            raise CannotStart(reason_of(error)) from error
        try:
            await super().startup(sockets)
        except SystemExit:
            await self._parts.close()
            raise
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        if self.started and self._ready is not None:
            await self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the connections, then close the parts."""
        await super().shutdown(sockets)
        if not self.force_exit:
            await self._parts.close()


def run(
    program: Program,
    settings: Settings,
    ready: Ready | None = None,
    supervised: Supervised | None = None,
) -> bool:
    """Serve until a signal. Returns whether it ever served.

    Raises AuthorityMissing, NoGateway, OtherSchema, CannotStart.
    """
    configure_logging()
    descriptors.raise_limit()
    container, app = program.compose(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        backlog=BACKLOG,
        loop="uvloop",
        http=PatientProtocol,
        ws=container.sockets.handover,  # type: ignore[arg-type]  # It makes protocols, as a class does.
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # Addresses of proxies are read where they are needed, and counted.
        timeout_graceful_shutdown=GRACE_S,
    )
    if supervised is None:
        server = Server(config, container, _announcing(container, 1, ready))
        server.run()
        return server.started
    if supervised.heads == "not":
        container.delivery.leave_heads()
    with socket.socket(fileno=supervised.supervisor) as supervisor:
        supervisor.setblocking(False)

        async def report() -> None:
            _report_to(supervisor)

        server = Server(config, container, report)
        server.run([socket.socket(fileno=supervised.listening)])
    return server.started


def draw(program: Program, settings: Settings, supervisor: int) -> None:
    """Draw heads until a signal. ``supervisor``: the descriptor as in :class:`Supervised`.

    Raises AuthorityMissing, NoGateway, OtherSchema.
    """
    configure_logging()
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(DRAWING)
    container, _ = program.compose(settings)
    with socket.socket(fileno=supervisor) as ours:
        ours.setblocking(False)
        uvloop.run(_draw(container, ours))


async def _draw(container: Container, supervisor: socket.socket) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await _start_drawing(container, stack)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        _report_to(supervisor)
        await stop.wait()


async def _start_drawing(container: Container, stack: AsyncExitStack) -> None:
    following = container.delivery.following
    local_bus = container.local_bus = LocalBus()
    local_bus.subscribe(container.guard.on_wakeup)
    local_bus.subscribe(following.on_wakeup)

    async def receive(wakeup: AnyWakeup) -> None:
        await local_bus.publish([wakeup])

    stack.push_async_callback(container.database.close)
    await migrate(container.database)
    await container.bus.start()
    stack.push_async_callback(container.bus.close)
    await container.delivery.start_drawing()
    stack.push_async_callback(following.close)
    await container.wakeup_log.start(receive)
    stack.push_async_callback(container.wakeup_log.close)


async def _migrate(container: Container) -> None:
    """Migrate once for all workers; they wait for a database that is away. Raises OtherSchema."""
    with contextlib.suppress(DependencyError, DBAPIError, OSError):
        await migrate(container.database)
    await container.database.close()


def _announcing(container: Container, workers: int, ready: Ready | None) -> Ready:
    """Return what to do once the server serves: announce it, then ``ready``."""

    async def announced() -> None:
        announce(container, workers)
        if ready is not None:
            await ready()

    return announced


def _report_to(supervisor: socket.socket) -> None:
    """Say that this process lives, and end when the supervisor does."""
    asyncio.get_running_loop().add_reader(supervisor, _end_with, supervisor)
    _live(supervisor)


def _live(supervisor: socket.socket) -> None:
    """Say that this process serves, now and each second."""
    with contextlib.suppress(OSError):  # It is gone, or does not listen: _end_with sees which.
        supervisor.send(b"+")
    asyncio.get_running_loop().call_later(LIVES_EVERY_S, _live, supervisor)


def _end_with(supervisor: socket.socket) -> None:
    """End as by a signal when the supervisor is gone."""
    try:
        is_there = bool(supervisor.recv(1))
    except BlockingIOError:
        return
    except OSError:  # It went without reading what this process had said.
        is_there = False
    if not is_there:
        asyncio.get_running_loop().remove_reader(supervisor)
        os.kill(os.getpid(), signal.SIGTERM)


def run_workers(
    program: Program,
    settings: Settings,
    count: int,
    options: Sequence[str],
    ready: Ready | None = None,
) -> None:
    """Keep ``count`` workers serving until a signal; ``options`` are theirs of ``serve``.

    Raises CannotShare, AuthorityMissing, NoGateway, OtherSchema, OSError if the port is taken.
    """
    configure_logging()
    supervising.check(settings)
    with supervising.nursery(program.module) as nursery:
        # An error that keeps a worker from starting is reported once, here.
        container, _ = program.compose(settings)
        asyncio.run(_migrate(container))
        sockets = supervising.listen(settings.host, settings.port, count)
        announced = _announcing(container, count, ready)
        try:
            asyncio.run(supervising.Supervisor(sockets, nursery, options, announced).run())
        finally:
            for one in sockets:
                one.close()
