"""The newest messages of conversations in this node's memory, for clients that come back.

When a node starts again, thousands of clients lack the same few messages. A client that says in
Hello how far it has come is sent them on its socket, right after Ready, without a request for each;
before the first message under a key that is new to it comes the key. Invariants: a stretch is
whole, it holds every message with ``after`` < seq ≤ ``upto``; a message that does not join it
starts a new one. Frames are the ones that were passed on, with their supplements: a device that has
checked everything up to its position has with them what it needs for the rest. If the key of a
message is not here, the log is asked; so it is where anything that a client says it lacks is from
before its device's history. A deletion that is passed on starts a new stretch: frames from before
it may have the words that the log dropped. Bounded for each conversation and in all. No I/O.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from copconnect.bus import EntryWakeup, KeyWakeup
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.sockets.dispatch.frames import SealedKey

MOST_ENTRIES = 128
MOST_KEYS = 32  # Keys of one conversation: a night in which it changed every half an hour.
_MOST_BYTES = 16 * 1024 * 1024  # Messages of one conversation.
MOST_BYTES_IN_ALL = 64 * 1024 * 1024
MOST_KEY_BYTES = 96 * 1024 * 1024  # 500 cells have 1 MB of post-quantum seals, and their frames.
_KEPT_BYTES = 200  # That a message takes beside its frame.


class _Sent(msgspec.Struct, rename="camel"):
    sent_ms: int


class _DecodedFrame(msgspec.Struct):
    entry: _Sent


# Decodes a wire.EntryFrame without a copy of its message, which may be large.
_FRAME = msgspec.msgpack.Decoder(_DecodedFrame)


def sent_ms(wakeup: EntryWakeup) -> int:
    """Return when the server accepted a message; its frame must be there."""
    return _FRAME.decode(wakeup.frame).entry.sent_ms


@dataclass(frozen=True, slots=True)
class Passed:
    """A message as it was passed on: ``frame`` is whole, with its head."""

    seq: int
    key_id: str
    sent_ms: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Part of a stretch: its messages, the keys that begin with it, by their first message, the
    bytes of its frames, and when the oldest was sent (None: it has none)."""

    entries: Sequence[Passed]
    begun: Mapping[int, str]
    size: int
    oldest_ms: int | None


@dataclass(slots=True)
class Stretch:
    """Messages without gaps, as many and as large as are kept of one conversation."""

    after: int
    upto: int
    entries: deque[Passed] = field(default_factory=deque)
    size: int = 0
    _cuts: dict[tuple[int, int], Cut] = field(default_factory=dict)  # Crowds lack the same.

    def cut(self, after: int, upto: int) -> Cut:
        """Return the messages with after < seq ≤ upto. A key begins where no earlier message here
        is under it: a device at ``after`` has the key of an earlier one."""
        found = self._cuts.get((after, upto))
        if found is None:
            part = [one for one in self.entries if after < one.seq <= upto]
            seen = {one.key_id for one in self.entries if one.seq <= after}
            begun: dict[int, str] = {}
            for one in part:
                if one.key_id not in seen:
                    seen.add(one.key_id)
                    begun[one.seq] = one.key_id
            size = sum(len(one.frame) for one in part)
            # The oldest of all: nodes' clocks differ, so that a later one may have an earlier time.
            oldest_ms = min((one.sent_ms for one in part), default=None)
            found = Cut(part, begun, size, oldest_ms)
            self._cuts[after, upto] = found
        return found

    def extend(self, entries: Iterable[Passed], upto: int) -> None:
        """Take in what follows up to a seq; the oldest go when there are too many."""
        self._cuts.clear()
        for one in entries:
            self.entries.append(one)
            self.size += len(one.frame) + _KEPT_BYTES
        self.upto = upto
        while len(self.entries) > MOST_ENTRIES or self.size > _MOST_BYTES:
            gone = self.entries.popleft()
            self.size -= len(gone.frame) + _KEPT_BYTES
            self.after = gone.seq


