"""Live connections of several cells: whose seal, who came and went, what was lost."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import msgspec
import pytest
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.bus import EntryWakeup
from copconnect.database import Database
from copconnect.ids import CellId, ClientId, ConversationId, Seq, new_id
from copconnect.sockets import fanout, returning
from copconnect.sockets.feed import Place, Seat
from tests.contract.sealed_world import Device, SealedWorld
from tests.harness.waiting import until_async
from tests.sockets.live_world import Live, LiveClient

PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)


class LiveSealed(Live, SealedWorld):
    """A world of several cells that serves; its devices may connect."""

    def device(self, person_id: str | None = None, days: int = 90) -> Device:
        """Register a device."""
        device = super().device(person_id, days)
        self.tokens.callers[device.caller.client_id] = device.caller
        return device

    async def change(
        self,
        c: ConversationId,
        admin: Device,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> None:
        """Change who belongs."""
        body = wire.ChangeMembers(
            change_id=new_id(), add=list(add), remove=list(remove), make_admin=[], revoke_admin=[]
        )
        await self.service.membership.change_members(admin.caller, c, body)


@pytest.fixture
async def live(database: Database) -> AsyncIterator[LiveSealed]:
    world = LiveSealed(database)
    async with world.serving():
        yield world


async def entry_of(client: LiveClient, kind: str) -> wire.LogEntry:
    """Return the next entry, which is of this kind."""
    entry = await next_entry(client)
    assert entry.kind == kind
    return entry


async def next_entry(client: LiveClient) -> wire.LogEntry:
    """Return the next entry; a duty may come before it."""
    while isinstance(frame := await client.next(), wire.Duty):
        pass
    assert isinstance(frame, wire.EntryFrame), frame
    return frame.entry


async def test_s9_each_cell_is_pushed_its_own_seal(live: LiveSealed) -> None:
    c, devices = await live.ready(6)
    (k, (a, *_)), (other, (x, *_)) = (await live.cells(c, devices)).items()
    async with live.client(a.caller) as mine, live.client(x.caller) as theirs:
        post, accepted = await live.send(c, devices[1])
        seals = {}
        for cell_id, client in ((k, mine), (other, theirs)):
            entry = await entry_of(client, "sealed")
            assert (entry.seq, entry.cell_id) == (accepted.seq, cell_id)
            payload = PAYLOAD.decode(entry.payload)
            assert payload.seal is not None
            seals[cell_id] = payload.seal
            assert (payload.sealed, payload.body) == (post.sealed, post.body)
        assert b"".join(seals[one] for one in sorted(seals)) == post.seals


async def test_commits_stay_in_their_cell_and_do_not_move_the_others_head(live: LiveSealed) -> None:
    c, devices = await live.ready(6)
    (_, (a, *_)), (_, (x, y, *_)) = (await live.cells(c, devices)).items()
    async with live.client(x.caller) as theirs:
        assert theirs.ready is not None
        (head,) = theirs.ready.heads
        await live.rotate(c, a)
        await theirs.nothing()
        async with live.client(y.caller) as again, live.client(a.caller) as mine:
            assert again.ready is not None
            assert again.ready.heads == [head]
            assert mine.ready is not None
            assert mine.ready.heads[0].last_seq > head.last_seq
        _, accepted = await live.send(c, a)
        assert (await entry_of(theirs, "sealed")).seq == accepted.seq
        async with live.client(y.caller) as again:
            assert again.ready is not None
            assert again.ready.heads[0].last_seq == accepted.seq


async def test_who_comes_and_who_goes_is_known_though_no_entry_names_them(live: LiveSealed) -> None:
    c, devices = await live.ready(6)
    a = devices[0]
    leaver = devices[-1]
    newcomer = live.device()
    async with (
        live.client(a.caller) as admin,
        live.client(newcomer.caller) as came,
        live.client(leaver.caller) as left,
    ):
        await live.change(c, a, add=[newcomer.caller.person_id])
        assert await came.next() == wire.ConversationFrame(conversation_id=c)
        added = await entry_of(came, "roster")
        assert msgspec.msgpack.decode(added.payload, type=wire.RosterChange).whole is False
        assert await entry_of(admin, "roster") == added
        assert await entry_of(left, "roster") == added
        await live.change(c, a, remove=[leaver.caller.person_id])
        assert await left.next() == wire.ConversationGone(conversation_id=c)
        removed = await entry_of(admin, "roster")
        _, accepted = await live.send(c, a)
        await left.nothing()
        # Everything in order, whatever had to be read in between.
        for client in (admin, came):
            seqs: list[int] = []
            while not seqs or seqs[-1] < accepted.seq:
                seqs.append((await next_entry(client)).seq)
            assert seqs == sorted(set(seqs))
            assert seqs[-1] == accepted.seq
        assert removed.seq < accepted.seq


class Away:
    """Keeps who sits in which cell from being read while ``away``, as a lost database does."""

    def __init__(self, live: LiveSealed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = True
        self.asked = 0
        self._seats = live.service.feed.seats
        monkeypatch.setattr(fanout, "_RELOAD_S", 0.01)
        monkeypatch.setattr(live.service.feed, "seats", self._read)

    async def _read(
        self, c: ConversationId, cells: Collection[CellId]
    ) -> Mapping[ClientId, Sequence[Seat]]:
        self.asked += 1
        if self.away:
            raise errors.Overloaded
        return await self._seats(c, cells)

    async def asked_again(self) -> None:
        """Return once another attempt has failed."""
        before = self.asked
        await until_async(lambda: self.asked > before + 1)


async def test_seats_that_cannot_be_read_are_read_later(
    live: LiveSealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    c, devices = await live.ready(6)
    a, newcomer = devices[0], live.device()
    async with live.client(a.caller) as admin, live.client(newcomer.caller) as came:
        database = Away(live, monkeypatch)
        with capture_logs() as logged:
            await live.change(c, a, add=[newcomer.caller.person_id])
            await database.asked_again()
            _, accepted = await live.send(c, a)
            await admin.nothing()
        assert {one["event"] for one in logged} == {"seats_not_read"}
        database.away = False
        assert await came.next() == wire.ConversationFrame(conversation_id=c)
        for client in (admin, came):
            assert (await entry_of(client, "roster")).seq < accepted.seq
            assert (await entry_of(client, "sealed")).seq == accepted.seq


async def test_seats_are_not_asked_for_when_nobody_is_left(
    live: LiveSealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    c, devices = await live.ready(6)
    a, newcomer = devices[0], live.device()
    async with live.client(a.caller):
        database = Away(live, monkeypatch)
        await live.change(c, a, add=[newcomer.caller.person_id])
        await database.asked_again()
    await until_async(lambda: not live.sockets.fanout._tasks)
    asked = database.asked
    database.away = False
    async with live.client(newcomer.caller) as came:
        assert came.ready is not None
        assert [one.conversation_id for one in came.ready.heads] == [c]
        _, accepted = await live.send(c, a)
        assert (await entry_of(came, "sealed")).seq == accepted.seq
    assert database.asked == asked


async def test_a_node_that_closes_asks_for_no_seats(
    live: LiveSealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    c, devices = await live.ready(6)
    a, newcomer = devices[0], live.device()
    async with live.client(a.caller):
        database = Away(live, monkeypatch)
        await live.change(c, a, add=[newcomer.caller.person_id])
        await database.asked_again()
        await live.sockets.fanout.close()
        assert not live.sockets.fanout._tasks


async def test_a_new_large_conversation_reaches_all_its_people(live: LiveSealed) -> None:
    devices = [live.device() for _ in range(10)]
    async with live.client(devices[3].caller) as one, live.client(devices[9].caller) as other:
        made = await live.group(devices[0].caller, [d.caller for d in devices[1:]])
        for client in (one, other):
            found = await client.next()
            assert found == wire.ConversationFrame(conversation_id=made.conversation_id)
            assert (await entry_of(client, "roster")).seq == 1


async def test_who_came_before_the_first_that_was_heard_is_known(live: LiveSealed) -> None:
    """Nobody here belonged; the entries tell cells, and the first was lost."""
    c, devices = await live.ready(6)
    x, y = live.device(), live.device()
    async with live.client(x.caller) as one, live.client(y.caller) as other:
        live.live_bus.forgetful = True
        await live.change(c, devices[0], add=[x.caller.person_id])
        live.live_bus.forgetful = False
        await live.change(c, devices[0], add=[y.caller.person_id])
        for client in (one, other):
            assert await client.next() == wire.ConversationFrame(conversation_id=c)
            assert (await entry_of(client, "roster")).kind == "roster"
        assert await live.cell_of(c, x) != await live.cell_of(c, y)


async def test_cells_that_merge_show_nobody_out(live: LiveSealed) -> None:
    c, devices = await live.ready(5)
    cells = await live.cells(c, devices)
    small = min(cells.values(), key=len)
    large = max(cells.values(), key=len)
    a = devices[0]
    gone = next(one for one in large if one is not a)
    async with live.client(small[-1].caller) as moved, live.client(a.caller) as admin:
        before = await live.cell_of(c, small[-1])
        await live.change(c, a, remove=[gone.caller.person_id])
        await entry_of(moved, "roster")  # Not "gone".
        await entry_of(admin, "roster")
        roster = await live.service.membership.conversation(small[-1].caller, c)
        assert (roster.cells_total, roster.cells[0].cell_id == before) == (
            1,
            small[-1] in large,
        )
        proposal = await entry_of(moved, "proposal")
        assert proposal.cell_id == roster.cells[0].cell_id


async def test_lost_wakeups_of_sealed_messages_are_read_from_the_log(live: LiveSealed) -> None:
    c, devices = await live.ready(6)
    (k, (a, *_)), (other, (x, *_)) = (await live.cells(c, devices)).items()
    async with live.client(a.caller) as mine, live.client(x.caller) as theirs:
        live.live_bus.forgetful = True
        _, first = await live.send(c, a)
        _, second = await live.send(c, a)
        live.live_bus.forgetful = False
        _, third = await live.send(c, a)
        for cell_id, client in ((k, mine), (other, theirs)):
            for accepted in (first, second, third):
                entry = await entry_of(client, "sealed")
                assert (entry.seq, entry.cell_id) == (accepted.seq, cell_id)
                seal = PAYLOAD.decode(entry.payload).seal
                assert seal is not None
                assert seal[:16].hex() == cell_id


async def test_a_message_that_was_overtaken_while_one_comes_in_is_not_lost(
    live: LiveSealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody of the conversation was here, and of two entries that came while its place was read
    only the second, of another cell, was heard."""
    c, devices = await live.ready(6)
    (_, (a, *_)), (other, (x, *_)) = (await live.cells(c, devices)).items()
    places = live.service.feed.places
    sent: list[Seq] = []

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        found = await places(client_ids)
        monkeypatch.setattr(live.service.feed, "places", places)
        live.live_bus.forgetful = True
        _, accepted = await live.send(c, a)
        sent.append(accepted.seq)
        live.live_bus.forgetful = False
        await live.rotate(c, a)
        return found

    monkeypatch.setattr(live.service.feed, "places", slow)
    async with live.client(x.caller) as theirs:
        entry = await entry_of(theirs, "sealed")
        assert (entry.seq, entry.cell_id) == (sent[0], other)
        await theirs.nothing()


