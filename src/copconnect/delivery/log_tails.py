"""The newest entries for every cell of large conversations, in this process's memory.

When 63,000 devices come back at once, nearly all of them lack the same few entries: those are read
once. Invariant: a tail holds every entry for all cells with ``after`` < seq ≤ ``upto``; the log
grows at its end alone, so nothing here is ever wrong, only short. Entries of one cell are not kept.
Seals are kept as they were read; one that is missing is looked up in the database each time,
because it may come late. One that was replaced (sealed_posting.py) may be the former one here.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database import chunks
from copconnect.delivery import log_store, sealed_store
from copconnect.delivery.sealed.message import find_seal, kem_of, read_seals
from copconnect.delivery.standing import ClientPlaces
from copconnect.ids import CellId, ConversationId, Seq
from copconnect.sockets.sealed_entry import for_cell

MOST_ENTRIES = 256
MOST_TAIL_BYTES = 8 * 1024 * 1024
MOST_TAILS = 64
MOST_SEAL_BYTES = 64 * 1024 * 1024
READ_TOGETHER = 32  # Messages: 20 MB of seals to 63,000 devices, post-quantum ones.
_PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)


@dataclass(slots=True)
class _Tail:
    after: int = 0
    upto: int = 0
    entries: list[wire.LogEntry] = field(default_factory=list)
    size: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def extend(self, entries: Sequence[wire.LogEntry], upto: int) -> None:
        """Take in what follows up to a seq; the oldest go when there are too many."""
        self.entries += entries
        self.size += sum(len(one.payload) for one in entries)
        self.upto = upto
        gone = 0
        while len(self.entries) - gone > MOST_ENTRIES or self.size > MOST_TAIL_BYTES:
            self.size -= len(self.entries[gone].payload)
            self.after = self.entries[gone].seq
            gone += 1
        del self.entries[:gone]


class LogTails:
    """Bounded; the longest unused go first. One event loop."""

    def __init__(self) -> None:
        self._tails: OrderedDict[ConversationId, _Tail] = OrderedDict()
        self._seals: OrderedDict[tuple[ConversationId, Seq], bytes] = OrderedDict()
        self._seal_bytes = 0

    async def shared(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        after: int,
        upto: int,
    ) -> list[wire.LogEntry] | None:
        """Return the entries for all cells with after < seq ≤ upto, ``upto`` being the newest in
        this transaction; None when they do not reach back so far."""
        tail = self._tails.setdefault(conversation_id, _Tail())
        self._tails.move_to_end(conversation_id)
        while len(self._tails) > MOST_TAILS:
            self._tails.popitem(last=False)
        if tail.upto < upto:
            async with tail.reading:
                if tail.upto < upto:  # Another may have read it meanwhile.
                    await self._read(connection, conversation_id, tail, upto)
        if after < tail.after:
            return None
        return [one for one in tail.entries if after < one.seq <= upto]

    async def _read(
        self, connection: AsyncConnection, conversation_id: ConversationId, tail: _Tail, upto: int
    ) -> None:
        found = await log_store.newest_shared(
            connection, conversation_id, tail.upto, upto, MOST_ENTRIES
        )
        if len(found) == MOST_ENTRIES:  # There may be more between the tail and these.
            tail.entries, tail.size, tail.after = [], 0, found[0].seq - 1
        tail.extend(found, upto)

    # --- Seals ------------------------------------------------------------------------------

    async def with_seals(
        self,
        connection: AsyncConnection,
        entries: Sequence[wire.LogEntry],
        places: ClientPlaces,
    ) -> list[wire.LogEntry]:
        """Return the entries as one client gets them: sealed ones with its cell's seal.

        One statement for each READ_TOGETHER whose seal is not in memory.
        """
        cut: dict[Seq, tuple[CellId, bytes | None]] = {}
        unread: list[wire.LogEntry] = []
        for one in entries:
            if one.kind == "sealed":
                cut[one.seq] = _seal_for(one, self._known(one), places)
                if cut[one.seq][1] is None:
                    unread.append(one)
        for some in chunks(unread, READ_TOGETHER):
            # What was read, not what is kept of it: that may be less than a page.
            found = await self.read_seals(connection, some)
            for one in some:
                cut[one.seq] = _seal_for(one, found.get(one.seq, b""), places)
        return [for_cell(one, *cut[one.seq]) if one.kind == "sealed" else one for one in entries]

    def keep_seals(self, conversation_id: ConversationId, seq: Seq, seals: bytes) -> None:
        """Keep the seals of an entry."""
        key = (conversation_id, seq)
        self._seal_bytes += len(seals) - len(self._seals.pop(key, b""))
        self._seals[key] = seals
        while self._seal_bytes > MOST_SEAL_BYTES and len(self._seals) > 1:
            _, gone = self._seals.popitem(last=False)
            self._seal_bytes -= len(gone)

    def _known(self, entry: wire.LogEntry) -> bytes:
        return self._seals.get((entry.conversation_id, entry.seq), b"")

    async def read_seals(
        self, connection: AsyncConnection, entries: Collection[wire.LogEntry]
    ) -> dict[Seq, bytes]:
        """Read the seals of entries anew; return them by seq. One statement."""
        conversation_id = next(iter(entries)).conversation_id
        found = await sealed_store.seals_of(
            connection, conversation_id, [one.seq for one in entries]
        )
        for seq, seals in found.items():
            self.keep_seals(conversation_id, seq, seals)
        return found


def _seal_for(
    entry: wire.LogEntry, seals: bytes, places: ClientPlaces
) -> tuple[CellId, bytes | None]:
    """Return the cell that the client was in when the entry was written, and its seal; or that of
    the cell which took its place, if that one got a late seal."""
    kem = kem_of(_PAYLOAD.decode(entry.payload).sealed)
    cells = [*sorted(places.at(entry.seq)), *sorted(places.now)]
    for cell_id in cells:
        seal = find_seal(seals, kem, cell_id)
        if seal is not None:
            return cell_id, seal
    return cells[0], None


def split(entry: wire.LogEntry, seals: bytes) -> list[bytes]:
    """Return the seals of an entry one by one; none of one that is not sealed."""
    if not seals:
        return []
    kem = kem_of(_PAYLOAD.decode(entry.payload).sealed)
    return [one.data for one in read_seals(seals, kem)]
