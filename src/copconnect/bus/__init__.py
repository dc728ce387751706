"""Wake-ups between nodes: hints that something is there. They may be lost; the log is the truth.

A role publishes after its transaction has committed; every node's :mod:`copconnect.sockets`
receives every wake-up and passes it to its own live connections. In process by default; NATS
core pub/sub where ``bus_url`` is set.
"""

from copconnect.bus.local import Bus, LocalBus
from copconnect.bus.nats_bus import MAX_PUBLISHED_BYTES, NatsBus
from copconnect.bus.wakeups import (
    AccountWakeup,
    AcknowledgedWakeup,
    AnyWakeup,
    CellKeyFlaggedWakeup,
    CellKeyWakeup,
    ConversationWakeup,
    CursorsMovedWakeup,
    EnteredWakeup,
    EntryWakeup,
    HeadsDueWakeup,
    KeyWakeup,
    LateSealsWakeup,
    PositionWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    Receiver,
    RosterWakeup,
    ShareAskedWakeup,
    ShareDoneWakeup,
    ShareWakeup,
    SpentWakeup,
    TrustWakeup,
    Wakeup,
    shortened,
)

__all__ = [
    "MAX_PUBLISHED_BYTES",
    "AccountWakeup",
    "AcknowledgedWakeup",
    "AnyWakeup",
    "Bus",
    "CellKeyFlaggedWakeup",
    "CellKeyWakeup",
    "ConversationWakeup",
    "CursorsMovedWakeup",
    "EnteredWakeup",
    "EntryWakeup",
    "HeadsDueWakeup",
    "KeyWakeup",
    "LateSealsWakeup",
    "LocalBus",
    "NatsBus",
    "PositionWakeup",
    "ReceiptCountsWakeup",
    "ReceiptsWakeup",
    "Receiver",
    "RosterWakeup",
    "ShareAskedWakeup",
    "ShareDoneWakeup",
    "ShareWakeup",
    "SpentWakeup",
    "TrustWakeup",
    "Wakeup",
    "open_bus",
    "shortened",
]


def open_bus(url: str) -> Bus:
    """Return the bus at NATS URLs, separated by commas, or the one in process for an empty one."""
    return NatsBus(url) if url else LocalBus()