async def test_a_late_seal_is_asked_for_and_passed_on(live: LiveSealed) -> None:
    await late_seal(live, lost=False)


async def test_a_late_seal_is_asked_for_and_passed_on_though_wakeups_were_lost(
    live: LiveSealed,
) -> None:
    """A crash between commit and wake-ups, twice."""
    await late_seal(live, lost=True)


async def one_founded(
    live: LiveSealed,
) -> tuple[ConversationId, Mapping[CellId, Sequence[Device]], CellId, CellId]:
    """A conversation of two cells: its id, devices by cell, the founded cell and the other."""
    c, devices = await live.large(6)
    cells = await live.cells(c, devices)
    mine = await live.cell_of(c, devices[0])
    other = next(one for one in cells if one != mine)
    await live.found(c, mine, cells[mine])
    return c, cells, mine, other


async def seal_for(live: LiveSealed, c: ConversationId, sender: Device, cell_id: CellId) -> bytes:
    """A seal under the newest key of a cell."""
    keys = await live.service.keys.newest(sender.caller, c, 0)
    key_id = next(one.key_id for one in keys.keys if one.cell_id == cell_id)
    return bytes.fromhex(cell_id) + key_id + bytes(80)


async def late_seal(live: LiveSealed, *, lost: bool) -> None:
    """A cell that is founded after a message gets its seal."""
    c, cells, mine, other = await one_founded(live)
    a, x = cells[mine][0], cells[other][0]
    async with live.client(a.caller) as sender, live.client(x.caller) as late:
        _, accepted = await live.send(c, a)
        assert PAYLOAD.decode((await entry_of(late, "sealed")).payload).seal is None
        await entry_of(sender, "sealed")
        live.live_bus.forgetful = lost
        await live.found(c, other, cells[other])
        if lost:
            await live.sockets.fanout.heal()
        assert (await entry_of(late, "commit")).cell_id == other
        assert await sender.next() == wire.SealWanted(conversation_id=c, cell_id=other)
        seals = await seal_for(live, c, a, other)
        body = wire.LateSeals(seals=seals)
        await live.service.sealed.late(a.caller, c, accepted.seq, body)
        live.live_bus.forgetful = False
        if lost:  # The answer too: the sender repeats.
            await live.service.sealed.late(a.caller, c, accepted.seq, body)
        assert await late.next() == wire.LateSeal(
            conversation_id=c, seq=Seq(accepted.seq), seal=seals
        )
        await live.sockets.fanout.heal()
        await sender.nothing()
        await late.nothing()


