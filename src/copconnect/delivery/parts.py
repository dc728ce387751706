"""What every part of the service works with, and the wake-up of a log entry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from copconnect import wire
from copconnect.bus import AnyWakeup, Bus, EntryWakeup
from copconnect.clock import Clock
from copconnect.database import Database
from copconnect.delivery import suites
from copconnect.delivery.log_tails import LogTails
from copconnect.delivery.ports import Attachments, Registrations, RosterAuthority
from copconnect.delivery.roster_trees import RosterTrees
from copconnect.delivery.suites import SUITES, Suite

_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the Delivery Service is made of; immutable after start."""

    database: Database
    bus: Bus
    clock: Clock
    registrations: Registrations
    authority: RosterAuthority
    attachments: Attachments
    suite: Suite = suites.X25519
    """Of new conversations."""
    cell_size: int = wire.CELL_SIZE
    """Clients in one cell at most; a suite may say fewer."""
    conversations_per_hour: int = 100
    """That one person may create: each costs its server work for each of its people."""
    trees: RosterTrees = field(default_factory=RosterTrees)
    tails: LogTails = field(default_factory=LogTails)

    def cell_size_of(self, suite: int) -> int:
        """Return how many clients a cell of a conversation with this suite holds."""
        return min(self.cell_size, SUITES[suite].cell_size)


def wakeup_of(entry: wire.LogEntry, seals: Sequence[bytes] = ()) -> EntryWakeup:
    """Return the wake-up that carries a log entry, its frame encoded once for all sockets; of a
    sealed message with the seals of all cells."""
    return EntryWakeup(
        conversation_id=entry.conversation_id,
        cell_id=entry.cell_id,
        seq=entry.seq,
        kind=entry.kind,
        frame=_ENCODER.encode(wire.EntryFrame(entry=entry)),
        seals=list(seals),
    )


def wakeups_of(entries: Iterable[wire.LogEntry]) -> Sequence[AnyWakeup]:
    """Return the wake-ups of several entries, in order."""
    return [wakeup_of(entry) for entry in entries]
