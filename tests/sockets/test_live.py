"""Live connections against a real web server: order, who gets what, loss, slowness, duties."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

import msgspec
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from copconnect import errors, wire
from copconnect.bus import AccountWakeup, EnteredWakeup, EntryWakeup
from copconnect.database import Database
from copconnect.delivery import log_store
from copconnect.delivery.parts import wakeup_of
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq, new_id
from copconnect.principals import Caller, Ended
from copconnect.sockets import admission, connection, duty, returning, rounds
from copconnect.sockets.connection import MAX_CLIENT_FRAME_BYTES
from copconnect.sockets.feed import Place
from tests.contract.delivery_world import Vectors, message
from tests.harness.waiting import PATIENCE_S, until_async
from tests.sockets.live_world import Live


@pytest.fixture
async def live(database: Database) -> AsyncIterator[Live]:
    async with Live(database).serving() as world:
        yield world


def change(**more: list[str]) -> wire.ChangeMembers:
    fields: dict[str, list[str]] = {"add": [], "remove": [], "make_admin": [], "revoke_admin": []}
    return wire.ChangeMembers(change_id=new_id(), **(fields | more))


async def test_ready_then_entries_in_order_to_members_only(live: Live) -> None:
    a, b, outsider = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(a) as alice, live.client(b) as bob, live.client(outsider) as other:
        assert alice.ready is not None
        assert (alice.ready.trust_version, alice.ready.directory_version) == (7, "d7")
        assert [(h.conversation_id, h.last_seq) for h in alice.ready.heads] == [
            (made.conversation_id, 1)
        ]
        posts = [live.post(a, made, text=bytes([n])) for n in range(20)]
        await asyncio.gather(*posts)
        for client in (alice, bob):
            assert [(await client.entry()).seq for _ in range(20)] == list(range(2, 22))
        await other.nothing()


async def test_duplicate_post_is_one_entry_and_one_frame(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(b) as bob:
        body = message(made.conversation_id, made.cells[0].cell_id, 1)
        post = live.service.posting.post
        answers = await asyncio.gather(*(post(a, made.conversation_id, body) for _ in range(4)))
        assert len(set(map(repr, answers))) == 1
        assert (await bob.entry()).entry_id == body.entry_id
        await bob.nothing()


async def test_joined_and_left_while_connected(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    membership, conversation_id = live.service.membership, made.conversation_id
    async with live.client(c) as carol, live.client(b) as bob:
        assert carol.ready is not None
        assert carol.ready.heads == []
        await membership.change_members(a, conversation_id, change(add=[c.person_id]))
        assert await carol.next() == wire.ConversationFrame(conversation_id=conversation_id)
        assert (await carol.entry()).kind == "roster"
        await live.post(a, made)
        assert (await carol.entry()).seq == 3
        await membership.change_members(a, conversation_id, change(remove=[c.person_id]))
        assert await carol.next() == wire.ConversationGone(conversation_id=conversation_id)
        await live.post(a, made)
        await carol.nothing()
        assert [(await bob.entry()).seq for _ in range(4)] == [2, 3, 4, 5]


async def test_new_device_is_told_and_revoked_device_is_cut(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    second = live.officer(b.person_id)
    async with live.client(second) as device, live.client(a) as alice:
        async with live.database.transaction() as transaction:
            added = await live.service.client_added(transaction, live.registry.clients[-1])
        await live.bus.publish(added)
        assert isinstance(await device.next(), wire.ConversationFrame)
        assert (
            msgspec.msgpack.decode((await alice.entry()).payload, type=wire.RosterChange).reason
            == "device_added"
        )
        assert isinstance(await device.next(), wire.EntryFrame)
        async with live.database.transaction() as transaction:
            gone = await live.service.clients_removed(
                transaction, [second.client_id], "device_removed"
            )
        await live.bus.publish(
            [
                *gone,
                AccountWakeup(
                    event="signed_out",
                    person_ids=[],
                    client_ids=[second.client_id],
                    reason="device_removed",
                ),
            ]
        )
        assert isinstance(await device.next(), wire.ConversationGone)
        assert await device.next() == wire.AccountFrame(event="signed_out")
        assert await device.close_code() == wire.CLOSE_SIGNED_OUT
        assert device.socket.close_reason == "device_removed"
    await live.post(b, made)


async def test_a_token_that_ended_is_told_why(live: Live) -> None:
    a = live.officer()
    live.tokens.ended[a.client_id] = Ended("suspended")
    async with live.raw() as socket:
        hello = wire.Hello(version=1, access_token=a.client_id)
        await socket.send(msgspec.msgpack.encode(hello))
        with suppress(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (wire.CLOSE_SIGNED_OUT, "suspended")


async def test_a_device_that_is_signed_out_while_it_is_let_in_does_not_stay(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = live.officer()
    feed = live.sockets.fanout._feed
    places = feed.places

    async def slow(clients: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        """Its token has been judged, and it is not among the connections yet."""
        live.tokens.ended[a.client_id] = Ended("device_removed")
        signed_out = AccountWakeup(event="signed_out", person_ids=[], client_ids=[a.client_id])
        await live.bus.publish([signed_out])
        return await places(clients)

    monkeypatch.setattr(feed, "places", slow)
    async with live.raw() as socket:
        hello = wire.Hello(version=1, access_token=a.client_id)
        await socket.send(msgspec.msgpack.encode(hello))
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
        assert socket.close_code == wire.CLOSE_SIGNED_OUT
        assert socket.close_reason == "device_removed"


async def test_what_changes_about_accounts_while_one_comes_in_is_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions in Ready were read before it, and who comes in is not among those told yet."""
    a, b = live.officer(), live.officer()
    places = live.service.feed.places

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        monkeypatch.setattr(live.service.feed, "places", places)
        await live.bus.publish(
            [
                AccountWakeup(event="trust", person_ids=[], client_ids=[]),
                AccountWakeup(event="clients", person_ids=[b.person_id], client_ids=[]),
                AccountWakeup(event="clients", person_ids=[a.person_id], client_ids=[]),
            ]
        )
        return await places(client_ids)

    async with live.client(a) as alice:
        monkeypatch.setattr(live.service.feed, "places", slow)
        async with live.client(b) as bob:
            for client in (alice, bob):
                for event in ("trust", "clients"):
                    assert await client.next() == wire.AccountFrame(event=event)
                await client.nothing()
        async with live.client(b) as bob:  # It was said once.
            await bob.nothing(0.05)


