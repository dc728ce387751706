"""Simulated devices receive messages and keys by R1 to R9, each device for itself.

Every device keeps its own log hash, sender chains and secrets and opens with its own keys; devices
of a cell share the cell's parsed private key, as parsing it costs as much as a seal. A message
whose key or head is not there waits and is tried again when a key comes.
"""

import time
from array import array
from collections import Counter

from bench.crowd.device import Place, SimulatedDevice
from bench.crowd.knowledge import People, SharedView
from bench.crowd.phones import Phones
from bench.crowd.plan import PlannedCell, PlannedConversation
from copconnect import wire
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.key_share import SecretKind, Shareable
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives.fields import Refused
from copconnect.records.primitives.kem import XWING
from copconnect.sealing import hpke
from copconnect.sealing.receiving import Receiver

KEM = XWING
# A rule, or the ends of what a refusal says: phones fetch what is unknown.
_WAITS = ("R9", ("fetch it", "proof is unknown"))


class Delivery:
    """How often each device got and opened one message, and when it came first (monotonic ns)."""

    __slots__ = ("opened", "received", "times_ns")

    def __init__(self, devices: int) -> None:
        self.received = bytearray(devices)
        self.opened = bytearray(devices)
        self.times_ns = array("q", bytes(8 * devices))


