"""Tables and statements of the Directory. Status and unit of a person change only by import or by
an administrator's command; see :mod:`copconnect.directory.importing`."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    case,
    delete,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import HeadsDueWakeup
from copconnect.database.among import among
from copconnect.database.engine import METADATA, Transaction
from copconnect.database.word_index import WordIndex
from copconnect.directory import names
from copconnect.ids import PersonId, UnitId
from copconnect.rights import Permit, require_people

# Paging compares keys byte by byte; a locale's order would skip or repeat people.
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")


def _names(prefix: str) -> list[Column[str]]:
    return [Column(column, Text, nullable=False) for column in names.columns(prefix)]


units = Table(
    "directory_units",
    METADATA,
    Column("unit_id", String(64), primary_key=True),
    Column("parent_id", String(64), nullable=True),
    Column("level", String(32), nullable=False),
    *_names("name"),
    Column("path", Bytewise, nullable=False),
    Column("position", Integer, nullable=False),
)
levels = Table(
    "directory_levels",
    METADATA,
    Column("code", String(32), primary_key=True),
    *_names("name"),
    Column("position", Integer, nullable=False),
)
ranks = Table(
    "directory_ranks",
    METADATA,
    Column("code", String(32), primary_key=True),
    *_names("name"),
    Column("position", Integer, nullable=False),  # Higher is more senior.
)
roles = Table(
    "directory_roles",
    METADATA,
    Column("code", String(32), primary_key=True),
    *_names("name"),
    Column("position", Integer, nullable=False),
)
# A post may have several holders or none. It is never deleted, because history names it.
posts = Table(
    "directory_posts",
    METADATA,
    Column("post_id", String(32), primary_key=True),
    Column("unit_id", String(64), nullable=False),
    *_names("post"),
    Column("roles", Text, nullable=False),  # " sho crime ": a space on both sides of each code.
    Column("head", Boolean, nullable=False),  # Its holder heads the unit.
    Column("abolished_ms", BigInteger, nullable=True),
    # People are counted by unit in this index and the one by post, and not in the tables.
    Index("ix_directory_posts_by_unit", "unit_id", "post_id"),
)
people = Table(
    "directory_people",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    *_names("name"),
    Column("number", String(20), nullable=False),
    Column("rank", String(32), nullable=False),
    Column("post_id", String(32), nullable=False),
    Column("status", String(16), nullable=False),  # active, suspended, removed
    Column("sort_key", Bytewise, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),  # When the row last changed.
    Column("posted_ms", BigInteger, nullable=False),  # Since when the person holds the post.
    Index(None, "number"),
    Index("ix_directory_people_by_post", "post_id", "status", "person_id"),
    Index(None, "sort_key"),
)
# The words of people who are not removed. The table is narrow, and repeats the sort key, because a
# search may go through much of it.
search = Table(
    "directory_search",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("person_id", String(32), nullable=False, unique=True),
    Column("sort_key", Bytewise, nullable=False),
    Column("words", Text, nullable=False),  # :mod:`copconnect.directory.finding.words`.
    Index(None, "sort_key"),
)
WORDS = WordIndex(search.c.words)
directory = Table(
    "directory_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", String(64), nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("organisation_ms", BigInteger, nullable=False),  # When ``version`` last changed.
    Column("rights_ms", BigInteger, nullable=False),  # When the rights table last changed.
)

VOCABULARIES = {"levels": levels, "ranks": ranks, "roles": roles}
# The columns of a person's post, beside the person's own.
OF_POST = tuple(posts.c[name] for name in ("unit_id", *names.columns("post"), "roles", "head"))


def posted(*columns: ColumnElement[Any]) -> Select[Any]:
    """Return a statement of people, each with the columns of their post; ``columns``: of these
    columns alone."""
    chosen = columns or (*people.c, *OF_POST)
    return select(*chosen).join_from(people, posts, posts.c.post_id == people.c.post_id)


async def by_id(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return the rows of these people and their posts, in no order."""
    return list(await connection.execute(posted().where(among(people.c.person_id, person_ids))))


