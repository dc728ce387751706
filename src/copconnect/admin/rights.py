"""The rights of people, read in the caller's transaction: a demotion counts from its commit on."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules, store
from copconnect.admin.ports import Grants, Organisation
from copconnect.audit import Audit
from copconnect.audit.acts import RightsSet
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.principals import Operator

_TABLE = msgspec.json.Decoder(list[wire.RightRule])


def parse(content: bytes) -> list[wire.RightRule]:
    """Return the lines of a rights table's file, a JSON list of wire.RightRule. Raises
    ActInvalid."""
    try:
        return _TABLE.decode(content)
    except msgspec.DecodeError as error:
        raise errors.ActInvalid(reason=str(error)) from error


class Rights:
    """The rights table, and the rights of people by it. Holds no state of its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        organisation: Organisation,
        grants: Grants,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._organisation = organisation
        self._grants = grants

    async def in_force(self) -> list[wire.RightRule]:
        """Return the rights table in force."""
        async with self._database.reading() as connection:
            return await self.table(connection)

    async def replace(self, by: Operator, table: Sequence[wire.RightRule]) -> None:
        """Write a rights table in place of the one in force. Raises ActInvalid for one that could
        not hold."""
        async with self._database.transaction() as connection:
            rules.check_rules(table, await self._organisation.seniorities(connection))
            text = msgspec.json.encode(table).decode()
            await store.set_rules(connection, text, self._clock.now_ms())
            await self._audit.record(connection, by, RightsSet(list(table)))

    async def table(self, connection: AsyncConnection) -> list[wire.RightRule]:
        """Return the rights table in force."""
        stored = await store.rules(connection)
        return list(rules.DEFAULT_RULES) if stored is None else _TABLE.decode(stored)

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> list[wire.HeldRight]:
        """Return the rights of a person."""
        rights_bases = await self._organisation.rights_bases(connection, [person_id])
        return rules.held(
            await self.table(connection),
            rights_bases.get(person_id),
            await self._grants.held_paths(connection, person_id),
            await self._organisation.seniorities(connection),
        )
