"""Seats in a topic as rosters change: by wake-ups, by reads, while clients enter."""

from collections.abc import Collection, Mapping, Sequence

import pytest
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.ids import ClientId, ConversationId
from copconnect.principals import Caller
from copconnect.sockets.dispatch import topic
from copconnect.sockets.feed import LeafState, RosterNews
from tests.harness.waiting import until_async
from tests.sockets.live_world import Live, LiveClient
from tests.sockets.memory_feed import Conversation


def new(made: Conversation) -> wire.ConversationFrame:
    return wire.ConversationFrame(conversation_id=made.conversation_id)


def gone(made: Conversation) -> wire.ConversationGone:
    return wire.ConversationGone(conversation_id=made.conversation_id)


def head(made: Conversation) -> wire.RosterFrame:
    return wire.RosterFrame(conversation_id=made.conversation_id, epoch=made.epoch)  # type: ignore[arg-type]


async def test_listed_and_unlisted_while_connected(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(c) as carol, live.client(b) as bob:
        assert carol.ready.heads == []
        await live.change(made, add=[c])
        assert await carol.next() == new(made)
        assert await bob.next() == head(made)
        await live.post(made, a)
        assert await carol.seqs(1) == await bob.seqs(1) == [1]
        await live.change(made, remove=[c])
        assert await carol.next() == gone(made)
        assert await bob.next() == head(made)
        await live.post(made, a)
        assert await bob.seqs(1) == [2]
        await carol.nothing()


async def test_in_large_conversations_only_devices_whose_leaf_changed_are_told(live: Live) -> None:
    officers = [live.officer() for _ in range(4)]
    made = live.group(*officers, cells=2)
    newcomer = live.officer()
    async with live.client(officers[0]) as other, live.client(newcomer) as came:
        await live.change(made, add=[newcomer])
        assert await came.next() == new(made)
        await other.nothing()


async def test_one_head_takes_a_device_out_and_lets_it_in_again(live: Live) -> None:
    """A returner's leaf: it was removed and reads from the return."""
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        await live.change(made, remove=[b], add=[b])
        assert await bob.next() == new(made)
        await live.post(made, a)
        assert await bob.seqs(1) == [1]


async def test_a_repeated_wakeup_changes_nothing(live: Live) -> None:
    """The wake-up log passes on what the bus has passed on."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob, live.client(c) as carol:
        first = live.feed.change(made, add=[c])
        second = live.feed.change(made, remove=[c])
        await live.bus.publish([first, second, first, second])
        assert await carol.next() == new(made)
        assert await carol.next() == gone(made)
        assert isinstance(await bob.next(), wire.RosterFrame)
        assert await bob.next() == head(made)
        for client in (bob, carol):
            await client.nothing()


async def test_a_lost_change_is_read_when_the_next_one_comes(live: Live) -> None:
    a, b, c, d = (live.officer() for _ in range(4))
    made = live.group(a, b)
    async with live.client(b) as bob, live.client(c) as carol, live.client(d) as dave:
        live.bus.forgetful = True
        await live.change(made, add=[c])
        live.bus.forgetful = False
        await live.change(made, add=[d])
        for client in (carol, dave):
            assert await client.next() == new(made)
        assert await bob.next() == head(made)
        await live.post(made, a)
        for client in (bob, carol, dave):
            assert await client.seqs(1) == [1]


async def test_a_lost_change_heals(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob, live.client(c) as carol:
        live.bus.forgetful = True
        await live.change(made, add=[c], remove=[b])
        await live.sockets.fanout.reconcile()
        # No client here is left whose state reconciling would repair: the wake-up log tells carol.
        assert await bob.next() == gone(made)
        assert await carol.next() == new(made)
        await live.post(made, a)
        await live.sockets.fanout.reconcile()
        assert await carol.seqs(1) == [1]
        await bob.nothing()


async def test_lists_that_are_too_long_are_read(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, cells=2)
    async with live.client(b) as bob, live.client(c) as carol:
        await live.change(made, add=[c], remove=[b], whole=False)
        assert await carol.next() == new(made)
        assert await bob.next() == gone(made)
        await live.post(made, a)
        assert await carol.seqs(1) == [1]


async def test_a_new_conversation_reaches_its_people(live: Live) -> None:
    for whole in (True, False):
        a, b, outsider = live.officer(), live.officer(), live.officer()
        async with live.client(b) as bob, live.client(outsider) as other:
            made = live.group()
            await live.change(made, add=[a, b], whole=whole)
            assert await bob.next() == new(made)
            await live.post(made, a)
            assert await bob.seqs(1) == [1]
            await other.nothing()


async def test_who_came_before_the_first_change_that_was_heard_is_known(live: Live) -> None:
    """No client here belonged, and the wake-up that names carol comes late, by the wake-up log."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a)
    async with live.client(b) as bob, live.client(c) as carol:
        late = live.feed.change(made, add=[c])
        await live.change(made, add=[b])
        assert await bob.next() == new(made)
        await live.bus.publish([late])
        assert await carol.next() == new(made)
        await live.post(made, a)
        assert await bob.seqs(1) == await carol.seqs(1) == [1]
        await bob.nothing()


async def test_a_late_change_is_known_though_somebody_entered_meanwhile(live: Live) -> None:
    """Carol was here when she was listed; bob's place, read afterwards, made the topic."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(c) as carol:
        late = live.feed.change(made, add=[c])
        async with live.client(b) as bob:
            assert bob.ready.heads[0].roster_epoch == 2
            await live.bus.publish([late])
            assert await carol.next() == new(made)
            await bob.nothing()


async def test_messages_that_come_while_a_place_is_read_are_passed_on(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a)
    read = live.feed.roster_since

    async def slow(conversation_id: ConversationId, epoch: int) -> RosterNews:
        news = await read(conversation_id, epoch)
        for _ in range(3):
            await live.post(made, a)
        return news

    monkeypatch.setattr(live.feed, "roster_since", slow)
    async with live.client(b) as bob:
        await live.change(made, add=[b])
        assert await bob.next() == new(made)
        assert await bob.seqs(3) == [1, 2, 3]


async def test_a_device_that_is_removed_while_its_place_is_read_does_not_stay(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a)
    read = live.feed.roster_since

    async def slow(conversation_id: ConversationId, epoch: int) -> RosterNews:
        news = await read(conversation_id, epoch)
        monkeypatch.setattr(live.feed, "roster_since", read)
        await live.change(made, remove=[b])
        return news

    monkeypatch.setattr(live.feed, "roster_since", slow)
    async with live.client(b) as bob:
        await live.change(made, add=[b])
        assert await bob.next() == new(made)
        assert await bob.next() == gone(made)
        await live.post(made, a)
        await bob.nothing()


async def test_a_device_that_is_removed_while_it_enters_does_not_stay(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for whole in (True, False):
        a, b = live.officer(), live.officer()
        made = live.group(a, b)
        places = live.feed.places

        async def slow(
            client_ids: Collection[ClientId],
            made: Conversation = made,
            b: Caller = b,
            places: object = places,
            whole: bool = whole,
        ) -> Mapping[ClientId, Sequence[LeafState]]:
            found = await places(client_ids)  # type: ignore[operator]
            monkeypatch.setattr(live.feed, "places", places)
            await live.change(made, remove=[b], whole=whole)
            return found  # type: ignore[no-any-return]

        monkeypatch.setattr(live.feed, "places", slow)
        async with live.client(b) as bob:
            assert bob.ready.heads == []
            await live.post(made, a)
            await bob.nothing()


async def test_a_roster_that_cannot_be_read_is_read_later(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "AGAIN_S", 0.01)
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    read, away = live.feed.roster_since, True

    async def maybe(conversation_id: ConversationId, epoch: int) -> RosterNews:
        if away:
            raise errors.Overloaded
        return await read(conversation_id, epoch)

    monkeypatch.setattr(live.feed, "roster_since", maybe)
    async with live.client(b) as bob, live.client(c) as carol:
        with capture_logs() as logged:
            await live.change(made, add=[c], whole=False)
            await until_async(lambda: len(logged) > 2)
        assert {one["event"] for one in logged} == {"roster_not_read"}
        await live.post(made, a)
        assert await bob.seqs(1) == [1]  # Messages continue.
        away = False
        assert await carol.next() == new(made)
        assert await bob.next() == head(made)
        await live.post(made, a)
        for client in (bob, carol):
            assert await client.seqs(1) == [2]


async def test_nothing_is_left_once_everybody_has_gone(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "AGAIN_S", 0.01)
    a, b = live.officer(), live.officer()
    made = live.group(a)

    async def away(*_: object) -> RosterNews:
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "roster_since", away)
    async with live.client(b):
        with capture_logs() as logged:
            await live.change(made, add=[b])
            await until_async(lambda: logged)
    fanout = live.sockets.fanout
    await until_async(lambda: not fanout.conversations and not fanout.under_way)
    assert fanout.subscribed == 0


async def test_an_unconfirmed_device_connects_and_is_in_no_conversation(live: Live) -> None:
    """E2: its person's other devices and admins are asked; it hears of its account."""
    a = live.officer()
    second = live.officer(a.person_id, confirmed=False)
    made = live.group(a, second)
    async with live.client(second) as device:
        assert device.ready.heads == []
        await live.post(made, a)
        await device.nothing()
        assert "entries" not in " ".join(live.feed.reads)
        await confirmed(live, device, second)


async def confirmed(live: Live, device: LiveClient, caller: Caller) -> None:
    """Let the server list it now, while it is connected."""
    made = live.group(live.officer())
    await live.change(made, add=[caller])
    assert await device.next() == new(made)
    await live.post(made, caller)
    assert await device.seqs(1) == [1]
