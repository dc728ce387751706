"""Counts for charts: groups by size, messages by half hours."""

from sqlalchemy import select

from copconnect.database.engine import Database
from copconnect.delivery.store.tables import MEMBERS
from copconnect.delivery.store.traffic import SPAN_MS, Traffic
from tests.contract.delivery_world import World
from tests.contract.device import Talk


async def test_groups_and_messages_are_counted_for_everybody_and_for_a_part(
    database: Database,
) -> None:
    world = World(database)
    writer, reader, stranger = (world.registry.register() for _ in range(3))
    many = [world.registry.register() for _ in range(9)]
    pair = await world.group(writer, [reader])
    await world.group(stranger, many)
    begun = world.clock.now_ms()
    first = begun - begun % SPAN_MS + SPAN_MS
    talk = Talk(world.service, pair.conversation_id)
    world.clock.at = first
    key_id = await talk.begin(writer, [reader])
    for at in (first, first + SPAN_MS - 1, first + SPAN_MS):
        world.clock.at = at
        await talk.say(writer, key_id)
    part = select(MEMBERS.c.person_id).where(MEMBERS.c.person_id == reader.caller.person_id)
    traffic = Traffic()
    async with database.reading() as connection:
        sizes = await traffic.sizes(connection, None)
        assert [many for _, _, many in sizes] == [1, 1, 0, 0, 0, 0, 0]
        assert (sizes[1], sizes[-1]) == ((10, 49, 1), (10_000, None, 0))
        assert [many for _, _, many in await traffic.sizes(connection, part)][:2] == [1, 0]
        spans = await traffic.activity(connection, None, begun)
        assert spans == [(first, 2), (first + SPAN_MS, 1)]
        assert await traffic.activity(connection, None, first + SPAN_MS) == spans[1:]
        # A message counts where its sender is posted.
        assert await traffic.activity(connection, part, begun) == []
