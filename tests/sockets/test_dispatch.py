"""Messages and keys on their way to sockets: order, loss, what readers may lack."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.bus import EntryWakeup, KeyWakeup, TrustWakeup
from copconnect.ids import Seq
from copconnect.sockets.dispatch import frames
from copconnect.sockets.feed import Seals
from tests.harness.waiting import until_async
from tests.sockets.live_world import Live
from tests.sockets.memory_feed import key_id


async def test_ready_then_messages_in_order_to_listed_devices_only(live: Live) -> None:
    a, b, outsider = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    await live.post(made, a)
    async with live.client(a) as alice, live.client(b) as bob, live.client(outsider) as other:
        assert (alice.ready.trust_version, alice.ready.directory_version) == (7, "d7")
        assert [(h.conversation_id, h.last_seq) for h in alice.ready.heads] == [
            (made.conversation_id, 1)
        ]
        await asyncio.gather(*(live.post(made, a, bytes([n])) for n in range(20)))
        for client in (alice, bob):
            assert await client.seqs(20) == list(range(2, 22))
        assert other.ready.heads == []
        await other.nothing()


async def test_everybody_gets_the_same_bytes_whatever_their_cell(live: Live) -> None:
    officers = [live.officer() for _ in range(6)]
    made = live.group(*officers, cells=3)
    async with live.client(officers[0]) as one, live.client(officers[1]) as other:
        for text in (b"first", b"second"):
            await live.post(made, officers[2], text)
            assert await one.raw_next() == await other.raw_next()


async def test_wakeups_that_overtake_or_repeat_are_put_in_order(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    wakeups = [live.feed.post(made, a) for _ in range(5)]
    made.entries.clear()  # They are not committed when the socket enters.
    async with live.client(b) as bob:
        made.entries.extend(wakeups)
        first, second, third, fourth, fifth = wakeups
        await live.bus.publish([first, third, second, third, first, fifth, fourth, fifth])
        assert await bob.seqs(5) == [1, 2, 3, 4, 5]
        await bob.nothing()
        assert not [one for one in live.feed.reads if one.startswith("entries")]


async def test_lost_wakeups_are_read_from_the_log(live: Live) -> None:
    """A crash between commit and wake-up: the next message, or the periodic look, brings it."""
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        live.bus.forgetful = True
        for _ in range(250):  # More than one read.
            await live.post(made, a)
        live.bus.forgetful = False
        await live.post(made, a)
        assert await bob.seqs(251) == list(range(1, 252))
        live.bus.forgetful = True
        await live.post(made, a)
        await bob.nothing()
        await live.sockets.fanout.reconcile()
        assert await bob.seqs(1) == [252]
        await live.sockets.fanout.reconcile()
        await bob.nothing()


async def test_what_was_lost_before_a_long_outage_heals(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        await live.sockets.fanout.reconcile()
        live.bus.forgetful = True
        await live.post(made, a)
        live.feed.now_ms += 600_000  # The database is away meanwhile: no look succeeds.
        await live.sockets.fanout.reconcile()
        assert await bob.seqs(1) == [1]


async def test_what_retention_took_is_passed_over(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        live.bus.forgetful = True
        for _ in range(3):
            await live.post(made, a)
        made.forgotten = 3
        live.bus.forgetful = False
        await live.post(made, a)
        assert await bob.seqs(1) == [4]
        await live.post(made, a)
        assert await bob.seqs(1) == [5]


async def test_a_message_that_is_too_large_for_the_bus_is_read(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        wakeup = live.feed.post(made, a, b"large")
        await live.bus.publish([msgspec.structs.replace(wakeup, frame=b"")])
        await live.post(made, a)
        assert (await bob.entry()).message == b"large"
        assert await bob.seqs(1) == [2]


async def test_a_log_that_cannot_be_read_is_read_later(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    entries = live.feed.entries

    async def away(*_: object) -> Sequence[EntryWakeup]:
        monkeypatch.setattr(live.feed, "entries", entries)
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "entries", away)
    async with live.client(b) as bob:
        live.bus.forgetful = True
        await live.post(made, a)
        live.bus.forgetful = False
        with capture_logs() as logged:
            await live.post(made, a)
            await until_async(lambda: logged)
        assert [one["event"] for one in logged] == ["repair_failed"]
        await live.sockets.fanout.reconcile()
        assert await bob.seqs(2) == [1, 2]


# --- Supplements --------------------------------------------------------------------------------


async def test_r2_the_first_message_of_a_sender_comes_with_what_readers_may_lack(
    live: Live,
) -> None:
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, c)
    here = made.conversation_id
    async with live.client(c) as carol:
        await live.post(made, a)
        await live.post(made, a)
        await live.post(made, b)
        first, second, third = [await carol.entry_frame() for _ in range(3)]
        assert first.supplement is not None
        assert first.supplement.heads == [f"{here} 1".encode()]
        assert [one.proof for one in first.supplement.proofs] == [a.device]
        assert [one.person_id for one in first.supplement.people] == [a.person_id]
        assert second.supplement is None
        assert third.supplement is not None
        assert [one.person_id for one in third.supplement.people] == [b.person_id]


async def test_r2_a_new_head_is_proven_once_for_each_sender(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        await live.post(made, a)
        await bob.entry()
        await live.change(made, add=[live.officer()])
        await live.post(made, a)
        await live.post(made, a)
        assert isinstance(await bob.next(), wire.RosterFrame)
        second, third = await bob.entry_frame(), await bob.entry_frame()
        assert second.supplement is not None
        assert [one.epoch for one in second.supplement.proofs] == [2]
        assert second.supplement.people == []  # They have been given.
        assert third.supplement is None


async def test_r2_an_older_head_is_proven_beside_the_highest_that_was_named(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        await live.change(made, add=[live.officer()])
        assert isinstance(await bob.next(), wire.RosterFrame)
        await live.post(made, b)
        await live.post(made, a, epoch=1)
        await bob.entry()
        late = (await bob.entry_frame()).supplement
        assert late is not None
        assert [one.epoch for one in late.proofs] == [1, 2]


async def test_changed_records_of_a_person_come_with_their_next_message(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        await live.post(made, a)
        await live.post(made, b)
        given = [(await bob.entry_frame()).supplement for _ in range(2)]
        await live.bus.publish([TrustWakeup(person_ids=[a.person_id])])
        await live.post(made, b)
        await live.post(made, a)
        await live.post(made, a)
        given += [(await bob.entry_frame()).supplement for _ in range(3)]
        people = [None if one is None else [p.person_id for p in one.people] for one in given]
        assert people == [[a.person_id], [b.person_id], None, [a.person_id], None]


async def test_messages_wait_in_order_for_a_supplement(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    supplement, asked, read = live.feed.supplement, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: object) -> wire.Supplement:
        asked.set()
        await read.wait()
        return await supplement(*arguments)  # type: ignore[arg-type]

    async with live.client(b) as bob:
        await live.post(made, b)
        await bob.entry()
        monkeypatch.setattr(live.feed, "supplement", slow)
        await live.post(made, a)
        await asked.wait()
        await live.post(made, b)
        key = await live.key(made, made.cells)
        await live.post(made, b)
        await bob.nothing(held=1)
        read.set()
        assert await bob.seqs(2) == [2, 3]
        assert (await bob.key_frame()).record == key.record
        assert await bob.seqs(1) == [4]


@pytest.mark.parametrize("how", ["away", "silent"])
async def test_a_message_goes_without_a_supplement_that_cannot_be_read(
    live: Live, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    supplement = live.feed.supplement
    monkeypatch.setattr(frames, "PREPARE_S", 0.05)

    async def away(*_: object) -> wire.Supplement:
        if how == "silent":
            await asyncio.sleep(3600)
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "supplement", away)
    async with live.client(b) as bob:
        with capture_logs() as logged:
            await live.post(made, a)
            assert (await bob.entry_frame()).supplement is None
        assert [one["event"] for one in logged] == ["supplement_not_read"]
        monkeypatch.setattr(live.feed, "supplement", supplement)
        await live.post(made, a)
        assert (await bob.entry_frame()).supplement is not None


# --- Keys ---------------------------------------------------------------------------------------


async def test_a_key_comes_with_the_devices_own_seal_or_its_cells(live: Live) -> None:
    officers = [live.officer() for _ in range(4)]
    made = live.group(*officers, cells=2)
    a, b, c, _ = officers  # a and c sit in the first cell.
    async with live.client(a) as one, live.client(b) as two, live.client(c) as three:
        key = await live.key(made, made.cells[:1], [c])
        frames = [await client.key_frame() for client in (one, two, three)]
        assert {frame.record for frame in frames} == {key.record}
        seals = [frame.seal and frame.seal[:16] for frame in frames]
        assert seals == [bytes.fromhex(made.cells[0]), None, c.device[:16]]
        await live.bus.publish([key])
        await live.sockets.fanout.reconcile()
        for client in (one, two, three):
            await client.nothing()


async def test_a_key_that_was_lost_heals(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        live.bus.forgetful = True
        key = await live.key(made, (), [a, b])
        await live.sockets.fanout.reconcile()
        frame = await bob.key_frame()
        assert (frame.record, frame.seal) == (
            key.record,
            key.seals[-96:] if b.device[:16] in key.seals[-96:] else key.seals[:96],
        )


async def test_seals_that_cannot_be_read_hold_nothing_up(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)

    seals = live.feed.seals

    async def away(_: KeyWakeup) -> Seals:
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "seals", away)
    async with live.client(b) as bob:
        with capture_logs() as logged:
            key = await live.key(made, made.cells)
            await live.post(made, a)
            assert await bob.seqs(1) == [1]
        assert [one["event"] for one in logged] == ["seals_not_read"]
        monkeypatch.setattr(live.feed, "seals", seals)
        await live.sockets.fanout.reconcile()
        assert (await bob.key_frame()).record == key.record


async def test_a_cell_key_goes_to_the_devices_of_its_cell(live: Live) -> None:
    officers = [live.officer() for _ in range(4)]
    made = live.group(*officers, cells=2)
    a, b, c, _ = officers
    stranger = live.officer()
    async with live.client(a) as one, live.client(b) as two, live.client(c) as three:
        wakeup = live.feed.cell_key_for(made, made.cells[0], [a, b, stranger])
        await live.bus.publish([wakeup])
        frame = await one.next()
        assert frame == wire.CellKeyFrame(
            conversation_id=made.conversation_id,
            cell_id=made.cells[0],
            record=wakeup.record,
            seal=a.device,
        )
        await two.nothing()  # It sits in another cell.
        await three.nothing()  # Its device was left out: it asks for a share.


# --- Cursors ------------------------------------------------------------------------------------


async def test_a_cursor_counts_though_the_wakeup_of_its_message_was_lost(live: Live) -> None:
    """A new client learns of the newest message, reads it in the log and says so before
    the others here were sent it."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, c)
    async with live.client(b) as bob:
        live.bus.forgetful = True
        seq = await live.post(made, a)
        live.bus.forgetful = False
        async with live.client(c) as carol:
            assert carol.ready.heads[0].last_seq == seq
            update = wire.CursorUpdate(
                conversation_id=made.conversation_id, delivered_seq=seq, read_seq=seq
            )
            await carol.send(wire.Cursors(updates=[update]))
            told = [await bob.next(), await bob.next()]
            (receipts,) = (one for one in told if isinstance(one, wire.Receipts))
            assert receipts.receipts[0].read_seq == seq


async def test_cursors_become_receipts_and_never_go_back(live: Live) -> None:
    a, b, outsider = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    other = live.group(outsider, a)
    here = made.conversation_id
    await live.post(other, a)
    async with live.client(a) as alice, live.client(b) as bob:
        for _ in range(3):
            await live.post(made, a)
        for read, delivered in ((1, 2), (0, 9), (0, 0)):
            updates = [
                wire.CursorUpdate(conversation_id=c, delivered_seq=Seq(d), read_seq=Seq(r))
                for c, d, r in ((here, delivered, read), (other.conversation_id, 1, 1))
            ]
            await bob.send(wire.Cursors(updates=updates))
        wanted = wire.Receipt(
            person_id=b.person_id, delivered_seq=Seq(3), read_seq=Seq(1), lacks=[]
        )
        while True:  # Messages, and a receipt of the first cursor alone if it was flushed before.
            frame = await alice.next()
            if isinstance(frame, wire.Receipts) and frame.receipts == [wanted]:
                break
    assert set(live.feed.cursors) == {(here, b.client_id)}


async def test_a_message_to_nobody_here_costs_nothing(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    await live.post(made, a, key=key_id())
    assert live.feed.reads == []
    assert live.feed.supplements == []
