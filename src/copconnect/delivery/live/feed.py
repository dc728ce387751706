"""Answers of the Delivery Service to live connections: places, missed messages, keys, supplements.

Implements ``copconnect.sockets.Feed``. A bounded cache holds proofs, which never change;
everything else is read again, each in one snapshot.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from copconnect import wire
from copconnect.bus import (
    CellKeyWakeup,
    EntryWakeup,
    KeyWakeup,
)
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.live import cursor_store, places
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.store import late_seals, log, receipts
from copconnect.delivery.store.rosters import KeptHead
from copconnect.delivery.store.tables import CELL_KEYS, KEYS
from copconnect.ids import ClientId, ConversationId, Epoch, PersonId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.message import MessageKind
from copconnect.records.primitives.fields import KEY_ID_BYTES
from copconnect.sockets.feed import ConversationPosition, LeafState, RosterNews, Seals, SeenCursor

_BATCH = 500
_MOST_PROVEN = 5_000
_ENCODER = msgspec.msgpack.Encoder()
_HeadsAndProofs = tuple[list[bytes], list[wire.EpochProof]]
_EpochsAsked = tuple[ConversationId, str, frozenset[int]]


class LiveFeed:
    """Reads for sockets and stores their cursors."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        self._proven: OrderedDict[_EpochsAsked, _HeadsAndProofs] = OrderedDict()

    async def places(
        self, client_ids: Collection[ClientId]
    ) -> Mapping[ClientId, Sequence[LeafState]]:
        """Return where these clients belong, in one statement."""
        async with self._deps.database.reading_once() as connection:
            return await places.places_of(connection, client_ids)

    async def entries(
        self, conversation_id: ConversationId, after: int, upto: int
    ) -> Sequence[EntryWakeup]:
        """Return the messages with after < seq ≤ upto, at most a batch and a page's bytes."""
        async with self._deps.database.reading() as connection:
            found = await log.between(connection, conversation_id, after, upto, _BATCH)
        return [_wakeup(one) for one in found]

    async def roster_since(self, conversation_id: ConversationId, epoch: int) -> RosterNews:
        """Return how the newest roster differs from that of an epoch."""
        async with self._deps.database.reading() as connection:
            return await places.roster_since(connection, conversation_id, epoch)

    async def standings_since(self, since_ms: int) -> Mapping[ConversationId, ConversationPosition]:
        """Return the heads of the conversations that changed since a time."""
        async with self._deps.database.reading() as connection:
            return await places.standings_since(connection, since_ms)

    # --- Keys -------------------------------------------------------------------------------

    async def keys_since(self, since_ms: int) -> Sequence[KeyWakeup]:
        """Return the conversation keys that were accepted since a time, without seals."""
        async with self._deps.database.reading() as connection:
            return await places.keys_since(connection, since_ms)

    async def key(self, conversation_id: ConversationId, key_id: str) -> KeyWakeup | None:
        """Return a conversation key that is kept, without seals."""
        async with self._deps.database.reading() as connection:
            return await places.key(connection, conversation_id, bytes.fromhex(key_id))

    async def unused_keys(
        self, conversation_ids: Collection[ConversationId]
    ) -> Sequence[KeyWakeup]:
        """Return the newest key of those of these conversations where no message is under it."""
        now_ms = self._deps.clock.now_ms()
        async with self._deps.database.reading() as connection:
            return await places.unused_keys(connection, conversation_ids, now_ms)

    async def seals(self, key: KeyWakeup | CellKeyWakeup) -> Seals:
        """Return a record's seals by recipient. Four statements at most, whatever their number,
        but one for each 500 seals to devices; none for a cell key whose wake-up holds them."""
        conversation_id, blob = key.conversation_id, key.seals
        if isinstance(key, CellKeyWakeup) and blob:
            return Seals({}, dict(zip(key.devices, _cut(blob, key.size).values(), strict=True)))
        async with self._deps.database.reading() as connection:
            if isinstance(key, KeyWakeup):
                if not blob:
                    key_id = bytes.fromhex(key.key_id)
                    blob = await places.seals_of(connection, KEYS, conversation_id, key_id)
                by_key = _cut(blob, key.size)
                of_cells = await places.cells_of_keys(connection, conversation_id)
                if of_cells:
                    key_id = bytes.fromhex(key.key_id)
                    by_key |= await late_seals.seals(connection, conversation_id, key_id)
            else:
                key_id = CellKey.parse(key.record).key_id()
                blob = await places.seals_of(connection, CELL_KEYS, conversation_id, key_id)
                by_key = _cut(blob, key.size)
                of_cells = {}
            cells = {cell_id: by_key.pop(one) for one, cell_id in of_cells.items() if one in by_key}
            devices: Mapping[bytes, bytes] = {}
            if by_key:
                devices = await self._deps.devices.devices_of_keys(connection, by_key.keys())
        own = {device: by_key[one] for one, device in devices.items()}
        return Seals(cells, own, late=bool(of_cells))

    # --- Supplements ------------------------------------------------------------------------

    async def supplement(
        self,
        conversation_id: ConversationId,
        device: str,
        epochs: Collection[int],
        person_id: PersonId | None,
    ) -> wire.Supplement:
        """Return the heads of these epochs that are kept, the proofs of a device's leaf under them
        and the signed records of its person; without those for None."""
        asked = conversation_id, device, frozenset(epochs)
        known = self._proven.get(asked)
        people: list[wire.PersonTrust] = []
        if known is None or person_id is not None:
            async with self._deps.database.reading() as connection:
                if known is None:
                    which = {(conversation_id, one, bytes.fromhex(device)) for one in epochs}
                    proven = await prove(connection, self._deps.trees, which)
                    known = _told(proven.heads, proven.proofs)
                    self._keep(asked, known)
                if person_id is not None:
                    people = list(await self._deps.devices.people_trust(connection, [person_id]))
        heads, proofs = known
        return wire.Supplement(heads=heads, proofs=proofs, people=people)

    def _keep(self, asked: _EpochsAsked, known: _HeadsAndProofs) -> None:
        self._proven[asked] = known
        if len(self._proven) > _MOST_PROVEN:
            self._proven.popitem(last=False)

    # --- Cursors ----------------------------------------------------------------------------

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> None:
        """Store a batch, and tell it. Three statements."""
        async with self._deps.database.transaction() as connection:
            await cursor_store.grow(connection, cursors)
            moved = {(one.conversation_id, one.person_id) for one in cursors}
            await receipts.tell(connection, sorted(moved))


def _cut(seals: bytes, size: int) -> dict[bytes, bytes]:
    """Return seals by the id of the key that each is sealed to."""
    found = (seals[at : at + size] for at in range(0, len(seals), size))
    return {one[:KEY_ID_BYTES]: one for one in found}


def _told(
    heads: Mapping[tuple[ConversationId, int], KeptHead],
    proofs: Mapping[tuple[ConversationId, int, bytes], bytes],
) -> _HeadsAndProofs:
    return (
        [head.head for _, head in sorted(heads.items())],
        [
            wire.EpochProof(epoch=Epoch(epoch), proof=proof)
            for (_, epoch, _), proof in sorted(proofs.items())
        ],
    )


def _wakeup(one: log.ReadableMessage) -> EntryWakeup:
    return EntryWakeup(
        conversation_id=one.entry.conversation_id,
        seq=one.entry.seq,
        device=one.device.hex(),
        person_id=one.person_id,
        epoch=one.epoch,
        named_epoch=one.named_epoch,
        key_id=one.key_id.hex(),
        deletes=one.kind == MessageKind.DELETION,
        frame=_ENCODER.encode(wire.EntryFrame(entry=one.entry, supplement=None)),
    )
