"""The newest entries in memory are whole, bounded, and for the right cell."""

from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ConversationId
from copconnect.sockets import framing
from copconnect.sockets.recent import MOST_ENTRIES, Recent

C, OTHER = ConversationId("c" * 32), ConversationId("d" * 32)
HERE, THERE = CellId("a" * 32), CellId("b" * 32)


def entry(seq: int, kind: str = "message", cell_id: CellId | None = HERE) -> EntryWakeup:
    return EntryWakeup(conversation_id=C, cell_id=cell_id, seq=seq, kind=kind, frame=b"%d" % seq)


def seqs(frames: list[bytes] | None) -> list[int] | None:
    return None if frames is None else [int(frame[2:]) for frame in frames]


def filled(*entries: EntryWakeup) -> Recent:
    recent = Recent()
    for one in entries:
        recent.add(one)
    return recent


def test_what_a_client_lacks() -> None:
    recent = filled(*(entry(seq) for seq in range(5, 10)))
    assert seqs(recent.since(C, 6, 9, HERE)) == [7, 8, 9]
    assert seqs(recent.since(C, 4, 9, HERE)) == [5, 6, 7, 8, 9]
    assert recent.since(C, 9, 9, HERE) == recent.since(OTHER, 3, 3, HERE) == []
    assert recent.since(C, 3, 9, HERE) is None  # Entry 4 is not here.
    assert recent.since(C, 6, 10, HERE) is None  # Nor is 10.
    assert recent.since(OTHER, 3, 4, HERE) is None
    assert recent.since(C, 6, 9, HERE) == [framing.binary(b"%d" % seq) for seq in (7, 8, 9)]


def test_another_cells_entries_are_left_out() -> None:
    recent = filled(entry(1), entry(2, cell_id=THERE), entry(3, cell_id=None), entry(4))
    assert seqs(recent.since(C, 0, 4, HERE)) == [1, 3, 4]
    assert seqs(recent.since(C, 0, 4, THERE)) == [2, 3]


def test_after_a_roster_change_the_log_is_asked() -> None:
    recent = filled(entry(1), entry(2, "roster", None), entry(3))
    assert recent.since(C, 0, 3, HERE) is None
    assert recent.since(C, 1, 3, HERE) is None
    assert seqs(recent.since(C, 2, 3, HERE)) == [3]


def test_a_gap_starts_anew() -> None:
    recent = filled(entry(1), entry(2), entry(4))
    assert recent.since(C, 1, 4, HERE) is None
    assert seqs(recent.since(C, 3, 4, HERE)) == [4]


def test_what_was_read_joins_what_was_passed_on() -> None:
    recent = filled(entry(6), entry(7))
    recent.fill(C, 2, 5, [entry(3), entry(5)])  # Retention has taken 4.
    assert seqs(recent.since(C, 2, 7, HERE)) == [3, 5, 6, 7]
    recent.add(entry(8))
    assert seqs(recent.since(C, 4, 8, HERE)) == [5, 6, 7, 8]
    recent.fill(C, 4, 6, [entry(5), entry(6)])  # Read again: nothing is there twice.
    assert seqs(recent.since(C, 4, 8, HERE)) == [5, 6, 7, 8]
    recent.fill(C, 0, 1, [entry(1)])  # It does not reach what is known: the newer is forgotten.
    assert recent.since(C, 4, 8, HERE) is None


def test_it_is_bounded() -> None:
    recent = filled(*(entry(seq) for seq in range(1, 2 * MOST_ENTRIES + 1)))
    assert recent.since(C, 0, 2 * MOST_ENTRIES, HERE) is None
    kept = seqs(recent.since(C, MOST_ENTRIES, 2 * MOST_ENTRIES, HERE))
    assert kept == list(range(MOST_ENTRIES + 1, 2 * MOST_ENTRIES + 1))
    large = of_size(3_000_000)
    assert large.since(C, 0, 10, HERE) is None
    assert len(large.since(C, 8, 10, HERE) or ()) == 2


def test_it_holds_some_messages_to_a_whole_force() -> None:
    """600 KB each: post-quantum seals of 500 cells."""
    assert len(of_size(612_350).since(C, 0, 10, HERE) or ()) == 10


def of_size(size: int) -> Recent:
    """Ten large entries."""
    recent = Recent()
    for seq in range(1, 11):
        recent.add(
            EntryWakeup(conversation_id=C, cell_id=None, seq=seq, kind="message", frame=bytes(size))
        )
    return recent
