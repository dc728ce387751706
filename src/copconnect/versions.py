"""Versions of what a client may have to fetch again; they come from several roles."""

from collections.abc import Collection
from dataclasses import dataclass

from copconnect.auth_service.service import AuthService
from copconnect.conduct.guard.serving import GuardService
from copconnect.database.engine import Database
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.reports.registry import SanctionRegistry
from copconnect.sockets.feed import Current


@dataclass(eq=False)
class Versions:
    """Versions of the data that a client may have to fetch again, for a socket's first frame."""

    _auth: AuthService
    _directory: DirectoryService
    _guard: GuardService
    _sanctions: SanctionRegistry
    _database: Database

    async def current(self, person_ids: Collection[PersonId]) -> Current:
        """See sockets' feed.Versions."""
        policy, pictures = await self._guard.numbers()
        async with self._database.reading() as connection:
            return Current(
                trust=await self._auth.trust.version(connection),
                directory=await self._directory.version_in(connection),
                guard_policy=policy,
                guard_pictures=pictures,
                sanctioned=await self._sanctions.sanctioned(connection, person_ids)
                if person_ids
                else set(),
            )