async def test_lost_wakeups_heal(live: Live) -> None:
    """A crash between commit and wake-up: the next entry, or the periodic look, brings it."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(b) as bob, live.client(c) as carol:
        live.live_bus.forgetful = True
        await live.post(a, made)
        await live.post(a, made)
        live.live_bus.forgetful = False
        await live.post(a, made)
        assert [(await bob.entry()).seq for _ in range(3)] == [2, 3, 4]
        live.live_bus.forgetful = True
        await live.service.membership.change_members(
            a, made.conversation_id, change(add=[c.person_id])
        )
        await live.post(a, made)
        await bob.nothing()
        await live.sockets.fanout.heal()
        assert [(await bob.entry()).seq for _ in range(2)] == [5, 6]
        assert isinstance(await carol.next(), wire.ConversationFrame)
        assert [(await carol.entry()).seq for _ in range(2)] == [5, 6]
        await live.sockets.fanout.heal()
        await carol.nothing()
        await bob.nothing()


async def test_what_was_lost_before_a_long_outage_heals(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(b) as bob:
        await live.sockets.fanout.heal()
        live.live_bus.forgetful = True
        accepted = await live.post(a, made)
        live.clock.at += 600_000  # The database is away meanwhile: no look succeeds.
        await live.sockets.fanout.heal()
        assert (await bob.entry()).seq == accepted.seq


async def test_a_cursor_counts_though_the_wakeup_of_its_entry_was_lost(live: Live) -> None:
    """Who comes in is told of the newest entry, reads it in the log and says so before the others
    here were sent it."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b, c])
    async with live.client(b) as bob:
        live.live_bus.forgetful = True
        accepted = await live.post(a, made)
        live.live_bus.forgetful = False
        async with live.client(c) as carol:
            assert carol.ready is not None
            assert carol.ready.heads[0].last_seq == accepted.seq
            update = wire.CursorUpdate(
                conversation_id=made.conversation_id,
                delivered_seq=accepted.seq,
                read_seq=accepted.seq,
            )
            await carol.send(wire.Cursors(updates=[update]))
            told = [await bob.next(), await bob.next()]
            (receipts,) = (one for one in told if isinstance(one, wire.Receipts))
            assert receipts.receipts[0].read_seq == accepted.seq


