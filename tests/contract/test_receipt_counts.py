"""How many have received and read, where they are too many to be told one by one."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from copconnect import errors, wire
from copconnect.bus import CursorsMovedWakeup, ReceiptCountsWakeup
from copconnect.database import Database
from copconnect.delivery import receipt_counts, rules
from copconnect.delivery.receipt_counts import ReceiptCounting, count
from copconnect.delivery.receipt_store import SentMessage, Standing
from copconnect.ids import ConversationId, PersonId, Seq, new_id
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.sockets.feed import SeenCursor
from tests.contract.delivery_world import World
from tests.contract.statements import Statements


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which two people are already too many for receipts."""
    monkeypatch.setattr(rules, "RECEIPT_PEOPLE", 1)
    made = World(database)
    made.bus.subscribe(made.service.receipt_counts.on_wakeup)
    return made


async def come(
    world: World, conversation_id: ConversationId, who: Sequence[Caller], delivered: int, read: int
) -> None:
    """Store cursors, as the sockets do."""
    await world.bus.publish(
        await world.service.feed.store_cursors(
            [
                SeenCursor(conversation_id, one.client_id, one.person_id, Seq(delivered), Seq(read))
                for one in who
            ]
        )
    )


async def told(
    world: World, counting: ReceiptCounting | None = None
) -> list[tuple[PersonId, list[tuple[int, int, int, int]]]]:
    """Let the time pass until it is counted; return who was told which (seq, people, delivered,
    read)."""
    world.clock.at += 1_000_000
    from_here = len(world.wakeups)
    await (counting or world.service.receipt_counts).round()
    frames = [
        (one.person_id, msgspec.msgpack.decode(one.frame, type=wire.ReceiptCounts))
        for one in world.wakeups[from_here:]
        if isinstance(one, ReceiptCountsWakeup)
    ]
    return [
        (person, [(one.seq, one.people, one.delivered, one.read) for one in frame.counts])
        for person, frame in frames
    ]


async def test_the_sender_is_told_what_changed(world: World) -> None:
    a, b, c, d = (world.registry.register() for _ in range(4))
    second = world.registry.register(b.person_id)
    made = await world.founded(a, [b, c, d])
    here = made.conversation_id
    seq = (await world.post(a, made)).seq
    await come(world, here, [a], seq, seq)
    assert await told(world) == [(a.person_id, [(seq, 3, 0, 0)])]
    await come(world, here, [b, second, c], seq, 0)
    await come(world, here, [second], seq, seq)
    assert await told(world) == [(a.person_id, [(seq, 3, 2, 1)])]
    await come(world, here, [c], seq, 0)
    assert await told(world) == []  # Nothing changed.
    assert await told(world) == []  # Nobody came further.
    other = (await world.post(b, made)).seq
    await come(world, here, [d], other, seq)
    assert sorted(await told(world)) == sorted(
        [(a.person_id, [(seq, 3, 3, 2)]), (b.person_id, [(other, 3, 1, 0)])]
    )


async def test_who_came_later_or_has_no_device_is_not_counted(world: World) -> None:
    a, b, c, later = (world.registry.register() for _ in range(4))
    made = await world.founded(a, [b, c])
    here, membership = made.conversation_id, world.service.membership
    without = PersonId(new_id())
    world.clock.at += 1_000
    before = (await world.post(a, made)).seq
    world.clock.at += 1_000
    await membership.change_members(
        a,
        here,
        wire.ChangeMembers(
            change_id=new_id(),
            add=sorted([later.person_id, without]),
            remove=[],
            make_admin=[],
            revoke_admin=[],
        ),
    )
    world.clock.at += 1_000
    after = (await world.post(a, made)).seq
    await come(world, here, [a, b, later], after, after)
    await come(world, here, [c], before, before)
    assert await told(world) == [(a.person_id, [(after, 3, 2, 2), (before, 2, 2, 2)])]
    # A device that is revoked takes its person out, and what it had read with it.
    async with world.database.transaction() as connection:
        await membership.clients_removed(connection, [c.client_id], "device_removed")
    assert await counted(world, a, here) == [(after, 2, 2, 2), (before, 1, 1, 1)]


async def counted(
    world: World, caller: Caller, conversation_id: ConversationId, seq: int | None = None
) -> list[tuple[int, int, int, int]]:
    answer = await world.service.receipt_counts.of(
        caller, conversation_id, None if seq is None else Seq(seq)
    )
    return [(one.seq, one.people, one.delivered, one.read) for one in answer.counts]