async def by_number(connection: AsyncConnection, number: str) -> Any | None:
    """Return the active person with this number."""
    found = await connection.execute(
        select(people).where(people.c.number == number, people.c.status == "active")
    )
    return found.first()


async def any_by_number(connection: AsyncConnection, number: str) -> Any | None:
    """Return the person with this number who is in the data bank, suspended or not."""
    found = await connection.execute(
        posted().where(people.c.number == number, people.c.status != "removed")
    )
    return found.first()


# This query runs for every batch of callers that are not in memory, so it is built once.
_ACTIVE = select(people.c.person_id).where(
    among(people.c.person_id, "p_ids"), people.c.status == "active"
)


async def active(connection: AsyncConnection, person_ids: Collection[PersonId]) -> set[PersonId]:
    """Return which of these people are active. One statement."""
    return set(await connection.scalars(_ACTIVE, {"p_ids": list(person_ids)}))


async def lock_active(connection: AsyncConnection, person_id: PersonId) -> bool:
    """Return whether a person is active; nobody changes that before this transaction ends."""
    found = await connection.scalar(
        select(people.c.person_id)
        .where(people.c.person_id == person_id, people.c.status == "active")
        .with_for_update()
    )
    return found is not None


async def unit_path(connection: AsyncConnection, unit_id: UnitId) -> str:
    """Return a unit's path; empty for an unknown unit."""
    path: str | None = await connection.scalar(
        select(units.c.path).where(units.c.unit_id == unit_id)
    )
    return path or ""


async def unit_of(connection: AsyncConnection, person_id: PersonId) -> Any | None:
    """Return the ``unit_id`` and ``path`` of the unit of a person's post."""
    found = await connection.execute(
        posted(units.c.unit_id, units.c.path)
        .join(units, units.c.unit_id == posts.c.unit_id)
        .where(people.c.person_id == person_id)
    )
    return found.first()


