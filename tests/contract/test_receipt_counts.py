"""Counts of people who have received and read, in conversations too large for receipts."""

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, CursorsMovedWakeup, LocalBus, ReceiptCountsWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live import receipt_counts
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.live.receipt_counts import ReceiptCounting, count
from copconnect.delivery.live.receipt_store import ReaderCount, SentMessage
from copconnect.ids import PersonId, Seq, new_id
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.sockets.feed import SeenCursor
from tests.contract.statements import Statements
from tests.live.rows import Rows, device, second
from tests.live.world import World

Counts = list[tuple[int, int, int, int]]


class Counting(World):
    """A world in which wake-ups are heard, and one node counts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.wakeups: list[AnyWakeup] = []
        self.announced: list[AnyWakeup] = []
        self.deps.bus.subscribe(self._announce)
        self.counting = self.node(alone=True)

    def node(self, *, alone: bool = False) -> ReceiptCounting:
        """Return one more node."""
        bus = LocalBus()
        bus.subscribe(self._hear)
        leases = Leases(self.database, self.clock, alone=alone)
        return ReceiptCounting(self.deps_with(bus), leases)

    async def _hear(self, wakeup: AnyWakeup) -> None:
        self.wakeups.append(wakeup)

    async def _announce(self, wakeup: AnyWakeup) -> None:
        self.announced.append(wakeup)

    async def come(
        self, rows: Rows, who: Sequence[Caller], delivered: int, read: int, *nodes: ReceiptCounting
    ) -> Sequence[AnyWakeup]:
        """Store cursors, as the sockets do."""
        cursors = [
            SeenCursor(
                rows.conversation_id, one.client_id, one.person_id, Seq(delivered), Seq(read)
            )
            for one in who
        ]
        from_here = len(self.announced)
        await LiveFeed(self.deps).store_cursors(cursors)
        wakeups = self.announced[from_here:]
        for wakeup in wakeups:
            for node in nodes or (self.counting,):
                await node.on_wakeup(wakeup)
        return wakeups

    async def told(self, node: ReceiptCounting | None = None) -> list[tuple[PersonId, Counts]]:
        """Let the time pass until it is counted; return the people whom the server notified, each
        with (seq, people, delivered, read)."""
        self.clock.at += 1_000_000
        from_here = len(self.wakeups)
        await (node or self.counting).round()
        frames = [
            (one.person_id, msgspec.msgpack.decode(one.frame, type=wire.ReceiptCounts))
            for one in self.wakeups[from_here:]
            if isinstance(one, ReceiptCountsWakeup)
        ]
        return [(person, _plain(frame.counts)) for person, frame in frames]

    async def counted(self, caller: Caller, rows: Rows, seq: int | None = None) -> Counts:
        """Ask."""
        answer = await self.counting.of(
            caller, rows.conversation_id, None if seq is None else Seq(seq)
        )
        return _plain(answer.counts)

    async def group(self, *callers: Caller) -> Rows:
        """Return a conversation too large for receipts by person."""
        rows = Rows(self.database)
        await rows.roster(callers)
        for person_id in dict.fromkeys(one.person_id for one in callers):
            await rows.member(person_id)
        return rows


def _plain(counts: Sequence[wire.ReceiptCount]) -> Counts:
    return [(one.seq, one.people, one.delivered, one.read) for one in counts]


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(wire, "RECEIPT_PEOPLE", -1)
    return Counting(database)


async def test_the_sender_is_told_what_changed(world: Counting) -> None:
    a, b, c, d = (device() for _ in range(4))
    other = second(b)
    rows = await world.group(a, b, other, c, d)
    seq = await rows.post(a)
    await world.come(rows, [a], seq, seq)
    assert await world.told() == [(a.person_id, [(seq, 3, 0, 0)])]
    await world.come(rows, [b, other, c], seq, 0)
    await world.come(rows, [other], seq, seq)
    assert await world.told() == [(a.person_id, [(seq, 3, 2, 1)])]
    await world.come(rows, [c], seq, 0)
    assert await world.told() == []  # The counts are as before.
    assert await world.told() == []  # No person came further.
    theirs = await rows.post(b)
    await world.come(rows, [d], theirs, seq)
    assert sorted(await world.told()) == sorted(
        [(a.person_id, [(seq, 3, 3, 2)]), (b.person_id, [(theirs, 3, 1, 0)])]
    )


async def test_a_message_is_for_those_who_belonged_registered_or_not(world: Counting) -> None:
    """People who came later, left before or have no device are where the truth puts them."""
    a, b, c, later = (device() for _ in range(4))
    rows = await world.group(a, b, c)
    left = device()
    await rows.member(left.person_id, 0, removed_ms=2_000)
    await rows.member(PersonId(new_id()))  # Not registered: receives nothing, is not left out.
    await rows.member(later.person_id, added_ms=3_000)
    first = await rows.post(a, sent_ms=1_500)
    second_one = await rows.post(a, sent_ms=2_500)
    third = await rows.post(a, sent_ms=3_500)
    await world.come(rows, [a, b, left, later], third, third)
    await world.come(rows, [c], first, first)
    assert await world.told() == [
        (a.person_id, [(third, 4, 2, 2), (second_one, 3, 1, 1), (first, 4, 3, 3)])
    ]


async def test_a_sender_who_came_back_since_is_not_taken_off_twice(world: Counting) -> None:
    a, b, c = device(), device(), device()
    rows = await world.group(b, c)
    await rows.roster([a])
    await rows.member(a.person_id, added_ms=5_000)  # Removed and added again: the row of now.
    seq = await rows.post(a, sent_ms=1_000)
    await world.come(rows, [a, b], seq, seq)
    assert await world.counted(a, rows) == [(seq, 2, 1, 1)]


async def test_who_asks_is_answered_about_their_own_messages(world: Counting) -> None:
    a, b, outsider = device(), device(), device()
    rows = await world.group(a, b)
    assert await world.counted(a, rows) == []
    first = await rows.post(a)
    await world.come(rows, [a, b], first, 0)
    seqs = [await rows.post(a) for _ in range(receipt_counts.NEWEST)]
    theirs = await rows.post(b)
    assert [one[0] for one in await world.counted(a, rows)] == seqs[::-1]
    assert await world.counted(a, rows, first) == [(first, 1, 1, 0)]
    assert await world.counted(a, rows, seqs[0]) == [(seqs[0], 1, 0, 0)]
    for caller, seq in ((b, first), (a, theirs), (a, 10_000)):
        with pytest.raises(errors.NotFound):
            await world.counted(caller, rows, seq)
    with pytest.raises(errors.NotMember):
        await world.counted(outsider, rows)


async def test_of_each_sender_the_newest_are_told(world: Counting) -> None:
    a, b = device(), device()
    rows = await world.group(a, b)
    theirs = await rows.post(b)
    await world.come(rows, [a, b], theirs, 0)
    seqs = [await rows.post(a) for _ in range(receipt_counts.NEWEST + 3)]
    await world.come(rows, [b], seqs[-1], 0)
    found = dict(await world.told())
    assert [one[0] for one in found[a.person_id]] == seqs[: -receipt_counts.NEWEST - 1 : -1]
    assert found[b.person_id] == [(theirs, 1, 1, 0)]


async def test_a_count_costs_the_same_for_2_and_for_200(world: Counting) -> None:
    costs = []
    for size in (2, 200):
        officers = [device() for _ in range(size)]
        rows = await world.group(*officers)
        seq = await rows.post(officers[0])
        with Statements(world.database) as flushed:
            await world.come(rows, officers, seq, seq)
        with Statements(world.database) as rounds:
            assert await world.told() == [
                (officers[0].person_id, [(seq, size - 1, size - 1, size - 1)])
            ]
        with Statements(world.database) as asked:
            await world.counted(officers[0], rows)
        costs.append((len(flushed), len(rounds), len(asked)))
    assert costs[0] == costs[1]
    flush, in_round, when_asked = costs[0]
    assert flush <= 3
    assert 3 <= in_round <= 4  # SQLite counts its BEGIN.
    assert when_asked <= 6


async def test_a_device_that_asks_for_a_key_lacks_its_messages_alone(world: Counting) -> None:
    a, b, c, d = (device() for _ in range(4))
    other = second(c)
    rows = await world.group(a, b, c, other, d)
    lost = bytes.fromhex(new_id() + new_id())
    before, without = await rows.post(a), await rows.post(a, key_id=lost)
    after = await rows.post(a)
    for asker in (b, c):
        await rows.share_request(asker, 1, lost[:16], 1_000)
    await rows.share_request(d, 2, lost[:16], 1_000)  # A cell key: it holds back no message.
    await world.come(rows, [a, b, c, d], after, after)
    counts = [(after, 3, 3, 3), (without, 3, 1, 1), (before, 3, 3, 3)]
    assert await world.told() == [(a.person_id, counts)]
    assert await world.counted(a, rows, without) == [counts[1]]
    await world.come(rows, [other], before, before)
    assert await world.told() == []  # The person's other device has not come so far.
    await world.come(rows, [other], without, before)
    assert await world.told() == [(a.person_id, [(without, 3, 2, 2)])]


async def test_people_without_a_phone_are_counted_apart(world: Counting) -> None:
    a, b, gone, signed_out = (device() for _ in range(4))
    rows = await world.group(a, b, gone, signed_out)
    await rows.member(PersonId(new_id()))  # Not registered.
    await rows.member(PersonId(new_id()), added_ms=1_500)  # Nor this one, who comes later.
    first, second_one = await rows.post(a, sent_ms=1_000), await rows.post(a, sent_ms=2_000)
    await world.come(rows, [a, b, gone], second_one, 0)
    await world.come(rows, [signed_out], first, 0)
    await rows.roster(remove=[gone, signed_out], now_ms=3_000)
    answer = await world.counting.of(a, rows.conversation_id, None)
    found = [(one.seq, one.people, one.phones, one.delivered) for one in answer.counts]
    assert found == [(second_one, 5, 2, 2), (first, 4, 3, 3)]


async def test_one_of_several_nodes_counts(world: Counting) -> None:
    a, b = device(), device()
    rows = await world.group(a, b)
    seq = await rows.post(a)
    nodes = [world.node(), world.node()]
    await world.come(rows, [a, b], seq, 0, *nodes)
    counts = [(a.person_id, [(seq, 1, 1, 0)])]
    assert await world.told(nodes[0]) == counts
    assert await world.told(nodes[1]) == counts  # The lease is over: the other takes its place.


async def test_nobody_counts_what_another_node_counts(world: Counting) -> None:
    a, b = device(), device()
    rows = await world.group(a, b)
    seq = await rows.post(a)
    counts, waits = world.node(), world.node()
    await world.come(rows, [a, b], seq, 0, counts, waits)
    for node in (counts, waits, waits):
        await node.round()
    assert [type(one) for one in world.wakeups] == [ReceiptCountsWakeup]


async def test_a_flush_says_where_somebody_came_further(world: Counting) -> None:
    a, b = device(), device()
    rows = await world.group(a, b)
    (moved,) = await world.come(rows, [a, b], 1, 0)
    assert moved == CursorsMovedWakeup(conversation_ids=[rows.conversation_id])


PEOPLE = some.lists(
    some.tuples(*[some.integers(0, 12)] * 3, some.none() | some.integers(1, 13)), max_size=30
)


@given(people=PEOPLE, messages=some.lists(some.integers(1, 12), min_size=1, unique=True))
def test_counts_are_what_counting_one_by_one_gives(
    people: list[tuple[int, int, int, int | None]], messages: list[int]
) -> None:
    """People are (delivered, read, added, removed); message n is sent at time n, by one person
    more."""
    sender = PersonId("s" * 32)
    sent = [SentMessage(Seq(n), n, sender, bytes(32)) for n in messages]
    oldest, newest = min(messages), max(messages)
    standings = [
        ReaderCount(
            d if d >= oldest else 0,
            r if r >= oldest else 0,
            t if t > oldest else 0,
            x if x is not None and x <= newest else None,
            1,
        )
        for d, r, t, x in people
    ]
    own = ReaderCount(12, 12, 0, None, 1, person_id=sender)
    shuffled = random.Random(len(people)).sample([*standings, own], len(standings) + 1)
    counts = count(shuffled, sent)
    for n in messages:
        there = [one for one in people if one[2] <= n and (one[3] is None or one[3] > n)]
        assert counts[Seq(n)] == wire.ReceiptCount(
            seq=Seq(n),
            people=len(there),
            phones=len(there),
            delivered=sum(one[0] >= n for one in there),
            read=sum(one[1] >= n for one in there),
        )