async def test_who_came_before_the_first_that_was_heard_is_known(live: Live) -> None:
    """Nobody here belonged, and the entry that names carol was lost; bob's came."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [live.officer()])
    conversation_id, membership = made.conversation_id, live.service.membership
    async with live.client(b) as bob, live.client(c) as carol:
        live.live_bus.forgetful = True
        await membership.change_members(a, conversation_id, change(add=[c.person_id]))
        live.live_bus.forgetful = False
        await membership.change_members(a, conversation_id, change(add=[b.person_id]))
        for client in (bob, carol):
            assert isinstance(await client.next(), wire.ConversationFrame)
            assert (await client.entry()).seq == 3
        await live.sockets.fanout.heal()
        await live.post(a, made)
        for client in (bob, carol):
            assert (await client.entry()).seq == 4


async def test_a_creation_that_was_lost_reaches_all_its_people(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    async with live.client(b) as bob, live.client(c) as carol:
        live.live_bus.forgetful = True
        made = await live.group(a, [b])
        live.live_bus.forgetful = False
        await live.service.membership.change_members(
            a, made.conversation_id, change(add=[c.person_id])
        )
        for client in (bob, carol):
            assert isinstance(await client.next(), wire.ConversationFrame)
            assert (await client.entry()).seq == 2


async def test_who_came_is_known_though_the_last_member_left_before_it_was_read(live: Live) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    fanout = live.sockets.fanout
    async with live.client(c) as carol:
        async with live.client(b):
            live.live_bus.forgetful = True
            await live.service.membership.change_members(
                a, made.conversation_id, change(add=[c.person_id])
            )
            await fanout.heal()
        await until_async(lambda: not fanout._topics and not fanout._tasks)
        await fanout.heal()
        assert isinstance(await carol.next(), wire.ConversationFrame)
        assert (await carol.entry()).kind == "roster"


async def test_slow_reader_is_dropped_and_others_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_CLOSE_S", PATIENCE_S)
    async with Live(database, buffer_bytes=2 * 1024 * 1024).serving() as live:
        a, b, slow = live.officer(), live.officer(), live.officer()
        made = await live.founded(a, [b, slow])
        async with live.raw(max_queue=1) as stuck, live.client(b) as bob:
            hello = wire.Hello(version=1, access_token=slow.client_id)
            await stuck.send(msgspec.msgpack.encode(hello))
            await stuck.recv()
            stuck.transport.pause_reading()
            there = [one for one in live.sockets.fanout.connections if one.caller == slow]
            posts = 0
            while there[0].close_code is None:
                posts += 1
                assert posts < 200, "50 MB wait for a reader that reads nothing"
                await live.post(a, made, text=bytes(250_000))
                assert (await bob.entry()).kind == "message"
            stuck.transport.resume_reading()
            with suppress(ConnectionClosed):
                async for _ in stuck:
                    pass
            assert stuck.close_code == wire.CLOSE_TOO_SLOW
            await live.post(a, made)
            assert (await bob.entry()).seq == posts + 2


async def test_cursors_become_receipts_and_never_go_back(live: Live) -> None:
    a, b, outsider = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    other = await live.founded(outsider, [a])
    conversation_id = made.conversation_id
    async with live.client(a) as alice, live.client(b) as bob:
        for _ in range(3):
            await live.post(a, made)
        for read, delivered in ((2, 3), (1, 9), (0, 0)):
            update = wire.CursorUpdate(
                conversation_id=conversation_id, delivered_seq=Seq(delivered), read_seq=Seq(read)
            )
            foreign = wire.CursorUpdate(
                conversation_id=other.conversation_id, delivered_seq=Seq(1), read_seq=Seq(1)
            )
            await bob.send(wire.Cursors(updates=[update, foreign]))
        receipt = wire.Receipt(person_id=b.person_id, delivered_seq=Seq(4), read_seq=Seq(2))
        versions = itertools.count(1)
        while True:  # Entries, and a receipt of the first cursor alone if it was flushed by itself.
            frame = await alice.next()
            if isinstance(frame, wire.Receipts):
                assert frame.receipts_version == next(versions)
                if frame.receipts == [receipt]:
                    break
    await live.sockets.cursors.flush()
    page = await live.service.membership.members(a, conversation_id, "")
    seen = {one.person_id: (one.delivered_seq, one.read_seq) for one in page.members}
    assert seen == {a.person_id: (0, 0), b.person_id: (4, 2)}
    assert page.receipts_version == next(versions) - 1
    stored = await live.service.membership.conversation(b, conversation_id)
    assert (stored.delivered_seq, stored.read_seq) == (4, 2)
    # Of another device of the same person what was read counts, what was delivered does not.
    elsewhere = dataclasses.replace(b, client_id=a.client_id)
    stored = await live.service.membership.conversation(elsewhere, conversation_id)
    assert (stored.delivered_seq, stored.read_seq) == (0, 2)


async def of_three(live: Live) -> tuple[Vectors, Caller, Caller, Caller]:
    """Found a cell of alice and bob, with carol about to come in."""
    vectors = Vectors()
    officers: list[Caller] = []
    for name in ("alice", "bob", "carol"):
        officers.append(vectors.register(live.registry, name))
        live.tokens.callers[officers[-1].client_id] = officers[-1]
    a, b, c = officers
    await live.group(a, [b, c], vectors.conversation_id, vectors.cell_id)
    commits = live.service.commits
    place = vectors.conversation_id, vectors.cell_id
    await commits.upload(a, *place, vectors.commit("founding commit", 0, founding=True))
    await commits.upload(a, *place, vectors.commit("commit that adds bob", 1, welcomes=[b]))
    await commits.lease(c, *place)
    return vectors, a, b, c


async def comes_in(live: Live, vectors: Vectors, carol: Caller) -> None:
    """Carol's commit."""
    joining = vectors.commit("external commit of carol", 2)
    await live.service.commits.upload(carol, vectors.conversation_id, vectors.cell_id, joining)


