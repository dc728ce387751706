"""The demo's server, but it stops where a test tells it to, so that something can be killed there.

Run: python -m tests.faults.worker_that_stops CONTROL LISTENING SUPERVISOR serve …

Invariants: the program is the real one; functions of it are wrapped before it starts, by their
names, and it has no code for this. Over the descriptor CONTROL, one end of a socket
pair, the test names a step (steps.py). The next time a message or a cursor comes to it the worker
says so and stops, its whole event loop with it, until the test continues or kills it: bytes
that have left it by then have left it, and nothing else does. It stops once for each step that the
test names.

Waits that the program has for busy machines and quiet networks are shortened: tests wait for them.
"""

import contextlib
import functools
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

from nats.aio.client import Client as NatsClient
from prometheus_client import Gauge

from copconnect.bus import (
    AcknowledgedWakeup,
    AnyWakeup,
    CursorsMovedWakeup,
    EntryWakeup,
    KeyWakeup,
    LocalBus,
    NatsBus,
    ReceiptsWakeup,
    nats_bus,
)
from copconnect.database.engine import Database
from copconnect.delivery.keys.conversation_keys import ConversationKeys
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.log.intake import Accepting
from copconnect.delivery.store import keys, log
from copconnect.delivery.store.log import NewEntry
from copconnect.orders import store as order_store
from copconnect.sockets.connections.connection import Connection
from copconnect.sockets.dispatch import fanout
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.dispatch.topic import Topic
from demo import cli
from tests.faults.steps import Step

SOME = 3  # Sockets.
FLUSH_S = 5


class Control:
    """The worker's end of the pair."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._awaited = ""

    def awaits(self, step: Step) -> bool:
        """Whether it is the step that the test has named last."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self._awaited = self._socket.recv(100).decode()
        return self._awaited == step

    def reached(self, step: Step) -> None:
        """Stop, if it is that step."""
        if self.awaits(step):
            self._awaited = ""
            self._socket.setblocking(True)
            self._socket.send(step.encode())
            self._socket.recv(100)


def wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Put a wrapper in a function's place, with its signature: operations go by that."""
    function = getattr(owner, name)
    setattr(owner, name, functools.wraps(function)(wrapper(function)))


def of_message(written: Any) -> bool:
    """Whether what a transaction returned, or is to write, has a message in it."""
    if isinstance(written, list | tuple):
        return any(map(of_message, written))
    return isinstance(written, NewEntry)


def stop_while_sending(control: Control) -> None:
    """Wrap what a message goes through at the worker that it was sent to."""

    def on_accept(post: Any) -> Any:
        async def wrapped(*arguments: Any) -> Any:
            control.reached("its request is read")
            return await post(*arguments)

        return wrapped

    def on_entries(append: Any) -> Any:
        def wrapped(connection: Any, entries: Sequence[NewEntry]) -> Any:
            if entries:
                control.reached("it is judged")
            return append(connection, entries)

        return wrapped

    def on_write(write_at_once: Any) -> Any:
        async def wrapped(database: Database, work: Any, wakeups_of: Any) -> Any:
            def watched(connection: Any) -> Any:
                written = work(connection)
                if of_message(written):
                    control.reached("it is written")
                return written

            return await write_at_once(database, watched, wakeups_of)

        return wrapped

    def on_send(send: Any) -> Any:
        async def wrapped(self: NatsBus, wakeup: AnyWakeup) -> None:
            if not _announces(wakeup):
                await send(self, wakeup)
                return
            await send(self, wakeup)
            if control.awaits("NATS has it"):
                await Nats.flushed()
            control.reached("NATS has it")

        return wrapped

    def on_publish(publish: Any) -> Any:
        async def wrapped(self: NatsBus, wakeups: Sequence[AnyWakeup]) -> None:
            of_message = any(map(_announces, wakeups))
            if of_message:
                control.reached("it is committed")
            await publish(self, wakeups)
            if of_message:
                control.reached("this worker's sockets have it")

        return wrapped

    wrap(Accepting, "accept", on_accept)
    wrap(log, "append", on_entries)
    wrap(Database, "write_at_once", on_write)
    wrap(NatsBus, "send", on_send)
    wrap(NatsBus, "publish", on_publish)


def stop_while_taking_keys(control: Control) -> None:
    """Wrap what a conversation key goes through at the worker that it was sent to."""

    def on_submit(post: Any) -> Any:
        async def wrapped(*arguments: Any, **named: Any) -> Any:
            control.reached("a key is read")
            return await post(*arguments, **named)

        return wrapped

    def on_add(add: Any) -> Any:
        async def wrapped(*arguments: Any) -> Any:
            added = await add(*arguments)
            control.reached("a key is written")
            return added

        return wrapped

    def on_publish(publish: Any) -> Any:
        async def wrapped(self: NatsBus, wakeups: Sequence[AnyWakeup]) -> None:
            of_key = any(isinstance(one, KeyWakeup) for one in wakeups)
            if of_key:
                control.reached("a key is committed")
            await publish(self, wakeups)
            if of_key:
                await Nats.flushed()
                control.reached("a key is published")

        return wrapped

    wrap(ConversationKeys, "submit", on_submit)
    wrap(keys, "add", on_add)
    wrap(NatsBus, "publish", on_publish)