async def plates(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return what cards say of these people, with the names of rank and unit."""
    organisation_ms = select(directory.c.organisation_ms).scalar_subquery()
    rows = await connection.execute(
        posted(
            people.c.person_id,
            *(people.c[column] for column in names.columns("name")),
            *(posts.c[column] for column in names.columns("post")),
            people.c.changed_ms,
            *(
                func.coalesce(ranks.c[name], people.c.rank if name == "name_en" else "").label(rank)
                for name, rank in zip(names.columns("name"), names.columns("rank"), strict=True)
            ),
            *(
                units.c[name].label(unit)
                for name, unit in zip(names.columns("name"), names.columns("unit"), strict=True)
            ),
            units.c.path,
            organisation_ms.label("organisation_ms"),
        )
        .join(units, units.c.unit_id == posts.c.unit_id)
        .outerjoin(ranks, ranks.c.code == people.c.rank)
        .where(among(people.c.person_id, person_ids))
    )
    return list(rows)


async def rights_bases(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return (person_id, status, path) of these people."""
    return list(
        await connection.execute(
            posted(people.c.person_id, people.c.status, units.c.path)
            .join(units, units.c.unit_id == posts.c.unit_id)
            .where(among(people.c.person_id, person_ids))
        )
    )


async def has_path(connection: AsyncConnection, path: str) -> bool:
    """Return whether a unit has exactly this path."""
    found = await connection.scalar(select(units.c.unit_id).where(units.c.path == path))
    return found is not None


def is_in(statement: Select[tuple[PersonId]]) -> ColumnElement[bool]:
    """Return whether a person is in a statement, which is looked up for each of the people. It is
    not about people itself."""
    (person_id,) = statement.selected_columns
    return statement.where(person_id == people.c.person_id).correlate(people).exists()


async def count_by_unit(
    connection: AsyncConnection,
    narrowing: Sequence[ColumnElement[bool]],
    of: Sequence[Select[tuple[PersonId]]],
) -> dict[str, tuple[int, ...]]:
    """Return how many people who are not removed and whom the conditions fit are in each unit, and
    how many of those are in each of the statements ``of``, by the unit's path. One statement."""
    counts = [func.count(), *(func.sum(case((is_in(one), 1), else_=0)) for one in of)]
    # Units are joined to the counts and not to the people, of whom there are many more.
    counted = (
        posted(posts.c.unit_id, *(one.label(f"count_{n}") for n, one in enumerate(counts)))
        .where(people.c.status != "removed", *narrowing)
        .group_by(posts.c.unit_id)
        .subquery()
    )
    _, *columns = counted.c
    rows = await connection.execute(
        select(units.c.path, *columns).join(counted, counted.c.unit_id == units.c.unit_id)
    )
    return {path: tuple(many) for path, *many in rows}


async def count_by_unit_and(
    connection: AsyncConnection, steps: Select[Any], narrowing: Sequence[ColumnElement[bool]]
) -> dict[tuple[str, int], int]:
    """Return the same, by the unit's path and the ``step`` of each person in a statement."""
    step = steps.subquery("steps").c
    counted = (
        posted(posts.c.unit_id, step.step, func.count().label("many"))
        .join(step.person_id.table, step.person_id == people.c.person_id)
        .where(people.c.status != "removed", *narrowing)
        .group_by(posts.c.unit_id, step.step)
        .subquery()
    )
    rows = await connection.execute(
        select(units.c.path, counted.c.step, counted.c.many).join(
            counted, counted.c.unit_id == units.c.unit_id
        )
    )
    return {(path, step): many for path, step, many in rows}


async def count_people(connection: AsyncConnection, paths: Sequence[str] | None) -> int:
    """Return how many people who are not removed are at or below these paths; None: in all."""
    query = select(func.count()).select_from(people).where(people.c.status != "removed")
    if paths is not None:
        query = query.where(people.c.person_id.in_(people_at_or_below(paths)))
    return await connection.scalar(query) or 0


async def changed_since(connection: AsyncConnection, since_ms: int) -> list[PersonId]:
    """Return the people whose row changed after a time; all where the organisation or the rights
    table did."""
    found = await connection.execute(select(directory.c.organisation_ms, directory.c.rights_ms))
    row = found.first()
    query = select(people.c.person_id)
    if row is None or max(row.organisation_ms, row.rights_ms) <= since_ms:
        query = query.where(people.c.changed_ms > since_ms)
    return list(await connection.scalars(query))


def people_at_or_below(paths: Sequence[str]) -> Select[tuple[PersonId]]:
    """Return a statement of the ids of everybody in the units with these paths and below them."""
    return (
        posted(people.c.person_id)
        .join(units, units.c.unit_id == posts.c.unit_id)
        .where(or_(false(), *(units.c.path.startswith(path, autoescape=True) for path in paths)))
    )


async def unit_paths(connection: AsyncConnection) -> dict[UnitId, str]:
    """Return the paths of all units."""
    query = select(units.c.unit_id, units.c.path)
    return {row.unit_id: row.path for row in await connection.execute(query)}


async def people_version(connection: AsyncConnection) -> int:
    """Return when the Directory last changed, ms; 0 before the first import."""
    changed_ms: int | None = await connection.scalar(select(directory.c.changed_ms))
    return changed_ms or 0


async def touch(connection: Transaction, now_ms: int) -> None:
    """The Directory has changed."""
    await connection.execute(update(directory).values(changed_ms=now_ms))
    connection.after_commit(HeadsDueWakeup())


async def directory_version(connection: AsyncConnection) -> str:
    """Return the version of the organisation; "0" before the first import."""
    version: str | None = await connection.scalar(select(directory.c.version))
    return version or "0"


async def organisation(connection: AsyncConnection) -> dict[str, list[Any]]:
    """Return the rows of units, levels, ranks and roles, in order."""
    return {
        name: list(await connection.execute(select(table).order_by(table.c.position)))
        for name, table in {"units": units, **VOCABULARIES}.items()
    }


async def set_status(
    connection: AsyncConnection,
    permit: Permit,
    person_ids: Collection[PersonId],
    status: str,
    now_ms: int,
) -> None:
    """Change the status of people; a search finds nobody who is removed."""
    require_people(permit, person_ids)
    if status == "removed":
        await connection.execute(delete(search).where(among(search.c.person_id, person_ids)))
    await connection.execute(
        update(people)
        .where(among(people.c.person_id, person_ids))
        .values(status=status, changed_ms=now_ms)
    )
