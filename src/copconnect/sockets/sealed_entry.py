"""A sealed message as one cell gets it: the common part with that cell's seal. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

from copconnect import wire
from copconnect.bus import EntryWakeup
from copconnect.ids import CellId

_CELL_BYTES = 16
_ENCODER = msgspec.msgpack.Encoder()
_PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)
_FRAME = msgspec.msgpack.Decoder(wire.EntryFrame)


def by_cell(seals: Iterable[bytes]) -> dict[CellId, bytes]:
    """Return seals, which begin with their cell's id, by cell."""
    return {CellId(one[:_CELL_BYTES].hex()): one for one in seals}


def seal_of(seals: Sequence[bytes], cell_id: CellId) -> bytes | None:
    """Return a cell's seal of those of a message, which are in ascending order of cells, or None.

    Who looks for one of 509 need not read the others.
    """
    cell = bytes.fromhex(cell_id)
    at = bisect_left(seals, cell)
    return seals[at] if at < len(seals) and seals[at].startswith(cell) else None


def frame_for(frame: bytes, cell_id: CellId, seal: bytes) -> bytes:
    """Return an encoded wire.EntryFrame as it goes to a cell."""
    entry = for_cell(_FRAME.decode(frame).entry, cell_id, seal)
    return _ENCODER.encode(wire.EntryFrame(entry=entry))


def for_cell(entry: wire.LogEntry, cell_id: CellId, seal: bytes | None) -> wire.LogEntry:
    """Return the entry as it goes to a cell."""
    payload = msgspec.structs.replace(_PAYLOAD.decode(entry.payload), seal=seal)
    return msgspec.structs.replace(entry, cell_id=cell_id, payload=_ENCODER.encode(payload))


class SealedFrames:
    """Makes the frames of one wake-up, one for each cell."""

    def __init__(self, wakeup: EntryWakeup) -> None:
        self._entry = _FRAME.decode(wakeup.frame).entry
        self._seals = by_cell(wakeup.seals)

    def frame(self, cell_id: CellId) -> bytes:
        """Return the encoded wire.EntryFrame for a cell."""
        entry = for_cell(self._entry, cell_id, self._seals.get(cell_id))
        return _ENCODER.encode(wire.EntryFrame(entry=entry))
