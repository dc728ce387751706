"""Work that one node does for all: a lease in the database says whose turn it is.

A lease is a row with a holder and an end. A node that finds it ended takes it; its holder renews
it. A node that dies holds up the work until the lease ends, nothing else. The clocks of nodes are
compared, so NTP keeps them; the work that leases guard is harmless when two nodes do it at once
(idempotent cleaning, asking a second member), only wasteful.
"""

import secrets
from collections.abc import Awaitable, Callable

from sqlalchemy import BigInteger, Column, String, Table, and_, delete, or_

from copconnect.background import Periodic
from copconnect.clock import Clock
from copconnect.database.engine import METADATA, Database, upsert_for

LONGEST_MS = 2 * 3_600_000  # No lease lasts as long.
KEPT_MS = 3_600_000  # A lease that nobody asks for any more.

leases = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(16), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)


class Leases:
    """This node's leases. ``alone``: there is no other node, so each is granted unasked."""

    def __init__(self, database: Database, clock: Clock, *, alone: bool) -> None:
        self._database = database
        self._clock = clock
        self._alone = alone
        self._node = secrets.token_hex(8)

    async def acquire(self, name: str, for_s: float) -> bool:
        """Acquire a lease, or renew it; return whether this node holds it now. One statement."""
        if self._alone:
            return True
        now = self._clock.now_ms()
        statement = upsert_for(self._database.engine.dialect.name, leases).values(
            name=name, holder=self._node, until_ms=now + round(for_s * 1000)
        )
        new = statement.excluded
        async with self._database.transaction() as connection:
            taken = await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[leases.c.name],
                    set_={"holder": new.holder, "until_ms": new.until_ms},
                    where=or_(
                        leases.c.until_ms <= now,
                        # It was taken while the clock ran ahead.
                        leases.c.until_ms > now + LONGEST_MS,
                        leases.c.holder == new.holder,
                    ),
                )
            )
        return taken.rowcount == 1

    async def release(self, name: str) -> None:
        """Let another node take a lease at once."""
        if not self._alone:
            async with self._database.transaction() as connection:
                await connection.execute(
                    delete(leases).where(and_(leases.c.name == name, leases.c.holder == self._node))
                )

    def periodic(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        period_s: float,
        lease_s: float | None = None,
        *,
        soon: bool = False,
    ) -> Periodic:
        """Return ``work`` that one node does every ``period_s`` seconds. ``lease_s``: after which
        another node takes it over; None: one period. ``soon``: as of Periodic."""

        async def work_in_turn() -> None:
            if await self.acquire(name, lease_s or period_s):
                await work()

        return Periodic(name, work_in_turn, period_s, soon=soon)

    async def prune(self) -> None:
        """Forget leases that ended long ago."""
        if not self._alone:
            before = self._clock.now_ms() - KEPT_MS
            async with self._database.transaction() as connection:
                await connection.execute(delete(leases).where(leases.c.until_ms < before))
