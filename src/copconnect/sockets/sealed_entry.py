"""A sealed message as one cell gets it: the common part with that cell's seal. Pure."""

from collections.abc import Iterable

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
