"""How many names and whole numbers somebody reads in the directory, counted for all nodes.

Everybody reads ``names`` an hour; people in units over which somebody has the right
``read_directory`` are not counted there, but recorded in the audit log. A whole number that is
typed finds its person for everybody, so a person types few of them a day, unless all numbers are
shown to that person anyway. A limit that is reached is recorded once an hour.
"""

from collections.abc import Callable, Collection
from functools import partial

from copconnect import errors
from copconnect.audit import Audit
from copconnect.audit.acts import DirectoryRead, LimitReached
from copconnect.budgets import DAY_MS, HOUR_MS, Allowance, Budget, count
from copconnect.database.engine import Database, Transaction
from copconnect.principals import Caller
from copconnect.rights import WHOLE, HeldRights

NUMBERS = Budget("directory_numbers_per_day", 100, DAY_MS)
_PORTION = 200  # Names that a node takes at once.
_RECORDED = 1_000  # Names read by right in one entry.
_UNBOUND = Budget("directory_read_by_right", 1 << 40, HOUR_MS)
_REACHED = Budget("directory_limit_reached", 1, HOUR_MS)


class ReadQuota:
    """Counts what people read. No method is called while its caller holds a connection."""

    def __init__(
        self, database: Database, audit: Audit, names_per_hour: int, now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._audit = audit
        self._now_ms = now_ms
        names = Budget("directory_names_per_hour", names_per_hour, HOUR_MS)
        self._names = Allowance(database, names, _PORTION, now_ms)
        self._by_right = Allowance(database, _UNBOUND, _RECORDED, now_ms)
        self._numbers = Allowance(database, NUMBERS, 1, now_ms)

    async def names(self, caller: Caller, held: HeldRights, paths: Collection[str]) -> None:
        """Count the names that a caller reads, by unit path. Raises RateLimited."""
        beyond = sum(held.lacking("read_directory", [path]) is not None for path in paths)
        if beyond:
            await self._spend(self._names, caller, beyond)
        if len(paths) > beyond:
            record = partial(self._record, caller)
            await self._by_right.spend(caller.person_id, len(paths) - beyond, record)

    async def number(self, caller: Caller, held: HeldRights) -> None:
        """Count a whole number that a caller searches. Raises RateLimited, before anything is
        looked up."""
        if held.lacking("see_numbers", [WHOLE]) is not None:
            await self._spend(self._numbers, caller, 1)

    async def _spend(self, allowance: Allowance, caller: Caller, amount: int) -> None:
        try:
            await allowance.spend(caller.person_id, amount)
        except errors.RateLimited as error:
            await self._reached(caller, str(error.details["limit"]))
            raise

    async def _reached(self, caller: Caller, limit: str) -> None:
        async with self._database.transaction() as connection:
            spender = f"{caller.person_id} {limit}"
            times = await count(connection, _REACHED, spender, 1, self._now_ms())
            if times == 1:
                await self._audit.record(connection, caller, LimitReached(limit), WHOLE)

    async def _record(self, caller: Caller, connection: Transaction, portion: int) -> None:
        await self._audit.record(connection, caller, DirectoryRead(portion), WHOLE)
