"""Live positions: encrypted records that devices pass to each other and that nothing stores.

A device that shares its position sends its newest record; the node publishes at most one of a
device every two seconds, and every node passes it to the connections of the conversation. Each node
remembers the newest record of each device for a quarter of an hour, in memory alone, for devices
that ask later. A restart forgets them all; the next record comes within a minute. Nobody is woken.
"""

from collections import OrderedDict
from dataclasses import dataclass

from copconnect import wire
from copconnect.background import Periodic
from copconnect.bus import AnyWakeup, Bus, PositionWakeup, RosterWakeup
from copconnect.clock import Clock
from copconnect.ids import ClientId, ConversationId
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection
from copconnect.sockets.dispatch.fanout import Fanout

PUBLISH_S = 0.5
APART_MS = 2_000
KEPT_MS = 15 * 60_000
MOST_KEPT = 20_000
_LeafKey = tuple[ConversationId, ClientId]


@dataclass(frozen=True, slots=True)
class _RecentPosition:
    frame: bytes
    at_ms: int


class Positions:
    """The newest positions that this node has heard of. Used from one event loop."""

    def __init__(self, fanout: Fanout, bus: Bus, clock: Clock) -> None:
        self._fanout = fanout
        self._bus = bus
        self._clock = clock
        self._kept: OrderedDict[_LeafKey, _RecentPosition] = OrderedDict()  # The newest last.
        self._sharing: dict[ConversationId, set[ClientId]] = {}  # Whose are kept.
        self._waiting: dict[_LeafKey, bytes] = {}
        self.publishing = Periodic("positions", self.publish, PUBLISH_S)

    def __len__(self) -> int:
        return len(self._kept)

    def publish_soon(
        self, connection: Connection, conversation_id: ConversationId, data: bytes
    ) -> None:
        """Take a record from a device that the conversation lists, else nothing; empty: it has
        stopped. One that follows another too soon is dropped."""
        if self._fanout.head_of(connection, conversation_id) is None:
            return
        key = conversation_id, connection.client.client_id
        before = self._kept.get(key)
        if data and before is not None and self._clock.now_ms() - before.at_ms < APART_MS:
            return
        self._waiting[key] = data

    def watch(self, connection: Connection, conversation_id: ConversationId) -> None:
        """Pass on the records that are known of a conversation that lists the device."""
        if self._fanout.head_of(connection, conversation_id) is None:
            return
        since_ms = self._clock.now_ms() - KEPT_MS
        for kept in self._kept_in(conversation_id).values():
            if kept.at_ms >= since_ms:
                connection.push(kept.frame)

    def _kept_in(self, conversation_id: ConversationId) -> dict[_LeafKey, _RecentPosition]:
        keys = [(conversation_id, one) for one in self._sharing.get(conversation_id, ())]
        return {key: self._kept[key] for key in keys}

    def _keep(self, key: _LeafKey, kept: _RecentPosition) -> None:
        self._kept[key] = kept
        self._sharing.setdefault(key[0], set()).add(key[1])

    def _forget(self, key: _LeafKey) -> None:
        if self._kept.pop(key, None) is not None:
            sharing = self._sharing[key[0]]
            sharing.discard(key[1])
            if not sharing:
                del self._sharing[key[0]]

    async def publish(self) -> None:
        """Publish the records that wait."""
        waiting, self._waiting = self._waiting, {}
        for (conversation_id, client_id), data in waiting.items():
            wakeup = PositionWakeup(conversation_id=conversation_id, client_id=client_id, data=data)
            await self._bus.publish([wakeup])

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Remember a record and pass it on; forget those of devices that left."""
        if isinstance(wakeup, RosterWakeup):
            self._left(wakeup)
        if not isinstance(wakeup, PositionWakeup):
            return
        key = wakeup.conversation_id, wakeup.client_id
        self._forget(key)
        if not wakeup.data:
            return
        frame = framing.frame(
            wire.PositionFrame(conversation_id=wakeup.conversation_id, data=wakeup.data)
        )
        self._keep(key, _RecentPosition(frame, self._clock.now_ms()))
        while len(self._kept) > MOST_KEPT:
            self._forget(next(iter(self._kept)))
        self._fanout.say(wakeup.conversation_id, frame)

    def _left(self, wakeup: RosterWakeup) -> None:
        removed = set(wakeup.removed)
        for key in self._kept_in(wakeup.conversation_id):
            if not wakeup.whole or key[1] in removed:
                self._forget(key)
