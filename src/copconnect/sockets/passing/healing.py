"""When a node looks for entries that no wake-up announced."""

from collections.abc import Awaitable, Callable

from copconnect.background import Periodic
from copconnect.bus import Bus

HEAL_S = 15.0
OUTAGE_HEAL_S = 1.0


class Healing:
    """Calls ``heal`` now and then, and each second while the bus is away and once after."""

    def __init__(self, heal: Callable[[], Awaitable[None]], bus: Bus) -> None:
        self._heal = heal
        self._bus = bus
        self._periodic = Periodic("heal", self._look, OUTAGE_HEAL_S)
        self._heard = True
        self._rounds = 0

    async def start(self) -> None:
        """Begin."""
        await self._periodic.start()

    async def close(self) -> None:
        """Stop."""
        await self._periodic.close()

    async def _look(self) -> None:
        hears = self._bus.hears
        self._rounds += 1
        if hears and self._heard and self._rounds * OUTAGE_HEAL_S < HEAL_S:
            return
        self._heard, self._rounds = hears, 0
        await self._heal()
