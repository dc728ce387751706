"""Clients that come back are sent what they missed: messages, supplements, keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.bus import EntryWakeup, KeyWakeup
from copconnect.ids import ConversationId
from copconnect.principals import Caller
from copconnect.sockets import admission
from copconnect.sockets.dispatch import returning
from tests.harness.waiting import until_async
from tests.sockets.live_world import Live, LiveClient, close_code, hello
from tests.sockets.memory_feed import Conversation, key_id


@asynccontextmanager
async def together(
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    callers: Sequence[Caller],
    positions: dict[str, int],
) -> AsyncIterator[list[LiveClient]]:
    """Admit these in one round: their Hellos wait behind another device's."""
    monkeypatch.setattr(admission, "TOGETHER", len(callers))
    live.tokens.answers.clear()
    clients = [live.client(one, positions) for one in callers]
    entering: list[asyncio.Task[LiveClient]] = []
    try:
        async with live.raw() as stranger:
            await stranger.send(hello("nobody"))
            await until_async(lambda: not live.sockets.unauthenticated and not live.sockets.waiting)
            entering += [asyncio.create_task(client.__aenter__()) for client in clients]
            await until_async(lambda: live.sockets.waiting == len(callers))
            live.tokens.answers.set()
            assert await close_code(stranger) == wire.CLOSE_UNAUTHENTICATED
        await asyncio.gather(*entering)
        yield clients
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


def follows(client: LiveClient) -> list[bool]:
    return [one.follows for one in client.ready.heads]


