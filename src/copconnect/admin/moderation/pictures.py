"""Answers the console about known pictures. Every moderator sees them all: they hold everywhere."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.rights import RightsTable
from copconnect.conduct.guard.serving import GuardService
from copconnect.database.engine import Database
from copconnect.database.rows import of_row
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.limits import KNOWN_PICTURES
from copconnect.principals import Caller
from copconnect.rights import covers

PAGE = 100


class PictureReading:
    """Reads for the page. Stateless."""

    def __init__(
        self,
        database: Database,
        rights: RightsTable,
        directory: DirectoryService,
        guard: GuardService,
    ) -> None:
        self._database = database
        self._rights = rights
        self._directory = directory
        self._pictures = guard.pictures
        self._classes = list(guard.model.classes)

    async def page(self, caller: Caller, before: int | None) -> wire.KnownPictures:
        """Return marked pictures, the newest first; ``before``: below this number. Raises
        NotAllowed."""
        async with self._database.reading() as connection:
            paths = await self._paths(connection, caller)
            rows = await self._pictures.page(connection, before, PAGE + 1)
            total = await self._pictures.count(connection)
            named = {PersonId(row.person_id) for row in rows}
            authors = await self._directory.cards(connection, named, caller.person_id)
        return wire.KnownPictures(
            pictures=[
                of_row(
                    wire.KnownPicture,
                    row,
                    hash=row.hash.hex(),
                    by=authors.get(row.person_id),
                    removable=any(covers(one, row.path) for one in paths),
                )
                for row in rows[:PAGE]
            ],
            total=total,
            most=KNOWN_PICTURES,
            classes=self._classes,
            next=rows[PAGE - 1].marked_number if len(rows) > PAGE else None,
        )

    async def _paths(self, connection: AsyncConnection, caller: Caller) -> list[str]:
        held = await self._rights.having(connection, caller.person_id, "moderate")
        return held.paths("moderate")
