"""Objects that every part of reports works with. Administration is attached once it is built: its
acts are done here, and its rights are asked here."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.audit import Audit
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.reports.ports import Messages, ModeratorRights, ReaderDevices, ReportDirectory


@dataclass(slots=True)
class ReportDependencies:
    """The parts and ports of one process."""

    database: Database
    clock: Clock
    audit: Audit
    messages: Messages
    people: ReportDirectory
    devices: ReaderDevices
    log_days: int  # Decided cases are kept as long as the log keeps messages.
    attached: list[ModeratorRights] = field(default_factory=list)

    @property
    def rights(self) -> ModeratorRights:
        """Administration's rights. Raises RuntimeError before it is attached."""
        if not self.attached:
            raise RuntimeError("administration is not built yet")
        return self.attached[0]

    async def moderated(self, connection: AsyncConnection, person_id: PersonId) -> list[str]:
        """Return the unit paths that a person moderates with all below. Raises NotAllowed."""
        paths = (await self.rights.of(connection, person_id)).paths("moderate")
        if not paths:
            raise errors.NotAllowed(right="moderate", path="")
        return paths
