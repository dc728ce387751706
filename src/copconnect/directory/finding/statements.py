"""Statements that find people: by words, unit, rank and role; page by page, seniors first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.directory import store
from copconnect.directory.finding import words
from copconnect.directory.finding.words import SearchTerms, Word
from copconnect.directory.postings import posting_store
from copconnect.directory.store import WORDS, people, posts, search, units
from copconnect.ids import PersonId, UnitId

Groups = Sequence[Sequence[Word]]
MANY = 1_000  # Found people from which on the first ones are looked for tier by tier.
EVERYBODY = 1  # The tier of people who were not searched by words.


class ResultPosition(NamedTuple):
    """A person's place in what is found: the tier (0: the name is what was searched for, 1: spelled
    so, 2: sounds so), then the sort key."""

    tier: int
    sort_key: str
    person_id: str


class Filters(NamedTuple):
    """Conditions of everybody who may be found. ``deep``: in the unit or below it; ``charges``:
    without words, people who hold a charge there too; ``narrowing``: conditions of the table of
    people."""

    unit_id: str | None = None
    deep: bool = False
    rank: str | None = None
    role: str | None = None
    status: str | None = None
    narrowing: Sequence[ColumnElement[bool]] = ()
    charges: bool = False

    @property
    def of_people(self) -> list[ColumnElement[bool]]:
        """The conditions that no word of a person answers."""
        by_status = [] if self.status is None else [people.c.status == self.status]
        return [*by_status, *self.narrowing]


async def near(connection: AsyncConnection, filters: Filters, viewer: PersonId) -> Filters | None:
    """Return the filters of the viewer's own unit, with those below it; None where the search is of
    that unit or does not reach it."""
    own = await store.unit_of(connection, viewer)
    if own is None or own.unit_id == filters.unit_id:
        return None
    if filters.unit_id is not None:
        searched = await store.unit_path(connection, UnitId(filters.unit_id))
        if not (filters.deep and searched and own.path.startswith(searched)):
            return None
    return filters._replace(unit_id=own.unit_id, deep=True)


def found_by(dialect: str, wanted: SearchTerms | None) -> Select[tuple[str, str]]:
    """Return a statement of the person ids and sort keys of everybody whom a search finds; by a
    part of a number nobody."""
    if wanted is None:
        return select(people.c.person_id, people.c.sort_key)
    if wanted.digits:
        coded = people.c.code.startswith(wanted.digits, autoescape=True)
        return select(people.c.person_id, people.c.sort_key).where(coded)
    found = WORDS.has(dialect, wanted.heard) if wanted.heard else false()
    return select(search.c.person_id, search.c.sort_key).where(found)


async def first_found(
    connection: AsyncConnection, wanted: SearchTerms, limit: int
) -> list[PersonId]:
    """Return the first people whom a search finds, seniors first, with numbers or without."""
    found = WORDS.has(connection.dialect.name, wanted.heard)
    query = select(search.c.person_id).where(found).order_by(search.c.sort_key).limit(limit)
    return [PersonId(one) for one in await connection.scalars(query)]


async def page(
    connection: AsyncConnection,
    wanted: SearchTerms | None,
    filters: Filters,
    *,
    after: tuple[int, str] | None,
    limit: int,
) -> tuple[list[ResultPosition], int]:
    """Return a page of people who are not removed, and how many are found in all. ``after`` is the
    tier and sort key of the person before the page."""
    if wanted is None:
        return await _everybody(connection, filters, after, limit)
    narrow = words.filters(filters.unit_id, deep=filters.deep, rank=filters.rank, role=filters.role)
    if not wanted.heard or narrow is None:
        return [], 0
    tiers = [(*groups, *narrow) for groups in (((wanted.name,),), wanted.spelled, wanted.heard)]
    others = filters.of_people
    found, total = await _all_at_once(connection, wanted, tiers[-1], others, after, limit)
    if total is not None:
        return found, total
    total = await connection.scalar(_counted(connection.dialect.name, tiers[-1], others))
    if not total:
        return [], 0
    return await _tier_by_tier(connection, tiers, others, after, limit), total


def _counted(dialect: str, groups: Groups, others: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Return a statement of how many people are found: of the index alone, where that knows."""
    if not others:
        return WORDS.count(dialect, groups)
    return _joined(select(func.count()), others).where(WORDS.has(dialect, groups))


