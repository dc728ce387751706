"""One simulated device: its connection, and its place in each of its conversations."""

from typing import TYPE_CHECKING

from bench.crowd.plan import PlannedCell, PlannedDevice
from bench.force.device import Device
from copconnect import wire
from copconnect.ids import CellId, ConversationId
from copconnect.sealing.receiving import Receiver

if TYPE_CHECKING:
    from bench.crowd.connecting import Link


class Place:
    """A device in a conversation. ``cell_keys``: ids of the cell keys that it can open seals with;
    ``waiting``: messages by seq whose key or head is still to come; ``held``: what sockets bring
    while older entries are fetched from the log."""

    __slots__ = ("cell_id", "cell_keys", "cursor", "gone", "held", "receiver", "waiting")

    def __init__(self, receiver: Receiver, cell_id: CellId | None, cell_keys: tuple[bytes, ...]):
        self.receiver = receiver
        self.cell_id = cell_id
        self.cell_keys = cell_keys
        self.cursor = 0
        self.gone = False  # The server has said that this device is not listed any more.
        self.waiting: dict[int, bytes] = {}
        self.held: list[tuple[wire.LogEntry, int]] | None = None


class SimulatedDevice:
    """A device, whatever connection it has at the moment."""

    __slots__ = ("failures", "index", "link", "places", "planned", "ready")

    def __init__(self, index: int, planned: Device) -> None:
        self.index = index
        self.planned = planned
        self.ready = False
        self.failures = 0  # Connections since the last Ready.
        self.link: Link | None = None
        self.places: dict[ConversationId, Place] = {}

    @property
    def token(self) -> str:
        """Its access token."""
        return self.planned.token


def cells_of(planned: PlannedDevice, cells: list[PlannedCell]) -> list[PlannedCell]:
    """Return a planned device's cells."""
    return [cells[number] for number in planned.cells]
