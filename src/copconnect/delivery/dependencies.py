"""Objects that every part of the Delivery Service works with; immutable after start."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from copconnect.audit import Audit
from copconnect.bus import Bus
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.delivery.heads.stamps import Stamps
from copconnect.delivery.heads.stored_keys import StoredKeys
from copconnect.delivery.heads.trees import RosterTrees
from copconnect.delivery.ports import (
    ActivePeople,
    Attachments,
    CallPushes,
    ListableDevices,
    OrderLedger,
    Organisation,
    Sanctions,
    WritablePosts,
)
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.rates import SharedRates
from copconnect.records.primitives.kem import XWING
from copconnect.records.primitives.signed import RosterSigner
from copconnect.wire import CELL_SIZE


@dataclass(frozen=True, slots=True)
class Options:
    """Values that the settings choose."""

    kem: int = XWING  # New conversations have it; a higher one also raises existing conversations.
    cell_size: int = CELL_SIZE
    roster_batch_ms: int = 60_000
    """How long changes that remove nobody are gathered in a conversation of several cells that got
    ``immediate_heads`` heads within an hour."""
    immediate_heads: int = 20
    """At least 1."""
    log_days: int = 180
    exports: Literal["members", "admins", "nobody"] = "members"
    """The people of a conversation who may export its messages."""
    large_from: Callable[[], int] = lambda: 100
    """How many members make a group large, by the policy in force."""
    limits: PersonLimits = field(default_factory=PersonLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDependencies:
    """The parts and ports of one process."""

    database: Database
    bus: Bus
    clock: Clock
    rates: SharedRates
    devices: ListableDevices
    people: ActivePeople
    organisation: Organisation
    posts: WritablePosts
    signer: RosterSigner
    attachments: Attachments
    orders: OrderLedger
    pushes: CallPushes
    audit: Audit
    sanctions: Sanctions
    options: Options
    stamps: Stamps = field(init=False)
    trees: RosterTrees = field(default_factory=RosterTrees)
    keys: StoredKeys = field(default_factory=StoredKeys)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stamps", Stamps(self.signer, self.clock))
