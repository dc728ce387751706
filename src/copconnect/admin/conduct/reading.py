"""Answers the console about the code of conduct and the guard's policy.

Versions and policies are the whole department's; a reader sees acceptances in their part of the
tree alone. Counting takes the same few statements for 300 people and for 63,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import rules
from copconnect.admin.rights import RightsTable
from copconnect.auth_service.trust.administered import Administered
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import ConductService
from copconnect.database.engine import Database
from copconnect.directory.listing import Listing
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Caller, PeopleQuery
from copconnect.rights import HeldRights


@dataclass(eq=False)
class ConductReading:
    """Reads for the pages of conduct. Stateless."""

    _database: Database
    _rights: RightsTable
    _directory: DirectoryService
    _people: Listing
    _registered: Administered
    _conduct: ConductService
    _guard: GuardService

    async def versions(self, caller: Caller) -> wire.ConductVersions:
        """Return the versions of the code and the newest text. Raises NotAllowed."""
        async with self._database.reading() as connection:
            await self._having(connection, caller)
            rows = await self._conduct.versions(connection)
            newest = await self._conduct.texts(connection)
            authors = await self._authors(connection, caller, rows)
            required = await self._conduct.required(connection)
        return wire.ConductVersions(
            versions=[
                wire.ConductVersion(
                    version=row.version,
                    created_ms=row.created_ms,
                    by=authors.get(row.person_id),
                    asks_again=row.asks_again,
                )
                for row in rows
            ],
            required=required,
            texts=newest.texts,
        )

    async def texts(self, caller: Caller, version: int) -> wire.ConductTexts:
        """Return a version in every language. Raises NotAllowed, NotFound."""
        async with self._database.reading() as connection:
            await self._having(connection, caller)
            return await self._conduct.texts(connection, version)

    async def acceptances(self, caller: Caller) -> wire.ConductAcceptances:
        """Return how many people of each unit of the caller's part have accepted. Raises
        NotAllowed."""
        async with self._database.reading() as connection:
            paths = await self._having(connection, caller)
            required = await self._conduct.required(connection)
            counts = await self._people.count_by_unit(
                connection,
                paths,
                [self._registered.people_with(), self._conduct.accepted_people()],
            )
        return wire.ConductAcceptances(
            required=required,
            units=[
                wire.ConductUnit(
                    unit_id=UnitId(path.rpartition("/")[2]),
                    people=people,
                    registered=registered,
                    accepted=accepted,
                )
                for path, (people, registered, accepted) in sorted(counts.items())
            ],
        )

    async def pending(self, caller: Caller, query: PeopleQuery) -> wire.People:
        """Return a page of the people of the caller's part who have not accepted. Raises
        NotAllowed, BadRequest."""
        async with self._database.reading() as connection:
            paths = await self._having(connection, caller)
            without = [self._conduct.accepted_people()]
            return await self._people.page(
                connection, paths, query, caller.person_id, without=without
            )

    async def policies(self, caller: Caller) -> wire.GuardPolicies:
        """Return the guard's policy in force and those before it. Raises NotAllowed."""
        async with self._database.reading() as connection:
            await self._having(connection, caller)
            _, policy = await self._guard.in_force(connection)
            rows = await self._guard.versions(connection)
            authors = await self._authors(connection, caller, rows)
        return wire.GuardPolicies(
            policy=policy,
            classes=list(self._guard.model.classes),
            versions=[
                wire.GuardPolicyVersion(
                    number=row.number, created_ms=row.created_ms, by=authors.get(row.person_id)
                )
                for row in rows
            ],
        )

    async def _having(self, connection: AsyncConnection, caller: Caller) -> list[str]:
        """Return the unit paths over which the caller has the right."""
        held: HeldRights = await self._rights.having(connection, caller.person_id, "edit_conduct")
        return rules.narrowest(held.paths("edit_conduct"))

    async def _authors(
        self, connection: AsyncConnection, caller: Caller, rows: Sequence[Any]
    ) -> dict[PersonId, wire.Person]:
        named = {PersonId(row.person_id) for row in rows if row.person_id is not None}
        return await self._directory.cards(connection, named, caller.person_id)