async def test_nobody_comes_back_to_a_message_without_its_seal(
    live: LiveSealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cell was not ready when it was sealed. Who comes back asks the log, which knows whether
    the seal is there by now, and the node reads it again for a crowd, but not for ever."""
    c, cells, mine, other = await one_founded(live)
    a, x = cells[mine][0], cells[other][0]
    read: list[int] = []
    entries = live.service.feed.entries

    async def counted(one: ConversationId, after: int, upto: int) -> Sequence[EntryWakeup]:
        read.append(upto)
        return await entries(one, after, upto)

    monkeypatch.setattr(live.service.feed, "entries", counted)
    monkeypatch.setattr(returning, "_AGAIN_S", 1_000.0)
    async with live.client(a.caller):
        _, accepted = await live.send(c, a)
        behind = {str(c): accepted.seq - 1}

        async def follow(device: Device) -> bool:
            async with live.client(device.caller, behind) as back:
                assert back.ready is not None
                return back.ready.heads[0].follows

        assert await follow(cells[mine][1])  # Of a cell that has its seal.
        for _ in range(returning.CROWD):
            assert not await follow(x)
        assert read == []
        for _ in range(returning.CROWD + 2):
            assert not await follow(x)
        assert read == [accepted.seq]  # It had not come, and that is not asked again so soon.
        await live.found(c, other, cells[other])
        seals = await seal_for(live, c, a, other)
        await live.service.sealed.late(a.caller, c, accepted.seq, wire.LateSeals(seals=seals))
        assert not await follow(x)
        page = await live.service.log.page(x.caller, c, accepted.seq - 1, 10)
        assert PAYLOAD.decode(page.entries[0].payload).seal == seals
        live.sockets.fanout._returning._again_s = 0.0
        async with live.client(x.caller, behind) as back:
            assert back.ready is not None
            assert back.ready.heads[0].follows
            assert PAYLOAD.decode((await entry_of(back, "sealed")).payload).seal == seals
            assert (await entry_of(back, "commit")).cell_id == other
        assert read == [accepted.seq] * 2
