"""The newest messages in memory are whole, bounded, and come with their keys."""

import msgspec
import pytest

from copconnect import wire
from copconnect.bus import EntryWakeup, KeyWakeup
from copconnect.ids import CellId, ConversationId, PersonId, Seq
from copconnect.sockets.dispatch import recent
from copconnect.sockets.dispatch.frames import SealedKey
from copconnect.sockets.dispatch.recent import MOST_ENTRIES, MOST_KEYS, Passed, Recent
from copconnect.sockets.feed import Seals
from tests.sockets.memory_feed import key_record

ROOM = 64 * 1024 * 1024
C, OTHER = ConversationId("c" * 32), ConversationId("d" * 32)
HERE, THERE = CellId("a" * 32), CellId("b" * 32)
DEVICE = b"d" * 32


def entry(seq: int, key_id: str = "k1", sent_ms: int = 0, *, deletes: bool = False) -> EntryWakeup:
    sent = wire.LogEntry(conversation_id=C, seq=Seq(seq), sent_ms=sent_ms, message=b"")
    return EntryWakeup(
        conversation_id=C,
        seq=seq,
        device="e" * 64,
        person_id=PersonId("f" * 32),
        epoch=1,
        named_epoch=1,
        key_id=key_id,
        deletes=deletes,
        frame=msgspec.msgpack.encode(wire.EntryFrame(entry=sent, supplement=None)),
    )


def passed(seq: int, key_id: str = "k1") -> Passed:
    return Passed(seq, key_id, 0, b"%d" % seq)


def key(
    key_id: str, cells: int = 1, size: int = 96, created_ms: int = 0
) -> tuple[KeyWakeup, SealedKey]:
    record = key_record(created_ms)
    wakeup = KeyWakeup(conversation_id=C, key_id=key_id, record=record, seals=b"", size=size)
    names = [HERE, *(CellId(f"{n:032x}") for n in range(cells - 1))]
    return wakeup, SealedKey(wakeup, Seals(dict.fromkeys(names, b"s" * size), {}))


def filled(*entries: EntryWakeup, keys: tuple[str, ...] = ("k1",)) -> Recent:
    kept = Recent()
    for key_id in keys:
        kept.add_key(*key(key_id))
    for one in entries:
        kept.add(one, b"%d" % one.seq)
    return kept


def since(
    kept: Recent, after: int, upto: int, room: int = ROOM, from_ms: int = 0
) -> list[int] | None:
    """The seqs of what a device lacks; 0 for a key."""
    frames = kept.since(C, after, upto, HERE, DEVICE, from_ms, room)
    return None if frames is None else [int(f) if len(f) < 10 else 0 for f in frames]


def test_what_a_client_lacks() -> None:
    kept = filled(*(entry(seq) for seq in range(5, 10)))
    assert since(kept, 6, 9) == [7, 8, 9]  # It has the key of 5 and 6.
    assert since(kept, 4, 9) == [0, 5, 6, 7, 8, 9]
    assert since(kept, 9, 9) == []
    assert kept.since(OTHER, 3, 3, HERE, DEVICE, 0, ROOM) == []
    assert since(kept, 3, 9) is None  # Message 4 is not here.
    assert since(kept, 6, 10) is None  # Nor is 10.
    assert kept.since(OTHER, 3, 4, HERE, DEVICE, 0, ROOM) is None


def test_a_key_comes_before_its_first_message_alone() -> None:
    kept = filled(
        entry(1), entry(2, "k2"), entry(3), entry(4, "k2"), entry(5, "k3"), keys=("k1", "k2", "k3")
    )
    assert since(kept, 0, 5) == [0, 1, 0, 2, 3, 4, 0, 5]
    assert since(kept, 1, 5) == [0, 2, 3, 4, 0, 5]
    assert since(kept, 2, 5) == [3, 4, 0, 5]


def test_without_the_key_the_log_is_asked() -> None:
    kept = filled(entry(1), entry(2, "k2"), entry(3, "k2"))
    assert since(kept, 0, 1) == [0, 1]
    assert since(kept, 0, 2) is None
    assert kept.keys_lacking(C, 0, 3) == ["k2"]
    assert since(kept, 2, 3) == [3]
    kept.add_key(*key("k2"))
    assert since(kept, 0, 2) == [0, 1, 0, 2]
    assert kept.keys_lacking(C, 0, 3) == []


