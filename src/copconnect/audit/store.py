"""Tables and statements of the audit log. Entries are inserted and read, never changed."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit.rules import ZEROS, Entry
from copconnect.database.engine import METADATA, upsert_for

ENTRIES = Table(
    "audit_entries",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("act", LargeBinary, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
_H = HEAD.c


async def next_place(connection: AsyncConnection) -> tuple[int, bytes]:
    """Return the next entry's number and the hash before it; the head's row is locked from then
    on."""
    grow = update(HEAD).values(number=_H.number + 1).returning(_H.number, _H.hash)
    row = (await connection.execute(grow)).first()
    if row is None:
        first = upsert_for(connection.dialect.name, HEAD).values(id=1, number=0, hash=ZEROS)
        await connection.execute(first.on_conflict_do_nothing())
        row = (await connection.execute(grow)).one()
    return row.number, row.hash


async def add(connection: AsyncConnection, entry: Entry) -> None:
    """Append an entry at the place that :func:`next_place` gave."""
    await connection.execute(
        ENTRIES.insert().values(
            number=entry.number,
            made_ms=entry.made_ms,
            by=entry.by,
            act=entry.act,
            hash=entry.hash,
        )
    )
    await connection.execute(update(HEAD).values(hash=entry.hash))


async def head(connection: AsyncConnection) -> tuple[int, bytes]:
    """Return the newest entry's number and hash; zeros before the first."""
    row = (await connection.execute(select(_H.number, _H.hash))).first()
    return (0, ZEROS) if row is None else (row.number, row.hash)


async def after(connection: AsyncConnection, number: int, limit: int) -> list[Entry]:
    """Return the entries after a number, the oldest first."""
    rows = await connection.execute(
        select(ENTRIES).where(ENTRIES.c.number > number).order_by(ENTRIES.c.number).limit(limit)
    )
    return [Entry(row.number, row.made_ms, row.by, row.act, row.hash) for row in rows]
