"""Interfaces that the Directory needs of other roles; ``app.py`` passes them in."""

from collections.abc import Collection
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.ids import PersonId
from copconnect.rights import HeldRights, ImportingAdmin


class RegisteredPeople(Protocol):
    """The people who have registered; the Authentication Service knows them."""

    async def registered(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people have a registered client."""


class ImportRights(Protocol):
    """The rights table and who has what by it; administration knows them."""

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""

    async def importing(self, connection: AsyncConnection, person_id: PersonId) -> ImportingAdmin:
        """Return a person as one for whom files are read, with the grants of everybody."""

    async def table(self, connection: AsyncConnection) -> list[wire.RightRule]:
        """Return the rights table in force."""


class Grants(Protocol):
    """Grants that devices sign; the Authentication Service knows them."""

    async def held_paths(self, connection: AsyncConnection, person_id: PersonId) -> list[str]:
        """Return the unit paths over which a person has a grant in force; "" for a root admin."""
