"""Tables and statements of administration: acts that were asked for, and the rights table."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import METADATA, chunks
from copconnect.database.upserts import add_once, put
from copconnect.ids import PersonId

acts = Table(
    "admin_acts",
    METADATA,
    Column("act_id", String(32), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("presence", LargeBinary, nullable=False),  # Empty: it was not asked for.
    Column("person_id", String(32), nullable=False),
    Column("device", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),  # As in wire.ActAnswer.
    Column("entry", BigInteger, nullable=False),  # Its number in the audit log.
    Column("people", Integer, nullable=False),
    Column("paths", Text, nullable=False),  # Separated by line feeds.
    Column("taken_ms", BigInteger, nullable=False),
    # JSON of wire.ActPreview as the asker was shown it, of an act that waits; "" for none.
    Column("preview", Text, nullable=False),
    Index(None, "state", "taken_ms"),
)
made = Table(  # People whom acts of admins made: new, or with a new number or enrolment code.
    "admin_made",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("by_id", String(32), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)
rights = Table(
    "admin_rights",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rules", Text, nullable=False),  # JSON of wire.RightRule.
    Column("changed_ms", BigInteger, nullable=False),
)


async def begin(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Store an act that is being done; return whether its id is new. Another transaction with the
    same id waits for this one."""
    return await add_once(connection, acts, values)


async def lock_act(connection: AsyncConnection, act_id: str) -> Any | None:
    """Lock an act until the transaction ends, and return its row."""
    found = await connection.execute(
        update(acts).where(acts.c.act_id == act_id).values(state=acts.c.state).returning(*acts.c)
    )
    return found.first()


async def known(connection: AsyncConnection, act_id: str) -> Any | None:
    """Return the row of an act, unlocked."""
    return (await connection.execute(select(acts).where(acts.c.act_id == act_id))).first()


async def finish(connection: AsyncConnection, act_id: str, state: str, entry: int) -> None:
    """Record what became of an act."""
    await connection.execute(
        update(acts).where(acts.c.act_id == act_id).values(state=state, entry=entry)
    )


async def touched(
    connection: AsyncConnection, act_id: str, people: int, paths: Collection[str], preview: str
) -> None:
    """Record what a waiting act touches, and what its asker was shown."""
    await connection.execute(
        update(acts)
        .where(acts.c.act_id == act_id)
        .values(people=people, paths="\n".join(sorted(paths)), preview=preview)
    )


async def remember_made(
    connection: AsyncConnection, by: PersonId, people: Sequence[PersonId], now_ms: int
) -> None:
    """Remember that an act of an admin made these people."""
    for part in chunks(people):
        rows = [{"person_id": one, "by_id": by, "at_ms": now_ms} for one in part]
        await put(connection, made, rows, "at_ms")


async def made_since(connection: AsyncConnection, by: PersonId, since_ms: int) -> set[PersonId]:
    """Return whom an admin made since a time."""
    query = select(made.c.person_id).where(made.c.by_id == by, made.c.at_ms >= since_ms)
    return set(await connection.scalars(query))


async def waiting(connection: AsyncConnection, since_ms: int) -> Sequence[Any]:
    """Return the acts that wait and were taken after a time, the oldest first."""
    found = await connection.execute(
        select(acts)
        .where(acts.c.state == "waiting", acts.c.taken_ms > since_ms)
        .order_by(acts.c.taken_ms, acts.c.act_id)
    )
    return list(found)


async def rules(connection: AsyncConnection) -> str | None:
    """Return the stored rights table; None: it was never changed."""
    found: str | None = await connection.scalar(select(rights.c.rules))
    return found


async def set_rules(connection: AsyncConnection, text: str, now_ms: int) -> None:
    """Replace the rights table."""
    row = {"id": 1, "rules": text, "changed_ms": now_ms}
    await put(connection, rights, row, "rules", "changed_ms")