class Recent:
    """The newest messages and their keys; the longest untouched conversation goes first."""

    def __init__(self) -> None:
        self._stretches: OrderedDict[ConversationId, Stretch] = OrderedDict()
        self._size = 0
        self.deletions = 0  # That were passed on. A read that began before one may have its words.
        self._keys: OrderedDict[tuple[ConversationId, str], SealedKey] = OrderedDict()
        self._created_ms: dict[tuple[ConversationId, str], int] = {}  # By key.
        self._keys_of: dict[ConversationId, deque[str]] = {}
        self._key_bytes = 0

    def add(self, wakeup: EntryWakeup, frame: bytes) -> None:
        """Take in the message that was passed on just now."""
        known = self._stretches.get(wakeup.conversation_id)
        passed = Passed(wakeup.seq, wakeup.key_id, sent_ms(wakeup), frame)
        self.deletions += wakeup.deletes
        if known is None or known.upto != wakeup.seq - 1 or wakeup.deletes:
            self.fill(wakeup.conversation_id, wakeup.seq - 1, wakeup.seq, [passed])
        else:
            self._extend(wakeup.conversation_id, known, [passed], wakeup.seq)

    def fill(
        self, conversation_id: ConversationId, after: int, upto: int, entries: Iterable[Passed]
    ) -> None:
        """Take in every message with after < seq ≤ upto, as the log has them."""
        known = self._stretches.pop(conversation_id, None)
        stretch = Stretch(after, after)
        later: Sequence[Passed] = ()
        end = upto
        if known is not None:
            self._size -= known.size
            if known.after <= upto < known.upto:
                later = [one for one in known.entries if one.seq > upto]
                end = known.upto
        self._stretches[conversation_id] = stretch
        self._extend(conversation_id, stretch, [*entries, *later], end)

    def _extend(
        self,
        conversation_id: ConversationId,
        stretch: Stretch,
        entries: Sequence[Passed],
        upto: int,
    ) -> None:
        before = stretch.size
        stretch.extend(entries, upto)
        self._size += stretch.size - before
        self._stretches.move_to_end(conversation_id)
        while self._size > MOST_BYTES_IN_ALL:
            _, oldest = self._stretches.popitem(last=False)
            self._size -= oldest.size

    # --- Keys -------------------------------------------------------------------------------

    def add_key(self, wakeup: KeyWakeup, sealed: SealedKey) -> None:
        """Take in a conversation key with its seals."""
        key = wakeup.conversation_id, wakeup.key_id
        if key in self._keys:
            return
        self._created_ms[key] = ConversationKey.parse(wakeup.record).created
        self._keys[key] = sealed
        self._key_bytes += sealed.size
        newest = self._keys_of.setdefault(wakeup.conversation_id, deque())
        newest.append(wakeup.key_id)
        if len(newest) > MOST_KEYS:
            self._forget_key((wakeup.conversation_id, newest[0]))
        while self._key_bytes > MOST_KEY_BYTES:
            self._forget_key(next(iter(self._keys)))

    def key(self, conversation_id: ConversationId, key_id: str, from_ms: int) -> SealedKey | None:
        """Return a conversation key that is here, for a device whose history begins then; None if
        it was made before: a device that kept its cell's secret could open the seal."""
        sealed = self._keys.get((conversation_id, key_id))
        if sealed is None or self._created_ms[conversation_id, key_id] < from_ms:
            return None
        return sealed

    def late_seals(self, conversation_id: ConversationId, key_id: str) -> None:
        """Forget a key that got late seals (S9), so that its seals are read again."""
        if (conversation_id, key_id) in self._keys:
            self._forget_key((conversation_id, key_id))

    def _forget_key(self, key: tuple[ConversationId, str]) -> None:
        self._key_bytes -= self._keys.pop(key).size
        del self._created_ms[key]
        conversation_id, key_id = key
        newest = self._keys_of[conversation_id]
        newest.remove(key_id)
        if not newest:
            del self._keys_of[conversation_id]

    def keys_lacking(self, conversation_id: ConversationId, after: int, upto: int) -> list[str]:
        """Return the keys that begin with these messages and are not here."""
        known = self._stretches.get(conversation_id)
        begun = known.cut(after, upto).begun.values() if known else ()
        return [one for one in begun if (conversation_id, one) not in self._keys]

    # --- Clients that come back -------------------------------------------------------------

    def covers(self, conversation_id: ConversationId, after: int, upto: int) -> bool:
        """Whether every message with after < seq ≤ upto is here."""
        known = self._stretches.get(conversation_id)
        return after >= upto or (known is not None and known.after <= after and known.upto >= upto)

    def since(
        self,
        conversation_id: ConversationId,
        after: int,
        upto: int,
        cell_id: CellId,
        device: bytes,
        from_ms: int,
        room: int,
    ) -> list[bytes] | None:
        """Return the frames of messages with after < seq ≤ upto and of their keys, for a device.

        The result is None where that is not known for certain here: messages or keys are missing.
        It is None where one of them is from before ``from_ms``, when the device's history begins:
        ``after`` is what the client says, and the log knows what it may have. It is None, too,
        where they are more than ``room`` bytes; then no frame is made, for members that may send
        can make them large.
        """
        if not self.covers(conversation_id, after, upto):
            return None
        known = self._stretches.get(conversation_id)
        if known is None or after >= upto:
            return []
        cut = known.cut(after, upto)
        if cut.oldest_ms is not None and cut.oldest_ms < from_ms:
            return None
        keys: dict[int, SealedKey] = {}
        for seq, key_id in cut.begun.items():
            sealed = self.key(conversation_id, key_id, from_ms)
            if sealed is None:
                return None
            keys[seq] = sealed
        if cut.size + sum(one.frame_size for one in keys.values()) > room:
            return None
        frames: list[bytes] = []
        for one in cut.entries:
            if one.seq in keys:
                frames.append(keys[one.seq].frame(cell_id, device))
            frames.append(one.frame)
        return frames
