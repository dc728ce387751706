"""Objects that every part of reports works with. Administration is attached once it is built: its
acts are done here, and its rights are asked here."""

from dataclasses import dataclass, field

from copconnect.audit import Audit
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.reports.ports import Devices, Messages, People, Rights


@dataclass(slots=True)
class Dependencies:
    """The parts and ports of one process."""

    database: Database
    clock: Clock
    audit: Audit
    messages: Messages
    people: People
    devices: Devices
    log_days: int  # Decided cases are kept as long as the log keeps messages.
    attached: list[Rights] = field(default_factory=list)

    @property
    def rights(self) -> Rights:
        """Administration's rights. Raises RuntimeError before it is attached."""
        if not self.attached:
            raise RuntimeError("administration is not built yet")
        return self.attached[0]
