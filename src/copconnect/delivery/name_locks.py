"""Names held while rosters are made.

A conversation that is being made reads who its people's clients are, while one of these people
may be registering a client that reads which conversations there are: each would miss the other.
Whoever makes a roster shares the names it builds on; whoever changes a person's clients claims
them. SQLite has one writer at a time and needs none of it.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def share(connection: AsyncConnection, names: Collection[str]) -> bool:
    """Keep others from claiming these names until commit; return whether it may have waited."""
    return await _lock(connection, names, "pg_advisory_xact_lock_shared")


async def claim(connection: AsyncConnection, names: Collection[str]) -> bool:
    """Keep others from sharing or claiming these names until commit."""
    return await _lock(connection, names, "pg_advisory_xact_lock")


async def _lock(connection: AsyncConnection, names: Collection[str], lock: str) -> bool:
    if connection.dialect.name == "sqlite":
        return False
    # In one order, so that two never wait for each other.
    keys = sorted(
        int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        for name in set(names)
    )
    statement = text(f"SELECT {lock}(k) FROM unnest(CAST(:keys AS bigint[])) AS k")  # noqa: S608
    await connection.execute(statement, {"keys": keys})
    return True
