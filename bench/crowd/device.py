"""One simulated device: its connection, and its place in each of its conversations."""

from collections import deque

from bench.force.device import Device
from bench.net.websocket import WebSocketClient
from copconnect import wire
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.sealing.receiving import Receiver


class Place:
    """A device in a conversation. ``cell_keys``: ids of the cell keys that it can open seals with;
    ``cell_records``: those of its cell that it cannot; ``lacking``: conversation keys that it
    cannot open, with the seal that came; ``waiting``: messages by seq whose key or head is still
    to come; ``came``: the newest seq that came, opened or not; ``held``: what sockets bring
    while older entries are fetched from the log; ``fetching``: it fetches what an
    entry needs; ``start``: the seq after which it reads;
    ``read_ns``: when a newcomer had read the newest message."""

    __slots__ = (
        "ask_at",
        "ask_cause",
        "asking",
        "came",
        "came_ns",
        "cell_id",
        "cell_keys",
        "cell_records",
        "cursor",
        "fetching",
        "gone",
        "gone_ns",
        "held",
        "joined",
        "lacking",
        "read_ns",
        "receiver",
        "start",
        "waiting",
    )

    def __init__(
        self, receiver: Receiver, cell_id: CellId | None, cell_keys: tuple[bytes, ...]
    ) -> None:
        self.receiver = receiver
        self.cell_id = cell_id
        self.cell_keys = cell_keys
        self.cursor = 0
        self.start = 0
        self.came = 0
        self.came_ns = 0
        self.joined = False  # It came while the simulator ran.
        self.read_ns = 0
        self.gone = False  # The server has said that this device is not listed any more.
        self.gone_ns = 0  # When it said so.
        self.asking = False
        self.fetching = False
        self.ask_at = 0.0  # When it asks, by the event loop's time, and why.
        self.ask_cause = ""
        self.cell_records: dict[bytes, CellKey] = {}
        self.lacking: dict[bytes, bytes | None] = {}
        self.waiting: dict[int, bytes] = {}
        self.held: list[tuple[wire.LogEntry, int]] | None = None


class SimulatedDevice:
    """A device, whatever connection it has at the moment."""

    __slots__ = ("bytes", "failures", "index", "link", "places", "planned", "ready", "saved")

    def __init__(self, index: int, planned: Device) -> None:
        self.index = index
        self.planned = planned
        self.ready = False
        self.bytes = 0  # Downloaded, but for messages and receipts.
        self.failures = 0  # Connections since the last Ready.
        self.link: WebSocketClient | None = None
        self.saved: deque[tuple[bytes, int]] = deque()  # Frames, with when they came (ns).
        self.places: dict[ConversationId, Place] = {}

    @property
    def token(self) -> str:
        """Its access token."""
        return self.planned.token
