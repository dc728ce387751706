"""The live connections of one node: Hello, then frames both ways, then a close code.

app.py starts and closes it; uvicorn gives it connections
(:mod:`copconnect.sockets.connections.handover`).
There is no task for a connection: a frame is handled where it is parsed, and what concerns all
of them (pings, tokens, admission, cursors, reconciling) is one task each.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import msgspec

from copconnect import errors, wire
from copconnect.addresses import caller_address
from copconnect.bus import AccountWakeup, AnyWakeup, Bus
from copconnect.clock import Clock
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.principals import Caller, Ended, Requirement
from copconnect.rates import SharedRates
from copconnect.sockets.admission import Admission
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import MAX_CLIENT_FRAME_BYTES, Connection, parser
from copconnect.sockets.connections.handover import HandedOverConnections, Handover
from copconnect.sockets.connections.heartbeat import Heartbeat
from copconnect.sockets.connections.unauthenticated import Unauthenticated
from copconnect.sockets.cursors import CursorBuffer
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Feed, Helpers, SeenCursor, Tokens, Versions, Watchers
from copconnect.sockets.positions import Positions

FRAME_BYTES = 4096  # A larger frame counts as several: 40 cursors.
# Beside the rate: an app sends 20 cursor frames a second while it catches up, and no more.
FRAMES_AT_ONCE = 1_000
FRAMES_BEFORE_READY = 100
PERSONS_SHARE = 3  # All devices of a person together send as much as so many.
CLOSING_TOGETHER = 500
CLOSING_S = 1.0  # How long telling everybody may take, so that they do not all come back at once.
CLOSING_PAUSE_S = 0.05  # At most, after each that many.
ANSWERS_S = 1.5  # How long peers may take to close once the server has sent its close frame.
_DECODER = msgspec.msgpack.Decoder(wire.ClientFrame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the live connections of one process; as :class:`copconnect.settings.Settings`
    says. ``buffer_bytes``: unsent bytes of one; ``frames_per_minute``: of one device, at all
    nodes; ``unauthenticated``: connections without a Hello."""

    buffer_bytes: int = 4 * 1024 * 1024
    frames_per_minute: int = 1_800
    hello_ms: int = 5_000
    hellos_per_s: int = 5_000
    unauthenticated: int = 10_000
    unauthenticated_per_address: int = 2_000
    trusted_proxies: int = 0


