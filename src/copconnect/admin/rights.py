"""The rights of people, read in the caller's transaction: a demotion counts from its commit on."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import rules, store
from copconnect.admin.ports import Grants, Organisation
from copconnect.ids import PersonId

_TABLE = msgspec.json.Decoder(list[wire.RightRule])


class Rights:
    """Looks up rights. Holds no state of its own."""

    def __init__(self, organisation: Organisation, grants: Grants) -> None:
        self._organisation = organisation
        self._grants = grants

    async def table(self, connection: AsyncConnection) -> list[wire.RightRule]:
        """Return the rights table in force."""
        stored = await store.rules(connection)
        return list(rules.DEFAULT_RULES) if stored is None else _TABLE.decode(stored)

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> list[wire.HeldRight]:
        """Return the rights of a person."""
        standings = await self._organisation.standings(connection, [person_id])
        return rules.held(
            await self.table(connection),
            standings.get(person_id),
            await self._grants.held_paths(connection, person_id),
            await self._organisation.seniorities(connection),
        )
