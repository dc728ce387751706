"""Thousands of devices of one conversation in one process: they connect, receive, open and count.

Each device has its own connection, place in the log, sender chains and counters; devices of a cell
share the cell's parsed private key, as parsing it costs as much as a seal. What comes in is stamped
with the time and kept, and opened when asked to, so that a measurement of the delivery is not one
of 63,000 devices' work on two processors. A device keeps to its own cursor: an entry at or below it
is dropped and counted. Hello says how far it has come; what Ready shows beyond that follows on the
socket, or is fetched from the log. Where ``live``, a device whose connection is lost comes back, as
clients do. It holds no MLS state: which cells its devices were asked to commit Removes for is told,
so that a whole client of the cell does it for them.
"""

import asyncio
import random
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence

import msgspec

from copconnect import wire
from copconnect.bench.cells import CellKey
from bench.net.http_client import HttpPool, request
from copconnect.bench.receiving import Chain, Conversation, Refused, open_sealed
from bench.net.websocket import WebSocketClient, local_address, masked, upgrade_request
from copconnect.delivery.roster_head import read_head, roster_hash
from copconnect.ids import ConversationId, Seq

CONNECTING_AT_ONCE = 1_000
# As client/src/transport/socket.ts.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
HELLO_S = 30.0
OPENED_AT_ONCE = 500
KEYS_KEPT = 4  # A client keeps two; devices here may open a message some commits later.
_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
_PAGE = msgspec.msgpack.Decoder(wire.LogPage)
_ENTRY_START = msgspec.msgpack.encode({"t": "entry", "entry": 0})[:-1]


class SimulatedDevice(msgspec.Struct, frozen=True, array_like=True):
    """A device as the plan names it; ``cell`` is an index into Population.cells."""

    token: str
    cell: int


class Population(msgspec.Struct, frozen=True, array_like=True):
    """The devices of one process and what they know of their conversation."""

    conversation_id: str
    kem: int
    roster_key: bytes
    heads: list[bytes]
    issuing: list[bytes]
    cells: list[str]
    devices: list[SimulatedDevice]


class PublishedKey(msgspec.Struct, frozen=True, array_like=True):
    """A cell's key that its members hold. The newest KEYS_KEPT of a cell are kept."""

    cell: int
    key_id: bytes
    seed: bytes


class Device:
    """One device, whatever connection it has at the moment."""

    __slots__ = (
        "cell",
        "chains",
        "cursor",
        "failures",
        "gone",
        "held",
        "index",
        "link",
        "ready",
        "token",
        "waiting",
    )

    def __init__(self, index: int, planned: SimulatedDevice, cursor: int) -> None:
        self.index = index
        self.token = planned.token
        self.cell = planned.cell
        self.cursor = cursor
        self.ready = False
        self.failures = 0  # Connections since the last Ready.
        self.gone = False  # The server has said that it lost its place.
        self.link: Link | None = None
        self.chains: dict[str, Chain] = {}
        self.waiting: dict[int, wire.LogEntry] = {}  # Entries whose seal is still to come.
        # Entries that sockets bring while older ones are fetched from the log.
        self.held: list[tuple[wire.LogEntry, int]] | None = None


class Link(WebSocketClient):
    """One connection of a device."""

    __slots__ = ("_device", "_simulator")

    def __init__(self, simulator: "Simulator", device: Device) -> None:
        super().__init__(simulator.upgrade)
        self._simulator = simulator
        self._device = device

    def opened(self) -> None:
        """Say Hello."""
        self.transport.write(masked(self._simulator.hello(self._device)))

    def received(self, data: bytes, start: int, end: int) -> None:
        """Hand on what came, with the time."""
        self._simulator.came(self._device, data[start:end])

    def ended(self) -> None:
        """The device has no connection."""
        if self._device.link is self:
            self._simulator.gone(self._device, self.close_code)


class Delivery:
    """How often each device got and opened one message, and when it came first (monotonic ns)."""

    __slots__ = ("opened", "received", "times_ns")

    def __init__(self, devices: int) -> None:
        self.received = bytearray(devices)
        self.opened = bytearray(devices)
        self.times_ns = array("q", bytes(8 * devices))


