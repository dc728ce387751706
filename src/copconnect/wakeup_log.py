"""Wake-ups that must not be lost: a small table that every node reads once a second.

The bus may lose a wake-up and a command-line process has none at all. A wake-up that signs somebody
out, changes who belongs to a conversation or changes a person's signed records is therefore
recorded here, in the transaction that makes the change, and each node passes what it has not seen
to its own receivers. Wake-ups of messages are not recorded: nodes compare conversations with the
log instead (sockets/dispatch/fanout.py). Rows are idempotent hints like every wake-up, and are
pruned after an hour.
Concurrency: ids of concurrent transactions may become visible out of order, so a reader looks again
at the last ``OVERLAP`` ids and remembers which it has passed on. One row holds up to ``TOGETHER``
wake-ups, so that no transaction takes so many ids that one beside it, which commits first, hides
some from the reader.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.background import Periodic
from copconnect.bus import (
    AccountWakeup,
    AnyWakeup,
    Bus,
    ConversationWakeup,
    Receiver,
    RosterWakeup,
    TrustWakeup,
    shortened,
)
from copconnect.clock import Clock
from copconnect.database.engine import METADATA, Database, chunks

OVERLAP = 1000
TOGETHER = 500
KEPT_MS = 3_600_000
PERIOD_S = 1.0
PRUNE_PERIOD_S = 600
MOST_LISTED = 2_000  # Clients of a RosterWakeup; nodes read longer lists.
_KEPT = (AccountWakeup, ConversationWakeup, RosterWakeup, TrustWakeup)

wakeups = Table(
    "wakeups",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("node", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # MessagePack of several.
)

_decoder = msgspec.msgpack.Decoder(list[AnyWakeup])


class BusAndLog:
    """Sends the wake-ups of transactions: on the bus, and through the log where that is needed."""

    def __init__(self, bus: Bus, log: "WakeupLog") -> None:
        self._bus = bus
        self._log = log

    async def record(self, connection: AsyncConnection, wakeups: Sequence[AnyWakeup]) -> None:
        """See database.Announcer."""
        await self._log.record(connection, wakeups)

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """See database.Announcer."""
        await self._bus.publish(wakeups)


class WakeupLog:
    """Records wake-ups and passes those of other processes to this one's receiver.

    ``has_bus``: this process publishes on a bus too, so only what no node finds out alone is
    recorded. A command-line process records all.
    """

    def __init__(self, database: Database, clock: Clock, *, has_bus: bool) -> None:
        self._database = database
        self._clock = clock
        self._has_bus = has_bus
        self._node = secrets.token_hex(8)
        self._receiver: Receiver | None = None
        self._last = 0
        self._seen: set[int] = set()
        self._polling = Periodic("wakeup_log", self.poll, PERIOD_S)
        self._pruning = Periodic("wakeup_pruning", self.prune, PRUNE_PERIOD_S)

    async def record(self, connection: AsyncConnection, items: Sequence[AnyWakeup]) -> None:
        """Store wake-ups in the caller's transaction."""
        now = self._clock.now_ms()
        kept = (_small(one) for one in items if not self._has_bus or isinstance(one, _KEPT))
        rows = [
            {"node": self._node, "created_ms": now, "payload": msgspec.msgpack.encode(some)}
            for some in chunks(kept, TOGETHER)
        ]
        if rows:
            await connection.execute(wakeups.insert(), rows)

    async def start(self, receiver: Receiver) -> None:
        """Pass on every wake-up that other processes record from now on."""
        self._receiver = receiver
        async with self._database.reading() as connection:
            self._last = await connection.scalar(select(func.max(wakeups.c.id))) or 0
            known = await connection.scalars(
                select(wakeups.c.id).where(wakeups.c.id > self._last - OVERLAP)
            )
            self._seen = set(known)
        await self._polling.start()
        await self._pruning.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._polling.close()
        await self._pruning.close()

    async def poll(self) -> int:
        """Pass on what is new. Returns how many wake-ups were passed on."""
        async with self._database.reading_once() as connection:
            ids = await connection.scalars(
                select(wakeups.c.id).where(wakeups.c.id > self._last - OVERLAP)
            )
            new = set(ids) - self._seen
        rows: list[Any] = []
        for some in chunks(sorted(new)):
            async with self._database.reading_once() as connection:
                rows += await connection.execute(
                    select(wakeups).where(wakeups.c.id.in_(some)).order_by(wakeups.c.id)
                )
        passed = 0
        for row in rows:
            self._seen.add(row.id)
            self._last = max(self._last, row.id)
            if row.node != self._node and self._receiver is not None:
                for wakeup in _decoder.decode(row.payload):
                    await self._receiver(wakeup)
                    passed += 1
                await asyncio.sleep(0)  # Others have their turn between hundreds of them.
        self._seen = {seen for seen in self._seen if seen > self._last - OVERLAP}
        return passed

    async def prune(self) -> None:
        """Forget what every node has read long ago, but never the newest: SQLite would give its id
        again, and who has seen that id would pass over what has it next."""
        async with self._database.transaction() as connection:
            newest = await connection.scalar(select(func.max(wakeups.c.id))) or 0
            before = self._clock.now_ms() - KEPT_MS
            await connection.execute(
                delete(wakeups).where(wakeups.c.created_ms < before, wakeups.c.id < newest)
            )


def _small(wakeup: AnyWakeup) -> AnyWakeup:
    """Return a wake-up as a row has it: long lists are left to be read."""
    if isinstance(wakeup, RosterWakeup) and len(wakeup.added) + len(wakeup.removed) > MOST_LISTED:
        return shortened(wakeup)
    return wakeup
