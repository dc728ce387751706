"""Reports, put together. app.py makes one for each process."""

from copconnect.audit import Audit
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.leases import Leases
from copconnect.reports.dependencies import Dependencies
from copconnect.reports.moderating import Moderating
from copconnect.reports.ports import Devices, Messages, People, Rights
from copconnect.reports.reporting import Reporting
from copconnect.reports.sanctioning import Sanctioning


class ReportService:
    """Reports, cases, sanctions and appeals."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: Audit,
        messages: Messages,
        people: People,
        devices: Devices,
        leases: Leases,
        log_days: int,
    ) -> None:
        self._deps = Dependencies(
            database=database,
            clock=clock,
            audit=audit,
            messages=messages,
            people=people,
            devices=devices,
            log_days=log_days,
        )
        self.reporting = Reporting(self._deps)
        self.sanctioning = Sanctioning(self._deps, leases)
        self.moderating = Moderating(self._deps, self.sanctioning)

    def attach(self, rights: Rights) -> None:
        """Ask administration's rights from now on."""
        self._deps.attached.append(rights)

    async def start(self) -> None:
        """Start background work."""
        await self.sanctioning.start()

    async def close(self) -> None:
        """Stop background work."""
        await self.sanctioning.close()
