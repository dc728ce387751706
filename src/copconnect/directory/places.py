"""Statements on the places that people hold: who belongs to an audience.

:mod:`copconnect.directory.audiences` judges the same for one person; a property test compares them.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import chunks
from copconnect.directory.audiences import Facts, Place
from copconnect.directory.store import people, units
from copconnect.ids import PersonId, PostId, UnitId

_P, _U = people.c, units.c
_ACTIVE = select(_P.person_id).join(units, _U.unit_id == _P.unit_id).where(_P.status == "active")


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


def _fits(clause: wire.Clause) -> ColumnElement[bool]:
    if clause.everyone:
        return true()
    conditions: list[ColumnElement[bool]] = []
    if clause.units:
        conditions.append(_U.unit_id.in_(_below(clause.units) if clause.below else clause.units))
    if clause.levels:
        conditions.append(_U.level.in_(clause.levels))
    if clause.roles:
        conditions.append(
            or_(*(_P.roles.contains(f" {role} ", autoescape=True) for role in clause.roles))
        )
    if clause.ranks:
        conditions.append(_P.rank.in_(clause.ranks))
    if clause.heads:
        conditions.append(_P.unit_admin)
    return and_(true(), *conditions)


def _any_fits(clauses: Iterable[wire.Clause]) -> ColumnElement[bool]:
    return or_(false(), *(_fits(clause) for clause in clauses))


def _belonging(rule: wire.Audience) -> Select[Any]:
    """Return a statement of the people of an audience, but for those who are named."""
    query = _ACTIVE.where(_any_fits(rule.include))
    if rule.exclude:
        query = query.where(_P.person_id.not_in(_ACTIVE.where(_any_fits(rule.exclude))))
    return query


async def audience(connection: AsyncConnection, rule: wire.Audience) -> set[PersonId]:
    """Return the active people of an audience. One statement, and one where people are named."""
    found = set(await connection.scalars(_belonging(rule)))
    named = set(rule.people) - found - set(rule.without)
    if named:
        query = _ACTIVE.where(_P.person_id.in_(named))
        if rule.exclude:
            query = query.where(not_(_any_fits(rule.exclude)))
        found |= set(await connection.scalars(query))
    return found - set(rule.without)


async def heads_of(connection: AsyncConnection, unit_ids: Collection[UnitId]) -> set[PersonId]:
    """Return the active heads of these units."""
    found: set[PersonId] = set()
    for some in chunks(unit_ids):
        query = _ACTIVE.where(_P.unit_id.in_(some), _P.unit_admin)
        found |= set(await connection.scalars(query))
    return found


async def facts(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Facts]:
    """Return what decides where these people belong, active ones alone."""
    found: list[Facts] = []
    query = (
        select(_P.person_id, _P.rank, _P.unit_id, _P.roles, _P.unit_admin, _U.path, _U.level)
        .join(units, _U.unit_id == _P.unit_id)
        .where(_P.status == "active")
    )
    for some in chunks(person_ids):
        rows = await connection.execute(query.where(_P.person_id.in_(some)))
        found += [Facts(row.person_id, row.rank, (_place(row),)) for row in rows]
    return found


def _place(row: Any) -> Place:
    return Place(
        unit_id=row.unit_id,
        path=row.path,
        level=row.level,
        post_id=PostId(""),
        roles=frozenset(row.roles.split()),
        head=row.unit_admin,
    )
