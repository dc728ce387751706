"""The process of a node that draws the heads of rosters and serves no sockets.

The supervisor starts it beside its workers. It hears the wake-ups of all, and passes on only those
that drawing needs.
"""

import asyncio
import contextlib
import gc
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from copconnect.app import Container
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.commands import serving
from copconnect.migrations import migrate
from copconnect.settings import Settings

NAME = "cop-heads"  # In a list of processes.


def draw(program: serving.Program, settings: Settings, supervisor: int) -> None:
    """Draw heads until a signal. ``supervisor``: the descriptor as in :class:`serving.Supervised`.

    Raises AuthorityMissing, NoGateway, OtherSchema.
    """
    serving.configure_logging()
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME)
    container, _ = program.compose(settings)
    with socket.socket(fileno=supervisor) as ours:
        ours.setblocking(False)
        uvloop.run(_draw(container, ours))


async def _draw(container: Container, supervisor: socket.socket) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await _start(container, stack)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*serving.COLLECT)
        serving.report_to(supervisor)
        await stop.wait()


async def _start(container: Container, stack: AsyncExitStack) -> None:
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
