"""Records administrative acts and verifies the log. Holds no state of its own."""

from collections.abc import AsyncIterator

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit import store
from copconnect.audit.acts import Act
from copconnect.audit.rules import Chain, Entry, entry_hash
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.principals import Principal, named

_PAGE = 1_000
_ENCODER = msgspec.json.Encoder(order="deterministic")


class Audit:
    """The audit log."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, connection: AsyncConnection, by: Principal, act: Act) -> None:
        """Append an entry in the transaction of the act. Call it last there: other administrators
        wait for the log's row until the transaction ends."""
        number, previous = await store.next_place(connection)
        now_ms, who, encoded = self._clock.now_ms(), named(by), _ENCODER.encode(act)
        chained = entry_hash(previous, number, now_ms, who, encoded)
        await store.add(connection, Entry(number, now_ms, who, encoded, chained))

    async def verify(self) -> tuple[int, bytes]:
        """Verify the whole chain; return the newest entry's number and hash. Raises Broken."""
        chain = Chain()
        async with self._database.reading() as connection:
            number, newest = await store.head(connection)
            while entries := await store.after(connection, chain.number, _PAGE):
                chain.follow(entries)
        chain.end(number, newest)
        return chain.number, chain.hash

    async def entries(self, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the entries after a number, the oldest first."""
        while True:
            async with self._database.reading() as connection:
                found = await store.after(connection, after, _PAGE)
            if not found:
                return
            for one in found:
                yield one
            after = found[-1].number
