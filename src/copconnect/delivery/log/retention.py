"""Forgets what is past its time (K1).

The log is kept for the retention time; a conversation key as long as the log keeps what it opens;
the newest state's message, with the head, leaves and key that prove it, outlives trimming. Former
leaves, lines and heads go with the last message and key that name them. A held conversation
(holding.py) keeps its messages, and with them all of that; what a deletion left for a hold alone
goes with the hold. Short transactions do it; a crash may
interrupt them, and the next round continues. At most one node cleans at a time.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.limits import (
    DAY_MS,
    HOUR_MS,
    JOIN_REQUEST_MS,
    SHARES_KEPT_MS,
)
from copconnect.delivery.store import joining, trimming
from copconnect.leases import Leases

CELL_KEYS_KEPT_MS = 9 * DAY_MS
_NOTES_KEPT_MS = 2 * DAY_MS  # Notes of who was asked and of changes of members.
_KEYS_KEPT_MS = 26 * HOUR_MS  # A key that nobody wrote under; D1 takes messages for 25 h.
BATCH = 500
_PERIOD_S = 3600.0


class Retention:
    """Cleans once an hour."""

    def __init__(self, deps: DeliveryDependencies, leases: Leases) -> None:
        self._deps = deps
        self.rounds = leases.periodic("retention", self.clean, _PERIOD_S, soon=True)

    async def clean(self) -> None:
        """Forget everything that is past its time."""
        now_ms = self._deps.clock.now_ms()
        log_ms = now_ms - self._deps.options.log_days * DAY_MS
        await self._in_batches(
            lambda one, at: trimming.forget_entries(one, at, log_ms, now_ms, BATCH)
        )
        await self._in_batches(lambda one, _: trimming.forget_held(one, now_ms, BATCH))
        key_ms = now_ms - _KEYS_KEPT_MS
        await self._in_batches(lambda one, at: trimming.forget_keys(one, at, key_ms, BATCH))
        await self._in_batches(lambda one, at: trimming.forget_heads(one, at, log_ms, BATCH))
        async with self._deps.database.transaction() as connection:
            await trimming.forget_intervals(connection)
            await trimming.forget_cell_keys(connection, now_ms - CELL_KEYS_KEPT_MS)
            await trimming.forget_notes(connection, now_ms - _NOTES_KEPT_MS)
            await joining.forget(connection, now_ms - JOIN_REQUEST_MS)
            await trimming.forget_shares(connection, now_ms - SHARES_KEPT_MS, log_ms)

    async def _in_batches(
        self, forget: Callable[[AsyncConnection, int], Awaitable[int | None]]
    ) -> None:
        at_ms: int | None = 0
        while at_ms is not None:
            async with self._deps.database.transaction() as connection:
                at_ms = await forget(connection, at_ms)
