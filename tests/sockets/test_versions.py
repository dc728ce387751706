"""Ready says what a client that comes back need not ask for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import msgspec
import pytest

from copconnect import wire
from copconnect.bus import ReceiptCountsWakeup
from copconnect.database import Database
from copconnect.ids import ClientId, ConversationId, Seq, new_id
from copconnect.principals import Caller
from copconnect.sockets.feed import Place, SeenCursor
from tests.contract.statements import Statements
from tests.harness.waiting import until_async
from tests.sockets.live_world import Live


@pytest.fixture
async def live(database: Database) -> AsyncIterator[Live]:
    async with Live(database).serving() as world:
        yield world


def change(**more: list[str]) -> wire.ChangeMembers:
    fields: dict[str, list[str]] = {"add": [], "remove": [], "make_admin": [], "revoke_admin": []}
    return wire.ChangeMembers(change_id=new_id(), **(fields | more))


async def head_of(
    live: Live, caller: Caller, conversation_id: ConversationId
) -> wire.ConversationHead:
    async with live.client(caller) as client:
        assert client.ready is not None
        (head,) = [one for one in client.ready.heads if one.conversation_id == conversation_id]
        return head


async def cursor(live: Live, caller: Caller, conversation_id: ConversationId, seq: int) -> None:
    seen = SeenCursor(conversation_id, caller.client_id, caller.person_id, Seq(seq), Seq(seq))
    live.sockets.cursors.add(seen)
    await live.sockets.cursors.flush()


async def test_a_head_is_of_the_version_that_the_conversation_is(live: Live) -> None:
    """Every change of what a member is told gives another version, for those it concerns."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    here, membership = made.conversation_id, live.service.membership
    seen = {}

    async def versions() -> tuple[str, str]:
        found = []
        for caller in (a, b):
            told = await membership.conversation(caller, here)
            (listed,) = (await membership.conversations(caller)).conversations
            head = await head_of(live, caller, here)
            assert head.info_version == told.info_version == listed.info_version != ""
            found.append(head.info_version)
        return found[0], found[1]

    async def differs(what: str, *, for_b: bool = True) -> None:
        seen[what] = await versions()
        others = [pair for name, pair in seen.items() if name != what]
        assert all(seen[what][0] != pair[0] for pair in others), what
        assert (seen[what][1] != others[-1][1]) is for_b, what

    seen["made"] = await versions()
    await live.post(a, made)
    await cursor(live, b, here, 2)
    assert await versions() == seen["made"]  # Of messages and cursors the head says more.
    await membership.change_policy(a, here, wire.ChangePolicy(who_may_post="admins"))
    await differs("policy")
    mute = wire.SetPreferences(muted_until_ms=-1, pinned=False)
    await membership.set_preferences(a, here, mute)
    await differs("muted", for_b=False)
    await membership.set_preferences(a, here, wire.SetPreferences(muted_until_ms=-1, pinned=True))
    await differs("pinned", for_b=False)
    await membership.change_members(a, here, change(make_admin=[b.person_id]))
    await differs("admin")
    await membership.change_members(a, here, change(add=[c.person_id]))
    await differs("joined")
    await membership.change_members(c, here, change(remove=[c.person_id]))
    await differs("left")


async def test_a_head_says_which_cursors_are_stored(live: Live) -> None:
    a, b, outsider = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b])
    other = await live.founded(outsider, [a])
    here, membership = made.conversation_id, live.service.membership
    await live.post(a, made)
    head = await head_of(live, b, here)
    assert (head.delivered_seq, head.read_seq, head.receipts_version) == (0, 0, 0)
    await cursor(live, b, here, 2)
    head = await head_of(live, b, here)
    assert (head.delivered_seq, head.read_seq) == (2, 2)
    page = await membership.members(a, here, "")
    assert head.receipts_version == page.receipts_version == 1
    # Of others' conversations nothing moved.
    assert (await head_of(live, a, other.conversation_id)).receipts_version == 0


async def test_what_is_said_while_one_comes_in_comes_after_ready(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The places were read before it, the seats are given after it: it must not fall between."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = await live.founded(a, [b, c])
    here, membership = made.conversation_id, live.service.membership
    places = live.service.feed.places

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        found = await places(client_ids)
        if b.client_id in client_ids:
            monkeypatch.setattr(live.service.feed, "places", places)
            await membership.change_policy(a, here, wire.ChangePolicy(who_may_post="admins"))
            mute = wire.SetPreferences(muted_until_ms=-1, pinned=False)
            await membership.set_preferences(c, here, mute)  # Nobody else's business.
            await cursor(live, a, here, 1)
        return found

    monkeypatch.setattr(live.service.feed, "places", slow)
    async with live.client(b) as bob:
        assert bob.ready is not None
        told = await membership.conversation(b, here)
        assert bob.ready.heads[0].info_version != told.info_version
        assert await bob.next() == wire.ConversationFrame(conversation_id=here)
        receipts = await bob.next()
        assert isinstance(receipts, wire.Receipts)
        assert receipts.receipts_version == bob.ready.heads[0].receipts_version + 1
        await bob.nothing(0.05)


async def test_counts_of_receipts_go_to_the_devices_of_their_sender(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = await live.founded(a, [b])
    other = await live.founded(b, [live.officer()])
    one = wire.ReceiptCount(seq=Seq(2), people=9, delivered=5, read=1)
    async with live.client(a) as alice, live.client(b) as bob:
        for here in (made.conversation_id, other.conversation_id):
            counts = wire.ReceiptCounts(conversation_id=here, counts=[one])
            wakeup = ReceiptCountsWakeup(
                conversation_id=here, person_id=a.person_id, frame=msgspec.msgpack.encode(counts)
            )
            await live.bus.publish([wakeup])
        frame = await alice.next()
        assert isinstance(frame, wire.ReceiptCounts)
        assert (frame.conversation_id, frame.counts) == (made.conversation_id, [one])
        for client in (alice, bob):
            await client.nothing(0.05)


async def test_places_cost_one_statement_whatever_they_say(live: Live) -> None:
    officers = [live.officer() for _ in range(200)]
    for others in (officers[1:2], officers[1:]):
        made = await live.founded(officers[0], others)
        await cursor(live, officers[1], made.conversation_id, 1)
    for asked in (officers[:1], officers):
        with Statements(live.database) as statements:
            found = await live.service.feed.places([one.client_id for one in asked])
        assert len([one for one in statements if one != "BEGIN"]) == 1
        assert len(found) == len(asked)
    assert {one.receipts_version for one in found[officers[0].client_id]} == {1}


async def test_hellos_that_come_together_cost_what_one_costs(live: Live) -> None:
    officers = [live.officer() for _ in range(40)]
    made = await live.founded(officers[0], officers[1:])
    alone = await hellos_together(live, officers[:1], made.conversation_id)
    assert await hellos_together(live, officers, made.conversation_id) == alone <= 2


async def hellos_together(
    live: Live, crowd: Sequence[Caller], conversation_id: ConversationId
) -> int:
    """Let these come in together; return the number of statements."""
    await live.sockets._admission.close()
    clients = [live.client(one, {conversation_id: 1}) for one in crowd]
    entering = [asyncio.create_task(client.__aenter__()) for client in clients]
    try:
        await until_async(lambda: live.sockets.waiting == len(crowd))
        with Statements(live.database) as statements:
            await live.sockets._admission.start()
            await asyncio.gather(*entering)
        return len(statements)
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)
