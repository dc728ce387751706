"""The clock, passed in so that rules and tests own time."""

import time
from datetime import timedelta, timezone
from typing import Protocol

INDIA = timezone(timedelta(hours=5, minutes=30))
"""India has one time, all year."""


class Clock(Protocol):
    """Milliseconds since 1970 UTC."""

    def now_ms(self) -> int:
        """Return the current time in ms."""


class SystemClock:
    """The machine's clock; operations.md asks for NTP."""

    def now_ms(self) -> int:
        """Return the current time in ms."""
        return time.time_ns() // 1_000_000
