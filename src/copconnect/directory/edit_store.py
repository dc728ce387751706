"""Statements that change the data bank: imports, suspensions, restorations."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import chunks, upsert_for
from copconnect.directory import store
from copconnect.directory.names import RowValues
from copconnect.ids import PersonId, PostId
from copconnect.rights import Permit, require_people, require_whole

BATCH = 1000
_TIMES = ("changed_ms", "posted_ms")
# The columns that a person's row is written with; titles and roles are the post's.
_OWN = [column.name for column in store.people.c if column.name not in _TIMES]


class Locked(NamedTuple):
    """The directory while it is locked: the organisation's version, the time of the last change,
    and the time of this one, later than that of every change before."""

    version: str
    before_ms: int
    now_ms: int


async def lock(connection: AsyncConnection, now_ms: int) -> Locked:
    """Lock the directory's row until the transaction ends: one changes the data bank at a time."""
    row = (
        await connection.execute(
            update(store.directory)
            .values(changed_ms=store.directory.c.changed_ms)
            .returning(store.directory.c.version, store.directory.c.changed_ms)
        )
    ).first()
    if row is None:
        await connection.execute(
            insert(store.directory).values(
                id=1, version="0", changed_ms=0, organisation_ms=0, rights_ms=0
            )
        )
        return Locked("0", 0, now_ms)
    return Locked(row.version, row.changed_ms, max(now_ms, row.changed_ms + 1))


async def all_people(connection: AsyncConnection) -> dict[PersonId, RowValues]:
    """Return every stored person with their post, removed ones included, without the times of
    changes."""
    columns = [column for column in store.people.c if column.name not in _TIMES]
    columns += store.OF_POST
    names = [column.name for column in columns]
    found = await connection.execute(store.posted(*columns))
    rows = [dict(zip(names, row, strict=True)) for row in found]
    return {row["person_id"]: row for row in rows}


async def people_and_owners(
    connection: AsyncConnection, person_ids: Collection[PersonId], numbers: Collection[str]
) -> dict[PersonId, RowValues]:
    """Return these people, removed ones included, and the holder of any one of the numbers; as
    :func:`all_people` does."""
    people = store.people
    columns = [column for column in people.c if column.name != "changed_ms"]
    columns += store.OF_POST
    names = [column.name for column in columns]
    found: dict[PersonId, RowValues] = {}
    for column, values in ((people.c.person_id, person_ids), (people.c.number, numbers)):
        for row in await connection.execute(store.posted(*columns).where(among(column, values))):
            found[row.person_id] = dict(zip(names, row, strict=True))
    return found


async def insert_people(
    connection: AsyncConnection, permit: Permit, rows: Iterable[RowValues], now_ms: int
) -> None:
    """Insert people, at most a batch of them."""
    people, found_by = _apart(rows)
    require_people(permit, (row["person_id"] for row in people))
    await connection.execute(
        insert(store.people), [row | dict.fromkeys(_TIMES, now_ms) for row in people]
    )
    await write_words(connection, found_by)


async def update_people(
    connection: AsyncConnection,
    permit: Permit,
    rows: Iterable[RowValues],
    now_ms: int,
    followed: Collection[PersonId] = (),
) -> None:
    """Write people again, at most a batch of them. ``followed``: people whose post alone has
    another title, which is the department's."""
    people, found_by = _apart(rows)
    if followed:
        require_whole(permit)
    require_people(permit, (row["person_id"] for row in people if row["person_id"] not in followed))
    fixed = {"person_id", "posted_ms"}
    columns = [column.name for column in store.people.c if column.name not in fixed]
    statement = (
        update(store.people)
        .where(store.people.c.person_id == bindparam("new_person_id"))
        .values({column: bindparam(f"new_{column}") for column in columns})
    )
    await connection.execute(
        statement,
        [
            {f"new_{name}": value for name, value in row.items()} | {"new_changed_ms": now_ms}
            for row in people
        ],
    )
    await write_words(connection, found_by)


