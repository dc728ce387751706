"""Tables and statements of reorganisations."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, chunks
from copconnect.directory import names, store
from copconnect.directory.edit_store import BATCH
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.reorganising import tree
from copconnect.directory.reorganising.placing import OpenCharge
from copconnect.directory.reorganising.planning import Holding
from copconnect.directory.reorganising.tree import Tree, Unit
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.rights import Permit, require_people, require_units

REORGANISATIONS = Table(
    "directory_reorganisations",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("by", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("people", Integer, nullable=False),  # Whom it touched.
    Column("paths", Text, nullable=False),  # Over which the right must hold, by line feeds.
    Column(
        "kept", LargeBinary, nullable=False
    ),  # :mod:`copconnect.directory.reorganising.keeping`.
    Column("undoes", Integer, nullable=True),  # The one that it undid.
    Column("undone_ms", BigInteger, nullable=True),
)
# Units that a reorganisation ended: their codes are not given again, and history shows their names.
FORMER_UNITS = Table(
    "directory_former_units",
    METADATA,
    Column("unit_id", String(64), primary_key=True),
    Column("parent_id", String(64), nullable=True),
    Column("level", String(32), nullable=False),
    *(Column(name, Text, nullable=False) for name in names.columns("name")),
    Column("ended_ms", BigInteger, nullable=False),
)
_P, _O, _C, _R = store.people.c, store.posts.c, POSTINGS.c, REORGANISATIONS.c
_PRESENT = _P.status != "removed"
_OPEN = _C.until_ms.is_(None)


# --- What is there ------------------------------------------------------------------------------


async def former(connection: AsyncConnection) -> set[UnitId]:
    """Return the codes of units that ended."""
    return set(await connection.scalars(select(FORMER_UNITS.c.unit_id)))


async def holdings(
    connection: AsyncConnection, unit_ids: Collection[UnitId]
) -> dict[PostId, Holding]:
    """Return the posts of these units with their holders, without abolished ones."""
    units: dict[PostId, UnitId] = {}
    people: dict[PostId, list[PersonId]] = defaultdict(list)
    charges: dict[PostId, list[int]] = defaultdict(list)
    within = among(_O.unit_id, unit_ids)
    query = select(_O.post_id, _O.unit_id).where(within, _O.abolished_ms.is_(None))
    units |= {row.post_id: row.unit_id for row in await connection.execute(query)}
    for row in await connection.execute(
        store.posted(_P.person_id, _O.post_id, _O.unit_id).where(within, _PRESENT)
    ):
        units[row.post_id] = row.unit_id
        people[row.post_id].append(row.person_id)
    for row in await connection.execute(_charges(within)):
        units[row.post_id] = row.unit_id
        charges[row.post_id].append(row.posting_id)
    return {
        post: Holding(unit, people.get(post, []), charges.get(post, []))
        for post, unit in units.items()
    }


def _charges(*conditions: Any) -> Any:
    return (
        select(_C.posting_id, _C.person_id, _C.charge, _C.post_id, _O.unit_id)
        .join(store.posts, _O.post_id == _C.post_id)
        .where(_OPEN, *conditions)
    )


async def homes(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, PostId]:
    """Return the posts in the rows of these people, of the people who are not removed."""
    query = select(_P.person_id, _P.post_id).where(among(_P.person_id, person_ids), _PRESENT)
    return {row.person_id: row.post_id for row in await connection.execute(query)}


async def open_charges(connection: AsyncConnection, posting_ids: Iterable[int]) -> list[OpenCharge]:
    """Return those of these charges that are open."""
    found: list[OpenCharge] = []
    for some in chunks(posting_ids):
        for row in await connection.execute(_charges(_C.posting_id.in_(some))):
            found.append(OpenCharge(row.posting_id, row.person_id, row.charge, row.post_id))
    return found


async def in_charge_of(connection: AsyncConnection, unit_ids: Collection[UnitId]) -> set[PersonId]:
    """Return who holds an open charge in these units."""
    rows = await connection.execute(_charges(among(_O.unit_id, unit_ids)))
    return {row.person_id for row in rows}


async def people_of(connection: AsyncConnection, unit_ids: Collection[UnitId]) -> set[PersonId]:
    """Return who belongs to these units by their row."""
    query = store.posted(_P.person_id).where(among(_O.unit_id, unit_ids), _PRESENT)
    return set(await connection.scalars(query))


async def counts(connection: AsyncConnection) -> dict[UnitId, int]:
    """Return how many people belong to each unit."""
    query = store.posted(_O.unit_id, func.count().label("many")).where(_PRESENT)
    rows = await connection.execute(query.group_by(_O.unit_id))
    return {row.unit_id: row.many for row in rows}


# --- Writing ------------------------------------------------------------------------------------


async def write_units(
    connection: AsyncConnection, permit: Permit, before: Tree, after: Tree
) -> None:
    """Write the units that differ, and the paths of all below them."""
    old_paths, new_paths = tree.paths(before), tree.paths(after)
    both = {one for one in (*before, *after) if before.get(one) != after.get(one)}
    paths = (each.get(one) for one in both for each in (old_paths, new_paths))
    require_units(permit, (path.strip("/") for path in paths if path is not None))
    gone = [one for one in before if one not in after]
    await connection.execute(delete(store.units).where(among(store.units.c.unit_id, gone)))
    added = [one for one in after if one not in before]
    differing = [
        one
        for one in after
        if one in before and (before[one] != after[one] or old_paths.get(one) != new_paths[one])
    ]
    for part in chunks(added, BATCH):
        rows = [_row(after[one], new_paths[one]) for one in part]
        await connection.execute(insert(store.units), rows)
    columns = [column.name for column in store.units.c if column.name != "unit_id"]
    statement = (
        update(store.units)
        .where(store.units.c.unit_id == bindparam("this_unit_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    for part in chunks(differing, BATCH):
        values = []
        for one in part:
            row = _row(after[one], new_paths[one])
            values.append({"this_unit_id": one} | {f"new_{name}": row[name] for name in columns})
        await connection.execute(statement, values)


def _row(unit: Unit, path: str) -> dict[str, Any]:
    return {
        "unit_id": unit.unit_id,
        "parent_id": unit.parent_id,
        "level": unit.level,
        **names.row(unit.names),
        "path": path,
        "position": unit.position,
    }


async def write_former(
    connection: AsyncConnection,
    ended: Sequence[Unit],
    back: Collection[UnitId],
    now_ms: int,
) -> None:
    """Write which units ended now, and forget the units that exist again."""
    await connection.execute(
        delete(FORMER_UNITS).where(
            among(FORMER_UNITS.c.unit_id, [*back, *(one.unit_id for one in ended)])
        )
    )
    rows = []
    for one in ended:
        row = _row(one, "")
        del row["path"], row["position"]
        rows.append(row | {"ended_ms": now_ms})
    if rows:
        await connection.execute(insert(FORMER_UNITS), rows)


async def give_posts(
    connection: AsyncConnection, permit: Permit, posts: Mapping[PersonId, PostId], now_ms: int
) -> None:
    """Write which posts people hold from now on."""
    require_people(permit, posts)
    statement = (
        update(store.people)
        .where(_P.person_id == bindparam("this_person_id"))
        .values(post_id=bindparam("new_post_id"), posted_ms=now_ms, changed_ms=now_ms)
    )
    for part in chunks(sorted(posts.items()), BATCH):
        await connection.execute(
            statement,
            [{"this_person_id": person, "new_post_id": post} for person, post in part],
        )


async def rows_for_words(
    connection: AsyncConnection, unit_ids: Collection[UnitId]
) -> list[dict[str, Any]]:
    """Return the people of these units with their posts, as words that find them are made of."""
    rows = await connection.execute(store.posted().where(among(_O.unit_id, unit_ids), _PRESENT))
    return [dict(row) for row in rows.mappings()]


# --- Reorganisations of the past ----------------------------------------------------------------


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> int:
    """Store a reorganisation; return its number. The Directory's lock keeps it from anybody
    else."""
    newest: int | None = await connection.scalar(select(func.max(_R.number)))
    number = (newest or 0) + 1
    await connection.execute(insert(REORGANISATIONS), {**row, "number": number})
    return number


async def by_number(connection: AsyncConnection, number: int) -> Any | None:
    """Return a reorganisation."""
    query = select(REORGANISATIONS).where(_R.number == number)
    return (await connection.execute(query)).first()


async def newest(connection: AsyncConnection, limit: int) -> list[Any]:
    """Return the newest reorganisations, the newest first."""
    query = select(REORGANISATIONS).order_by(_R.number.desc()).limit(limit)
    return list(await connection.execute(query))


async def mark_undone(connection: AsyncConnection, number: int, now_ms: int) -> None:
    """Write that a reorganisation was undone."""
    await connection.execute(
        update(REORGANISATIONS).where(_R.number == number).values(undone_ms=now_ms)
    )