async def remove(live: Live, vectors: Vectors, admin: Caller, carol: Caller) -> None:
    """Carol must go."""
    await live.service.membership.change_members(
        admin, vectors.conversation_id, change(remove=[carol.person_id])
    )


async def test_m8_duty_asks_one_after_another_until_the_commit(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "EVERY_S", 0.2)
    vectors, a, b, c = await of_three(live)
    await comes_in(live, vectors, c)
    async with live.client(a) as alice, live.client(b) as bob:
        await remove(live, vectors, a, c)
        expected = wire.Duty(conversation_id=vectors.conversation_id, cell_id=vectors.cell_id)
        for client in (alice, bob):
            assert [(await client.entry()).kind for _ in range(2)] == ["roster", "proposal"]
            assert await client.next() == expected
        removing = vectors.commit("commit that removes carol", 3)
        place = vectors.conversation_id, vectors.cell_id
        await live.service.commits.upload(a, *place, removing)
        while isinstance(frame := await bob.next(), wire.Duty):
            pass
        assert isinstance(frame, wire.EntryFrame)
        assert frame.entry.kind == "commit"
        await bob.nothing(0.5)


async def test_m8_a_remove_that_was_healed_is_asked_for(live: Live) -> None:
    """A crash between commit and wake-ups."""
    vectors, a, b, c = await of_three(live)
    await comes_in(live, vectors, c)
    async with live.client(b) as bob:
        live.live_bus.forgetful = True
        await remove(live, vectors, a, c)
        await live.sockets.fanout.heal()
        assert [(await bob.entry()).kind for _ in range(2)] == ["roster", "proposal"]
        assert isinstance(await bob.next(), wire.Duty)