async def _all_at_once(
    connection: AsyncConnection,
    wanted: SearchTerms,
    groups: Groups,
    others: Sequence[ColumnElement[bool]],
    after: tuple[int, str] | None,
    limit: int,
) -> tuple[list[ResultPosition], int | None]:
    """Return a page, and how many are found; None if they are many, which the statement sorts not
    at all, or the page is empty."""
    dialect = connection.dialect.name
    columns = (search.c.sort_key, search.c.person_id, search.c.words)
    most = None if others else MANY + 1
    few = _joined(select(*columns), others).where(WORDS.has(dialect, groups, most=most))
    few = few.limit(MANY + 1)
    found = few.cte("found").prefix_with("MATERIALIZED")
    tier = case(
        (WORDS.says(found.c.words, [(wanted.name,)]), 0),
        (WORDS.says(found.c.words, wanted.spelled), 1),
        else_=2,
    )
    count = select(func.count()).select_from(found).scalar_subquery()
    query = select(tier.label("tier"), found.c.sort_key, found.c.person_id, count.label("total"))
    query = query.where(count <= MANY)
    if after is not None:
        following = and_(tier == after[0], found.c.sort_key > after[1])
        query = query.where(or_(tier > after[0], following))
    rows = list(await connection.execute(query.order_by("tier", found.c.sort_key).limit(limit)))
    places = [ResultPosition(row.tier, row.sort_key, row.person_id) for row in rows]
    return places, rows[0].total if rows else None


async def _tier_by_tier(
    connection: AsyncConnection,
    tiers: Sequence[Groups],
    others: Sequence[ColumnElement[bool]],
    after: tuple[int, str] | None,
    limit: int,
) -> list[ResultPosition]:
    """Return a page of so many people that sorting all of them would take long."""
    dialect = connection.dialect.name
    found: list[ResultPosition] = []
    for tier, groups in enumerate(tiers):
        if (after is not None and tier < after[0]) or len(found) >= limit:
            continue
        query = _joined(select(search.c.person_id, search.c.sort_key), others).where(
            WORDS.has(dialect, groups, many=tier > 0)
        )
        if tier > 0:
            query = query.where(not_(WORDS.among(dialect, tiers[tier - 1])))
        if after is not None and tier == after[0]:
            query = query.where(search.c.sort_key > after[1])
        rows = await connection.execute(_first(dialect, query, limit - len(found)))
        found += [ResultPosition(tier, row.sort_key, row.person_id) for row in rows]
    return found


def _first(dialect: str, query: Select[Any], limit: int) -> Select[Any]:
    """Return a statement of the first rows by sort key. PostgreSQL would go through everybody in
    that order, and compute the words of each person again: the statement makes it find first and
    sort then."""
    if dialect == "sqlite":
        return query.order_by(search.c.sort_key).limit(limit)
    found = query.cte("found").prefix_with("MATERIALIZED")
    return select(found).order_by(found.c.sort_key).limit(limit)


async def _everybody(
    connection: AsyncConnection,
    filters: Filters,
    after: tuple[int, str] | None,
    limit: int,
) -> tuple[list[ResultPosition], int]:
    present = [people.c.status != "removed", *await _conditions(connection, filters)]
    total = await connection.scalar(select(func.count()).select_from(people).where(*present))
    if not total:
        return [], 0
    query = select(people.c.person_id, people.c.sort_key).where(*present)
    if after is not None:
        later = people.c.sort_key > after[1]
        query = query.where(later if after[0] == EVERYBODY else literal(after[0] < EVERYBODY))
    rows = await connection.execute(query.order_by(people.c.sort_key).limit(limit))
    return [ResultPosition(EVERYBODY, row.sort_key, row.person_id) for row in rows], total


def _joined(query: Select[Any], others: Sequence[ColumnElement[bool]]) -> Select[Any]:
    if not others:
        return query.select_from(search)
    both = search.join(people, people.c.person_id == search.c.person_id)
    return query.select_from(both).where(*others)


async def _conditions(connection: AsyncConnection, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = filters.of_people
    if filters.unit_id is not None:
        within = select(units.c.unit_id).where(units.c.unit_id == filters.unit_id)
        if filters.deep:
            path = await store.unit_path(connection, UnitId(filters.unit_id))
            below = units.c.path.startswith(path, autoescape=True) if path else false()
            within = select(units.c.unit_id).where(below)
        holding = [people.c.person_id.in_(posting_store.in_charge(within))]
        posted = people.c.post_id.in_(select(posts.c.post_id).where(posts.c.unit_id.in_(within)))
        conditions.append(or_(posted, *(holding if filters.charges else [])))
    if filters.rank is not None:
        conditions.append(people.c.rank == filters.rank)
    if filters.role is not None:
        having = posts.c.roles.contains(f" {filters.role} ", autoescape=True)
        conditions.append(people.c.post_id.in_(select(posts.c.post_id).where(having)))
    return conditions
