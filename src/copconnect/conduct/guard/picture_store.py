"""Table and statements: pictures that moderators marked.

Each change to the list, a mark or its end, has the next number. A row says from which number on and
until which a picture is on the list, so that the list of any number can be read later.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import METADATA

PICTURES = Table(
    "guard_pictures",
    METADATA,
    Column("marked_number", BigInteger, primary_key=True, autoincrement=False),
    Column("unmarked_number", BigInteger, unique=True),  # NULL: it is on the list.
    Column("hash", LargeBinary(32), nullable=False),
    Column("claimed", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("report_id", String(32), nullable=False),
    Column("path", Text, nullable=False),  # The unit of the person who sent it.
    Column("person_id", String(32), nullable=False),
    Column("marked_ms", BigInteger, nullable=False),
    Index(
        "ix_guard_pictures_hash",
        "hash",
        unique=True,
        sqlite_where=text("unmarked_number IS NULL"),
        postgresql_where=text("unmarked_number IS NULL"),
    ),
)
_C = PICTURES.c


async def newest(connection: AsyncConnection) -> int:
    """Return the number of the last change; 0: there was none."""
    statement = select(
        func.coalesce(func.max(_C.marked_number), 0), func.coalesce(func.max(_C.unmarked_number), 0)
    )
    return int(max((await connection.execute(statement)).one()))


async def count(connection: AsyncConnection) -> int:
    """Return how many pictures are on the list."""
    statement = select(func.count()).where(_C.unmarked_number.is_(None))
    return int((await connection.execute(statement)).scalar_one())


async def one(connection: AsyncConnection, hash_: bytes) -> Any | None:
    """Return the row of a picture that is on the list."""
    statement = select(PICTURES).where(_C.hash == hash_, _C.unmarked_number.is_(None))
    return (await connection.execute(statement)).first()


async def listed(connection: AsyncConnection, number: int) -> Sequence[tuple[bytes, str]]:
    """Return hash and class of every picture on the list of a number, in order of the hashes."""
    statement = select(_C.hash, _C.claimed).where(
        _C.marked_number <= number,
        or_(_C.unmarked_number.is_(None), _C.unmarked_number > number),
    )
    return sorted((row.hash, row.claimed) for row in await connection.execute(statement))


async def changed(connection: AsyncConnection, after: int, number: int) -> Sequence[Any]:
    """Return the rows of pictures that came on the list or left it between two numbers."""
    statement = select(PICTURES).where(
        or_(
            _C.marked_number.between(after + 1, number),
            _C.unmarked_number.between(after + 1, number),
        )
    )
    return list(await connection.execute(statement))


async def page(connection: AsyncConnection, before: int | None, limit: int) -> Sequence[Any]:
    """Return rows that are on the list, the newest first; ``before``: below this number."""
    statement = select(PICTURES).where(_C.unmarked_number.is_(None))
    if before is not None:
        statement = statement.where(_C.marked_number < before)
    statement = statement.order_by(_C.marked_number.desc()).limit(limit)
    return list(await connection.execute(statement))


async def mark(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Put a picture on the list."""
    await connection.execute(insert(PICTURES).values(**values))


async def unmark(connection: AsyncConnection, marked_number: int, number: int) -> None:
    """Take a picture off the list."""
    statement = update(PICTURES).where(_C.marked_number == marked_number)
    await connection.execute(statement.values(unmarked_number=number))