def _apart(rows: Iterable[RowValues]) -> tuple[list[RowValues], list[RowValues]]:
    """Return the rows of people, and those of the words that find them."""
    people: list[RowValues] = []
    found_by: list[RowValues] = []
    for row in rows:
        people.append({name: row[name] for name in _OWN})
        found_by.append({name: row[name] for name in ("person_id", "sort_key", "words")})
    return people, found_by


async def write_words(connection: AsyncConnection, rows: Sequence[RowValues]) -> None:
    """Write the words by which people are found: rows of ``person_id``, ``sort_key``, ``words``."""
    statement = upsert_for(connection.dialect.name, store.search)
    new = {name: statement.excluded[name] for name in ("sort_key", "words")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["person_id"], set_=new), rows
    )


async def repost(
    connection: AsyncConnection, permit: Permit, person_ids: Collection[PersonId], now_ms: int
) -> None:
    """These people hold their post since now."""
    require_people(permit, person_ids)
    await connection.execute(
        update(store.people)
        .where(among(store.people.c.person_id, person_ids))
        .values(posted_ms=now_ms)
    )


async def give_post(
    connection: AsyncConnection,
    permit: Permit,
    person_id: PersonId,
    post_id: PostId,
    rank: str,
    found_by: RowValues,
    now_ms: int,
) -> None:
    """Write which post and rank a person has from now on. ``found_by``: the words that find
    them."""
    require_people(permit, [person_id])
    await connection.execute(
        update(store.people)
        .where(store.people.c.person_id == person_id)
        .values(
            post_id=post_id,
            rank=rank,
            sort_key=found_by["sort_key"],
            posted_ms=now_ms,
            changed_ms=now_ms,
        )
    )
    await write_words(connection, [{"person_id": person_id} | found_by])


async def touch_person(
    connection: AsyncConnection, permit: Permit, person_id: PersonId, now_ms: int
) -> None:
    """Write that the places of a person changed."""
    require_people(permit, [person_id])
    await connection.execute(
        update(store.people).where(store.people.c.person_id == person_id).values(changed_ms=now_ms)
    )


async def replace_vocabularies(
    connection: AsyncConnection, permit: Permit, rows_of: Mapping[str, list[RowValues]]
) -> None:
    """Write levels, ranks and roles in place of the stored ones."""
    require_whole(permit)
    for name, rows in rows_of.items():
        table = store.VOCABULARIES[name]
        await connection.execute(delete(table))
        if rows:
            await connection.execute(insert(table), rows)


async def replace_units(connection: AsyncConnection, permit: Permit, rows: list[RowValues]) -> None:
    """Write units in place of the stored ones."""
    require_whole(permit)
    await connection.execute(delete(store.units))
    for part in chunks(rows, BATCH):
        await connection.execute(insert(store.units), part)


async def stored_units(connection: AsyncConnection) -> dict[str, RowValues]:
    """Return the stored units by code."""
    rows = await connection.execute(select(store.units))
    return {row["unit_id"]: dict(row) for row in rows.mappings()}


async def used_units(connection: AsyncConnection) -> Collection[str]:
    """Return the codes of units to which somebody belongs."""
    found = await connection.scalars(
        store.posted(store.posts.c.unit_id).where(store.people.c.status != "removed").distinct()
    )
    return list(found)


async def set_rights_changed(connection: AsyncConnection, locked: Locked) -> None:
    """Write that anybody may have other rights in conversations."""
    await connection.execute(
        update(store.directory).values(changed_ms=locked.now_ms, rights_ms=locked.now_ms)
    )


async def write_version(connection: AsyncConnection, locked: Locked) -> bool:
    """Write that people, or the organisation, changed; return whether the latter did."""
    rows: dict[str, list[Any]] = await store.organisation(connection)
    content = [[list(row) for row in part] for part in rows.values()]
    version = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]
    values: dict[str, Any] = {"version": version, "changed_ms": locked.now_ms}
    if version != locked.version:
        values["organisation_ms"] = locked.now_ms
    await connection.execute(update(store.directory).values(**values))
    return version != locked.version
