"""Statements on the places that people hold: who belongs to an audience.

:mod:`copconnect.directory.audiences` judges the same for one person; a property test compares them.
"""

from collections.abc import Collection, Hashable, Iterable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, true, union
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.database.rows import of_row
from copconnect.directory.audiences import AudienceIndex, Facts, PlacedPost
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.store import people, posts, units
from copconnect.ids import PersonId, PostId, UnitId

K = TypeVar("K", bound=Hashable)
_P, _T, _U, _C = people.c, posts.c, units.c, POSTINGS.c
_ACTIVE = _P.status == "active"
_CHARGES = ("regular", "officiating", "additional")


# Statements of the active people who hold a post with the post and its unit: by the person's row,
# and by an open charge.
_SOURCES: tuple[Select[tuple[PersonId]], ...] = (
    select(_P.person_id)
    .join(posts, _T.post_id == _P.post_id)
    .join(units, _U.unit_id == _T.unit_id)
    .where(_ACTIVE),
    select(_P.person_id)
    .join(POSTINGS, and_(_C.person_id == _P.person_id, _C.until_ms.is_(None)))
    .join(posts, _T.post_id == _C.post_id)
    .join(units, _U.unit_id == _T.unit_id)
    .where(_ACTIVE),
)


def _below(unit_ids: Collection[UnitId]) -> Select[tuple[UnitId]]:
    """Return a statement of these units and of all below them. Units' codes may hold what LIKE
    takes for a wildcard."""
    top, below = units.alias("top").c, units.alias("below").c
    within = func.substr(below.path, 1, func.length(top.path)) == top.path
    return (
        select(below.unit_id)
        .join_from(below.path.table, top.path.table, within)
        .where(top.unit_id.in_(unit_ids))
    )


def fitting(clause: wire.Clause) -> ColumnElement[bool]:
    """Return the condition that a clause asks of a person, their post and its unit."""
    if clause.everyone:
        return true()
    conditions: list[ColumnElement[bool]] = []
    if clause.units:
        conditions.append(_T.unit_id.in_(_below(clause.units) if clause.below else clause.units))
    if clause.posts:
        conditions.append(_T.post_id.in_(clause.posts))
    if clause.levels:
        conditions.append(_U.level.in_(clause.levels))
    if clause.roles:
        conditions.append(
            or_(*(_T.roles.contains(f" {role} ", autoescape=True) for role in clause.roles))
        )
    if clause.ranks:
        conditions.append(_P.rank.in_(clause.ranks))
    if clause.heads:
        conditions.append(_T.head)
    return and_(true(), *conditions)


async def holding(
    connection: AsyncConnection,
    clauses: Iterable[wire.Clause],
    only: Collection[PersonId] | None = None,
) -> set[PersonId]:
    """Return the active people who hold a place that any clause fits; ``only``: of these people, so
    many that a statement takes them."""
    found: set[PersonId] = set()
    clauses = list(clauses)
    for source in _SOURCES if clauses else ():
        query = source.where(or_(false(), *map(fitting, clauses)))
        if only is not None:
            query = query.where(_P.person_id.in_(only))
        found |= set(await connection.scalars(query))
    return found


def posted_elsewhere(unit_ids: Collection[UnitId]) -> Select[Any]:
    """Return a statement of the active people who hold no post of these units: ``person_id``."""
    own, charged = (source.where(among(_T.unit_id, unit_ids)) for source in _SOURCES)
    inside = select(union(own, charged).subquery().c.person_id)
    return select(_P.person_id).where(_P.status == "active", _P.person_id.not_in(inside))


async def audience(connection: AsyncConnection, rule: wire.Audience) -> set[PersonId]:
    """Return the active people of an audience. Two statements for its clauses, one where people are
    named, two where it excludes some."""
    found = await holding(connection, rule.include)
    named = set(rule.people) - found
    if named:
        active = select(_P.person_id).where(_ACTIVE, _P.person_id.in_(named))
        found |= set(await connection.scalars(active))
    found -= set(rule.without)
    if found and rule.exclude:
        found -= await holding(connection, rule.exclude)
    return found


async def posts_of(connection: AsyncConnection, person_ids: Collection[PersonId]) -> set[PostId]:
    """Return the posts that these people hold, active ones alone. One statement."""
    own, charged = (
        source.with_only_columns(_T.post_id).where(among(_P.person_id, person_ids))
        for source in _SOURCES
    )
    return set(await connection.scalars(union(own, charged)))


class HeldPost(NamedTuple):
    """A post that an active person holds. ``charge``: as in postings."""

    post_id: PostId
    person_id: PersonId
    charge: Literal["regular", "officiating", "additional"]


async def holders(
    connection: AsyncConnection, post_ids: Collection[PostId]
) -> dict[PostId, list[HeldPost]]:
    """Return who holds each of these posts, regular before officiating before additional holders,
    seniors first in each. Two statements."""
    found: list[tuple[int, str, HeldPost]] = []
    for source, charge in zip(_SOURCES, (literal("regular"), _C.charge), strict=True):
        query = source.add_columns(_T.post_id, _P.sort_key, charge.label("charge"))
        for row in await connection.execute(query.where(among(_T.post_id, post_ids))):
            held = HeldPost(row.post_id, row.person_id, row.charge)
            found.append((_CHARGES.index(row.charge), row.sort_key, held))
    by_post: dict[PostId, list[HeldPost]] = {}
    for _, _, held in sorted(found):
        by_post.setdefault(held.post_id, []).append(held)
    return by_post


async def facts(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Facts]:
    """Return what decides where these people belong, active ones alone. Two
    statements."""
    places: dict[PersonId, list[PlacedPost]] = {}
    ranks: dict[PersonId, str] = {}
    for source in _SOURCES:
        query = source.add_columns(
            _P.rank, _T.post_id, _T.unit_id, _T.roles, _T.head, _U.path, _U.level
        ).where(among(_P.person_id, person_ids))
        for row in await connection.execute(query):
            ranks[row.person_id] = row.rank
            places.setdefault(row.person_id, []).append(place(row))
    return [Facts(one, ranks[one], tuple(held)) for one, held in places.items()]


def place(row: Any) -> PlacedPost:
    """Return a post with its unit, as these statements read them."""
    return of_row(PlacedPost, row, roles=frozenset(row.roles.split()))


class Belonging(Generic[K]):
    """Many audiences, as the units were when they were made ready."""

    def __init__(self, audiences: AudienceIndex[K]) -> None:
        self._audiences = audiences

    async def of(
        self, connection: AsyncConnection, people: Collection[PersonId]
    ) -> dict[K, dict[PersonId, bool]]:
        """Return to which audiences these people belong, with whether as an admin of its
        conversation. An audience of none of them is left out. One statement."""
        found: dict[K, dict[PersonId, bool]] = {}
        for one in await facts(connection, people):
            for key, leads in self._audiences.of(one).items():
                found.setdefault(key, {})[one.person_id] = leads
        return found