def stop_while_counting(control: Control) -> None:
    """Wrap what acknowledgements of orders go through."""

    def on_hold(hold: Any) -> Any:
        async def wrapped(*arguments: Any) -> Any:
            control.reached("acknowledgements are read")
            return await hold(*arguments)

        return wrapped

    def on_put(put: Any) -> Any:
        async def wrapped(*arguments: Any) -> Any:
            await put(*arguments)
            control.reached("acknowledgements are written")

        return wrapped

    def on_publish(publish: Any) -> Any:
        async def wrapped(bus: LocalBus, wakeups: Sequence[AnyWakeup]) -> None:
            counted = any(isinstance(one, AcknowledgedWakeup) for one in wakeups)
            if counted:
                control.reached("acknowledgements are committed")
            await publish(bus, wakeups)
            if counted:
                control.reached("acknowledgements are published")

        return wrapped

    wrap(order_store, "hold", on_hold)
    wrap(order_store, "put", on_put)
    wrap(LocalBus, "publish", on_publish)


def stop_while_hearing(control: Control) -> None:
    """Wrap what a message, a key and cursors go through at the other workers."""
    left = 0  # Sockets to be written before enough are.

    def on_receive(receive: Any) -> Any:
        async def wrapped(fanout: Fanout, wakeup: AnyWakeup) -> None:
            if isinstance(wakeup, KeyWakeup):
                control.reached("a key is heard")
            if _announces(wakeup):
                control.reached("a wake-up is heard")
            await receive(fanout, wakeup)

        return wrapped

    def on_turn(entry: Any) -> Any:
        # A message comes here that was heard, or that reconciling found before it was heard.
        def wrapped(*arguments: Any) -> None:
            nonlocal left
            left = SOME
            entry(*arguments)

        return wrapped

    def on_push(push: Any) -> Any:
        def wrapped(connection: Connection, frame: bytes) -> None:
            nonlocal left
            push(connection, frame)
            left -= 1
            if left == 0:
                control.reached("some sockets are written")

        return wrapped

    def on_cursors(store_cursors: Any) -> Any:
        async def wrapped(feed: LiveFeed, cursors: Collection[Any]) -> Any:
            control.reached("cursors are heard")
            return await store_cursors(feed, cursors)

        return wrapped

    def on_publish(publish: Any) -> Any:
        async def wrapped(self: NatsBus, wakeups: Sequence[AnyWakeup]) -> None:
            if any(isinstance(one, ReceiptsWakeup | CursorsMovedWakeup) for one in wakeups):
                control.reached("cursors are stored")
            await publish(self, wakeups)

        return wrapped

    wrap(Fanout, "receive", on_receive)
    wrap(Topic, "pass_on", on_turn)
    wrap(Connection, "push", on_push)
    wrap(LiveFeed, "store_cursors", on_cursors)
    wrap(NatsBus, "publish", on_publish)


def tell_bus() -> None:
    """Let /metrics say whether wake-ups of other nodes arrive."""

    def on_start(start: Any) -> Any:
        async def wrapped(nats_bus: NatsBus) -> None:
            Gauge("bus_hears", "Whether NATS is joined").set_function(lambda: nats_bus.hears)
            await start(nats_bus)

        return wrapped

    wrap(NatsBus, "start", on_start)


def hurry() -> None:
    """Shorten waits."""
    fanout.RECONCILE_S = 3.0
    nats_bus.ECHO_EVERY_S = 1.0
    nats_bus.ECHO_LIMIT_S = 2.0


def _announces(wakeup: AnyWakeup) -> bool:
    return isinstance(wakeup, EntryWakeup)


class Nats:
    """The connection to NATS that the worker opened last."""

    client: NatsClient | None = None

    @classmethod
    def note(cls, connect: Any) -> Any:
        """Wrap what opens it."""

        async def wrapped(client: NatsClient, *arguments: Any, **options: Any) -> None:
            cls.client = client
            await connect(client, *arguments, **options)

        return wrapped

    @classmethod
    async def flushed(cls) -> None:
        """Wait until NATS has what was sent, if it is there."""
        if cls.client is not None and cls.client.is_connected:
            await cls.client.flush(FLUSH_S)


def main() -> None:
    """Run."""
    _, descriptor, listening, supervisor, *options = sys.argv
    control = Control(int(descriptor))
    wrap(NatsClient, "connect", Nats.note)
    stop_while_sending(control)
    stop_while_taking_keys(control)
    stop_while_hearing(control)
    stop_while_counting(control)
    tell_bus()
    hurry()
    sys.argv = ["demo", *options, "--listening", listening, "--supervisor", supervisor]
    cli.main()


if __name__ == "__main__":
    main()
