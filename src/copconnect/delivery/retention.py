"""Forgets what is past its time: old log entries, finished Welcomes, claims.

Roster heads stay: whoever was away for longer than the log is kept goes on from one to the next.
"""

from copconnect.background import Periodic
from copconnect.delivery import (
    cell_store,
    key_package_store,
    key_store,
    leaf_store,
    log_store,
)
from copconnect.delivery.key_packages import REPEAT_MS
from copconnect.delivery.parts import Parts
from copconnect.leases import Leases

DAY_MS = 24 * 3600 * 1000
_WELCOME_MS = 30 * DAY_MS
_BATCH = 500
_PERIOD_S = 3600.0


class Retention(Periodic):
    """Of several nodes one cleans at a time."""

    def __init__(self, parts: Parts, log_days: int, leases: Leases) -> None:
        cleaning = leases.in_turn("retention", self.clean, _PERIOD_S)
        super().__init__("retention", cleaning, _PERIOD_S, soon=True)
        self._parts = parts
        self._log_ms = log_days * DAY_MS

    async def clean(self) -> None:
        """Forget everything that is past its time, in short transactions."""
        database, now_ms = self._parts.database, self._parts.clock.now_ms()
        while True:
            async with database.transaction() as connection:
                forgotten = await log_store.forget_before(connection, now_ms - self._log_ms, _BATCH)
            if forgotten < _BATCH:
                break
        async with database.transaction() as connection:
            await key_package_store.forget_claims(connection, now_ms - REPEAT_MS)
            await leaf_store.forget_former_places(connection, now_ms - self._log_ms)
            await key_store.forget_records(connection, now_ms - DAY_MS)
            await cell_store.drop_orphaned_welcomes(connection, now_ms - _WELCOME_MS)