def test_a_gap_starts_anew() -> None:
    kept = filled(entry(1), entry(2), entry(4))
    assert since(kept, 1, 4) is None
    assert since(kept, 3, 4) == [0, 4]


def test_m3_nothing_from_before_a_deletion_is_here() -> None:
    kept = filled(entry(1), entry(2), entry(3, deletes=True), entry(4))
    assert since(kept, 0, 4) is None
    assert since(kept, 2, 4) == [0, 3, 4]
    kept.fill(C, 0, 2, [passed(1), passed(2)])  # Read since then.
    assert since(kept, 0, 4) == [0, 1, 2, 3, 4]


def test_what_was_read_joins_what_was_passed_on() -> None:
    kept = filled(entry(6), entry(7))
    kept.fill(C, 2, 5, [passed(3), passed(5)])  # Retention has taken 4.
    assert since(kept, 2, 7) == [0, 3, 5, 6, 7]
    kept.add(entry(8), b"8")
    assert since(kept, 4, 8) == [5, 6, 7, 8]
    kept.fill(C, 4, 6, [passed(5), passed(6)])  # Read again: nothing is there twice.
    assert since(kept, 4, 8) == [0, 5, 6, 7, 8]
    kept.fill(C, 0, 1, [passed(1)])  # It does not reach what is known: the newer is forgotten.
    assert since(kept, 4, 8) is None


def test_it_is_bounded() -> None:
    kept = filled(*(entry(seq) for seq in range(1, 2 * MOST_ENTRIES + 1)))
    assert since(kept, 0, 2 * MOST_ENTRIES) is None
    assert since(kept, MOST_ENTRIES + 1, 2 * MOST_ENTRIES) == list(
        range(MOST_ENTRIES + 2, 2 * MOST_ENTRIES + 1)
    )
    large = filled()
    for seq in range(1, 11):
        large.add(entry(seq), bytes(3_000_000))
    assert since(large, 0, 10) is None
    assert len(large.since(C, 8, 10, HERE, DEVICE, 0, ROOM) or ()) == 2


def test_all_conversations_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_BYTES_IN_ALL", 10_000)
    kept = Recent()
    names = [ConversationId(f"{number:032x}") for number in range(50)]
    for name in names:
        kept.fill(name, 0, 1, [Passed(1, "k1", 0, bytes(1_000))])
    # Each takes 1,200 bytes with its bookkeeping.
    assert [name for name in names if kept.covers(name, 0, 1)] == names[-8:]


def test_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"k{n}" for n in range(2 * MOST_KEYS)]
    kept = filled(keys=tuple(names))
    assert [name for name in names if kept.key(C, name, 0)] == names[MOST_KEYS:]
    one = key("x", cells=100, size=1184)[1]
    monkeypatch.setattr(recent, "MOST_KEY_BYTES", 3 * one.size)
    large = [f"large{n}" for n in range(10)]
    for count, name in enumerate(large, 1):
        kept.add_key(*key(name, cells=100, size=1184))
        # Evicted keys are no longer counted: three are always there.
        assert [each for each in large if kept.key(C, each, 0)] == large[:count][-3:]
    assert not [name for name in names if kept.key(C, name, 0)]


def test_what_there_is_no_room_for_is_not_made() -> None:
    kept = filled(*(entry(seq) for seq in range(1, 4)))
    assert since(kept, 0, 3, room=100) is None
    assert since(kept, 0, 3, room=1_000) == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [96, 1184])
def test_a_keys_frame_is_never_larger_than_was_reckoned(size: int) -> None:
    _, sealed = key("k1", size=size)
    frame = sealed.frame(HERE, DEVICE)
    assert len(frame) <= sealed.frame_size <= len(frame) + 40
    assert sealed.frame(HERE, DEVICE) is frame  # Made once for each cell.
    assert len(sealed.frame(THERE, DEVICE)) < len(frame)  # No secret is sealed to that cell.


def test_a_device_gets_its_own_seal_before_its_cells() -> None:
    wakeup, _ = key("k1")
    sealed = SealedKey(wakeup, Seals({HERE: b"c" * 96}, {DEVICE: b"o" * 96}))
    assert b"o" * 96 in sealed.frame(HERE, DEVICE)
    assert b"c" * 96 in sealed.frame(HERE, b"e" * 32)
