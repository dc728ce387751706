"""The newest entries in memory are whole, bounded, and for the right cell."""

from collections.abc import Sequence

import msgspec
import pytest

from copconnect import wire
from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, Seq
from copconnect.sockets import framing, recent
from copconnect.sockets.recent import MOST_ENTRIES, Recent
from copconnect.sockets.sealed_entry import frame_for

ROOM = 64 * 1024 * 1024
ENCODE = msgspec.msgpack.encode
C, OTHER = ConversationId("c" * 32), ConversationId("d" * 32)
HERE, THERE = CellId("a" * 32), CellId("b" * 32)


def entry(seq: int, kind: str = "message", cell_id: CellId | None = HERE) -> EntryWakeup:
    return EntryWakeup(conversation_id=C, cell_id=cell_id, seq=seq, kind=kind, frame=b"%d" % seq)


def seqs(frames: list[bytes] | None) -> list[int] | None:
    return None if frames is None else [int(frame[2:]) for frame in frames]


def sealed(
    seq: int, cells: Sequence[CellId], *, body: int = 100, seal: int = 96, mark: bytes = b"s"
) -> EntryWakeup:
    """A message with the seals of these cells."""
    payload = wire.SealedPayload(
        sealed=bytes(327), seal=None, certificate=bytes(500), proof=bytes(500), body=bytes(body)
    )
    log_entry = wire.LogEntry(
        conversation_id=C,
        seq=Seq(seq),
        kind="sealed",
        cell_id=None,
        epoch=None,
        sender=ClientId("e" * 32),
        entry_id=EntryId("f" * 32),
        sent_ms=0,
        payload=ENCODE(payload),
    )
    return EntryWakeup(
        conversation_id=C,
        cell_id=None,
        seq=seq,
        kind="sealed",
        frame=ENCODE(wire.EntryFrame(entry=log_entry)),
        seals=[bytes.fromhex(one) + mark * seal for one in cells],
    )


def opened(frame: bytes) -> wire.LogEntry:
    """The entry in a frame of more than 125 bytes and less than 65,536."""
    return msgspec.msgpack.decode(frame[4:], type=wire.EntryFrame).entry


def seal_in(frame: bytes) -> bytes | None:
    payload = msgspec.msgpack.decode(opened(frame).payload, type=wire.SealedPayload)
    return payload.seal


def many(cells: int) -> list[CellId]:
    return [CellId(f"{one:032x}") for one in range(cells)]


def held(recent: Recent) -> int:
    """Bytes of the frames that are kept."""
    return sum(map(len, recent._frames.values()))


def filled(*entries: EntryWakeup) -> Recent:
    recent = Recent()
    for one in entries:
        recent.add(one)
    return recent


def test_what_a_client_lacks() -> None:
    recent = filled(*(entry(seq) for seq in range(5, 10)))
    assert seqs(recent.since(C, 6, 9, HERE, ROOM)) == [7, 8, 9]
    assert seqs(recent.since(C, 4, 9, HERE, ROOM)) == [5, 6, 7, 8, 9]
    assert recent.since(C, 9, 9, HERE, ROOM) == recent.since(OTHER, 3, 3, HERE, ROOM) == []
    assert recent.since(C, 3, 9, HERE, ROOM) is None  # Entry 4 is not here.
    assert recent.since(C, 6, 10, HERE, ROOM) is None  # Nor is 10.
    assert recent.since(OTHER, 3, 4, HERE, ROOM) is None
    assert recent.since(C, 6, 9, HERE, ROOM) == [framing.binary(b"%d" % seq) for seq in (7, 8, 9)]


def test_another_cells_entries_are_left_out() -> None:
    recent = filled(entry(1), entry(2, cell_id=THERE), entry(3, cell_id=None), entry(4))
    assert seqs(recent.since(C, 0, 4, HERE, ROOM)) == [1, 3, 4]
    assert seqs(recent.since(C, 0, 4, THERE, ROOM)) == [2, 3]


def test_after_a_roster_change_the_log_is_asked() -> None:
    recent = filled(entry(1), entry(2, "roster", None), entry(3))
    assert recent.since(C, 0, 3, HERE, ROOM) is None
    assert recent.since(C, 1, 3, HERE, ROOM) is None
    assert seqs(recent.since(C, 2, 3, HERE, ROOM)) == [3]


