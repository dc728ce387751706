"""Statements on postings: posts that people hold beside the one of their row, and former ones.

A person's row has the post that they hold now and since when. This table has the regular postings
that ended, and every officiating or additional charge; an open one has no ``until_ms``. Rows end
and are never deleted.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Select,
    String,
    Table,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA
from copconnect.directory.store import OF_POST, people, posts, units
from copconnect.ids import PersonId, UnitId
from copconnect.rights import Permit, require_people

_OPEN = text("until_ms IS NULL")
POSTINGS = Table(
    "directory_postings",
    METADATA,
    Column("posting_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("post_id", String(32), nullable=False),
    Column("charge", String(16), nullable=False),  # regular, officiating, additional
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),  # None: open; never of a regular one.
    Index(None, "person_id"),
    Index("ix_directory_postings_open", "post_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
_T, _P = POSTINGS.c, people.c
# Postings with the columns of their posts.
_POSTED = select(POSTINGS, *OF_POST).join_from(POSTINGS, posts, posts.c.post_id == _T.post_id)


async def keep_regular(
    connection: AsyncConnection, permit: Permit, person_ids: Collection[PersonId], now_ms: int
) -> None:
    """Keep the posts in the rows of these people as postings that end now."""
    require_people(permit, person_ids)
    await connection.execute(
        insert(POSTINGS).from_select(
            ["person_id", "post_id", "charge", "from_ms", "until_ms"],
            select(
                _P.person_id,
                _P.post_id,
                literal("regular"),
                _P.posted_ms,
                literal(now_ms, BigInteger),
            ).where(among(_P.person_id, person_ids)),
        )
    )


async def add(connection: AsyncConnection, permit: Permit, row: dict[str, Any]) -> int:
    """Insert an open charge; return its id."""
    require_people(permit, [row["person_id"]])
    added = await connection.execute(insert(POSTINGS).values(row).returning(_T.posting_id))
    found: int = added.scalar_one()
    return found


async def one(connection: AsyncConnection, posting_id: int) -> Any | None:
    """Return a posting with its post."""
    return (await connection.execute(_POSTED.where(_T.posting_id == posting_id))).first()


async def end(
    connection: AsyncConnection, permit: Permit, person_id: PersonId, posting_id: int, now_ms: int
) -> None:
    """End an open charge of a person."""
    require_people(permit, [person_id])
    await connection.execute(
        update(POSTINGS)
        .where(_T.posting_id == posting_id, _T.person_id == person_id, _T.until_ms.is_(None))
        .values(until_ms=now_ms)
    )


async def end_all(
    connection: AsyncConnection, permit: Permit, person_ids: Collection[PersonId], now_ms: int
) -> None:
    """End every charge of these people."""
    require_people(permit, person_ids)
    await connection.execute(
        update(POSTINGS)
        .where(among(_T.person_id, person_ids), _T.until_ms.is_(None))
        .values(until_ms=now_ms)
    )


async def charges(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return the open charges of these people with their posts, the oldest first."""
    return list(
        await connection.execute(
            _POSTED.where(among(_T.person_id, person_ids), _T.until_ms.is_(None)).order_by(
                _T.posting_id
            )
        )
    )


async def charged_paths(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return (person_id, path) of the units in which these people hold an open charge."""
    query = select(_T.person_id, units.c.path).join(posts, posts.c.post_id == _T.post_id)
    query = query.join(units, units.c.unit_id == posts.c.unit_id).where(_T.until_ms.is_(None))
    return list(await connection.execute(query.where(among(_T.person_id, person_ids))))


def in_charge(unit_ids: Select[tuple[str]]) -> Select[tuple[PersonId]]:
    """Return a statement of the people who hold an open charge in the units of a statement."""
    return (
        select(_T.person_id)
        .join(posts, posts.c.post_id == _T.post_id)
        .where(_T.until_ms.is_(None), posts.c.unit_id.in_(unit_ids))
    )


async def units_in_charge(connection: AsyncConnection) -> set[UnitId]:
    """Return the units in which somebody holds an open charge."""
    query = select(posts.c.unit_id).join(POSTINGS, _T.post_id == posts.c.post_id)
    return set(await connection.scalars(query.where(_T.until_ms.is_(None)).distinct()))


async def charged(connection: AsyncConnection) -> list[tuple[PersonId, UnitId]]:
    """Return who holds an open charge in which unit."""
    query = select(_T.person_id, posts.c.unit_id).join(posts, posts.c.post_id == _T.post_id)
    return [
        (one, unit) for one, unit in await connection.execute(query.where(_T.until_ms.is_(None)))
    ]


async def history(
    connection: AsyncConnection, person_id: PersonId, at_ms: int | None = None
) -> Sequence[Any]:
    """Return the ended postings and all charges of a person, the newest first; ``at_ms``: the
    posts that they held then."""
    query = _POSTED.where(_T.person_id == person_id)
    if at_ms is not None:
        query = query.where(_T.from_ms <= at_ms, or_(_T.until_ms.is_(None), _T.until_ms > at_ms))
    ordered = query.order_by(_T.from_ms.desc(), _T.posting_id.desc())
    return list(await connection.execute(ordered))
