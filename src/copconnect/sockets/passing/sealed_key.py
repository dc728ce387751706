"""A conversation key or cell key with its seals, as the frames that go to sockets. No I/O."""

from copconnect import wire
from copconnect.bus import CellKeyWakeup, KeyWakeup
from copconnect.ids import CellId
from copconnect.sockets.connections import framing
from copconnect.sockets.feed import Seals


class SealedKey:
    """A conversation key: one frame for each cell, whatever the number of its devices, one for each
    device with a seal of its own, and one without a seal for all others."""

    __slots__ = ("_frames", "_seals", "_wakeup")

    def __init__(self, wakeup: KeyWakeup, seals: Seals) -> None:
        self._wakeup = wakeup
        self._seals = seals
        self._frames: dict[CellId | None, bytes] = {}

    @property
    def size(self) -> int:
        """Bytes that it holds at most, once every cell's frame has been made."""
        seals = self._seals
        each = self._wakeup.size * 2 + len(self._wakeup.record) + _FRAME_BYTES
        return each * (len(seals.cells) + len(seals.devices) + 1)

    @property
    def frame_size(self) -> int:
        """Bytes of one frame, at most."""
        return len(self._wakeup.record) + self._wakeup.size + _FRAME_BYTES

    def frame(self, cell_id: CellId, device: bytes) -> bytes:
        """Return the frame for a device: with its own seal, else with its cell's."""
        own = self._seals.devices.get(device)
        if own is not None:
            return self._make(own)
        seal = self._seals.cells.get(cell_id)
        key = None if seal is None else cell_id
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._make(seal)
        return frame

    def _make(self, seal: bytes | None) -> bytes:
        return framing.frame(
            wire.KeyFrame(
                conversation_id=self._wakeup.conversation_id,
                record=self._wakeup.record,
                seal=seal,
                awaited=seal is None and self._seals.late,
            )
        )


_FRAME_BYTES = 100  # The names of its fields, the conversation's id, lengths.


def cell_key_frame(wakeup: CellKeyWakeup, seal: bytes) -> bytes:
    """Return the frame of a cell key for a device."""
    return framing.frame(
        wire.CellKeyFrame(
            conversation_id=wakeup.conversation_id,
            cell_id=wakeup.cell_id,
            record=wakeup.record,
            seal=seal,
        )
    )