class Sockets:
    """The live connections of one node; app.py starts and closes it."""

    def __init__(
        self,
        *,
        feed: Feed,
        tokens: Tokens,
        versions: Versions,
        watchers: Watchers,
        helpers: Helpers,
        bus: Bus,
        clock: Clock,
        rates: SharedRates,
        limits: Limits,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._tokens = tokens
        self._watchers = watchers
        self._helpers = helpers
        frames = limits.frames_per_minute
        self._of_device = rates.limit("frames_per_device", frames, FRAMES_AT_ONCE)
        self._of_person = rates.limit(
            "frames_per_person", PERSONS_SHARE * frames, PERSONS_SHARE * FRAMES_AT_ONCE
        )
        self._unauthenticated = Unauthenticated(
            limits.unauthenticated, limits.unauthenticated_per_address
        )
        self.fanout = Fanout(feed, bus, clock)
        self.cursors = CursorBuffer(feed)
        self.positions = Positions(self.fanout, bus, clock)
        self._admission = Admission(
            self.fanout,
            tokens,
            versions,
            clock,
            bus,
            limits.hellos_per_s,
            self._count,
            self._rejudge,
        )
        self._heartbeat = Heartbeat(self._rejudge)
        self._presence = HandedOverConnections(self._begin_to_end)
        self._present_in: set[Any] = set()
        self._ending: asyncio.Task[None] | None = None
        self._all_gone = asyncio.Event()  # While it ends.

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Pass a wake-up to the connections; subscribe this to the bus."""
        if isinstance(wakeup, AccountWakeup):
            self._admission.note(wakeup)
        await self.fanout.receive(wakeup)
        await self.positions.receive(wakeup)

    async def start(self) -> None:
        """Begin to admit connections, to ping them, to flush cursors and to reconcile."""
        await self.cursors.start()
        await self._admission.start()
        await self.positions.publishing.start()
        await self._heartbeat.turns.start()
        await self.fanout.start()

    async def close(self) -> None:
        """Close every connection (1012: come back) and store the last cursors."""
        await self._admission.close()
        self._begin_to_end()
        if self._ending is not None:
            await self._ending
        await self._heartbeat.turns.close()
        await self.positions.publishing.close()
        await self.fanout.close()
        await self.cursors.close()

    @property
    def connections(self) -> list[Connection]:
        """Every connection, also the ones that have not said Hello."""
        return self._heartbeat.all()

    @property
    def unauthenticated(self) -> int:
        """How many connections have not said Hello, or were turned away and are not gone yet."""
        return len(self._unauthenticated)

    @property
    def waiting(self) -> int:
        """How many connections have said Hello and wait for admission."""
        return self._admission.waiting

    # --- The web server ---------------------------------------------------------------------

    def handover(
        self,
        config: Any,  # noqa: ARG002
        server_state: Any,
        app_state: dict[str, Any],  # noqa: ARG002
    ) -> asyncio.Protocol:
        """Return the protocol that takes over an upgraded connection; ``uvicorn.Config(ws=…)``."""
        self._present_in = server_state.connections
        self._present_in.add(self._presence)
        return Handover(parser(self, self._limits.buffer_bytes))

    def _begin_to_end(self) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        """Close all connections, some at a time. Peers that do not close are cut off, so that a
        stop takes a few seconds, whichever peers are connected; nothing else is kept up
        meanwhile."""
        connections, frame = self._heartbeat.all(), framing.close(wire.CLOSE_RESTART)
        parts = [
            connections[at : at + CLOSING_TOGETHER]
            for at in range(0, len(connections), CLOSING_TOGETHER)
        ]
        for some in parts:
            for connection in some:
                connection.farewell(wire.CLOSE_RESTART, frame)
            await asyncio.sleep(min(CLOSING_PAUSE_S, CLOSING_S / len(parts)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERS_S):
                if len(self._heartbeat):
                    await self._all_gone.wait()
        for connection in self._heartbeat.all():
            connection.abort()
        self._present_in.discard(self._presence)

    # --- One connection ---------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """Expect Hello."""
        connection.address = caller_address(
            connection.peer, connection.forwarded, self._limits.trusted_proxies
        )
        if self._unauthenticated.full(connection.address):
            connection.dismiss(wire.CLOSE_TRY_AGAIN)
            return
        self._unauthenticated.add(connection)
        self._heartbeat.add(connection)
        connection.expect_hello(self._limits.hello_ms / 1000)
        if self._ending is not None:
            connection.dismiss(wire.CLOSE_RESTART)

    def heard(self, connection: Connection, size: int) -> bool:
        """Count a frame, a large one as several, against its device and its person. Before Hello is
        answered a connection has few."""
        amount = 1 + size // FRAME_BYTES
        if connection.caller is None:
            connection.heard += amount
            if connection.heard > FRAMES_BEFORE_READY:
                connection.close(wire.CLOSE_TOO_MANY_FRAMES, "frames_before_ready")
            return connection.close_code is None
        try:
            self._count(connection.caller, amount)
        except errors.RateLimited as error:
            connection.close(wire.CLOSE_TOO_MANY_FRAMES, f"{error.details['limit']}")
            return False
        return True

    def _count(self, caller: Caller, frames: int) -> None:
        self._of_device.spend(PersonId(caller.client_id), frames)
        self._of_person.spend(caller.counted_as, frames)

    def received(self, connection: Connection, message: Any) -> None:
        """Take a message: Hello first; cursors, watched orders, positions, and what a device
        works on, after Ready."""
        frame = None if message is None else _decode(message)
        if connection.caller is not None and isinstance(frame, wire.Cursors):
            for update in frame.updates:
                self._buffer_cursor(connection, update)
        elif connection.caller is not None and isinstance(frame, wire.WatchOrder):
            self._watchers.watch(connection, connection.caller, frame.order_id, frame.unit_id)
        elif connection.caller is not None and isinstance(frame, wire.SendPosition):
            self.positions.publish_soon(
                connection, ConversationId(frame.conversation_id), frame.data
            )
        elif connection.caller is not None and isinstance(frame, wire.WatchPositions):
            self.positions.watch(connection, ConversationId(frame.conversation_id))
        elif connection.caller is not None and isinstance(frame, wire.Working):
            client_id = connection.client.client_id
            self._helpers.begun(client_id, ConversationId(frame.conversation_id))
        elif not connection.token and isinstance(frame, wire.Hello) and frame.access_token:
            connection.token = frame.access_token
            connection.app = frame.app
            connection.hello_ms = self._clock.now_ms()
            connection.positions = {
                ConversationId(one.conversation_id): one.seq for one in frame.positions
            }
            connection.greeted()
            self._unauthenticated.discard(connection)
            self._admission.add(connection)
        else:
            connection.close(
                wire.CLOSE_BAD_FRAME if connection.token else wire.CLOSE_UNAUTHENTICATED
            )

    def turned_away(self, connection: Connection) -> None:
        """It may take its time to go: it counts until then."""
        if connection.slot >= 0:
            self._unauthenticated.add(connection)

    def gone(self, connection: Connection) -> None:
        """Forget a connection."""
        self._unauthenticated.discard(connection)
        self._heartbeat.discard(connection)
        self._watchers.gone(connection)
        if self._ending is None:
            self.fanout.leave(connection)
        elif not len(self._heartbeat):
            self._all_gone.set()

    def _buffer_cursor(self, connection: Connection, update: wire.CursorUpdate) -> None:
        """Buffer a cursor of a conversation the client belongs to, at most at its head."""
        conversation_id = ConversationId(update.conversation_id)
        head = self.fanout.head_of(connection, conversation_id)
        if head is None:
            return
        read = max(0, min(update.read_seq, head))
        delivered = max(read, min(update.delivered_seq, head))
        self.cursors.add(
            SeenCursor(
                conversation_id=conversation_id,
                client_id=connection.client.client_id,
                person_id=connection.client.person_id,
                delivered_seq=Seq(delivered),
                read_seq=Seq(read),
            )
        )

    async def _rejudge(self, connections: Any) -> None:
        """Close connections whose token is no longer good, and connections of people who owe the
        code of conduct again: by turns, so that they do not all come back at once."""
        known = [one for one in connections if one.caller is not None and one.close_code is None]
        if known:
            callers = await self._tokens.authenticate_all([one.token for one in known])
            for connection, caller in zip(known, callers, strict=True):
                if isinstance(caller, Ended):
                    connection.close(wire.CLOSE_SIGNED_OUT, caller.reason)
                elif caller is None:  # Its token expired: the device asks for another one.
                    connection.close(wire.CLOSE_UNAUTHENTICATED)
                elif Requirement.CONDUCT in caller.outstanding:
                    connection.close(wire.CLOSE_CONDUCT_NOT_ACCEPTED)


def _decode(data: Any) -> wire.ClientFrame | None:
    """Decode a message; None for anything but a frame."""
    if len(data) > MAX_CLIENT_FRAME_BYTES:
        return None
    try:
        frame: wire.ClientFrame = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return frame