async def test_who_comes_back_is_sent_what_it_missed(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    here = made.conversation_id
    async with live.client(a):
        key = await live.key(made, made.cells)
        for _ in range(3):
            await live.post(made, a, key=key.key_id)
        async with live.client(b, {here: 2}) as bob:
            assert [(head.last_seq, head.follows) for head in bob.ready.heads] == [(3, True)]
            assert await bob.seqs(1) == [3]
            await live.post(made, a, key=key.key_id)
            assert await bob.seqs(1) == [4]
        for position in (4, 900):
            async with live.client(b, {here: position}) as bob:
                assert follows(bob) == [True]
                await bob.nothing()
        async with live.client(b) as bob:  # It says nothing of this conversation.
            assert follows(bob) == [False]
            await bob.nothing()


async def test_the_keys_of_what_was_missed_come_before_it(live: Live) -> None:
    """A night in which the key changed: each device gets its cell's seal, or its own."""
    officers = [live.officer() for _ in range(4)]
    made = live.group(*officers, cells=2)
    a, b, c, _ = officers
    async with live.client(a) as alice:
        keys = [await live.key(made, made.cells[1:], [c]) for _ in range(3)]
        for key in keys:
            await live.post(made, a, key=key.key_id)
            await live.post(made, a, key=key.key_id)
        for _ in range(9):
            await alice.next()
        for caller, seal in ((b, bytes.fromhex(made.cells[1])), (c, c.device[:16])):
            async with live.client(caller, {made.conversation_id: 1}) as back:
                assert follows(back) == [True]
                # Message 1 was under the first key: the device at 1 has it.
                assert await back.seqs(1) == [2]
                for number in (1, 2):
                    frame = await back.key_frame()
                    assert frame.record == keys[number].record
                    assert frame.seal is not None
                    assert frame.seal[:16] == seal
                    assert await back.seqs(2) == [2 * number + 1, 2 * number + 2]


async def test_the_supplement_of_a_sender_who_was_new_comes_again(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, c)
    async with live.client(a) as alice:
        key = await live.key(made, made.cells)
        for sender in (a, c, c):
            await live.post(made, sender, key=key.key_id)
        for _ in range(4):
            await alice.next()
        async with live.client(b, {made.conversation_id: 1}) as bob:
            given = [(await bob.entry_frame()).supplement for _ in range(2)]
            assert [one and [p.person_id for p in one.people] for one in given] == [
                [c.person_id],
                None,
            ]


async def test_where_a_key_is_not_here_the_log_is_asked(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as alice:
        await live.post(made, a, key=key_id())
        await alice.entry()
        async with live.client(b, {made.conversation_id: 0}) as bob:
            assert follows(bob) == [False]
            await bob.nothing()


async def test_what_a_crowd_missed_is_read_once(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart: no client here was sent a message yet. Long stretches are read in
    parts."""
    monkeypatch.setattr("tests.sockets.memory_feed.MOST_READ", 2)
    officers = [live.officer() for _ in range(2 * returning.CROWD)]
    made = live.group(*officers)
    keys = [live.feed.key_for(made, made.cells) for _ in range(2)]
    for number in range(5):
        live.feed.post(made, officers[0], key=keys[number // 3].key_id)
    positions: dict[str, int] = {made.conversation_id: 2}
    async with live.client(officers[0], positions) as lonely:
        assert follows(lonely) == [False]
    assert live.feed.reads == []
    async with together(live, monkeypatch, officers, positions) as clients:
        assert live.feed.reads == ["entries 2-5", "entries 4-5", "key", "key"]
        assert len(live.feed.supplements) == 1
        await live.post(made, officers[0], key=keys[1].key_id)
        for client in clients:
            assert follows(client) == [True]
            assert (await client.key_frame()).record == keys[0].record
            first = await client.entry_frame()
            assert (first.entry.seq, first.supplement is None) == (3, False)
            assert (await client.key_frame()).record == keys[1].record
            assert await client.seqs(3) == [4, 5, 6]


async def test_m3_words_that_a_deletion_took_are_sent_to_nobody_who_comes_back(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as alice:
        key = await live.key(made, made.cells)
        await alice.key_frame()
        await live.post(made, a, b"words", key=key.key_id)
        await live.post(made, a, key=key.key_id, deletes=True)
        assert await alice.seqs(2) == [1, 2]
        async with live.client(b, {made.conversation_id: 0}) as bob:
            assert follows(bob) == [False]  # The log has the message without its words.
        async with live.client(b, {made.conversation_id: 1}) as bob:
            assert isinstance(await bob.next(), wire.KeyFrame)
            assert await bob.seqs(1) == [2]


async def test_m3_words_that_were_read_before_they_were_deleted_are_not_kept(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers = [live.officer() for _ in range(returning.CROWD + 1)]
    made, read = live.group(*officers), live.feed.entries
    key = live.feed.key_for(made, made.cells)
    live.feed.post(made, officers[0], b"words", key=key.key_id)
    async with live.client(officers[0]) as first:

        async def overtaken(c: ConversationId, after: int, upto: int) -> Sequence[EntryWakeup]:
            found = await read(c, after, upto)
            await live.post(made, officers[0], key=key.key_id, deletes=True)
            assert await first.seqs(1) == [2]
            return found

        monkeypatch.setattr(live.feed, "entries", overtaken)
        positions: dict[str, int] = {made.conversation_id: 0}
        async with together(live, monkeypatch, officers[1:], positions) as clients:
            assert [follows(one) for one in clients] == [[False]] * returning.CROWD


async def test_a_log_that_cannot_be_read_keeps_nobody_out(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers = [live.officer() for _ in range(returning.CROWD)]
    made = live.group(*officers)
    live.feed.post(made, officers[0])

    async def away(*_: object) -> Sequence[EntryWakeup]:
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "entries", away)
    with capture_logs() as logged:
        async with together(live, monkeypatch, officers, {made.conversation_id: 0}) as clients:
            assert [follows(one) for one in clients] == [[False]] * len(officers)
    assert [one["event"] for one in logged] == ["missed_not_read"]


async def test_a_storm_of_returners_reads_nothing_that_is_here(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers = [live.officer() for _ in range(2 * returning.CROWD)]
    made: Conversation = live.group(*officers)
    async with live.client(officers[0]) as first:
        key = await live.key(made, made.cells)
        await live.post(made, officers[0], key=key.key_id)
        await first.key_frame()
        await first.entry()
        async with together(live, monkeypatch, officers[1:], {made.conversation_id: 0}) as clients:
            for client in clients:
                assert isinstance(await client.next(), wire.KeyFrame)
                assert await client.seqs(1) == [1]
        assert live.feed.reads == []


async def test_who_enters_is_given_a_key_that_no_message_is_under_yet(live: Live) -> None:
    """Else everybody who was away when it was made asked for it with the first message."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, c)
    here = made.conversation_id
    before = live.feed.key_for(made, made.cells)  # While nobody was here.
    async with live.client(a, {here: 0}) as alice:
        assert (await alice.key_frame()).record == before.record
        key = await live.key(made, made.cells)
        assert (await alice.key_frame()).record == key.record
        async with live.client(b, {here: 0}) as bob:
            frame = await bob.key_frame()
            assert (frame.record, frame.seal and frame.seal[:16]) == (
                key.record,
                bytes.fromhex(made.cells[0]),
            )
            await live.post(made, a, key=key.key_id)
            assert await bob.seqs(1) == [1]
        async with live.client(c, {here: 1}) as carol:  # It has the message, and its key.
            await carol.nothing()
        assert live.feed.unused_asked == [{here}]


async def test_keys_that_cannot_be_read_keep_nobody_out(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = live.officer()
    made = live.group(a)
    key = live.feed.key_for(made, made.cells)
    unused = live.feed.unused_keys

    async def away(_: object) -> Sequence[KeyWakeup]:
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "unused_keys", away)
    with capture_logs() as logged:
        async with live.client(a) as alice:
            await alice.nothing()
            monkeypatch.setattr(live.feed, "unused_keys", unused)
            async with live.client(a) as again:
                assert (await again.key_frame()).record == key.record
    assert [one["event"] for one in logged] == ["unused_keys_not_read"]
