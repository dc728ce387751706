"""Names held while rosters are made.

A conversation that is being made reads who its people's clients are, while one of these people
may be registering a client that reads which conversations there are: each would miss the other.
Whoever makes a roster shares the names it builds on; whoever changes a person's clients claims
them. SQLite has one writer at a time and needs none of it.

PostgreSQL has room for 64 locks, each held twice, for each connection that it allows, in one table
for everybody; when that is full nobody can write. A group may have thousands of people, so a lock
stands for all names that hash to it: 64 for people and 64 for clients. All there are fit, and every
connection may hold all of them.

Strangers then wait for each other, but rarely and not for long: who registers while n people are
made a group waits with a probability of n/64 at most, for the rest of that transaction. Two groups
of 8 a second, 20 ms each, hold up one registration in 200. 500 people of a large audience take all
64, for a fifth of a second; that many would take most of 512, too.

Invariants, for nobody to wait in a circle: a transaction names people at most once and after that
clients at most once, before it holds conversations, and never shares what it claims or the other
way round. People and clients are apart, because who waits for a person may have others' clients
shared already; within each, locks are taken in one order.
"""

import hashlib
from collections.abc import Collection
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# People come first.
Kind = Literal["people", "clients"]
_SPACES: dict[Kind, int] = {"people": 0x6E616D65, "clients": 0x6E616D66}
LOCKS = 64


async def share(connection: AsyncConnection, kind: Kind, names: Collection[str]) -> bool:
    """Keep others from claiming these names until commit; return whether it may have waited."""
    return await _lock(connection, kind, names, "pg_advisory_xact_lock_shared")


async def claim(connection: AsyncConnection, kind: Kind, names: Collection[str]) -> bool:
    """Keep others from sharing or claiming these names until commit."""
    return await _lock(connection, kind, names, "pg_advisory_xact_lock")


async def _lock(connection: AsyncConnection, kind: Kind, names: Collection[str], lock: str) -> bool:
    if connection.dialect.name == "sqlite":
        return False
    # In one order, so that two never wait for each other.
    keys = sorted({_key(name) for name in names})
    statement = text(
        f"SELECT {lock}(:space, k) FROM unnest(CAST(:keys AS int[])) AS k"  # noqa: S608
    )
    await connection.execute(statement, {"space": _SPACES[kind], "keys": keys})
    return True


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % LOCKS
