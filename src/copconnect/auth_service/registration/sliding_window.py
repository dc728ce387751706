"""Sliding-window limits of one process. They bound load, so they may forget at a restart; the
limits by number, which bound guessing, are counted in the database instead."""

from collections import OrderedDict, deque

from copconnect import errors

MAX_KEYS = 100_000


class SlidingWindow:
    """At most ``limit`` events for a key within ``window_ms``. Memory is bounded: beyond
    ``MAX_KEYS`` keys the one that was quiet longest is forgotten."""

    def __init__(self, limit: int, window_ms: int) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._events: OrderedDict[str, deque[int]] = OrderedDict()

    def spend(self, key: str, now_ms: int, limit: str) -> None:
        """Count an event. Raises RateLimited, which names the limit, without counting it."""
        wait = self.wait_ms(key, now_ms)
        if wait > 0:
            raise errors.RateLimited(retry_after_ms=wait, limit=limit)
        self.count(key, now_ms)

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long ``key`` must wait; 0 means now."""
        events = self._events.get(key)
        if events is None:
            return 0
        if len(events) < self._limit:
            return 0
        return max(0, events[-self._limit] + self._window_ms - now_ms)

    def count(self, key: str, now_ms: int) -> None:
        """Record an event."""
        # Older events than the newest ``limit`` decide nothing.
        events = self._events.setdefault(key, deque(maxlen=self._limit))
        events.append(now_ms)
        self._events.move_to_end(key)
        if len(self._events) > MAX_KEYS:
            self._events.popitem(last=False)