async def test_who_asks_is_answered_about_their_own_messages(world: World) -> None:
    a, b, outsider = (world.registry.register() for _ in range(3))
    made = await world.founded(a, [b])
    here = made.conversation_id
    assert await counted(world, a, here) == []
    first = (await world.post(a, made)).seq
    await come(world, here, [a, b], first, 0)
    seqs = [(await world.post(a, made)).seq for _ in range(receipt_counts.NEWEST)]
    assert [one[0] for one in await counted(world, a, here)] == seqs[::-1]
    assert await counted(world, a, here, first) == [(first, 1, 1, 0)]
    assert await counted(world, a, here, seqs[0]) == [(seqs[0], 1, 0, 0)]
    for caller, seq in ((b, first), (a, 1), (a, 10_000)):
        with pytest.raises(errors.NotFound):
            await counted(world, caller, here, seq)
    with pytest.raises(errors.NotMember):
        await counted(world, outsider, here)


async def test_of_each_sender_the_newest_are_told(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    here = made.conversation_id
    theirs = (await world.post(b, made)).seq
    await come(world, here, [a, b], theirs, 0)
    seqs = [(await world.post(a, made)).seq for _ in range(receipt_counts.NEWEST + 3)]
    await come(world, here, [b], seqs[-1], 0)
    found = dict(await told(world))
    assert [one[0] for one in found[a.person_id]] == seqs[: -receipt_counts.NEWEST - 1 : -1]
    assert found[b.person_id] == [(theirs, 1, 1, 0)]


async def test_a_count_costs_the_same_for_2_and_for_200(world: World) -> None:
    officers = [world.registry.register() for _ in range(200)]
    costs = []
    for others in (officers[1:2], officers[1:]):
        made = await world.founded(officers[0], others)
        seq = (await world.post(officers[0], made)).seq
        with Statements(world.database) as flushed:
            await come(world, made.conversation_id, [officers[0], *others], seq, seq)
        with Statements(world.database) as rounds:
            (one,) = await told(world)
        assert one[1] == [(seq, len(others), len(others), len(others))]
        with Statements(world.database) as asked:
            await counted(world, officers[0], made.conversation_id)
        costs.append((len(flushed), len(rounds), len(asked)))
    assert costs[0] == costs[1]
    flush, in_round, when_asked = costs[0]
    assert flush <= 3
    assert 3 <= in_round <= 4  # SQLite counts its BEGIN.
    assert when_asked <= 6


async def test_one_of_several_nodes_counts(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    seq = (await world.post(a, made)).seq
    parts = world.service.receipt_counts._parts
    nodes = [
        ReceiptCounting(parts, Leases(world.database, world.clock, alone=False)) for _ in range(2)
    ]
    for node in nodes:
        world.bus.subscribe(node.on_wakeup)
    await come(world, made.conversation_id, [a, b], seq, 0)
    counts = [(a.person_id, [(seq, 1, 1, 0)])]
    assert await told(world, nodes[0]) == counts
    assert await told(world, nodes[1]) == counts  # The lease is over: the other takes its place.


async def test_nobody_counts_what_another_node_counts(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    seq = (await world.post(a, made)).seq
    parts = world.service.receipt_counts._parts
    counts, waits = (
        ReceiptCounting(parts, Leases(world.database, world.clock, alone=False)) for _ in range(2)
    )
    moved = CursorsMovedWakeup(conversation_ids=[made.conversation_id])
    await come(world, made.conversation_id, [a, b], seq, 0)
    for node in (counts, waits):
        await node.on_wakeup(moved)
    from_here = len(world.wakeups)
    for node in (counts, waits, waits):
        await node.round()
    assert len(world.wakeups) == from_here + 1


async def test_a_flush_says_where_somebody_came_further(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    other = await world.founded(b, [a])
    for here in (made, other, made):
        await come(world, here.conversation_id, [a, b], 1, 0)
    moved = [one for one in world.wakeups if isinstance(one, CursorsMovedWakeup)]
    assert [one.conversation_ids for one in moved] == [
        [made.conversation_id],
        [other.conversation_id],
        [made.conversation_id],
    ]


PEOPLE = some.lists(some.tuples(*[some.integers(0, 12)] * 3), max_size=30)


@given(people=PEOPLE, messages=some.lists(some.integers(1, 12), min_size=1, unique=True))
def test_counts_are_what_counting_one_by_one_gives(
    people: list[tuple[int, int, int]], messages: list[int]
) -> None:
    """People are (delivered, read, added); message n is sent at time n, by one person more."""
    sender = PersonId("s" * 32)
    sent = [SentMessage(Seq(n), n, sender) for n in messages]
    oldest = min(messages)
    standings = [
        Standing(d if d >= oldest else 0, r if r >= oldest else 0, t if t > oldest else 0, 1)
        for d, r, t in people
    ]
    standings.append(Standing(12, 12, 0, 1))  # The sender.
    own = wire.Receipt(person_id=sender, delivered_seq=Seq(12), read_seq=Seq(12))
    counts = count(standings, sent, [own])
    for n in messages:
        there = [one for one in people if one[2] <= n]
        assert counts[Seq(n)] == wire.ReceiptCount(
            seq=Seq(n),
            people=len(there),
            delivered=sum(d >= n for d, _, _ in there),
            read=sum(r >= n for _, r, _ in there),
        )
