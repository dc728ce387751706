"""The newest entries of conversations in this node's memory, for clients that come back.

When a node starts again, thousands of clients lack the same few entries. Who says in Hello how far
it has come is sent them on its socket, right after Ready, without a request for each. Invariant: a
stretch is whole, it holds every entry with ``after`` < seq ≤ ``upto``; what does not join it starts
a new one. What a client is sent of a sealed message has its cell's seal: where that is not here it
may have come late, and only the log knows. (One that a late seal replaced may be the former one;
who cannot open it asks for the message again.) Bounded for each conversation and in all. No I/O.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ConversationId
from copconnect.sockets import framing
from copconnect.sockets.sealed_entry import by_cell, frame_for, seal_of

MOST_ENTRIES = 128
# Of one conversation: some 25 messages to 63,000 devices, of 600 KB of post-quantum seals each.
# When all of them come back they would ask the log one by one for what does not stand here.
_MOST_BYTES = 16 * 1024 * 1024
_MOST_BYTES_IN_ALL = 64 * 1024 * 1024
# Frames of sealed messages: what everybody of 63,000 lacks is 25 messages of 3 KB for 509 cells.
_MOST_FRAME_BYTES = 48 * 1024 * 1024
_KEPT_BYTES = 300  # That a frame takes beside its own: its key and its place.
_ADDED_BYTES = 64  # At most, by a cell's id and the lengths and heads that a frame gets.
_MOST_UNSEALED = 1_000
_FrameKey = tuple[ConversationId, int, CellId]


@dataclass(slots=True)
class Stretch:
    """Entries without gaps, as many and as large as are kept of one conversation."""

    after: int
    upto: int
    wakeups: deque[EntryWakeup] = field(default_factory=deque)
    size: int = 0

    def extend(self, wakeups: Iterable[EntryWakeup], upto: int) -> None:
        """Take in what follows up to a seq; the oldest go when there are too many."""
        for one in wakeups:
            self.wakeups.append(one)
            self.size += _size(one)
        self.upto = upto
        while len(self.wakeups) > MOST_ENTRIES or self.size > _MOST_BYTES:
            gone = self.wakeups.popleft()
            self.size -= _size(gone)
            self.after = gone.seq


def _size(wakeup: EntryWakeup) -> int:
    return len(wakeup.frame) + sum(map(len, wakeup.seals))


def _frame_size(wakeup: EntryWakeup) -> int:
    """As much as its frame for a cell may have, without making it: all seals are of one length."""
    return len(wakeup.frame) + len(wakeup.seals[0] if wakeup.seals else b"") + _ADDED_BYTES


class Recent:
    """The newest entries; the longest untouched conversation goes first."""

    def __init__(self) -> None:
        self._stretches: OrderedDict[ConversationId, Stretch] = OrderedDict()
        self._size = 0
        # A sealed message is made once for each cell, not for each of its clients.
        self._frames: OrderedDict[_FrameKey, bytes] = OrderedDict()
        self._frame_bytes = 0
        self._unsealed: Counter[tuple[ConversationId, int]] = Counter()

    def add(self, wakeup: EntryWakeup) -> None:
        """Take in the entry that was passed on just now."""
        known = self._stretches.get(wakeup.conversation_id)
        if known is None or known.upto != wakeup.seq - 1:
            self.fill(wakeup.conversation_id, wakeup.seq - 1, wakeup.seq, [wakeup])
        else:
            self._extend(wakeup.conversation_id, known, [wakeup], wakeup.seq)

    def fill(
        self,
        conversation_id: ConversationId,
        after: int,
        upto: int,
        wakeups: Iterable[EntryWakeup],
    ) -> None:
        """Take in every entry with after < seq ≤ upto, as the log has them."""
        known = self._stretches.pop(conversation_id, None)
        stretch = Stretch(after, after)
        later: Sequence[EntryWakeup] = ()
        end = upto
        if known is not None:
            self._size -= known.size
            if known.after <= upto < known.upto:
                later = [one for one in known.wakeups if one.seq > upto]
                end = known.upto
        self._stretches[conversation_id] = stretch
        self._extend(conversation_id, stretch, [*wakeups, *later], end)

    def _extend(
        self,
        conversation_id: ConversationId,
        stretch: Stretch,
        wakeups: Sequence[EntryWakeup],
        upto: int,
    ) -> None:
        before = stretch.size
        stretch.extend(wakeups, upto)
        self._size += stretch.size - before
        self._stretches.move_to_end(conversation_id)
        while self._size > _MOST_BYTES_IN_ALL:
            _, oldest = self._stretches.popitem(last=False)
            self._size -= oldest.size

    def covers(self, conversation_id: ConversationId, after: int, upto: int) -> bool:
        """Whether every entry with after < seq ≤ upto is here."""
        known = self._stretches.get(conversation_id)
        return after >= upto or (known is not None and known.after <= after and known.upto >= upto)

    def since(
        self, conversation_id: ConversationId, after: int, upto: int, cell_id: CellId, room: int
    ) -> list[bytes] | None:
        """Return the frames, for WebSockets, of what a client of a cell lacks.

        None where that is not known for certain here: entries are missing, or the cell's seal of
        one, or the roster changed, so that the client may have sat elsewhere. None, too, where they
        are more than ``room`` bytes; then none is made, for whoever may post can make them large.
        """
        if not self.covers(conversation_id, after, upto):
            return None
        known = self._stretches.get(conversation_id)
        missed = [one for one in known.wakeups if after < one.seq <= upto] if known else []
        if any(one.kind == "roster" for one in missed):
            return None
        missed = [one for one in missed if one.cell_id in (None, cell_id)]
        if sum(map(_frame_size, missed)) > room:
            return None
        frames: list[bytes] = []
        unsealed: list[int] = []
        for one in missed:
            frame = self._frame(one, cell_id)
            if frame is None:
                unsealed.append(one.seq)
            else:
                frames.append(frame)
        if unsealed:
            self._note_unsealed(conversation_id, unsealed)
            return None
        return frames

    def _frame(self, wakeup: EntryWakeup, cell_id: CellId) -> bytes | None:
        """Return an entry's frame for a cell; None while its seal is not here."""
        if wakeup.kind != "sealed":
            return framing.binary(wakeup.frame)
        key = wakeup.conversation_id, wakeup.seq, cell_id
        known = self._frames.get(key)
        if known is not None:
            return known
        seal = seal_of(wakeup.seals, cell_id)
        if seal is None:
            return None
        made = self._frames[key] = framing.binary(frame_for(wakeup.frame, cell_id, seal))
        self._frame_bytes += len(made) + _KEPT_BYTES
        while self._frame_bytes > _MOST_FRAME_BYTES:
            _, gone = self._frames.popitem(last=False)
            self._frame_bytes -= len(gone) + _KEPT_BYTES
        return made

    # --- Seals that come late ---------------------------------------------------------------

    def _note_unsealed(self, conversation_id: ConversationId, seqs: Sequence[int]) -> None:
        if len(self._unsealed) > _MOST_UNSEALED:
            self._unsealed.clear()  # They are counted from 1 again.
        self._unsealed.update((conversation_id, seq) for seq in seqs)

    def unsealed(self, times: int) -> list[tuple[ConversationId, int]]:
        """Return the entries that so many clients were sent to the log for, since their cells'
        seals are not here; most of them first."""
        return [key for key, count in self._unsealed.most_common() if count >= times]

    def renew(
        self, conversation_id: ConversationId, seq: int, found: Sequence[EntryWakeup]
    ) -> None:
        """Take in an entry, which is the only one in ``found`` or gone, with the seals it has by
        now."""
        self._unsealed.pop((conversation_id, seq), None)
        stretch = self._stretches.get(conversation_id)
        if stretch is None:
            return
        for one in found:
            for at, former in enumerate(stretch.wakeups):
                if former.seq == one.seq:
                    self._replace(stretch, at, one)
                    self._extend(conversation_id, stretch, (), stretch.upto)
                    break

    def _replace(self, stretch: Stretch, at: int, wakeup: EntryWakeup) -> None:
        former, stretch.wakeups[at] = stretch.wakeups[at], wakeup
        grown = _size(wakeup) - _size(former)
        stretch.size += grown
        self._size += grown
        for cell_id in by_cell(former.seals):  # A late seal may have taken the place of one.
            gone = self._frames.pop((former.conversation_id, former.seq, cell_id), None)
            if gone is not None:
                self._frame_bytes -= len(gone) + _KEPT_BYTES
