"""Thousands of devices in one process: they connect, receive, open and count.

Incoming frames are stamped with the time and kept, and opened when asked to, so that a measurement
of the delivery is not one of 63,000 devices' work on two processors; while ``live`` they are opened
at once, unless ``saving``: then each device keeps them, and opens its own before it does what it is
asked for. Hello says how far a device has come; entries that Ready shows beyond that follow on the
socket, or are fetched from the log. Used from one event loop.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from bench.crowd.connecting import FIRST_PAUSE_S, Connections
from bench.crowd.device import Place, SimulatedDevice
from bench.crowd.duties import Duties
from bench.crowd.knowledge import People
from bench.crowd.phones import Phones
from bench.crowd.plan import Population
from bench.crowd.reading import Reading
from bench.net.http_client import HttpPool, request
from bench.net.websocket import masked
from copconnect import wire
from copconnect.ids import ConversationId, PersonId, Seq

OPENED_AT_ONCE = 500
DECODED_KEPT = 1_000
_PERSON_IN_LEAF = slice(16, 32)  # After the cell id.
_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
_PAGE = msgspec.msgpack.Decoder(wire.LogPage)
_PEOPLE = msgspec.msgpack.Decoder(wire.PeopleTrust)
_TRUST = msgspec.msgpack.Decoder(wire.Trust)


def _start(kind: type[msgspec.Struct]) -> bytes:
    """Return how an encoded frame of a kind begins."""
    fields = len(msgspec.structs.fields(kind)) + 1
    return bytes([0x80 | fields]) + msgspec.msgpack.encode({"t": kind.__struct_config__.tag})[1:]


_ENTRY, _KEY = _start(wire.EntryFrame), _start(wire.KeyFrame)
_KEPT = (_ENTRY, _KEY)
_SAVED = (_ENTRY, _KEY, _start(wire.CellKeyFrame))


class Simulator:
    """The devices of this process."""

    def __init__(
        self,
        population: Population,
        trust: wire.Trust,
        address: tuple[str, int],
        network: str | None = None,
    ) -> None:
        self.population = population
        # Each phone has its own connection: what a device is asked for does not wait for other
        # devices that start.
        self.http, self.starting = HttpPool(*address), HttpPool(*address, most=64)
        self.connections = Connections(address, network, self)
        phones = Phones(population.encapsulations)
        self.reading = Reading(People(trust), len(population.devices), phones)
        self.devices: list[SimulatedDevice] = []
        for index, planned in enumerate(population.devices):
            device = SimulatedDevice(index, planned.device)
            self.devices.append(device)
            for number in planned.cells:
                cell = population.cells[number]
                self.reading.seat(device, cell, population.conversations[cell.conversation])
        for one in population.conversations:
            self.reading.view(one.conversation_id).add_head(one.head)
        self.duties = Duties(self)
        self.saving = False
        self.frames = 0  # That came.
        self.asked_log = 0  # Devices that fetched what they lacked.
        self.entry_bytes = 0  # The most of one entry that was waited for.
        self.inbox: deque[tuple[SimulatedDevice, bytes, int]] = deque()  # Came and are not opened.
        self._entries = 0  # Log entries in the inbox.
        self._awaited = 0  # So many of those wake who waits for them.
        self._decoded: dict[bytes, wire.ServerFrame] = {}
        self._kept: dict[bytes, bytes] = {}  # Saved frames.

    @classmethod
    async def start(
        cls, population: Population, address: tuple[str, int], network: str | None = None
    ) -> "Simulator":
        """Return a simulator that has fetched the department's trust, as each device does."""
        pool = HttpPool(*address)
        answer = await pool.ask(request("GET", "/v1/trust", ""))
        pool.close()
        if answer.status != 200:
            raise RuntimeError(f"the server answers {answer.status} to /v1/trust")
        return cls(population, _TRUST.decode(answer.body), address, network)

    @property
    def changed(self) -> asyncio.Event:
        """Set whenever something came."""
        return self.connections.changed

    async def disconnect(self) -> None:
        """Close every connection and end what is under way."""
        await self.connections.disconnect(self.devices)
        self.http.close()
        self.starting.close()

    # --- What comes -----------------------------------------------------------------------

    def came(self, device: SimulatedDevice, payload: bytes) -> None:
        """A frame came."""
        self.frames += 1
        now_ns = time.monotonic_ns()
        if not self.connections.live and payload.startswith(_KEPT):
            self.inbox.append((device, payload, now_ns))
            if payload.startswith(_ENTRY):
                self._entries += 1
                if self._entries == self._awaited:
                    self.changed.set()
            return
        if self.saving and payload.startswith(_SAVED):
            self._save(device, payload, now_ns)
            return
        self._frame(device, payload, now_ns)
        self.changed.set()

    def _save(self, device: SimulatedDevice, payload: bytes, now_ns: int) -> None:
        if len(self._kept) >= DECODED_KEPT:
            self._kept.clear()
        # Devices that save equal bytes keep one copy of them.
        device.saved.append((self._kept.setdefault(payload, payload), now_ns))
        match self._decode(payload):
            case wire.EntryFrame(entry=entry) if place := device.places.get(entry.conversation_id):
                place.came, place.came_ns = entry.seq, now_ns
            case _:
                pass

    def open_all(self) -> None:
        """Let the devices open what they have received so far, in the order it came."""
        while self.open_some():
            pass

    def open_some(self) -> bool:
        """As :meth:`open_all`, but only a few; return whether there may be more. In between the
        devices can answer pings."""
        for _ in range(OPENED_AT_ONCE):
            if not self.inbox:
                self._entries = 0
                return False
            self._frame(*self.inbox.popleft())
        return True

    async def open_saved(self) -> None:
        """Let all devices open what they saved: the first of each, then the second, as frames of
        many devices are the same and are decoded once."""
        full = [one for one in self.devices if one.saved]
        while full:
            for number, one in enumerate(full):
                if one.saved:
                    self._frame(one, *one.saved.popleft())
                if number % OPENED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            full = [one for one in full if one.saved]

    def forget(self) -> None:
        """Let go of counts."""
        self.open_all()
        self.reading.deliveries.clear()

    def _decode(self, payload: bytes) -> wire.ServerFrame:
        """Return a frame, decoded and checked once for all devices that get the same bytes."""
        frame = self._decoded.get(payload)
        if frame is None:
            frame = _FRAME.decode(payload)
            if len(self._decoded) >= DECODED_KEPT:
                self._decoded.clear()
            self._decoded[payload] = frame
            if isinstance(frame, wire.EntryFrame) and frame.supplement is not None:
                supplement = frame.supplement
                self.reading.people.learn(supplement.people)
                view = self.reading.view(frame.entry.conversation_id)
                view.learn(supplement.heads, supplement.proofs)
        return frame

    def _frame(self, device: SimulatedDevice, payload: bytes, now_ns: int) -> None:
        self.reading.came_ns = now_ns
        self.receive(device, payload, now_ns)
        self.reading.came_ns = 0

    def receive(self, device: SimulatedDevice, payload: bytes, now_ns: int) -> None:
        """Let a device take a frame."""
        match self._decode(payload):
            case wire.EntryFrame(entry=entry) if self.duties.hold(
                device, entry.conversation_id, payload, now_ns
            ):
                pass
            case (
                wire.KeyFrame(conversation_id=conversation_id)
                | wire.CellKeyFrame(conversation_id=conversation_id)
                | wire.ShareFrame(conversation_id=conversation_id)
            ) if self.duties.hold(device, conversation_id, payload, now_ns):
                pass
            case wire.EntryFrame(entry=entry):
                place = device.places.get(entry.conversation_id)
                if place is not None:
                    if entry.seq > place.cursor + 1 and place.held is None:
                        self._behind(device, place, entry.conversation_id, entry.seq)
                    self.reading.entry(device, place, entry, now_ns)
                    # Devices that stay open their frames later, one of each in turn.
                    if place.waiting and place.joined:
                        self.duties.fetch(device, ConversationId(entry.conversation_id), place)
            case wire.KeyFrame(conversation_id=conversation_id, record=record, seal=seal) as frame:
                place = device.places.get(conversation_id)
                device.bytes += len(payload)
                if place is not None:
                    self.reading.key(device, place, record, seal)
                    self.duties.key_came(device, place, frame)
            case wire.Ready(heads=heads):
                self.connections.set_ready(device, ready=True)
                for head in heads:
                    place = device.places.get(head.conversation_id)
                    if place is not None:
                        self._stands(device, place, head)
            case wire.ConversationGone(conversation_id=conversation_id):
                place = device.places.get(conversation_id)
                device.bytes += len(payload)
                if place is not None:
                    place.gone = True
                    place.gone_ns = now_ns
            case wire.Receipts() | wire.ReceiptCounts():
                pass
            case frame:
                device.bytes += len(payload)
                if self.connections.live:
                    while device.saved:
                        self._frame(device, *device.saved.popleft())
                    self.duties.receive(device, frame)

    # --- The log --------------------------------------------------------------------------

    def _stands(self, device: SimulatedDevice, place: Place, head: wire.ConversationHead) -> None:
        if head.last_seq > place.cursor and not head.follows and place.held is None:
            self._behind(device, place, head.conversation_id, head.last_seq)

    def _behind(
        self, device: SimulatedDevice, place: Place, conversation_id: ConversationId, last: int
    ) -> None:
        """A device that is live fetches what it lacks up to a seq; entries that come meanwhile are
        held."""
        if self.connections.live:
            place.held = []
            self.asked_log += 1
            self.connections.spawn(self.catch_up(device, place, conversation_id, last))

    async def catch_up(
        self, device: SimulatedDevice, place: Place, conversation_id: ConversationId, last: int
    ) -> None:
        """Fetch what Ready showed, and entries before the first that a socket brought; then take
        what sockets brought."""
        while place.cursor < max(last, place.held[0][0].seq - 1 if place.held else 0):
            path = f"/v1/conversations/{conversation_id}/log?after={place.cursor}"
            answer = await self.http.ask(request("GET", path, device.token))
            if answer.status != 200:
                await asyncio.sleep(FIRST_PAUSE_S * (0.5 + random.random() / 2))  # noqa: S311
                continue
            page = _PAGE.decode(answer.body)
            await self.learn_senders(device, page)
            self.receive_page(device, place, page)
            if not page.more:
                place.cursor = max(place.cursor, page.last_seq)
        held, place.held = place.held or [], None
        for entry, now_ns in held:
            if entry.seq > place.cursor:
                self.reading.accept(device, place, entry, now_ns)
            elif entry.seq <= last:
                self.reading.repeated += 1  # Ready covered it already.
        self.changed.set()

    async def learn_senders(self, device: SimulatedDevice, page: wire.LogPage) -> None:
        """Fetch what is signed about the senders of a page, where this process lacks it."""
        people = {one.proof[_PERSON_IN_LEAF].hex() for one in page.proofs}
        lacking = self.reading.people.lacking(people)
        if not lacking:
            return
        known = [wire.KnownPerson(person_id=PersonId(one), held=b"") for one in lacking]
        body = msgspec.msgpack.encode(wire.LookUpTrust(people=known, keys=False))
        answer = await self.http.ask(request("POST", "/v1/people/trust", device.token, body))
        if answer.status == 200:  # Else their messages wait, and count as such.
            self.reading.people.learn(_PEOPLE.decode(answer.body).people)

    def receive_page(self, device: SimulatedDevice, place: Place, page: wire.LogPage) -> None:
        """Let a device take a page of the log, with its keys, heads and proofs."""
        view = place.receiver.view
        for head in page.heads:
            view.add_head(head)
        for one in page.proofs:
            view.add_proof(one.epoch, one.proof[32:64], one.proof)
        for item in page.keys:
            self.reading.key(device, place, item.record, item.seal)
        for entry in page.entries:
            if entry.seq > place.cursor:
                self.reading.accept(device, place, entry, time.monotonic_ns())

    # --- Questions ------------------------------------------------------------------------

    async def came_everywhere(self, message_id: str, limit_s: float) -> int:
        """Wait until every device was sent this message, opened or not; return how many were."""
        awaited, devices = bytes.fromhex(message_id), len(self.devices)
        # Frames are not opened before all can be there: it would take time from receiving them.
        self._awaited = devices
        until = self.connections.until
        whole = await until(lambda: self._entries >= devices, limit_s)
        sizes = self._sizes(awaited)
        while whole and len(sizes) < devices:
            seen = self._entries
            self._awaited = seen + 1
            whole = await until(lambda: self._entries > seen, limit_s)  # noqa: B023
            sizes = self._sizes(awaited)
        self.entry_bytes = max(sizes, default=0)
        return len(sizes)

    def _sizes(self, message_id: bytes) -> list[int]:
        return [
            len(payload)
            for _, payload, _ in self.inbox
            if payload.startswith(_ENTRY) and message_id in payload
        ]

    def came_up_to(self, conversation_id: ConversationId, seq: int) -> tuple[bool, int]:
        """Return whether everything up to a seq has come to all devices, opened or not, and when
        the last of it did (monotonic ns)."""
        places = [one.places[conversation_id] for one in self.devices]
        return all(one.came >= seq for one in places), max(one.came_ns for one in places)

    def missing(self, message_ids: Sequence[str]) -> int:
        """Return how many receipts of these messages are still to come."""
        return sum(self.reading.delivery(one).received.count(0) for one in message_ids)

    def verdict(self, message_ids: Sequence[str]) -> dict[str, object]:
        """Judge what was opened against what was sent: every message once at every device."""
        reading = self.reading
        lost = duplicates = 0
        for message_id in message_ids:
            delivery = reading.delivery(message_id)
            lost += delivery.opened.count(0)
            duplicates += sum(count - 1 for count in delivery.received if count > 1)
        places = [place for device in self.devices for place in device.places.values()]
        return {
            "opened": len(message_ids) * len(self.devices) - lost,
            "lost": lost,
            "duplicates": duplicates,
            "repeated": reading.repeated,
            "unexpected": len(reading.deliveries.keys() - set(message_ids)),
            "refused": dict(reading.refused),
            "alarms": reading.alarms,
            "waiting": sum(len(place.waiting) for place in places),
            "without_key": sum(len(place.lacking) for place in places),
        }

    def lost(self, conversation_id: ConversationId, messages: Sequence[tuple[str, int]]) -> int:
        """Return how many messages (id and seq) devices that belong to a conversation have not
        opened."""
        count = 0
        last = max((seq for _, seq in messages), default=0)
        for device in self.devices:
            place = device.places.get(conversation_id)
            if place is not None and not place.gone:
                if place.cursor >= last and not place.waiting and not self.reading.refused:
                    continue  # It opened everything.
                count += sum(
                    seq > place.start and not self.reading.delivery(one).opened[device.index]
                    for one, seq in messages
                )
        return count

    def acknowledge(self) -> int:
        """Send every device's cursors, as clients do after a message; return how many devices."""
        return sum(self.say_cursors(device) for device in self.devices)

    def say_cursors(self, device: SimulatedDevice) -> bool:
        """Send a device's cursors; return whether it is connected."""
        updates = [
            wire.CursorUpdate(
                conversation_id=conversation_id, delivered_seq=Seq(place.cursor), read_seq=Seq(0)
            )
            for conversation_id, place in device.places.items()
        ]
        return self.say(device, wire.Cursors(updates=updates))

    def say(self, device: SimulatedDevice, frame: wire.ClientFrame) -> bool:
        """Send a frame of a device; return whether it is connected."""
        if device.link is None or not device.ready:
            return False
        device.link.transport.write(masked(msgspec.msgpack.encode(frame)))
        return True