class Reading:
    """The reading side of a process's devices."""

    def __init__(self, people: People, devices: int, phones: Phones) -> None:
        self.people = people
        self.phones = phones
        self.views: dict[ConversationId, SharedView] = {}
        self.cell_secrets: dict[bytes, bytes] = {}  # C by cell key id.
        self._private: dict[bytes, hpke.PrivateKey] = {}
        self._records: dict[bytes, bytes] = {}  # Key id by record.
        self._devices = devices
        self.deliveries: dict[str, Delivery] = {}  # By message id.
        self.refused: Counter[str] = Counter()
        self.alarms = 0
        self.cell_records: dict[bytes, CellKey] = {}  # By id, of messages that came to anybody.
        self.keys_opened = 0
        self.repeated = 0  # Entries that a device had already: it drops them, as clients do.
        self.after_gone = 0  # Entries that came to devices which are not listed any more.
        self.came_ns = 0  # When the frame came that is being taken; 0: an answer, now.
        self.opened_ns = 0  # When that came by which the last message was opened.

    def view(self, conversation_id: ConversationId) -> SharedView:
        """Return what is public of a conversation."""
        found = self.views.get(conversation_id)
        if found is None:
            found = self.views[conversation_id] = SharedView(self.people, conversation_id)
        return found

    def learn_cell_secret(self, key_id: bytes, secret: bytes) -> None:
        """Keep C of a cell key."""
        if key_id and key_id not in self._private:
            self.cell_secrets[key_id] = secret
            self._private[key_id] = hpke.private_key(KEM, hpke.derived_seed(KEM, secret))

    def seat(
        self, device: SimulatedDevice, cell: PlannedCell, conversation: PlannedConversation
    ) -> Place:
        """Return a device's place in a conversation whose log it has read so far."""
        self.learn_cell_secret(cell.key_id, cell.secret)
        view = self.view(conversation.conversation_id)
        receiver = Receiver(view, (conversation.seq, conversation.log_hash))
        for record, secret in conversation.keys:
            key_id = self._records.get(record)
            if key_id is None:
                key_id = self._records[record] = view.add_record(record)
            receiver.learn_secret(key_id, secret)
        keys = (cell.key_id,) if cell.key_id else ()
        place = device.places[conversation.conversation_id] = Place(receiver, cell.cell_id, keys)
        place.cursor = place.start = conversation.seq
        return place

    def share(self, *, sharing: bool) -> None:
        """Let devices verify a message once for all of the process, or each for itself."""
        for view in self.views.values():
            view.sharing = sharing

    def delivery(self, message_id: str) -> Delivery:
        """Return the counts of a message."""
        found = self.deliveries.get(message_id)
        if found is None:
            found = self.deliveries[message_id] = Delivery(self._devices)
        return found

    # --- Entries --------------------------------------------------------------------------

    def entry(
        self, device: SimulatedDevice, place: Place, entry: wire.LogEntry, now_ns: int
    ) -> None:
        """Take the next entry of a conversation's log."""
        self.after_gone += place.gone and now_ns > place.gone_ns
        if place.held is not None:
            place.held.append((entry, now_ns))
        elif entry.seq <= place.cursor:
            self.repeated += 1
        else:
            self.accept(device, place, entry, now_ns)

    def accept(
        self, device: SimulatedDevice, place: Place, entry: wire.LogEntry, now_ns: int
    ) -> None:
        """Count an entry that is new to a device, and open it if that is possible."""
        message = entry.message
        place.cursor = entry.seq
        if entry.seq > place.came:
            place.came, place.came_ns = entry.seq, now_ns
        delivery = self.delivery(message[17:33].hex())
        _count(delivery.received, device.index)
        if not delivery.times_ns[device.index]:
            delivery.times_ns[device.index] = now_ns
        receiver = place.receiver
        if receiver.position != entry.seq - 1:
            self.refused["entries are missing"] += 1
            return
        try:
            receiver.append(message)
        except Refused as refused:
            self.refused[str(refused)] += 1
            return
        self._open(device, place, entry.seq, message)

    def _open(self, device: SimulatedDevice, place: Place, seq: int, message: bytes) -> None:
        receiver = place.receiver
        try:
            received = receiver.receive(message, seq, time.time_ns() // 1_000_000)
        except Refused as refused:
            if refused.rule == _WAITS[0] or refused.message.endswith(_WAITS[1]):
                place.waiting[seq] = message
            else:
                self.refused[str(refused)] += 1
            return
        receiver.accept(received, seq)
        self.alarms += received.alarm
        opened_ns = self.came_ns or time.monotonic_ns()
        self.opened_ns = max(self.opened_ns, opened_ns)
        _count(self.delivery(received.header.message_id.hex()).opened, device.index)
        if place.joined and not place.read_ns and seq == place.cursor:
            place.read_ns = opened_ns

    # --- Keys -----------------------------------------------------------------------------

    def key(self, device: SimulatedDevice, place: Place, record: bytes, seal: bytes | None) -> None:
        """Take a conversation key, with a seal to this device or its cell; a key that does not open
        is lacking."""
        view = place.receiver.view
        key_id = self._records.get(record)
        if key_id is None:
            key_id = self._records[record] = view.add_record(record)
        if key_id in place.receiver.secrets:
            return
        private = None if seal is None else self._private_for(device, place, seal[:16])
        if seal is None or private is None:
            # A frame that says that a seal is awaited takes away none that came before.
            place.lacking[key_id] = seal or place.lacking.get(key_id)
            return
        try:
            parsed = parse_seal(KEM, seal, "R6")
            opened = self.phones.open_conversation_key(view.record(key_id), parsed, private)
        except Refused as refused:
            self.refused[str(refused)] += 1
            place.lacking[key_id] = None
            return
        self.keys_opened += 1
        self.learn_secret(device, place, key_id, opened)

    def key_id(self, record: bytes) -> bytes:
        """Return the id of a conversation key by its record."""
        return self._records[record]

    def _private_for(
        self, device: SimulatedDevice, place: Place, key_id: bytes
    ) -> hpke.PrivateKey | None:
        if key_id == device.planned.key_id:
            return hpke.private_key(KEM, device.planned.hpke_seed)
        return self._private[key_id] if key_id in place.cell_keys else None

    def learn_secret(
        self, device: SimulatedDevice, place: Place, key_id: bytes, secret: bytes
    ) -> None:
        """Keep S, and open what waited for it. Raises Refused."""
        place.receiver.learn_secret(key_id, secret)
        place.lacking.pop(key_id, None)
        self.retry(device, place)

    def cell_key(self, device: SimulatedDevice, place: Place, key_id: bytes, secret: bytes) -> None:
        """Keep C of a device's cell, and open what was sealed to it."""
        self.learn_cell_secret(key_id, secret)
        place.cell_keys = (*place.cell_keys, key_id)
        place.cell_records.pop(key_id, None)
        self.try_lacking(device, place)

    def try_lacking(self, device: SimulatedDevice, place: Place) -> None:
        """Try again to open the keys that are lacking."""
        for key_id, seal in list(place.lacking.items()):
            if seal is not None and self._private_for(device, place, seal[:16]) is not None:
                self.key(device, place, place.receiver.view.record(key_id).encode(), seal)

    def held(self, place: Place, kind: int, reference: bytes) -> tuple[Shareable, bytes] | None:
        """Return a record and its secret that a device holds."""
        if kind == SecretKind.CELL_KEY:
            record = self.cell_records.get(reference)
            if record is None or reference not in place.cell_keys:
                return None
            return record, self.cell_secrets[reference]
        for key_id, secret in place.receiver.secrets.items():
            if kind == SecretKind.CONVERSATION_KEY and key_id.startswith(reference):
                return place.receiver.view.record(key_id), secret
        return None

    def retry(self, device: SimulatedDevice, place: Place) -> None:
        """Try waiting messages again."""
        waiting, place.waiting = place.waiting, {}
        for seq, message in sorted(waiting.items()):
            self._open(device, place, seq, message)

    def joined(
        self,
        device: SimulatedDevice,
        conversation_id: ConversationId,
        cell_id: CellId | None,
        start: tuple[int, bytes],
    ) -> Place:
        """Return the place of a device that is new to a conversation."""
        receiver = Receiver(self.view(conversation_id), start)
        place = device.places[conversation_id] = Place(receiver, cell_id, ())
        place.joined = True
        return place

    def begin(self, place: Place, start: tuple[int, bytes]) -> None:
        """Let a newcomer's log begin somewhere."""
        place.receiver = Receiver(place.receiver.view, start)
        place.cursor = place.start = start[0]


def _count(counts: bytearray, index: int) -> None:
    if counts[index] < 255:
        counts[index] += 1
