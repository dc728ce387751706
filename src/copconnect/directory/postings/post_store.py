"""Statements on posts: made, renamed, abolished. Posts are never deleted, because history names
them."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, bindparam, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import chunks
from copconnect.directory.names import RowValues
from copconnect.directory.postings.naming import PostChanges
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.store import people, posts, units
from copconnect.ids import PostId, UnitId
from copconnect.principals import Operator
from copconnect.rights import Permit, require_units

BATCH = 5_000
_P = posts.c


async def all_posts(connection: AsyncConnection) -> list[RowValues]:
    """Return every post, abolished ones included."""
    names = _P.keys()
    return [dict(zip(names, row, strict=True)) for row in await connection.execute(select(posts))]


async def of_units(connection: AsyncConnection, unit_ids: Collection[UnitId]) -> list[RowValues]:
    """Return the posts of these units, abolished ones included."""
    rows = await connection.execute(select(posts).where(among(_P.unit_id, unit_ids)))
    return [dict(row) for row in rows.mappings()]


async def there(
    connection: AsyncConnection, unit_ids: Collection[UnitId], *, heads: bool = False
) -> list[RowValues]:
    """Return the posts of these units that have a title and were not abolished; ``heads``: the
    posts whose holders head a unit."""
    found = existing(await of_units(connection, unit_ids))
    return [row for row in found if row["head"] or not heads]


def existing(rows: Iterable[RowValues]) -> list[RowValues]:
    """Return the posts that have a title and were not abolished."""
    return [row for row in rows if row["abolished_ms"] is None and row["post_en"]]


async def by_id(connection: AsyncConnection, post_ids: Collection[PostId]) -> list[RowValues]:
    """Return these posts, in no order."""
    rows = await connection.execute(select(posts).where(among(_P.post_id, post_ids)))
    return [dict(row) for row in rows.mappings()]


async def beginning_with(
    connection: AsyncConnection, digits: str, limit: int, *, abolished: bool
) -> list[PostId]:
    """Return posts whose ids begin so, either the abolished ones or the others."""
    query = select(_P.post_id).where(
        _P.post_id.startswith(digits, autoescape=True), _P.abolished_ms.is_not(None) == abolished
    )
    return [PostId(one) for one in await connection.scalars(query.limit(limit))]


async def add(connection: AsyncConnection, permit: Permit, rows: Sequence[RowValues]) -> None:
    """Insert posts."""
    await _require_posts(connection, permit, rows)
    for part in chunks(rows, BATCH):
        await connection.execute(insert(posts), part)


async def write(connection: AsyncConnection, permit: Permit, changes: PostChanges) -> None:
    """Insert and change posts."""
    await add(connection, permit, changes.insert)
    await _require_posts(connection, permit, changes.update)
    columns = [column.name for column in _P if column.name != "post_id"]
    statement = (
        update(posts)
        .where(_P.post_id == bindparam("new_post_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    for part in chunks(changes.update, BATCH):
        await connection.execute(
            statement, [{f"new_{name}": value for name, value in row.items()} for row in part]
        )


def _held() -> ColumnElement[bool]:
    """Return whether somebody holds a post, suspended people included."""
    by_row = exists().where(people.c.post_id == _P.post_id, people.c.status != "removed")
    by_charge = exists().where(POSTINGS.c.post_id == _P.post_id, POSTINGS.c.until_ms.is_(None))
    return by_row | by_charge


async def open_again(
    connection: AsyncConnection, permit: Permit, post_ids: Collection[PostId]
) -> None:
    """Write that these posts are there again."""
    if post_ids:
        await _require_posts(connection, permit, await by_id(connection, post_ids))
    await connection.execute(
        update(posts).where(among(_P.post_id, post_ids)).values(abolished_ms=None)
    )


async def abolish(
    connection: AsyncConnection, permit: Permit, post_ids: Collection[PostId], now_ms: int
) -> list[RowValues]:
    """Abolish those of these posts that nobody holds; return them as they were."""
    return await _abolish(connection, permit, among(_P.post_id, post_ids) & ~_held(), now_ms)


async def abolish_without_unit(
    connection: AsyncConnection, permit: Permit, now_ms: int
) -> list[RowValues]:
    """Abolish the posts whose unit is not there any more, which nobody holds; return them as they
    were."""
    which = _P.unit_id.not_in(select(units.c.unit_id))
    return await _abolish(connection, permit, which, now_ms)


async def _require_posts(
    connection: AsyncConnection, permit: Permit, rows: Collection[RowValues]
) -> None:
    """Raise Undecided unless a permit covers the units of these posts. The posts of a unit that is
    not there any more go with the unit, which was decided."""
    if isinstance(permit, Operator):
        return
    paths = await connection.scalars(
        select(units.c.path).where(among(units.c.unit_id, {row["unit_id"] for row in rows}))
    )
    require_units(permit, (path.strip("/") for path in paths))


async def _abolish(
    connection: AsyncConnection, permit: Permit, which: ColumnElement[bool], now_ms: int
) -> list[RowValues]:
    found = await connection.execute(select(posts).where(_P.abolished_ms.is_(None), which))
    rows = [dict(row) for row in found.mappings()]
    await _require_posts(connection, permit, rows)
    await connection.execute(
        update(posts)
        .where(among(_P.post_id, [row["post_id"] for row in rows]))
        .values(abolished_ms=now_ms)
    )
    return rows