def test_a_gap_starts_anew() -> None:
    recent = filled(entry(1), entry(2), entry(4))
    assert recent.since(C, 1, 4, HERE, ROOM) is None
    assert seqs(recent.since(C, 3, 4, HERE, ROOM)) == [4]


def test_what_was_read_joins_what_was_passed_on() -> None:
    recent = filled(entry(6), entry(7))
    recent.fill(C, 2, 5, [entry(3), entry(5)])  # Retention has taken 4.
    assert seqs(recent.since(C, 2, 7, HERE, ROOM)) == [3, 5, 6, 7]
    recent.add(entry(8))
    assert seqs(recent.since(C, 4, 8, HERE, ROOM)) == [5, 6, 7, 8]
    recent.fill(C, 4, 6, [entry(5), entry(6)])  # Read again: nothing is there twice.
    assert seqs(recent.since(C, 4, 8, HERE, ROOM)) == [5, 6, 7, 8]
    recent.fill(C, 0, 1, [entry(1)])  # It does not reach what is known: the newer is forgotten.
    assert recent.since(C, 4, 8, HERE, ROOM) is None


def test_it_is_bounded() -> None:
    recent = filled(*(entry(seq) for seq in range(1, 2 * MOST_ENTRIES + 1)))
    assert recent.since(C, 0, 2 * MOST_ENTRIES, HERE, ROOM) is None
    kept = seqs(recent.since(C, MOST_ENTRIES, 2 * MOST_ENTRIES, HERE, ROOM))
    assert kept == list(range(MOST_ENTRIES + 1, 2 * MOST_ENTRIES + 1))
    large = of_size(3_000_000)
    assert large.since(C, 0, 10, HERE, ROOM) is None
    assert len(large.since(C, 8, 10, HERE, ROOM) or ()) == 2


def test_it_holds_some_messages_to_a_whole_force() -> None:
    """600 KB each: post-quantum seals of 500 cells."""
    assert len(of_size(612_350).since(C, 0, 10, HERE, ROOM) or ()) == 10


# --- Sealed messages ----------------------------------------------------------------------------


def test_each_cell_gets_its_own_seal() -> None:
    cells = many(5)
    kept = filled(sealed(1, cells), sealed(2, cells))
    for _ in range(2):  # Made, and from memory.
        for cell_id in cells:
            frames = kept.since(C, 0, 2, cell_id, ROOM) or []
            assert [(opened(one).seq, opened(one).cell_id) for one in frames] == [
                (1, cell_id),
                (2, cell_id),
            ]
            assert [seal_in(one) for one in frames] == 2 * [bytes.fromhex(cell_id) + b"s" * 96]


def test_without_the_cells_seal_the_log_is_asked() -> None:
    """The cell had somebody to remove when the message was sealed; its seal may be there by now."""
    kept = filled(sealed(1, [HERE, THERE]), sealed(2, [THERE]), sealed(3, []))
    assert kept.since(C, 0, 3, HERE, ROOM) is None
    assert kept.since(C, 1, 2, HERE, ROOM) is None
    assert len(kept.since(C, 0, 1, HERE, ROOM) or ()) == 1
    assert len(kept.since(C, 0, 2, THERE, ROOM) or ()) == 2
    assert kept.since(C, 0, 3, THERE, ROOM) is None
    assert kept.since(C, 0, 1, CellId("0" * 32), ROOM) is None
    assert kept.since(C, 0, 1, CellId("f" * 32), ROOM) is None


