"""Sends the progress of orders to dashboards: differences, at most one frame a second for each.

Every node serves the dashboards that are connected to it. Wake-ups say which orders moved; a lost
one costs :data:`AGAIN_S`. A frame is small, and the next one waits until its bytes fit
:data:`BYTES_PER_S`, so that a commander on a slow line gets fewer of them.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field

import msgspec
import structlog

from copconnect import errors, wire
from copconnect.background import Periodic
from copconnect.bus import AcknowledgedWakeup, AnyWakeup, CursorsMovedWakeup, ReceiptsWakeup
from copconnect.ids import ClientId, ConversationId, MessageId, PersonId, UnitId
from copconnect.orders.counting import Counting
from copconnect.orders.reading import OrderReads, Oversight
from copconnect.principals import Caller
from copconnect.sockets.dispatch.fanout import Fanout

PERIOD_S = 1.0
AGAIN_S = 15.0
RIGHTS_S = 30.0  # How long somebody who lost the right may continue watching.
BYTES_PER_S = 600
_ENCODER = msgspec.msgpack.Encoder()
log = structlog.get_logger()


@dataclass(slots=True)
class _Watcher:
    client_id: ClientId
    person_id: PersonId
    order_id: MessageId
    unit_id: UnitId | None
    oversight: Oversight | None = None
    judged: float = 0.0
    not_before: float = 0.0
    looked: float = 0.0  # When it was last compared with the counts.
    total: list[int] | None = None
    units: dict[UnitId, list[int]] = field(default_factory=dict)


class Watching:
    """The dashboards of this node. ``on_wakeup`` is to be subscribed to the bus."""

    def __init__(self, reading: OrderReads, counting: Counting) -> None:
        self._reading = reading
        self._counting = counting
        self._connected: Fanout | None = None
        self._watchers: dict[Hashable, _Watcher] = {}
        self._moved: dict[ConversationId | MessageId, float] = {}
        self.rounds = Periodic("orders_watched", self.round, PERIOD_S)

    def attach(self, connected: Fanout) -> None:
        """Send through these connections; built after this."""
        self._connected = connected

    @property
    def watched(self) -> int:
        """How many connections watch an order."""
        return len(self._watchers)

    # --- For live connections -----------------------------------------------------------------

    def watch(
        self,
        connection: Hashable,
        caller: Caller,
        order_id: MessageId | None,
        unit_id: UnitId | None,
    ) -> None:
        """Let a connection watch an order, or none any more."""
        self._watchers.pop(connection, None)
        if order_id is not None:
            self._watchers[connection] = _Watcher(
                caller.client_id, caller.person_id, order_id, unit_id
            )

    def gone(self, connection: Hashable) -> None:
        """Forget a connection."""
        self._watchers.pop(connection, None)

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Note what moved."""
        if not self._watchers:
            return
        now = time.monotonic()
        match wakeup:
            case AcknowledgedWakeup():
                self._moved[wakeup.order_id] = now
            case CursorsMovedWakeup():
                self._moved |= dict.fromkeys(wakeup.conversation_ids, now)
            case ReceiptsWakeup():
                self._moved[wakeup.conversation_id] = now
            case _:
                pass

    # --- In rounds ----------------------------------------------------------------------------

    async def round(self) -> None:
        """Send what changed to the devices that are due."""
        now = time.monotonic()
        self._moved = {key: at for key, at in self._moved.items() if at > now - 2 * AGAIN_S}
        for connection, watcher in list(self._watchers.items()):
            if watcher.not_before > now:
                continue
            try:
                await self._judge(watcher, now)
                if self._is_due(watcher, now):
                    await self._send(watcher)
            except (errors.NotFound, errors.NotAllowed):
                if self._watchers.get(connection) is watcher:
                    del self._watchers[connection]
            except Exception:
                log.exception("background_work_failed", work="orders_watched")

    async def _judge(self, watcher: _Watcher, now: float) -> None:
        """Look from time to time whether a watcher still may. Raises NotFound, NotAllowed."""
        if watcher.oversight is None or watcher.judged < now - RIGHTS_S:
            watcher.oversight = await self._reading.oversight(watcher.person_id, watcher.order_id)
            watcher.judged = now

    def _is_due(self, watcher: _Watcher, now: float) -> bool:
        if watcher.total is None or watcher.oversight is None or watcher.looked < now - AGAIN_S:
            return True
        keys = watcher.order_id, watcher.oversight.order.conversation_id
        return any(self._moved.get(key, -1.0) >= watcher.looked for key in keys)

    async def _send(self, watcher: _Watcher) -> None:
        looked = time.monotonic()
        tree = await self._counting.tree(watcher.order_id)
        if tree is None or watcher.oversight is None or self._connected is None:
            return
        # A count that is kept may be older than what moved: the next round compares again.
        watcher.looked = looked - 2 * PERIOD_S
        total, units = tree.of(watcher.unit_id, watcher.oversight.units)
        zeros = tree.zeros()
        changed = {
            unit: units.get(unit, zeros)
            for unit in units.keys() | watcher.units.keys()
            if units.get(unit, zeros) != watcher.units.get(unit)
        }
        if total == watcher.total and not changed:
            return
        frame = wire.OrderProgressFrame(
            items=tree.items,
            order_id=watcher.order_id,
            unit_id=watcher.unit_id,
            counted_ms=tree.counted_ms,
            total=total,
            units=changed,
        )
        self._connected.push_to(watcher.client_id, frame)
        watcher.total = total
        watcher.units = watcher.units | changed
        size = len(_ENCODER.encode(frame))
        watcher.not_before = looked + max(PERIOD_S * 0.9, size / BYTES_PER_S)