class Simulator:
    """The devices of this process. Used from one event loop."""

    def __init__(
        self, population: Population, address: tuple[str, int], network: str | None = None
    ) -> None:
        self.kem = population.kem
        self.upgrade = upgrade_request(*address)
        self._address = address
        self._network = network
        self._http = HttpPool(*address)
        heads = {
            roster_hash(one): read_head(one, population.roster_key) for one in population.heads
        }
        self._conversation = Conversation(
            population.conversation_id, population.kem, heads, population.issuing
        )
        self._roster_key = population.roster_key
        self._keys: list[dict[bytes, CellKey]] = [{} for _ in population.cells]
        self.devices = [Device(i, one, 0) for i, one in enumerate(population.devices)]
        self.deliveries: dict[str, Delivery] = {}
        self.refused: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.ready = 0  # Devices that have had their Ready on the connection they have.
        self.given_up = 0  # Connections without a Ready in time.
        self.asked_log = 0  # Devices that fetched what they lacked.
        self.repeated = 0  # Entries that a device had already: it drops them, as clients do.
        self.entries = 0  # Entry frames that came over sockets.
        self.entry_bytes = 0  # The most of one of those that were waited for.
        self.after_gone = 0  # Entries that came to devices which have lost their place.
        self.duties: list[str] = []  # Cells whose Removes a device was asked to commit.
        self.live = False
        self.opened_ns = 0  # When the last one was opened.
        self._inbox: deque[tuple[Device, bytes, int]] = deque()  # Frames that are not read yet.
        self._awaited = 0  # So many of those wake who waits for them.
        self._sealed: deque[tuple[Device, wire.LogEntry]] = deque()  # Entries that are not opened.
        self._entering: set[Device] = set()  # Connected, and not ready yet.
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Connections ----------------------------------------------------------------------

    async def connect(self, limit_s: float) -> None:
        """Connect every device that has no connection, a few at a time; return when all are ready,
        or at the limit."""
        waiting = deque(device for device in self.devices if device.link is None)
        while waiting:
            await self.until(lambda: len(self._entering) < CONNECTING_AT_ONCE, limit_s)
            device = waiting.popleft()
            if await self._open(device) is None:
                waiting.append(device)
        await self.until(lambda: self.ready == len(self.devices), limit_s)

    def hello(self, device: Device) -> bytes:
        """Return what a device says first: who it is and how far it has come."""
        conversation_id = ConversationId(self._conversation.conversation_id)
        come = [wire.Position(conversation_id=conversation_id, seq=Seq(device.cursor))]
        said = wire.Hello(
            version=wire.WIRE_VERSION,
            access_token=device.token,
            positions=come if device.cursor else [],
        )
        return msgspec.msgpack.encode(said)

    def _set_ready(self, device: Device, *, ready: bool) -> None:
        self._entering.discard(device)
        self.ready += ready - device.ready
        device.ready = ready

    async def _open(self, device: Device) -> Link | None:
        try:
            _, link = await asyncio.get_running_loop().create_connection(
                lambda: Link(self, device),
                *self._address,
                local_addr=local_address(self._network, device.index),
            )
        except OSError:
            return None
        device.link = link
        self._entering.add(device)
        return link

    def gone(self, device: Device, code: int | None) -> None:
        """A connection ended; where ``live`` the device comes back, as clients do."""
        device.link = None
        self._set_ready(device, ready=False)
        self.closed[code or 0] += 1
        self._changed.set()
        if self.live and code != wire.CLOSE_REPLACED:
            self._spawn(self._come_back(device))

    async def _come_back(self, device: Device) -> None:
        while self.live and device.link is None:
            ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**device.failures)
            device.failures = min(device.failures + 1, 10)
            await asyncio.sleep(ceiling * (0.5 + random.random() / 2))  # noqa: S311 - jitter.
            link = await self._open(device)
            if link is not None:
                asyncio.get_running_loop().call_later(HELLO_S, self._give_up, device, link)

    def _give_up(self, device: Device, link: Link) -> None:
        """No Ready came in time: as for a connection that is lost."""
        if device.link is link and not device.ready:
            self.given_up += 1
            link.transport.abort()

    async def disconnect(self) -> None:
        """Close every connection and forget what waits."""
        self.live = False
        for device in self.devices:
            if device.link is not None:
                link, device.link = device.link, None
                link.transport.abort()
            self._set_ready(device, ready=False)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._http.close()

    # --- What comes -----------------------------------------------------------------------

    def came(self, device: Device, payload: bytes) -> None:
        """A frame came."""
        now_ns = time.monotonic_ns()
        if payload.startswith(_ENTRY_START):
            self.entries += 1
            if not self.live:
                self._inbox.append((device, payload, now_ns))
                if len(self._inbox) == self._awaited:
                    self._changed.set()
                return
        self._frame(device, payload, now_ns)
        self._changed.set()

    def share(self, *, sharing: bool) -> None:
        """Let devices verify a signed header once for all of the process, or each for itself."""
        self._conversation.sharing = sharing

    def open_all(self) -> None:
        """Let the devices open what they have received so far, in the order it came."""
        while self.open_some():
            pass

    def open_some(self) -> bool:
        """As :meth:`open_all`, but only a few; return whether there may be more. In between the
        devices can answer pings."""
        for _ in range(OPENED_AT_ONCE):
            if self._inbox:
                self._frame(*self._inbox.popleft())
            elif self._sealed:
                self._open_entry(*self._sealed.popleft())
            else:
                return False
        return True

    def _frame(self, device: Device, payload: bytes, now_ns: int) -> None:
        match _FRAME.decode(payload):
            case wire.EntryFrame(entry=entry):
                self._entry(device, entry, now_ns)
            case wire.Ready(heads=heads):
                self._set_ready(device, ready=True)
                device.failures = 0
                for head in heads:
                    if head.conversation_id == self._conversation.conversation_id:
                        self._stands(device, head)
            case wire.LateSeal(seq=seq, seal=seal):
                self._late_seal(device, seq, seal)
            case wire.Duty(cell_id=cell_id):
                self.duties.append(cell_id)
            case wire.ConversationGone(conversation_id=conversation_id):
                device.gone |= conversation_id == self._conversation.conversation_id
            case _:
                pass  # Receipts, notices: nothing that a count depends on.

    def _stands(self, device: Device, head: wire.ConversationHead) -> None:
        if device.cursor == 0:
            device.cursor = head.last_seq  # The first time: from here on.
        elif head.last_seq > device.cursor and not head.follows and device.held is None:
            device.held = []
            self.asked_log += 1
            self._spawn(self._catch_up(device, head.last_seq))

    def _entry(self, device: Device, entry: wire.LogEntry, now_ns: int) -> None:
        if entry.conversation_id != self._conversation.conversation_id:
            return
        self.after_gone += device.gone
        if device.held is not None:
            device.held.append((entry, now_ns))
            return
        if entry.seq <= device.cursor:
            self.repeated += 1
            return
        self._accept(device, entry, now_ns)

    def _accept(self, device: Device, entry: wire.LogEntry, now_ns: int) -> None:
        device.cursor = entry.seq
        if entry.kind == "sealed":
            delivery = self._delivery(entry.entry_id)
            _count(delivery.received, device.index)
            if not delivery.times_ns[device.index]:
                delivery.times_ns[device.index] = now_ns
            self._sealed.append((device, entry))

    def _open_entry(self, device: Device, entry: wire.LogEntry) -> None:
        keys = self._keys[device.cell]
        try:
            header, _ = open_sealed(self._conversation, keys, device.chains, entry.payload)
        except Refused as refused:
            if refused.code == "no_seal":
                device.waiting[entry.seq] = entry
            else:
                self.refused[refused.code] += 1
            return
        self.opened_ns = time.monotonic_ns()
        if header.message_id != entry.entry_id:
            self.refused["wrong_entry_id"] += 1
            return
        _count(self._delivery(entry.entry_id).opened, device.index)

    def _late_seal(self, device: Device, seq: int, seal: bytes) -> None:
        entry = device.waiting.pop(seq, None)
        if entry is not None:
            payload = msgspec.msgpack.decode(entry.payload, type=wire.SealedPayload)
            whole = msgspec.msgpack.encode(msgspec.structs.replace(payload, seal=seal))
            self._sealed.append((device, msgspec.structs.replace(entry, payload=whole)))

    def _delivery(self, entry_id: str) -> Delivery:
        delivery = self.deliveries.get(entry_id)
        if delivery is None:
            delivery = self.deliveries[entry_id] = Delivery(len(self.devices))
        return delivery

    async def _catch_up(self, device: Device, last_seq: int) -> None:
        """Fetch what Ready showed, then take what sockets brought meanwhile."""
        path = f"/v1/conversations/{self._conversation.conversation_id}/log"
        while device.cursor < last_seq:
            asked = request("GET", f"{path}?after={device.cursor}", device.token)
            answer = await self._http.ask(asked)
            if answer.status != 200:
                await asyncio.sleep(FIRST_PAUSE_S * (0.5 + random.random() / 2))  # noqa: S311
                continue
            page = _PAGE.decode(answer.body)
            for entry in page.entries:
                self._accept(device, entry, time.monotonic_ns())
            if not page.more:
                device.cursor = max(device.cursor, page.last_seq)
        held, device.held = device.held or [], None
        for entry, now_ns in held:
            if entry.seq > device.cursor:
                self._accept(device, entry, now_ns)
            elif entry.seq <= last_seq:
                self.repeated += 1  # Ready covered it already.
        self._changed.set()

    # --- Keys and heads -------------------------------------------------------------------

    def publish(self, keys: Sequence[PublishedKey]) -> None:
        """Let the members of cells hold these keys, with those before them."""
        for key in keys:
            held = self._keys[key.cell]
            while len(held) >= KEYS_KEPT:
                del held[next(iter(held))]
            held[key.key_id] = CellKey.from_seed(self._conversation.kem, key.seed)

    def forget(self) -> None:
        """Let go of what came and was not opened: keys and heads have changed meanwhile."""
        while self._inbox:
            self._frame(*self._inbox.popleft())
        self._sealed.clear()
        self.deliveries.clear()
        for device in self.devices:
            device.waiting.clear()

    def know_head(self, head: bytes) -> None:
        """Let all devices know another roster head."""
        self._conversation.heads[roster_hash(head)] = read_head(head, self._roster_key)

    # --- Questions ------------------------------------------------------------------------

    async def came_everywhere(self, entry_id: str, limit_s: float) -> int:
        """Wait until every device was sent this entry, opened or not; return how many were."""
        awaited, devices = entry_id.encode(), len(self.devices)
        # Nothing looks into frames before all can be there: it would take time from receiving them.
        self._awaited = devices
        whole = await self.until(lambda: len(self._inbox) >= devices, limit_s)
        sizes = [len(payload) for _, payload, _ in self._inbox if awaited in payload]
        while whole and len(sizes) < devices:
            seen = len(self._inbox)
            self._awaited = seen + 1
            whole = await self.until(lambda: len(self._inbox) > seen, limit_s)  # noqa: B023
            sizes = [len(payload) for _, payload, _ in self._inbox if awaited in payload]
        self.entry_bytes = max(sizes, default=0)
        return len(sizes)

    def missing(self, entry_ids: Sequence[str]) -> int:
        """Return how many receipts of these messages are still to come."""
        return sum(self._delivery(entry_id).received.count(0) for entry_id in entry_ids)

    def verdict(self, entry_ids: Sequence[str]) -> dict[str, object]:
        """Judge what was opened against what was posted: every message once at every device."""
        lost = duplicates = 0
        for entry_id in entry_ids:
            delivery = self._delivery(entry_id)
            lost += delivery.opened.count(0)
            duplicates += sum(count - 1 for count in delivery.received if count > 1)
        return {
            "opened": len(entry_ids) * len(self.devices) - lost,
            "lost": lost,
            "duplicates": duplicates,
            "repeated": self.repeated,
            "unexpected": len(self.deliveries.keys() - set(entry_ids)),
            "refused": dict(self.refused),
            "waiting": sum(len(device.waiting) for device in self.devices),
        }

    def acknowledge(self) -> int:
        """Send every device's cursor, as clients do after a message; return how many."""
        sent = 0
        for device in self.devices:
            if device.link is not None and device.ready:
                update = wire.CursorUpdate(
                    conversation_id=self._conversation.conversation_id,
                    delivered_seq=Seq(device.cursor),
                    read_seq=Seq(0),
                )
                frame = msgspec.msgpack.encode(wire.Cursors(updates=[update]))
                device.link.transport.write(masked(frame))
                sent += 1
        return sent

    async def until(self, done: Callable[[], bool], limit_s: float = 300) -> bool:
        """Wait until ``done`` holds; return False at the limit."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while not done():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self._changed.clear()
            try:
                async with asyncio.timeout(min(left, 1.0)):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return True

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _count(counts: bytearray, index: int) -> None:
    if counts[index] < 255:
        counts[index] += 1
