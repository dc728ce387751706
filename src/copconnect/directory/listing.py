"""People of a part of the tree, as administration lists and counts them.

The names that an admin reads here are not counted against a limit: reading them is the admin's
right.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.rows import PeopleSelect
from copconnect.directory import rules, store
from copconnect.directory.finding import statements
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.principals import PeopleQuery


class Listing:
    """Lists and counts people within unit paths (as cards write them)."""

    def __init__(self, directory: DirectoryService) -> None:
        self._directory = directory

    async def page(
        self,
        connection: AsyncConnection,
        paths: Sequence[str],
        query: PeopleQuery,
        viewer: PersonId,
        among: Sequence[PeopleSelect] = (),
        without: Sequence[PeopleSelect] = (),
    ) -> wire.People:
        """Return a page of the people within these paths who are in each of the statements
        ``among`` and in none of ``without``, as the viewer is shown them. Raises BadRequest for a
        page token that was not ours."""
        narrowing = _narrowing(paths, among, without)
        filters = statements.Filters(
            query.unit, query.deep, query.rank, query.role, query.status, narrowing
        )
        return await self._directory.page(
            connection, query.text, filters, query.after, query.limit, viewer
        )

    async def count_by_unit(
        self, connection: AsyncConnection, paths: Sequence[str], of: Sequence[PeopleSelect] = ()
    ) -> dict[str, tuple[int, ...]]:
        """Return how many people are in each unit within these paths, and how many of those are in
        each of the statements ``of``, by the unit's path. One statement."""
        counts = await store.count_by_unit(connection, _narrowing(paths), of)
        return {path.strip("/"): many for path, many in counts.items()}

    async def count_by_unit_and(
        self, connection: AsyncConnection, paths: Sequence[str], steps: Select[Any]
    ) -> dict[tuple[str, int], int]:
        """Return how many people are in each unit within these paths, by the unit's path and the
        ``step`` that a statement has for each ``person_id``; people without one are left out."""
        counts = await store.count_by_unit_and(connection, steps, _narrowing(paths))
        return {(path.strip("/"), step): many for (path, step), many in counts.items()}


def _narrowing(
    paths: Sequence[str], among: Sequence[PeopleSelect] = (), without: Sequence[PeopleSelect] = ()
) -> list[ColumnElement[bool]]:
    """Return the conditions; none for the whole department."""
    conditions: list[ColumnElement[bool]] = [store.people.c.person_id.in_(one) for one in among]
    conditions += [~store.is_in(one) for one in without]
    if "" not in paths:
        below = store.people_at_or_below([rules.stored_path(path) for path in paths])
        conditions.append(store.people.c.person_id.in_(below))
    return conditions
