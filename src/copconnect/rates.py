"""Standing limits of people and devices, counted in memory, for all nodes together.

A bucket fills evenly and holds a burst; taking more than it holds raises RateLimited, which names
the limit and says when it ends. Buckets that are full again are forgotten. Every few seconds a node
tells the others how much each heavy user took, and they take as much from their own buckets; a
bucket may go below zero by a burst. A limit therefore holds for all nodes within seconds, and a
request costs no statement. While the bus is away, each node counts alone. Used from one event loop;
a restart fills the buckets of a node. :mod:`copconnect.budgets` counts in the database, exactly.
"""

import secrets
from collections.abc import Callable, Iterator

from copconnect import errors
from copconnect.background import Periodic
from copconnect.bus import AnyWakeup, Bus, SpentWakeup
from copconnect.ids import PersonId

TELLING_S = 5.0
_MINUTE_MS = 60_000
_FORGOTTEN_AT = 20_000  # Buckets; more are looked through for full ones.
_GROWTH = 2  # They are looked through again at so many times what was left of them.
_NOTICED = 1 / 10  # A node tells the others of more than this part of the limit.
_IN_ONE = 10_000  # Spenders in a wake-up: 400 KB.


class Rates:
    """One limit of all people."""

    def __init__(self, name: str, per_minute: float, burst: int, now_ms: Callable[[], int]) -> None:
        self._name = name
        self._per_ms = per_minute / _MINUTE_MS
        self._burst = float(burst)
        self._now_ms = now_ms
        self._left: dict[PersonId, tuple[float, int]] = {}
        self._spent: dict[PersonId, float] = {}  # Since spending was last told.
        self._forgotten_at = _FORGOTTEN_AT
        self.examined = 0  # Buckets that were looked through so far: what forgetting costs.

    @property
    def kept(self) -> int:
        """How many buckets are remembered."""
        return len(self._left)

    def spend(self, person_id: PersonId, amount: int = 1) -> None:
        """Spend from a person's bucket. Raises RateLimited.

        An amount larger than the whole bucket needs a full one, so no amount is refused for ever.
        """
        now_ms = self._now_ms()
        left = self._filled(person_id, now_ms)
        needed = min(float(amount), self._burst)
        if left < needed:
            self._left[person_id] = left, now_ms
            retry_after_ms = int((needed - left) / self._per_ms) + 1
            raise errors.RateLimited(retry_after_ms=retry_after_ms, limit=self._name)
        self._put(person_id, left - needed, now_ms)
        self._spent[person_id] = self._spent.get(person_id, 0.0) + needed

    def told(self) -> dict[PersonId, float]:
        """Return how much each person took since the last call; small amounts are left out."""
        noticed = _NOTICED * self._per_ms * 1000 * TELLING_S
        spent, self._spent = self._spent, {}
        return {person: amount for person, amount in spent.items() if amount > noticed}

    def spent_elsewhere(self, person_id: PersonId, amount: float) -> None:
        """Take from a person's bucket what the person took at another node."""
        now_ms = self._now_ms()
        left = max(-self._burst, self._filled(person_id, now_ms) - max(0.0, amount))
        self._put(person_id, left, now_ms)

    def _filled(self, person_id: PersonId, now_ms: int) -> float:
        left, since = self._left.get(person_id, (self._burst, now_ms))
        return min(self._burst, left + max(0, now_ms - since) * self._per_ms)

    def _put(self, person_id: PersonId, left: float, now_ms: int) -> None:
        if len(self._left) >= self._forgotten_at:
            self._forget(now_ms)
        self._left[person_id] = left, now_ms

    def _forget(self, now_ms: int) -> None:
        self.examined += len(self._left)
        self._left = {
            person: (left, since)
            for person, (left, since) in self._left.items()
            if left + (now_ms - since) * self._per_ms < self._burst
        }
        # The whole force may be busy at once: each look costs as much as the buckets added since.
        self._forgotten_at = max(_FORGOTTEN_AT, _GROWTH * len(self._left))


class SharedRates:
    """One node's part of the limits that hold for all nodes; app.py starts ``telling``."""

    def __init__(self, bus: Bus, now_ms: Callable[[], int]) -> None:
        self._bus = bus
        self._now_ms = now_ms
        self._node = secrets.token_hex(8)
        self._limits: dict[str, Rates] = {}
        self.telling = Periodic("rates", self.tell, TELLING_S)
        bus.subscribe(self._receive)

    def limit(self, name: str, per_minute: float, burst: int) -> Rates:
        """Return a new limit. Every node uses the same name for it, and for no other limit."""
        made = self._limits[name] = Rates(name, per_minute, burst, self._now_ms)
        return made

    async def tell(self) -> None:
        """Tell the other nodes what was taken here."""
        await self._bus.publish(list(self._told()))

    async def _receive(self, wakeup: AnyWakeup) -> None:
        if not isinstance(wakeup, SpentWakeup) or wakeup.node == self._node:
            return
        limit = self._limits.get(wakeup.limit)
        if limit is not None:
            for person_id, amount in wakeup.spent.items():
                limit.spent_elsewhere(person_id, amount)

    def _told(self) -> Iterator[SpentWakeup]:
        for name, limit in self._limits.items():
            spent = list(limit.told().items())
            for at in range(0, len(spent), _IN_ONE):
                some = dict(spent[at : at + _IN_ONE])
                yield SpentWakeup(node=self._node, limit=name, spent=some)
