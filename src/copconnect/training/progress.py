"""Progress of a part of the tree, for the console: counts by unit, and who has not finished.

Names and counts are of the part over which the reader holds the right ``train``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.among import among
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.principals import Caller, PeopleQuery
from copconnect.rights import WHOLE
from copconnect.training import rules, store
from copconnect.training.catalogue import Catalogue
from copconnect.training.ports import CourseAudiences, Listed, TrainingDirectory
from copconnect.training.workbook import workbook

PAGE = 100
_MOST = 500
_RIGHT: wire.Right = "train"


@dataclass(eq=False)
class ProgressReader:
    """Reads progress. Stateless."""

    _database: Database
    _catalogue: Catalogue
    _people: TrainingDirectory
    _listed: Listed
    _audiences: CourseAudiences

    async def by_unit(
        self, caller: Caller, course: wire.CourseName = "officer", path: wire.UnitPath = ""
    ) -> wire.TrainingProgress:
        """Return the counts of the units right below a path, "" for the whole department, as far as
        the caller may see them. Raises NotAllowed. The statements are the same for any number of
        people."""
        async with self._database.reading() as connection:
            within = await self._paths(connection, caller)
            only = await self._audiences.people_of(connection, course)
            paths = await self._people.unit_paths(connection)
            counts = await store.by_unit(connection, self._people.serving(), course, only)
        total, own, units = rules.tree(counts, paths, within, path)
        return wire.TrainingProgress(course=course, total=total, own=own, units=units)

    async def untrained(
        self,
        caller: Caller,
        course: wire.CourseName = "officer",
        path: wire.UnitPath = "",
        after: str | None = None,
    ) -> wire.Untrained:
        """Return a page of the people at or below a path who have not completed a course, seniors
        first. Raises NotAllowed, BadRequest."""
        async with self._database.reading() as connection:
            return await self._page(connection, caller, course, path, after, PAGE)

    async def _page(
        self,
        connection: AsyncConnection,
        caller: Caller,
        course: wire.CourseName,
        path: str,
        after: str | None,
        limit: int,
    ) -> wire.Untrained:
        within = rules.narrowed(await self._paths(connection, caller), path)
        only = await self._audiences.people_of(connection, course)
        wanted: list[Select[tuple[PersonId]]] = []
        if only is not None:
            serving = self._people.serving().subquery()
            wanted = [select(serving.c.person_id).where(among(serving.c.person_id, only))]
        query = PeopleQuery(status="active", after=after, limit=limit)
        page = await self._listed.page(
            connection, within, query, caller.person_id, wanted, [store.completed(course)]
        )
        ids = [one.person_id for one in page.people]
        done = await store.count_done(connection, ids, course)
        return wire.Untrained(
            people=[
                wire.UntrainedPerson(person=one, done=done.get(one.person_id, 0))
                for one in page.people
            ],
            next=page.next,
        )

    async def file(
        self, caller: Caller, course: wire.CourseName, path: str, language: wire.Language
    ) -> bytes:
        """Return everybody at or below a path who has not completed a course, as a workbook. Raises
        NotAllowed."""
        people: list[wire.UntrainedPerson] = []
        after: str | None = None
        async with self._database.reading() as connection:
            lessons = await self._catalogue.lessons(connection)
            while True:
                page = await self._page(connection, caller, course, path, after, _MOST)
                people += page.people
                after = page.next
                if after is None:
                    break
        of = sum(one.course == course for one in lessons.values())
        return await workbook(people, of, language)

    async def _paths(self, connection: AsyncConnection, caller: Caller) -> Sequence[str]:
        """Return the paths over which the caller trains."""
        held = await self._audiences.rights_of(connection, caller.person_id)
        paths = held.paths(_RIGHT)
        if not paths:
            raise errors.NotAllowed(right=_RIGHT, path=WHOLE)
        return paths