async def test_m8_a_commit_that_was_overtaken_ends_no_duty(live: Live) -> None:
    """Asked before it has the Removes a member has nothing to do."""
    vectors, a, b, c = await of_three(live)
    async with live.client(b) as bob:
        live.live_bus.forgetful = True
        await comes_in(live, vectors, c)
        live.live_bus.forgetful = False
        await remove(live, vectors, a, c)
        kinds = [(await bob.entry()).kind for _ in range(3)]
        assert kinds == ["commit", "roster", "proposal"]
        assert isinstance(await bob.next(), wire.Duty)


async def test_m8_a_database_that_was_away_ends_no_duty(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "EVERY_S", 0.05)
    vectors, a, b, c = await of_three(live)
    await comes_in(live, vectors, c)
    pending = live.service.feed.removal_pending

    async def away(cell_id: CellId) -> bool:
        monkeypatch.setattr(live.service.feed, "removal_pending", pending)
        raise errors.Overloaded(cell_id=cell_id)

    monkeypatch.setattr(live.service.feed, "removal_pending", away)
    async with live.client(b) as bob:
        with capture_logs() as logged:
            await remove(live, vectors, a, c)
            assert [(await bob.entry()).kind for _ in range(2)] == ["roster", "proposal"]
            for _ in range(3):
                assert isinstance(await bob.next(), wire.Duty)
        assert [one["event"] for one in logged] == ["duty_failed"]


