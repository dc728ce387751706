"""Admits connections: waiting Hellos are answered in batches, at a bounded rate.

When a node or the network comes back, thousands say Hello at once. Nobody is refused: they wait
their turn, and each round asks the database once for all that it admits, so that a storm costs it
a few statements for each ``TOGETHER`` clients, and messages continue meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection

import structlog

from copconnect import errors, wire
from copconnect.background import cut_off
from copconnect.bus import AccountWakeup, Bus, EnteredWakeup
from copconnect.clock import Clock
from copconnect.principals import Caller, Ended
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Tokens, Versions

TOGETHER = 500
HELLO_FRAMES = 60  # A Hello counts as so many frames of its device: the server reads its places.
# The shortest pause between two rounds, so that one round admits several clients. A client that
# arrives after the pause is admitted at once.
ROUND_S = 0.02
# A round costs the same statements for one client as for 500. While thousands of clients reconnect,
# rounds take longer, and the server then pauses longer between them (a quarter of a second at
# most), so that each round admits more clients.
PAUSE_ROUNDS, LONGEST_PAUSE_S = 4, 0.25
log = structlog.get_logger()


class Admission:
    """The Hellos of one node that wait. ``per_s``: how many it answers in a second at most.
    ``count`` takes frames from a caller's limits; ``rejudge`` closes the connections that may not
    stay."""

    def __init__(
        self,
        fanout: Fanout,
        tokens: Tokens,
        versions: Versions,
        clock: Clock,
        bus: Bus,
        per_s: int,
        count: Callable[[Caller, int], None],
        rejudge: Callable[[Collection[Connection]], Awaitable[None]],
    ) -> None:
        self._count = count
        self._rejudge = rejudge
        self._fanout = fanout
        self._tokens = tokens
        self._versions = versions
        self._clock = clock
        self._bus = bus
        self._per_s = per_s
        self._waiting: deque[Connection] = deque()
        self._came = asyncio.Event()
        self._meanwhile: list[AccountWakeup] | None = None  # Changes of accounts during a round.
        self._task: asyncio.Task[None] | None = None

    def add(self, connection: Connection) -> None:
        """Let a connection that has said Hello wait for its turn."""
        self._waiting.append(connection)
        self._came.set()

    def note(self, wakeup: AccountWakeup) -> None:
        """Note a change of accounts: the round that runs may have read its clients before it, and
        they hear of no changes yet. A client that was signed out is judged again."""
        if self._meanwhile is not None and wakeup.event != "signed_out":
            self._meanwhile.append(wakeup)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to admit connections."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Admit no more connections."""
        await cut_off(self._task)

    async def _run(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                began = time.monotonic()
                some = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
                try:
                    await self._admit([one for one in some if one.close_code is None])
                except Exception:
                    # The database is away: they come again, as after any lost connection.
                    log.exception("admission_failed")
                    self._meanwhile = None
                    for connection in some:
                        connection.close(wire.CLOSE_TRY_AGAIN)
                took_s = time.monotonic() - began
                await asyncio.sleep(max(pause_s(len(some), took_s), len(some) / self._per_s))

    async def _admit(self, connections: list[Connection]) -> None:
        meanwhile = self._meanwhile = list[AccountWakeup]()
        callers = await self._tokens.authenticate_all([one.token for one in connections])
        admitted: list[Connection] = []
        for connection, caller in zip(connections, callers, strict=True):
            if isinstance(caller, Ended):
                connection.close(wire.CLOSE_SIGNED_OUT, caller.reason)
            elif caller is None:
                connection.close(wire.CLOSE_UNAUTHENTICATED)
            elif caller.refused_for:
                connection.close(wire.CLOSE_CONDUCT_NOT_ACCEPTED)
            elif self._counted(connection, caller):
                connection.caller = caller
                admitted.append(connection)
                self._tokens.runs(caller.client_id, connection.app)
        current = await self._versions.current({one.client.person_id for one in admitted})
        # From here on only the read of the places is awaited, before anything is subscribed:
        # Ready is the first frame.
        entered = await self._fanout.enter(admitted)
        for connection, heads, missed in entered:
            ready = wire.Ready(
                server_time_ms=self._clock.now_ms(),
                trust_version=current.trust,
                directory_version=current.directory,
                guard_policy=current.guard_policy,
                guard_pictures=current.guard_pictures,
                heads=heads,
                me_version=connection.client.me_version,
                sanctioned=connection.client.person_id in current.sanctioned,
            )
            connection.push(framing.frame(ready))
            for frame in missed:
                connection.push(frame)
        self._meanwhile = None
        for wakeup in meanwhile:
            self._fanout.tell(wakeup, [one for one, _, _ in entered])
        if entered:
            since = {one.client.client_id: one.hello_ms for one, _, _ in entered}
            await self._bus.publish([EnteredWakeup(clients=since)])
            # A device that was signed out after its token was judged has missed that event.
            await self._rejudge([one for one, _, _ in entered])

    def _counted(self, connection: Connection, caller: Caller) -> bool:
        try:
            self._count(caller, HELLO_FRAMES)
        except errors.RateLimited as error:
            connection.close(wire.CLOSE_TOO_MANY_FRAMES, f"{error.details['limit']}")
            return False
        return True


def pause_s(admitted: int, took_s: float) -> float:
    """Return the pause after a round that admitted so many clients and took so long."""
    if admitted == TOGETHER:
        return ROUND_S
    return max(ROUND_S, min(LONGEST_PAUSE_S, PAUSE_ROUNDS * took_s))
