"""The Delivery Service as the sockets see it, in memory: rosters, logs, keys, cursors.

The answers are the ones that the database would give at that moment; tests lose and repeat
wake-ups, and put their own functions in the place of the feed's.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from copconnect import wire
from copconnect.bus import (
    Bus,
    CellKeyWakeup,
    EntryWakeup,
    KeyWakeup,
    ReceiptsWakeup,
    RosterWakeup,
)
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId, Seq, new_id
from copconnect.limits import KNOWN_DEVICES
from copconnect.principals import NOTHING, Caller
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.sockets.feed import ConversationPosition, LeafState, RosterNews, Seals, SeenCursor
from tests.contract.device import name_alone

MOST_READ = 100


@dataclass(slots=True)
class Leaf:
    """A client in a roster; ``until`` is the epoch that it is not in any more."""

    caller: Caller
    cell_id: CellId
    since: int
    until: int | None = None


@dataclass(slots=True)
class Conversation:
    """A conversation: leaves, heads by epoch, messages from seq 1, keys with their seals."""

    conversation_id: ConversationId
    cells: list[CellId]
    epoch: int = 0
    changed_ms: int = 0
    leaves: list[Leaf] = field(default_factory=list)
    entries: list[EntryWakeup] = field(default_factory=list)
    forgotten: int = 0  # Entries that retention has taken.
    keys: dict[str, tuple[KeyWakeup, Seals, int]] = field(default_factory=dict)
    cell_keys: dict[bytes, Seals] = field(default_factory=dict)
    receipts_version: int = 0

    def listed(self) -> list[Leaf]:
        """Return the leaves under the newest head."""
        return [one for one in self.leaves if one.until is None]


def key_id() -> str:
    """Return a new id of a conversation key."""
    return new_id() + new_id()


def key_record(created_ms: int) -> bytes:
    """Return the record of a new conversation key: its shape, not its secret."""
    return ConversationKey(
        conversation_id=bytes(16),
        author=bytes(32),
        epoch=1,
        head=bytes(32),
        created=created_ms,
        commit=bytes.fromhex(key_id()),
        signature=bytes(64),
    ).encode()


class MemoryFeed:
    """Implements ``copconnect.sockets.feed.Feed``; ``now_ms`` is moved by the test."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.now_ms = 1_000_000
        self.conversations: dict[ConversationId, Conversation] = {}
        self.cursors: dict[tuple[ConversationId, ClientId], SeenCursor] = {}
        self.supplements: list[tuple[str, frozenset[int], PersonId | None]] = []
        self.reads: list[str] = []
        self.unused_asked: list[set[ConversationId]] = []

    # --- What happens -----------------------------------------------------------------------

    def create(self, callers: Sequence[Caller], cells: int = 1) -> Conversation:
        """Create a conversation of these clients, spread over cells."""
        made = Conversation(ConversationId(new_id()), [CellId(new_id()) for _ in range(cells)])
        self.conversations[made.conversation_id] = made
        self.change(made, add=callers)
        return made

    def change(
        self,
        made: Conversation,
        *,
        add: Sequence[Caller] = (),
        remove: Sequence[Caller] = (),
        whole: bool = True,
    ) -> RosterWakeup:
        """Make the next head. ``whole``: whether the wake-up has the lists."""
        made.epoch += 1
        made.changed_ms = self.now_ms
        gone = {one.client_id for one in remove}
        for leaf in made.leaves:
            if leaf.until is None and leaf.caller.client_id in gone:
                leaf.until = made.epoch
        added: dict[ClientId, CellId] = {}
        for caller in add:
            cell_id = made.cells[len(made.listed()) % len(made.cells)]
            made.leaves.append(Leaf(caller, cell_id, made.epoch))
            added[caller.client_id] = cell_id
        return RosterWakeup(
            conversation_id=made.conversation_id,
            epoch=made.epoch,
            cells=len(made.cells),
            devices=len(made.listed()) if len(made.cells) == 1 else 2 * KNOWN_DEVICES,
            added=added if whole else {},
            removed=sorted(gone - added.keys()) if whole else [],
            whole=whole,
        )

    def post(
        self,
        made: Conversation,
        sender: Caller,
        text: bytes = b"",
        key: str = "",
        epoch: int = 0,
        *,
        deletes: bool = False,
    ) -> EntryWakeup:
        """Store a message. ``epoch`` 0: under the newest head."""
        made.changed_ms = self.now_ms
        seq = Seq(len(made.entries) + 1)
        epoch = epoch or made.epoch
        named = max(epoch, made.entries[-1].named_epoch if made.entries else 0)
        entry = wire.LogEntry(
            conversation_id=made.conversation_id, seq=seq, sent_ms=self.now_ms, message=text
        )
        wakeup = EntryWakeup(
            conversation_id=made.conversation_id,
            seq=seq,
            device=sender.device.hex(),
            person_id=sender.person_id,
            epoch=epoch,
            named_epoch=named,
            key_id=key,
            deletes=deletes,
            frame=msgspec.msgpack.encode(wire.EntryFrame(entry=entry, supplement=None)),
        )
        made.entries.append(wakeup)
        return wakeup

    def key_for(
        self,
        made: Conversation,
        cells: Collection[CellId] = (),
        devices: Collection[Caller] = (),
        seal_bytes: int = 96,
    ) -> KeyWakeup:
        """Store a conversation key that is sealed to these."""
        sealed = [bytes.fromhex(one) for one in cells] + [one.device[:16] for one in devices]
        blob = {one: one.ljust(seal_bytes, b"s") for one in sealed}
        seals = Seals(
            {one: blob[bytes.fromhex(one)] for one in cells},
            {one.device: blob[one.device[:16]] for one in devices},
        )
        wakeup = KeyWakeup(
            conversation_id=made.conversation_id,
            key_id=key_id(),
            record=key_record(self.now_ms),
            seals=b"".join(blob[one] for one in sorted(sealed)),
            size=seal_bytes,
        )
        made.keys[wakeup.key_id] = wakeup, seals, self.now_ms
        return wakeup

    def cell_key_for(
        self, made: Conversation, cell_id: CellId, devices: Collection[Caller]
    ) -> CellKeyWakeup:
        """Store a key of a cell that is sealed to these devices."""
        wakeup = CellKeyWakeup(
            conversation_id=made.conversation_id,
            cell_id=cell_id,
            record=new_id().encode(),
            seals=b"".join(sorted(one.device for one in devices)),
            size=32,
            devices=sorted(one.device for one in devices),
        )
        seals = {one.device: one.device for one in devices}
        made.cell_keys[wakeup.record] = Seals({}, seals)
        return wakeup

    # --- What sockets ask -------------------------------------------------------------------

    async def places(
        self, client_ids: Collection[ClientId]
    ) -> Mapping[ClientId, Sequence[LeafState]]:
        """See Feed."""
        found: dict[ClientId, list[LeafState]] = {}
        for made in self.conversations.values():
            for leaf in made.listed():
                if leaf.caller.client_id in client_ids:
                    place = self._place(made, leaf)
                    found.setdefault(leaf.caller.client_id, []).append(place)
        return found

    def _place(self, made: Conversation, leaf: Leaf) -> LeafState:
        cursor = self.cursors.get((made.conversation_id, leaf.caller.client_id))
        return LeafState(
            conversation_id=made.conversation_id,
            cell_id=leaf.cell_id,
            history_from_ms=0,
            last_seq=Seq(len(made.entries)),
            roster_epoch=Epoch(made.epoch),
            info_version=f"i{made.epoch}",
            receipts_version=made.receipts_version,
            delivered_seq=cursor.delivered_seq if cursor else Seq(0),
            read_seq=cursor.read_seq if cursor else Seq(0),
            shares=0,
        )

    async def entries(
        self, conversation_id: ConversationId, after: int, upto: int
    ) -> Sequence[EntryWakeup]:
        """See Feed."""
        self.reads.append(f"entries {after}-{upto}")
        made = self.conversations[conversation_id]
        kept = [one for one in made.entries[made.forgotten :] if after < one.seq <= upto]
        return kept[:MOST_READ]

    async def roster_since(self, conversation_id: ConversationId, epoch: int) -> RosterNews:
        """See Feed."""
        self.reads.append(f"roster {epoch}")
        made = self.conversations[conversation_id]
        added = {o.caller.client_id: o.cell_id for o in made.listed() if o.since > epoch}
        gone = {
            o.caller.client_id
            for o in made.leaves
            if o.since <= epoch and o.until is not None and o.until > epoch
        }
        change = RosterWakeup(
            conversation_id=conversation_id,
            epoch=made.epoch,
            cells=len(made.cells),
            devices=len(made.listed()) if len(made.cells) == 1 else 2 * KNOWN_DEVICES,
            added=added,
            removed=sorted(gone - added.keys()),
            whole=True,
        )
        return RosterNews(change, Seq(len(made.entries)))

    async def standings_since(self, since_ms: int) -> Mapping[ConversationId, ConversationPosition]:
        """See Feed."""
        return {
            one.conversation_id: ConversationPosition(Seq(len(one.entries)), Epoch(one.epoch))
            for one in self.conversations.values()
            if one.changed_ms >= since_ms
        }

    async def keys_since(self, since_ms: int) -> Sequence[KeyWakeup]:
        """See Feed."""
        return [
            msgspec.structs.replace(key, seals=b"")
            for made in self.conversations.values()
            for key, _, at_ms in made.keys.values()
            if at_ms >= since_ms
        ]

    async def key(self, conversation_id: ConversationId, wanted: str) -> KeyWakeup | None:
        """See Feed."""
        self.reads.append("key")
        found = self.conversations[conversation_id].keys.get(wanted)
        return None if found is None else msgspec.structs.replace(found[0], seals=b"")

    async def unused_keys(
        self, conversation_ids: Collection[ConversationId]
    ) -> Sequence[KeyWakeup]:
        """See Feed."""
        self.unused_asked.append(set(conversation_ids))
        found: list[KeyWakeup] = []
        for one in conversation_ids:
            made = self.conversations[one]
            used = {entry.key_id for entry in made.entries}
            if made.keys and (newest := list(made.keys)[-1]) not in used:
                found.append(msgspec.structs.replace(made.keys[newest][0], seals=b""))
        return found

    async def seals(self, key: KeyWakeup | CellKeyWakeup) -> Seals:
        """See Feed."""
        made = self.conversations[key.conversation_id]
        if isinstance(key, CellKeyWakeup):
            return made.cell_keys[key.record]
        return made.keys[key.key_id][1]

    async def supplement(
        self,
        conversation_id: ConversationId,
        device: str,
        epochs: Collection[int],
        person_id: PersonId | None,
    ) -> wire.Supplement:
        """See Feed: heads and proofs say of what they are."""
        self.supplements.append((device, frozenset(epochs), person_id))
        return wire.Supplement(
            heads=[f"{conversation_id} {one}".encode() for one in sorted(epochs)],
            proofs=[
                wire.EpochProof(epoch=Epoch(one), proof=bytes.fromhex(device))
                for one in sorted(epochs)
            ],
            people=[] if person_id is None else [name_alone(person_id)],
        )

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> None:
        """See Feed."""
        told: dict[ConversationId, list[wire.Receipt]] = {}
        for one in cursors:
            key = one.conversation_id, one.client_id
            former = self.cursors.get(key, replace(one, delivered_seq=Seq(0), read_seq=Seq(0)))
            self.cursors[key] = replace(
                one,
                delivered_seq=max(one.delivered_seq, former.delivered_seq),
                read_seq=max(one.read_seq, former.read_seq),
            )
            new = self.cursors[key]
            receipt = wire.Receipt(
                person_id=one.person_id,
                delivered_seq=new.delivered_seq,
                read_seq=new.read_seq,
                lacks=[],
            )
            told.setdefault(one.conversation_id, []).append(receipt)
        await self.bus.publish([self._receipts(c, receipts) for c, receipts in told.items()])

    def _receipts(
        self, conversation_id: ConversationId, receipts: list[wire.Receipt]
    ) -> ReceiptsWakeup:
        made = self.conversations[conversation_id]
        made.receipts_version += 1
        frame = wire.Receipts(
            conversation_id=conversation_id,
            receipts=receipts,
            receipts_version=made.receipts_version,
        )
        return ReceiptsWakeup(conversation_id=conversation_id, frame=msgspec.msgpack.encode(frame))


def caller(person_id: str | None = None, *, confirmed: bool = True) -> Caller:
    """Return a new device of a person, a new one for None."""
    client_id = new_id()
    return Caller(
        person_id=PersonId(person_id or new_id()),
        client_id=ClientId(client_id),
        device=hashlib.sha256(client_id.encode()).digest(),
        outstanding=NOTHING,
        confirmed=confirmed,
    )
