"""Names of people held while rosters are made.

A conversation that is being made reads which devices its people have, while one of these people may
be gaining or losing a device in a transaction that reads which conversations there are: each would
miss the other. A transaction that makes a roster shares the names it builds on; one that changes a
person's devices claims them. SQLite has one writer at a time and needs none of it.

PostgreSQL has room for 64 locks, each held twice, for each connection that it allows, in one table
for everybody; when that is full nobody can write. A group may have thousands of people, so a lock
serves all names that hash to it: 64 in all. Strangers then wait for each other, but rarely and
not for long: a registration while n people are made a group waits with a probability of n/64 at
most, for the rest of that transaction. Nodes that ask devices for keys use 64 other locks.

Invariants, to prevent a deadlock: a transaction names people once, before it holds conversations,
and never shares what it claims or the other way round; locks are taken in one order.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SPACE = 0x6E616D65
_ASKS = 0x61736B73
LOCKS = 64


async def share(connection: AsyncConnection, names: Collection[str]) -> None:
    """Keep others from claiming these names until commit."""
    await _lock(connection, names, "pg_advisory_xact_lock_shared")


async def claim(connection: AsyncConnection, names: Collection[str]) -> None:
    """Keep others from sharing or claiming these names until commit."""
    await _lock(connection, names, "pg_advisory_xact_lock")


async def claim_asks(connection: AsyncConnection, conversation_ids: Collection[str]) -> None:
    """Keep other nodes from asking devices of these conversations for keys until commit."""
    await _lock(connection, conversation_ids, "pg_advisory_xact_lock", _ASKS)


async def _lock(
    connection: AsyncConnection, names: Collection[str], lock: str, space: int = _SPACE
) -> None:
    if connection.dialect.name == "sqlite" or not names:
        return
    keys = sorted({_key(name) for name in names})
    statement = text(
        f"SELECT {lock}(:space, k) FROM unnest(CAST(:keys AS int[])) AS k"  # noqa: S608
    )
    await connection.execute(statement, {"space": space, "keys": keys})


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % LOCKS