def test_an_entry_that_was_read_again_has_its_late_seals() -> None:
    kept = filled(entry(1, cell_id=None), sealed(2, [THERE]), entry(3, cell_id=None))
    for _ in range(3):
        assert kept.since(C, 0, 3, HERE, ROOM) is None
    assert kept.since(C, 0, 3, THERE, ROOM) is not None
    assert kept.unsealed(4) == []
    assert kept.unsealed(3) == [(C, 2)]
    kept.renew(C, 2, [sealed(2, [THERE])])  # It has not come yet: they are counted anew.
    assert kept.unsealed(1) == []
    assert kept.since(C, 0, 3, HERE, ROOM) is None
    assert kept.unsealed(1) == [(C, 2)]
    kept.renew(C, 2, [sealed(2, [HERE, THERE], mark=b"l")])
    assert kept.unsealed(1) == []
    for cell_id in (HERE, THERE):  # Also where the seal of before had been sent.
        first, late, last = kept.since(C, 0, 3, cell_id, ROOM) or [b""] * 3
        assert seqs([first, last]) == [1, 3]
        assert seal_in(late) == bytes.fromhex(cell_id) + b"l" * 96
    kept.renew(C, 2, [])  # Retention has taken it.
    kept.renew(OTHER, 2, [sealed(2, [HERE])])  # It is not here any more.
    assert kept.since(C, 0, 3, HERE, ROOM) is not None
    assert kept.since(OTHER, 0, 3, HERE, ROOM) is None


def test_which_seals_were_lacking_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_MOST_UNSEALED", 10)
    kept = filled(*(sealed(seq, [THERE]) for seq in range(1, 101)))
    for seq in range(1, 101):
        assert kept.since(C, seq - 1, seq, HERE, ROOM) is None
        assert len(kept.unsealed(1)) <= 11
    assert kept.unsealed(1)


def test_frames_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_MOST_FRAME_BYTES", 200_000)
    kept = filled(*(sealed(seq, many(40), body=20_000) for seq in range(1, 4)))
    for cell_id in many(40):
        frames = kept.since(C, 0, 3, cell_id, ROOM)
        assert [seal_in(one) for one in frames or ()] == 3 * [bytes.fromhex(cell_id) + b"s" * 96]
        assert held(kept) <= 200_000
    assert held(kept) > 150_000
    for seq in range(1, 4):
        kept.renew(C, seq, [sealed(seq, many(40))])
    assert held(kept) == kept._frame_bytes == 0


def test_what_there_is_no_room_for_is_not_made() -> None:
    """Bodies of 256 KiB in a conversation of 10 cells: each of its devices would have all made."""
    kept = filled(*(sealed(seq, many(10), body=256 * 1024) for seq in range(1, 9)))
    for cell_id in many(10):
        assert kept.since(C, 0, 8, cell_id, 256 * 1024) is None
    assert held(kept) == 0
    small = filled(*(sealed(seq, [HERE]) for seq in range(1, 4)))
    size = sum(map(len, small.since(C, 0, 3, HERE, ROOM) or ()))
    assert small.since(C, 0, 3, HERE, size - 1) is None
    assert small.since(C, 0, 3, HERE, size + 3 * recent._ADDED_BYTES) is not None
    plain = filled(*(entry(seq) for seq in range(1, 4)))
    assert plain.since(C, 0, 3, HERE, 8) is None


@pytest.mark.parametrize("body", [0, 1, 250, 65_000, 66_000, 260_000])
@pytest.mark.parametrize("seal", [80, 1184])
def test_a_frame_is_never_larger_than_was_reckoned(body: int, seal: int) -> None:
    one = sealed(1, [HERE], body=body, seal=seal)
    frames = filled(one).since(C, 0, 1, HERE, ROOM) or []
    reckoned = recent._frame_size(one)
    assert [reckoned - recent._ADDED_BYTES < len(frame) <= reckoned for frame in frames] == [True]


def test_a_whole_force_that_comes_back_is_answered_from_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """509 cells, post-quantum seals, the newest 20 messages: each frame is made once."""
    cells = many(509)
    made: list[CellId] = []

    def counted(frame: bytes, cell_id: CellId, seal: bytes) -> bytes:
        made.append(cell_id)
        return frame_for(frame, cell_id, seal)

    monkeypatch.setattr("copconnect.sockets.recent.frame_for", counted)
    kept = filled(*(sealed(seq, cells, seal=1184) for seq in range(1, 21)))
    for _ in range(2):
        for cell_id in cells:
            assert len(kept.since(C, 0, 20, cell_id, 256 * 1024) or ()) == 20
    assert len(made) == 20 * 509


def of_size(size: int) -> Recent:
    """Ten large entries."""
    recent = Recent()
    for seq in range(1, 11):
        recent.add(
            EntryWakeup(conversation_id=C, cell_id=None, seq=seq, kind="message", frame=bytes(size))
        )
    return recent
