"""Frames for sockets that need a read first: messages with a supplement, keys with their seals.

A read that takes longer than ``PREPARE_S`` is given up: the frame goes without it, or not at all,
and devices ask for what they lack.
"""

import asyncio
from collections import OrderedDict

import msgspec
import structlog

from copconnect import wire
from copconnect.bus import CellKeyWakeup, EntryWakeup, KeyWakeup
from copconnect.ids import CellId
from copconnect.sockets.connections import framing
from copconnect.sockets.feed import Feed, Seals

PREPARE_S = 2.0
_MOST_SENDERS = 1_000
_FRAME_BYTES = 100  # The names of a key frame's fields, the conversation's id, lengths.
_ENTRY = msgspec.msgpack.Decoder(wire.EntryFrame)
log = structlog.get_logger()


class SealedKey:
    """A conversation key: one frame for each cell, whatever the number of its devices, one for each
    device with its own seal, and one without a seal for all others."""

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


async def sealed_key(feed: Feed, wakeup: KeyWakeup) -> SealedKey | None:
    """Return a conversation key with its seals; None where they cannot be read now."""
    seals = await read_seals(feed, wakeup)
    return None if seals is None else SealedKey(wakeup, seals)


async def read_seals(feed: Feed, wakeup: KeyWakeup | CellKeyWakeup) -> Seals | None:
    """Return the seals of a key; None where they cannot be read now."""
    try:
        async with asyncio.timeout(PREPARE_S):
            return await feed.seals(wakeup)
    except Exception as error:
        log.warning("seals_not_read", error=type(error).__name__)
        return None


class Senders:
    """The senders whose records and leaf this conversation's readers have been given."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def lacks(self, wakeup: EntryWakeup, trust: int) -> tuple[set[int], bool]:
        """Return what readers of a message may lack: heads and proofs of these epochs (R2), and
        the records of the sender's person. ``trust`` counts changes of those records."""
        known = self._known.get(wakeup.device)
        if known == (wakeup.epoch, wakeup.named_epoch, trust):
            return set(), False
        return {wakeup.epoch, wakeup.named_epoch}, known is None or known[2] != trust

    def given(self, wakeup: EntryWakeup, trust: int) -> None:
        """Readers have what they need for this sender at this message's epochs."""
        self._known[wakeup.device] = wakeup.epoch, wakeup.named_epoch, trust
        self._known.move_to_end(wakeup.device)
        if len(self._known) > _MOST_SENDERS:
            self._known.popitem(last=False)


async def supplemented(feed: Feed, wakeup: EntryWakeup, epochs: set[int], *, people: bool) -> bytes:
    """Return a framed message with the heads and proofs of these epochs, and the sender's records
    if ``people``. Raises what the feed does, and TimeoutError."""
    async with asyncio.timeout(PREPARE_S):
        supplement = await feed.supplement(
            wakeup.conversation_id, wakeup.device, epochs, wakeup.person_id if people else None
        )
    frame = _ENTRY.decode(wakeup.frame)
    return framing.frame(msgspec.structs.replace(frame, supplement=supplement))
