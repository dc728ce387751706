"""Counts the people of an audience and names some, without reading all of them.

A census says how many people hold each post with each rank; it is read once for each version of the
data bank, and a rule is judged on its lines, of which there are few for each person. People with a
charge beside their post are judged one by one. :mod:`copconnect.directory.places` reads the people
themselves; a property test compares them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.directory import audiences, places
from copconnect.directory.audiences import Facts, PlacedPost
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.store import people, posts, units
from copconnect.ids import PersonId

_P, _T, _U, _C = people.c, posts.c, units.c, POSTINGS.c


def _any_fits(clauses: Iterable[wire.Clause]) -> ColumnElement[bool]:
    """Return whether a clause fits the post of the person's row, or one of their charges."""
    listed = list(clauses)
    if not listed:
        return false()
    fitting = or_(*map(places.fitting, listed))
    charged = (
        select(_C.person_id)
        .join(people, _P.person_id == _C.person_id)
        .join(posts, _T.post_id == _C.post_id)
        .join(units, _U.unit_id == _T.unit_id)
        .where(_C.until_ms.is_(None), fitting)
    )
    return or_(fitting, _P.person_id.in_(charged.correlate(None)))


def _belonging(rule: wire.Audience) -> Select[tuple[PersonId]]:
    wanted = _any_fits(rule.include)
    if rule.people:
        wanted = or_(wanted, _P.person_id.in_(rule.people))
    conditions = [_P.status == "active", wanted]
    if rule.without:
        conditions.append(_P.person_id.not_in(rule.without))
    if rule.exclude:
        conditions.append(not_(_any_fits(rule.exclude)))
    return (
        select(_P.person_id)
        .join(posts, _T.post_id == _P.post_id)
        .join(units, _U.unit_id == _T.unit_id)
        .where(and_(*conditions))
    )


async def sample(connection: AsyncConnection, rule: wire.Audience, limit: int) -> list[PersonId]:
    """Return some of its people, seniors first. One statement."""
    query = _belonging(rule).order_by(_P.sort_key).limit(limit)
    return list(await connection.scalars(query))


async def count_within(
    connection: AsyncConnection, rule: wire.Audience, within: Select[tuple[PersonId]]
) -> int:
    """Return how many of these people belong to it. One statement."""
    query = _belonging(rule).where(_P.person_id.in_(within)).subquery()
    return await connection.scalar(select(func.count()).select_from(query)) or 0


@dataclass(frozen=True, slots=True)
class _HolderCount:
    """So many people of a rank hold a post, and no charge beside it."""

    rank: str
    place: PlacedPost
    people: int


@dataclass(frozen=True, slots=True)
class Census:
    """The active people as of a version of the data bank. ``charged``: those with a charge."""

    version: int
    lines: Sequence[_HolderCount]
    charged: Sequence[Facts]


async def census(connection: AsyncConnection, version: int) -> Census:
    """Read a census."""
    holders = select(_C.person_id).where(_C.until_ms.is_(None))
    charged = list(await connection.scalars(holders.distinct()))
    query = (
        select(
            *(_P.rank, _T.post_id, _T.unit_id, _T.roles, _T.head, _U.path, _U.level),
            func.count().label("people"),
        )
        .select_from(people)
        .join(posts, _T.post_id == _P.post_id)
        .join(units, _U.unit_id == _T.unit_id)
        .where(_P.status == "active", _P.person_id.not_in(holders))
        .group_by(_P.rank, _T.post_id, _T.unit_id, _T.roles, _T.head, _U.path, _U.level)
    )
    rows = await connection.execute(query)
    lines = [_HolderCount(row.rank, places.place(row), row.people) for row in rows]
    return Census(version, lines, await places.facts(connection, charged))


async def count(connection: AsyncConnection, taken: Census, rule: wire.Audience) -> int:
    """Return how many active people belong to an audience. Two statements where people are named,
    else none."""

    def fits(rank: str, place: PlacedPost) -> bool:
        return any(audiences.fits(one, rank, place) for one in rule.include) and not any(
            audiences.fits(one, rank, place) for one in rule.exclude
        )

    total = sum(line.people for line in taken.lines if fits(line.rank, line.place))
    charged = {one.person_id for one in taken.charged}
    total += sum(audiences.belongs(rule, one) for one in taken.charged)
    named = {*rule.people, *rule.without} - charged
    for one in await places.facts(connection, sorted(named)) if named else ():
        # The lines count the person by the post alone.
        total += audiences.belongs(rule, one) - fits(one.rank, one.places[0])
    return total
