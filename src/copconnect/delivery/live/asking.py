"""Requests of the server to connected devices: shares (D4), cell keys (C1), the next key (D7), and
late seals (S9).

One loop for each process: it wakes when something is announced and looks twice a second for what
is due. It works on all announcements of ``GATHER_S`` at once: of a key that opens for nobody
thousands of devices ask within seconds. ``receive`` is to be subscribed to the bus; ``attach``
tells whom it can ask. A round that fails is logged, and the next one follows in its time.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

import structlog

from copconnect.background import Periodic
from copconnect.bus import (
    AnyWakeup,
    CellKeyFlaggedWakeup,
    CellKeyWakeup,
    EnteredWakeup,
    KeyWakeup,
    LateSealsWakeup,
    RosterWakeup,
    ShareAskedWakeup,
    ShareDoneWakeup,
    ShareWakeup,
)
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.live.key_asking import CellKeyAsking, NextKeyAsking
from copconnect.delivery.live.late_seals import LateSealAsking
from copconnect.delivery.live.share_routing import ShareRouting
from copconnect.ids import ClientId, ConversationId
from copconnect.sockets.dispatch.fanout import Fanout

TICK_S = 0.5
GATHER_S = 0.2
log = structlog.get_logger()


class HelpRequests:
    """Asks the devices of one node. Sends no request before ``attach``."""

    def __init__(
        self, deps: DeliveryDependencies, jitter: Callable[[], float] = random.random
    ) -> None:
        self._deps = deps
        self._attached: Fanout | None = None
        self.shares = ShareRouting(deps, self._connected)
        self.cell_keys = CellKeyAsking(deps, self._connected, jitter)
        self.next_keys = NextKeyAsking(deps, self._connected, jitter)
        self.late_seals = LateSealAsking(deps, self._connected, self.shares.choice, jitter)
        self.shares.choice.waits = self.late_seals.waits
        self._rounds = Periodic("asking", self.work, TICK_S, gather_s=GATHER_S)

    def attach(self, connected: Fanout) -> None:
        """Ask these devices."""
        self._attached = connected

    def _connected(self) -> Fanout:
        if self._attached is None:
            raise RuntimeError("nobody is connected to a process without sockets")
        return self._attached

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Take note of a wake-up. Reads nothing."""
        if self._attached is None:
            return
        match wakeup:
            case ShareAskedWakeup():
                told = self.shares.asked(wakeup)
                self.late_seals.failed(wakeup)
                if told is not None:
                    await self._deps.bus.publish([told])
            case ShareWakeup():
                self.shares.shared(wakeup)
            case ShareDoneWakeup():
                self.shares.done(wakeup)
                self.late_seals.opened(wakeup)
            case EnteredWakeup():
                self.shares.entered()
                self.late_seals.entered()
            case RosterWakeup():
                self.cell_keys.changed(wakeup)
                self.next_keys.changed(wakeup)
                self.late_seals.changed(wakeup)
            case CellKeyWakeup():
                self.cell_keys.came(wakeup)
                self.late_seals.changed(wakeup)
                self.next_keys.came(wakeup)
            case KeyWakeup():
                self.late_seals.changed(wakeup)
            case LateSealsWakeup():
                self.late_seals.came(wakeup)
            case CellKeyFlaggedWakeup():
                self.cell_keys.changed(wakeup)
            case _:
                return
        self._rounds.hurry()

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """A device says that it makes what it was asked for."""
        self.shares.begun(client_id, conversation_id)
        self.cell_keys.begun(client_id, conversation_id)
        self.late_seals.begun(client_id, conversation_id)

    async def start(self) -> None:
        """Begin to ask."""
        if self._attached is not None:
            await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    async def work(self) -> None:
        """Ask for everything that is due. No part waits for another's statements."""
        parts = (self.cell_keys, self.next_keys, self.late_seals, self.shares)
        await asyncio.gather(*(_try(part) for part in parts))


class _PeriodicWork(Protocol):
    async def work(self) -> None: ...


async def _try(part: _PeriodicWork) -> None:
    try:
        await part.work()
    except Exception:
        log.exception("asking_failed", part=type(part).__name__)
