"""Reports, put together. app.py makes one for each process."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.ids import ConversationId, PersonId
from copconnect.leases import Leases
from copconnect.reports import store
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.moderating import Moderating
from copconnect.reports.ports import ModeratorRights
from copconnect.reports.reporting import Reporting
from copconnect.reports.resealing import Resealing
from copconnect.reports.sanctioning import Sanctioning


class ReportService:
    """Reports, cases, sanctions and appeals."""

    def __init__(self, deps: ReportDependencies, leases: Leases) -> None:
        self._deps = deps
        self.reporting = Reporting(self._deps)
        self.sanctioning = Sanctioning(self._deps, leases)
        self.resealing = Resealing(self._deps)
        self.moderating = Moderating(self._deps, self.sanctioning)

    def attach(self, rights: ModeratorRights) -> None:
        """Ask administration's rights from now on."""
        self._deps.attached.append(rights)

    async def reads_case_in(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
        uploaded_ms: int,
    ) -> bool:
        """Return whether a person moderates now what a report from any of these conversations is
        about, and the report is sealed to the person and not older than a file."""
        held = await self._deps.rights.of(connection, person_id)
        paths = held.paths("moderate")
        return bool(paths) and await store.is_reader_in(
            connection, person_id, paths, conversation_ids, uploaded_ms
        )
