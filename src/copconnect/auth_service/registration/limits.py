"""A sliding-window limit of one process. It bounds load, so it may forget at a restart; the limits
by number and address, which bound guessing, are counted in the database instead."""

from collections import deque


class SlidingWindow:
    """At most ``limit`` events within ``window_ms``."""

    def __init__(self, limit: int, window_ms: int) -> None:
        self._limit = limit
        self._window_ms = window_ms
        # Older events than the newest ``limit`` decide nothing.
        self._events: deque[int] = deque(maxlen=limit)

    def wait_ms(self, now_ms: int) -> int:
        """Return how long the next event must wait; 0 means now."""
        if len(self._events) < self._limit:
            return 0
        return max(0, self._events[0] + self._window_ms - now_ms)

    def count(self, now_ms: int) -> None:
        """Record an event."""
        self._events.append(now_ms)
