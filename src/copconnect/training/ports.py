"""Interfaces that training needs of other roles; ``app.py`` passes them in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId, UnitId
from copconnect.principals import PeopleQuery
from copconnect.rights import HeldRights

LargeFrom = Callable[[], int]
"""Returns how many members make a group large: the guard's policy says it."""


class TrainingDirectory(Protocol):
    """The Directory's part."""

    def serving(self) -> Select[Any]:
        """Return a statement of everybody who is active: ``person_id``, ``unit_id``."""

    async def unit_paths(self, connection: AsyncConnection) -> Mapping[UnitId, str]:
        """Return the path of each unit, as cards write it."""

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them."""


class Listed(Protocol):
    """The Directory's lists for administration."""

    async def page(
        self,
        connection: AsyncConnection,
        paths: Sequence[str],
        query: PeopleQuery,
        viewer: PersonId,
        among: Sequence[Select[tuple[PersonId]]] = (),
        without: Sequence[Select[tuple[PersonId]]] = (),
    ) -> wire.People:
        """Return a page of the people within these paths who are in each of the statements
        ``among`` and in none of ``without``. Raises BadRequest for a page token that was not
        ours."""


class CourseAudiences(Protocol):
    """Administration's part: whom a course is for."""

    async def courses_of(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> set[wire.CourseName]:
        """Return the courses that are for a person."""

    async def people_of(
        self, connection: AsyncConnection, course: wire.CourseName
    ) -> Collection[PersonId] | None:
        """Return the people whom a course is for; None: everybody."""

    async def everybody(
        self, connection: AsyncConnection
    ) -> Mapping[wire.CourseName, Collection[PersonId] | None]:
        """Return the people whom each course is for; None: everybody. It looks at everybody."""

    async def rights_of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""


class TrainingPushes(Protocol):
    """Web Push's part."""

    async def remind_of_lessons(self, connection: Transaction, people: Select[Any]) -> int:
        """Wake the devices of the people of a statement (``person_id``) about open lessons; return
        how many. One statement."""

    async def lessons_done(self, connection: Transaction, person_id: PersonId) -> None:
        """Take back what a person's devices were to be woken for."""
