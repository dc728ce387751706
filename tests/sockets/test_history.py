"""Nothing from before a device's history is pushed, whatever position its Hello says."""

from copconnect import wire
from copconnect.database.engine import Database
from tests.contract.device import Device, Talk, head_of, keys_of
from tests.sockets.live_world import LiveClient
from tests.sockets.test_recent import entry, filled, key, since
from tests.sockets.test_whole import Whole, opened, serving

MINUTE_MS = 60_000


async def pages(world: Whole, reader: Device, made: wire.Conversation) -> int:
    """Return how many messages the log gives a device from the start."""
    page = await world.service.log.page(
        reader.caller, made.conversation_id, after=0, before=None, limit=10
    )
    return len(page.entries)


async def asks(client: LiveClient) -> None:
    """Check that the server sends a client nothing, and says that it must ask the log."""
    assert [one.follows for one in client.ready.heads] == [False]
    await client.nothing()


async def test_a_newcomer_who_says_an_old_position_is_not_sent_what_was_before(
    database: Database,
) -> None:
    async with serving(database) as world:
        a, b, c = world.officer(), world.officer(), world.officer()
        made = await world.group(a, [b], history_days=0)
        here = made.conversation_id
        talk = Talk(world.service, here)
        async with world.online(a):
            await talk.say(a, await talk.begin(a, [b]), b"before")
            world.clock.at += MINUTE_MS
            await world.change(a.caller, made, add=[c])
            assert await pages(world, c, made) == 0
            async with world.served.client(c.caller, {here: 0}) as carol:
                await asks(carol)
            async with world.served.client(b.caller, {here: 0}) as bob:  # Bob was there.
                opened(b, await bob.key_frame())
                assert b.open_message(await bob.entry()) == b"before"
            # Later messages are sent to the device as to everybody.
            await talk.say(a, await talk.begin(a, [b, c]), b"after")
            async with world.served.client(c.caller, {here: 1}) as carol:
                opened(c, await carol.key_frame())
                assert c.open_message(await carol.entry()) == b"after"


async def test_who_returns_is_not_sent_what_was_said_meanwhile(database: Database) -> None:
    async with serving(database) as world:
        a, b, c = world.officer(), world.officer(), world.officer()
        made = await world.group(a, [b, c])
        here = made.conversation_id
        talk = Talk(world.service, here)
        async with world.online(a):
            said = await talk.say(a, await talk.begin(a, [b, c]), b"while c is there")
            await world.change(a.caller, made, remove=[c])
            world.clock.at += MINUTE_MS
            await talk.say(a, await talk.begin(a, [b]), b"meanwhile")
            world.clock.at += MINUTE_MS
            await world.change(a.caller, made, add=[c])
            assert await pages(world, c, made) == 0
            for position in (0, said.seq):
                async with world.served.client(c.caller, {here: position}) as carol:
                    await asks(carol)


async def test_a_key_from_before_is_not_pushed_while_no_message_is_under_it(
    database: Database,
) -> None:
    async with serving(database) as world:
        a, b, c = world.officer(), world.officer(), world.officer()
        made = await world.group(a, [b], history_days=0)
        body = a.post_key(head_of(made), keys_of([a, b]))
        await world.service.keys.submit(a.caller, made.conversation_id, body)
        world.clock.at += MINUTE_MS
        await world.change(a.caller, made, add=[c])
        async with world.online(b) as bob, world.online(c) as carol:
            assert (await bob.key_frame()).record == body.record
            await carol.nothing()


async def test_a_place_says_when_its_history_begins(database: Database) -> None:
    async with serving(database) as world:
        a, b, c = world.officer(), world.officer(), world.officer()
        made = await world.group(a, [b], history_days=0)
        began_ms = world.clock.at
        world.clock.at += MINUTE_MS
        await world.change(a.caller, made, add=[c])
        found = await world.service.feed.places([b.caller.client_id, c.caller.client_id])
        (first,), (later,) = found[b.caller.client_id], found[c.caller.client_id]
        assert (first.history_from_ms, later.history_from_ms) == (began_ms, world.clock.at)


def test_one_message_from_before_is_enough_to_ask_the_log() -> None:
    times = (1_000, 2_000, 1_900, 3_000)  # Times of two nodes whose clocks differ.
    kept = filled(*(entry(seq, sent_ms=ms) for seq, ms in enumerate(times, 1)))
    assert since(kept, 0, 4) == [0, 1, 2, 3, 4]
    assert since(kept, 1, 4, from_ms=1_900) == [2, 3, 4]
    assert since(kept, 1, 4, from_ms=1_901) is None
    assert since(kept, 3, 4, from_ms=1_901) == [4]
    assert since(kept, 4, 4, from_ms=9_000) == []


def test_a_key_from_before_is_not_sent_with_a_later_message() -> None:
    kept = filled(entry(1, sent_ms=2_000), keys=())
    kept.add_key(*key("k1", created_ms=1_000))
    assert since(kept, 0, 1, from_ms=1_000) == [0, 1]
    assert since(kept, 0, 1, from_ms=1_001) is None
