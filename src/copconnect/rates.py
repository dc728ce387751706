"""Standing limits of people, counted in the memory of one node.

A bucket fills evenly and holds a burst; taking more than it holds raises RateLimited, which names
the limit and says when it ends. Buckets that are full again are forgotten. Used from one event
loop; a restart fills every bucket.
"""

from collections.abc import Callable

from copconnect import errors
from copconnect.ids import PersonId

_MINUTE_MS = 60_000
_FORGOTTEN_AT = 20_000  # Buckets; more are looked through for full ones.
_GROWTH = 2  # They are looked through again at so many times what was left of them.


class Rates:
    """One limit of all people."""

    def __init__(self, name: str, per_minute: float, burst: int, now_ms: Callable[[], int]) -> None:
        self._name = name
        self._per_ms = per_minute / _MINUTE_MS
        self._burst = float(burst)
        self._now_ms = now_ms
        self._left: dict[PersonId, tuple[float, int]] = {}
        self._forgotten_at = _FORGOTTEN_AT
        self.examined = 0  # Buckets that were looked through so far: what forgetting costs.

    @property
    def kept(self) -> int:
        """How many buckets are remembered."""
        return len(self._left)

    def take(self, person_id: PersonId, amount: int = 1) -> None:
        """Take from a person's bucket. Raises RateLimited.

        An amount larger than the whole bucket needs a full one, so no amount is refused for ever.
        """
        now_ms = self._now_ms()
        left, since = self._left.get(person_id, (self._burst, now_ms))
        left = min(self._burst, left + max(0, now_ms - since) * self._per_ms)
        needed = min(float(amount), self._burst)
        if left < needed:
            self._left[person_id] = left, now_ms
            retry_after_ms = int((needed - left) / self._per_ms) + 1
            raise errors.RateLimited(retry_after_ms=retry_after_ms, limit=self._name)
        if len(self._left) >= self._forgotten_at:
            self._forget(now_ms)
        self._left[person_id] = left - needed, now_ms

    def _forget(self, now_ms: int) -> None:
        self.examined += len(self._left)
        self._left = {
            person: (left, since)
            for person, (left, since) in self._left.items()
            if left + (now_ms - since) * self._per_ms < self._burst
        }
        # The whole force may be busy at once: each look costs as much as the buckets added since.
        self._forgotten_at = max(_FORGOTTEN_AT, _GROWTH * len(self._left))
