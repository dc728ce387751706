"""The people whom a course of training is for: everybody, heads of units, holders of rights."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import rules
from copconnect.admin.rights import RightsTable
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.principals import Holder
from copconnect.rights import HeldRights

# The rights that make somebody a course's. Names are compared as text.
_OF_RIGHTS: Mapping[wire.CourseName, frozenset[str]] = {
    "admin": frozenset({"manage_people", "import_people", "enrol", *rules.BY_GRANT_ALONE}),
    "moderator": frozenset({"moderate"}),
}


class Trainees:
    """Stateless."""

    def __init__(self, rights: RightsTable, directory: DirectoryService) -> None:
        self._rights = rights
        self._directory = directory

    async def rights_of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""
        return await self._rights.of(connection, person_id)

    async def courses_of(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> set[wire.CourseName]:
        """Return the courses that are for a person."""
        held = await self._rights.of(connection, person_id)
        holders = await self._directory.holders(connection, [person_id])
        return _courses(held, holders.get(person_id))

    async def people_of(
        self, connection: AsyncConnection, course: wire.CourseName
    ) -> Collection[PersonId] | None:
        """Return the people whom a course is for; None: everybody. It looks at everybody, in a
        number of statements that does not grow with them."""
        return None if course == "officer" else (await self.everybody(connection))[course]

    async def everybody(
        self, connection: AsyncConnection
    ) -> Mapping[wire.CourseName, Collection[PersonId] | None]:
        """Return the people whom each course is for; None: everybody. As costly as one of them."""
        holders = await self._directory.holders(connection, None)
        table = await self._rights.table(connection)
        granted = await self._rights.everybody_granted(connection)
        ranks = await self._directory.seniorities(connection)
        found: dict[wire.CourseName, Collection[PersonId] | None] = {
            "officer": None,
            "head": [one for one, holder in holders.items() if _heads(holder)],
        }
        for course in _OF_RIGHTS:
            found[course] = await asyncio.to_thread(_having, course, table, holders, granted, ranks)
        return found


def _heads(holder: Holder | None) -> bool:
    return holder is not None and any(place.head for place in holder.places)


def _courses(held: HeldRights, holder: Holder | None) -> set[wire.CourseName]:
    found: set[wire.CourseName] = {"officer"}
    if _heads(holder):
        found.add("head")
    names = {str(one.right) for one in held.rights}
    return found | {course for course, needed in _OF_RIGHTS.items() if names & needed}


def _having(
    course: wire.CourseName,
    table: Sequence[wire.RightRule],
    holders: Mapping[PersonId, Holder],
    granted: Mapping[PersonId, Sequence[str]],
    ranks: Mapping[str, int],
) -> list[PersonId]:
    needed = [one for one in table if str(one.right) in _OF_RIGHTS[course]]
    return [
        person_id
        for person_id, holder in holders.items()
        if rules.held(needed, holder, granted.get(person_id, ()), ranks).rights
    ]