async def test_m8_a_remove_while_one_comes_in_is_asked_for(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, a, b, c = await of_three(live)
    await comes_in(live, vectors, c)
    places = live.service.feed.places

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        found = await places(client_ids)
        monkeypatch.setattr(live.service.feed, "places", places)
        await remove(live, vectors, a, c)
        await until_async(lambda: not live.sockets.fanout.duties._tasks)
        return found

    monkeypatch.setattr(live.service.feed, "places", slow)
    async with live.client(b) as bob:
        assert isinstance(await bob.next(), wire.Duty)


async def test_m8_a_remove_while_its_task_ends_is_asked_for(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "EVERY_S", 0.05)
    vectors, _, b, _ = await of_three(live)
    place = vectors.conversation_id, vectors.cell_id
    duties = live.sockets.fanout.duties

    looks = itertools.count()

    async def none_yet(cell_id: CellId) -> bool:
        if next(looks):
            return True
        duties.begin(vectors.conversation_id, cell_id)  # Its wake-up is faster than this answer.
        return False

    monkeypatch.setattr(live.service.feed, "removal_pending", none_yet)
    async with live.client(b) as bob:
        duties.begin(*place)
        for _ in range(2):
            assert isinstance(await bob.next(), wire.Duty)


async def test_an_entry_of_another_cell_is_not_sent(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(b) as bob:
        entry = wire.LogEntry(
            conversation_id=made.conversation_id,
            seq=Seq(2),
            kind="commit",
            cell_id=CellId("f" * 32),
            epoch=Epoch(3),
            sender=a.client_id,
            entry_id=new_id(),  # type: ignore[arg-type]
            sent_ms=0,
            payload=b"",
        )
        await live.bus.publish([wakeup_of(entry)])
        await bob.nothing()


@pytest.mark.parametrize(
    "first",
    [
        msgspec.msgpack.encode(wire.Hello(version=1, access_token="nobody")),
        msgspec.msgpack.encode(wire.Cursors(updates=[])),
        b"\xc1 not MessagePack",
        b"",
        "text",
        bytes(200_000),
    ],
)
async def test_a_wrong_first_frame_closes(live: Live, first: bytes | str) -> None:
    async with live.raw() as socket:
        await socket.send(first)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == wire.CLOSE_UNAUTHENTICATED


async def close_code(socket: ClientConnection) -> int | None:
    """Read to the end; return the close code."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code


async def test_silence_closes(database: Database) -> None:
    async with Live(database, hello_ms=200).serving() as live, live.raw() as socket:
        assert await close_code(socket) == wire.CLOSE_UNAUTHENTICATED


async def let_in(live: Live, socket: ClientConnection) -> bool:
    """Say Hello as a new officer; return whether Ready comes."""
    hello = wire.Hello(version=1, access_token=live.officer().client_id)
    await socket.send(msgspec.msgpack.encode(hello))
    return bool(await socket.recv())


async def test_strangers_are_few_and_members_many(database: Database) -> None:
    limits = {"strangers": 6, "strangers_per_address": 3, "trusted_proxies": 1}
    async with Live(database, **limits).serving() as live, AsyncExitStack() as sockets:

        async def stranger(address: str) -> ClientConnection:
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
            return await sockets.enter_async_context(live.raw(additional_headers=headers))

        station = [await stranger("198.51.100.7") for _ in range(3)]
        assert await close_code(await stranger("198.51.100.7")) == wire.CLOSE_TRY_AGAIN
        others = [await stranger(f"198.51.100.{n}") for n in (8, 9, 10)]
        assert await close_code(await stranger("198.51.100.11")) == wire.CLOSE_TRY_AGAIN
        assert live.sockets.strangers == 6
        # Who says Hello makes room, however many are in.
        for socket in (*station, *others):
            assert await let_in(live, socket)
        assert live.sockets.strangers == 0
        for _ in range(5):
            assert await let_in(live, await stranger("198.51.100.7"))
        assert len(live.sockets.fanout.connections) == 11


async def test_who_was_turned_away_counts_until_gone(database: Database) -> None:
    async with Live(database, strangers=1).serving() as live:
        async with live.raw() as liar:
            hello = wire.Hello(version=1, access_token="nobody")
            liar.transport.pause_reading()  # It will not answer the close.
            await liar.send(msgspec.msgpack.encode(hello))
            there = live.sockets._rounds.all
            await until_async(lambda: there()[0].close_code, "the refusal")
            assert live.sockets.strangers == 1
            async with live.raw() as next_one:
                assert await close_code(next_one) == wire.CLOSE_TRY_AGAIN
            liar.transport.resume_reading()
            assert await close_code(liar) == wire.CLOSE_UNAUTHENTICATED
        await until_async(lambda: live.sockets.strangers == 0, "the end")
        async with live.raw() as officer:
            assert await let_in(live, officer)


async def test_a_device_that_connects_anew_ends_its_older_connection(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(a) as old, live.client(b) as bob:
        async with live.client(a) as new:
            assert await old.close_code() == wire.CLOSE_REPLACED
            await live.post(b, made)
            for one in (new, bob):
                assert (await one.entry()).seq == 2
            # Its own announcement changes nothing. Then it connects to another process.
            now_ms = live.clock.now_ms()
            await live.bus.publish([EnteredWakeup(clients={a.client_id: now_ms})])
            await live.post(b, made)
            assert (await new.entry()).seq == 3
            await live.bus.publish([EnteredWakeup(clients={a.client_id: now_ms + 1})])
            assert await new.close_code() == wire.CLOSE_REPLACED
        assert (await bob.entry()).seq == 3
        await until_async(lambda: [one.client for one in live.sockets.fanout.connections] == [b])


@pytest.mark.parametrize(
    "frame",
    [
        msgspec.msgpack.encode(wire.Hello(version=1, access_token="x")),
        b"\x81\xa1t\xa7cursors",
        b"\x82\xa1t\xa7cursors\xa7updates\xc0",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000,
        bytes(200_000),
        "{}",
    ],
)
async def test_a_bad_frame_closes(live: Live, frame: bytes | str) -> None:
    async with live.client(live.officer()) as client:
        await client.socket.send(frame)
        assert await client.close_code() == wire.CLOSE_BAD_FRAME


async def test_a_frame_that_is_too_large_closes(live: Live) -> None:
    async with live.client(live.officer()) as client:
        await client.socket.send(bytes(MAX_CLIENT_FRAME_BYTES + 1))
        assert await client.close_code() == CloseCode.MESSAGE_TOO_BIG


async def test_a_message_in_several_frames_is_one(live: Live) -> None:
    """Browsers may cut a large message (RFC 6455 section 5.4)."""
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(a) as alice, live.client(b) as bob:
        update = wire.CursorUpdate(
            conversation_id=made.conversation_id, delivered_seq=Seq(1), read_seq=Seq(1)
        )
        whole = msgspec.msgpack.encode(wire.Cursors(updates=[update] * 3))
        await bob.socket.send([whole[:7], whole[7:50], whole[50:]])
        receipt = wire.Receipt(person_id=b.person_id, delivered_seq=Seq(1), read_seq=Seq(1))
        assert await alice.next() == wire.Receipts(
            conversation_id=made.conversation_id, receipts=[receipt], receipts_version=1
        )
        endless = MAX_CLIENT_FRAME_BYTES // 2 * b"x"
        with suppress(ConnectionClosed):
            await bob.socket.send([endless] * 4)
        assert await bob.close_code() == wire.CLOSE_BAD_FRAME


async def test_a_message_in_any_number_of_frames_holds_nobody_up(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(a) as alice, live.client(b) as bob:
        update = wire.CursorUpdate(
            conversation_id=made.conversation_id, delivered_seq=Seq(1), read_seq=Seq(1)
        )
        whole = msgspec.msgpack.encode(wire.Cursors(updates=[update] * 3))
        # A binary message of empty frames, masked with zeros; the last frame has its bytes.
        empty = bytes([0, 0x80]) + bytes(4)
        last = bytes([0x80, 0x80 | 126]) + len(whole).to_bytes(2, "big") + bytes(4) + whole
        first = bytes([2, 0x80]) + bytes(4)
        bob.socket.transport.write(first + 200_000 * empty + last)
        assert isinstance(await alice.next(), wire.Receipts)


async def test_firefox_asks_for_more_than_the_upgrade(live: Live) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    try:
        writer.write(
            b"GET /v1/socket?x=1 HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        assert b"permessage-deflate" not in answer
    finally:
        writer.close()


async def test_another_path_is_no_socket(live: Live) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{live.port}/v1/sockets", compression=None)
    assert refused.value.response.status_code == 404


async def test_silent_connections_are_ended_and_answering_ones_stay(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [live.officer()])
    async with live.client(a) as alice, live.raw() as deaf:
        await deaf.send(msgspec.msgpack.encode(wire.Hello(version=1, access_token=b.client_id)))
        await deaf.recv()
        deaf.transport.pause_reading()
        connections = live.sockets.fanout.connections
        answering = next(one for one in connections if one.client == a)
        for silent in (1, 2):  # Turns; only after the second a ping is due.
            rounds.ping(connections)
            assert {one.unheard for one in connections} == {silent}
        await until_async(lambda: answering.unheard == 0, "the answer")
        rounds.ping(connections)
        assert answering.unheard == 1
        await until_async(lambda: len(live.sockets.fanout.connections) == 1, "the end")
        assert live.sockets.fanout.connections == [answering]
        await live.post(a, made)
        assert (await alice.entry()).seq == 2
        deaf.transport.resume_reading()  # So that closing it hears the end instead of waiting.


async def test_a_storm_of_hellos_costs_a_few_statements(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers = [live.officer() for _ in range(30)]
    made = await live.founded(officers[0], officers[1:])
    asked: list[int] = []
    places = live.service.feed.places

    async def counted(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        asked.append(len(client_ids))
        if len(asked) == 1:
            await everybody_waits.wait()
        return await places(client_ids)

    everybody_waits = asyncio.Event()
    monkeypatch.setattr(live.service.feed, "places", counted)
    clients = [live.client(one) for one in officers]
    entering = [asyncio.create_task(client.__aenter__()) for client in clients]
    try:
        await until_async(lambda: live.sockets.waiting + sum(asked) >= len(officers))
        everybody_waits.set()
        await asyncio.gather(*entering)
        assert sum(asked) == len(officers)
        assert len(asked) <= 2
        await live.post(officers[0], made)
        for client in clients:
            assert (await client.entry()).seq == 2
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


async def test_who_comes_back_is_sent_what_it_missed(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    here = made.conversation_id
    async with live.client(a):
        for _ in range(3):
            await live.post(a, made)
        async with live.client(b, {here: 2}) as bob:
            assert bob.ready is not None
            assert [(head.last_seq, head.follows) for head in bob.ready.heads] == [(4, True)]
            assert [(await bob.entry()).seq for _ in range(2)] == [3, 4]
            await live.post(a, made)
            assert (await bob.entry()).seq == 5
        for position, follows in ((5, True), (900, True), (0, False)):  # The first is not here.
            async with live.client(b, {here: position}) as bob:
                assert bob.ready is not None
                assert [head.follows for head in bob.ready.heads] == [follows]
                await bob.nothing(0.05)
        c = live.officer()
        await live.service.membership.change_members(a, here, change(add=[c.person_id]))
        async with live.client(b, {here: 5}) as bob:
            assert bob.ready is not None
            assert [head.follows for head in bob.ready.heads] == [False]
    async with live.client(b) as bob, live.client(a) as alice:
        assert bob.ready is not None
        assert [head.follows for head in bob.ready.heads] == [False]
        await live.post(a, made)
        assert (await bob.entry()).seq == (await alice.entry()).seq == 7


@pytest.mark.parametrize(
    ("most_bytes", "reads"), [(log_store.GAP_BYTES, [3]), (1, [3, 4, 5])], ids=["small", "large"]
)
async def test_what_a_crowd_missed_is_read_once(
    live: Live, monkeypatch: pytest.MonkeyPatch, most_bytes: int, reads: list[int]
) -> None:
    """As after a restart: nobody here was sent anything yet. What is large is read in parts."""
    monkeypatch.setattr(log_store, "GAP_BYTES", most_bytes)
    officers = [live.officer() for _ in range(2 * returning.CROWD)]
    made = await live.founded(officers[0], officers[1:])
    for _ in range(5):
        await live.post(officers[0], made)
    read: list[int] = []
    entries = live.service.feed.entries

    async def counted(one: ConversationId, after: int, upto: int) -> Sequence[EntryWakeup]:
        read.append(after)
        return await entries(one, after, upto)

    monkeypatch.setattr(live.service.feed, "entries", counted)
    positions: dict[str, int] = {made.conversation_id: 3}
    async with live.client(officers[0], positions) as lonely:
        assert lonely.ready is not None
        assert [head.follows for head in lonely.ready.heads] == [False]
    assert read == []
    monkeypatch.setattr(admission, "TOGETHER", len(officers))
    await live.sockets._admission.close()  # So that all come in together.
    clients = [live.client(one, positions) for one in officers]
    entering = [asyncio.create_task(client.__aenter__()) for client in clients]
    try:
        await until_async(lambda: live.sockets.waiting == len(officers))
        await live.sockets._admission.start()
        await asyncio.gather(*entering)
        assert read == reads
        await live.post(officers[0], made)
        for client in clients:
            assert client.ready is not None
            assert client.ready.heads[0].follows
            assert [(await client.entry()).seq for _ in range(4)] == [4, 5, 6, 7]
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


async def test_a_hello_that_could_not_be_judged_comes_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while the database is away."""
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    places = live.service.feed.places

    async def away(_: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        raise errors.Overloaded

    monkeypatch.setattr(live.service.feed, "places", away)
    with capture_logs() as logged:
        async with live.raw() as socket:
            hello = wire.Hello(version=1, access_token=a.client_id)
            await socket.send(msgspec.msgpack.encode(hello))
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), PATIENCE_S)
            assert socket.close_code == wire.CLOSE_TRY_AGAIN
    assert [one["event"] for one in logged] == ["admission_failed"]
    await until_async(lambda: not live.sockets.fanout.connections)
    monkeypatch.setattr(live.service.feed, "places", places)
    async with live.client(a) as alice:
        await live.post(b, made)
        assert (await alice.entry()).seq == 2


async def test_a_cut_socket_is_forgotten(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    async with live.client(b) as bob:
        bob.socket.transport.abort()
        await until_async(lambda: not live.sockets.fanout.connections, "forgetting the socket")
        await live.post(a, made)
    async with live.client(b) as bob:
        assert bob.ready is not None
        assert bob.ready.heads[0].last_seq == 2
