"""Pings every connection that is silent, and judges the tokens of all connections again.

One task for all connections instead of timers for each. Connections are in ``SLOTS`` equal slots.
Each second the task checks some slots, so that every connection is checked every ``TURN_S`` and its
token is judged every ``REJUDGE_S``. A client that was silent since the last check is pinged; the
connection of a client that is still silent at the next check is ended. Clients check their
connections more often (client/src/transport/socket.ts), so that hardly any is ever pinged.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable

from copconnect.background import Periodic
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection

TURN_S = 30
REJUDGE_S = 120  # A revocation holds even if its wake-up was lost.
SLOTS = REJUDGE_S


class Heartbeat:
    """The connections of one node by slot. ``rejudge`` closes connections that may not stay."""

    def __init__(self, rejudge: Callable[[Collection[Connection]], Awaitable[None]]) -> None:
        self._rejudge = rejudge
        self._slots: list[set[Connection]] = [set() for _ in range(SLOTS)]
        self._count = 0
        self._next = 0
        self._second = 0
        self.turns = Periodic("heartbeat", self._turn, 1.0)

    def __len__(self) -> int:
        return self._count

    def all(self) -> list[Connection]:
        """Return every connection."""
        return [one for slot in self._slots for one in slot]

    def add(self, connection: Connection) -> None:
        """Put a connection into a slot."""
        connection.slot = self._next
        self._slots[self._next].add(connection)
        self._count += 1
        self._next = (self._next + 1) % SLOTS

    def discard(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection.slot >= 0:
            self._slots[connection.slot].remove(connection)
            self._count -= 1

    async def _turn(self) -> None:
        self._second += 1
        for slot in range(self._second % TURN_S, SLOTS, TURN_S):
            ping(list(self._slots[slot]))
        await self._rejudge(list(self._slots[self._second % SLOTS]))


def ping(connections: Iterable[Connection]) -> None:
    """Ping connections that were silent since the last call; close each that has not answered the
    last ping."""
    for connection in connections:
        if connection.unheard > 1:
            connection.abort()
            continue
        if connection.unheard:
            connection.push(framing.PING)
        connection.unheard += 1
