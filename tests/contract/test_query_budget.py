"""Statements that do not grow: sending a message costs the same to 2 and to 200 people."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import select, update

from copconnect import wire
from copconnect.bus import AnyWakeup, CursorsMovedWakeup, LocalBus, ReceiptsWakeup
from copconnect.database import Database
from copconnect.delivery.tables import CONVERSATIONS, CURSORS
from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.principals import Caller
from copconnect.sockets.cursors import CursorBuffer
from copconnect.sockets.feed import SeenCursor
from tests.contract.delivery_world import World
from tests.contract.statements import Statements

_MOST = 5


async def test_a_message_costs_the_same_for_2_and_for_200_members(database: Database) -> None:
    world = World(database)
    counts = []
    for members in (2, 200):
        sender, *others = [world.registry.register() for _ in range(members)]
        made = await world.founded(sender, others)
        await world.post(sender, made)
        with Statements(database) as statements:
            await world.post(sender, made)
        counts.append(len(statements))
    assert counts[0] == counts[1], counts
    assert 3 <= counts[0] <= _MOST  # A count that misses statements must not pass.


async def test_hello_costs_the_same_for_2_and_for_20_conversations(database: Database) -> None:
    world = World(database)
    me, other = world.registry.register(), world.registry.register()
    counts = []
    for conversations in (2, 18):
        for _ in range(conversations):
            await world.founded(me, [other])
        with Statements(database) as statements:
            places = await world.service.feed.places([me.client_id])
            assert len(places[me.client_id]) >= conversations
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 2


async def test_a_new_device_costs_the_same_in_2_and_in_20_conversations(
    database: Database,
) -> None:
    world = World(database)
    me, other = world.registry.register(), world.registry.register()
    counts = []
    for conversations in (2, 18):
        for _ in range(conversations):
            await world.founded(me, [other])
        world.registry.register(me.person_id)
        with Statements(database) as statements:
            async with database.transaction() as connection:
                client = world.registry.clients[-1]
                wakeups = await world.service.client_added(connection, client)
        assert len(wakeups) >= conversations
        async with database.transaction() as connection:
            await world.service.clients_removed(connection, [client.client_id], "device_removed")
        world.registry.clients.pop()
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 16


def cursors_of(
    conversation_id: ConversationId, people: Sequence[Caller], seq: int
) -> list[SeenCursor]:
    return [
        SeenCursor(conversation_id, one.client_id, one.person_id, Seq(seq), Seq(seq))
        for one in people
    ]


async def test_cursors_are_flushed_in_bulk(database: Database) -> None:
    """Receipts of a small conversation name each person once; of a large one there are none."""
    world = World(database)
    people = [world.registry.register() for _ in range(300)]
    small = await world.founded(people[0], people[1:100])
    large = await world.founded(people[0], people[1:])
    with Statements(database) as statements:
        wakeups = await world.service.feed.store_cursors(
            cursors_of(small.conversation_id, people[:100], 1)
        )
    assert len(statements) <= 4  # SQLite counts its BEGIN.
    (wakeup,) = wakeups
    assert isinstance(wakeup, ReceiptsWakeup)
    receipts = msgspec.msgpack.decode(wakeup.frame, type=wire.Receipts).receipts
    assert {one.person_id for one in receipts} == {one.person_id for one in people[:100]}
    assert len(wakeup.frame) < 100 * len(receipts)
    with Statements(database) as statements:
        told = await world.service.feed.store_cursors(cursors_of(large.conversation_id, people, 1))
    assert len(statements) <= 3
    assert told == [CursorsMovedWakeup(conversation_ids=[large.conversation_id])]


async def test_63_000_acknowledgements_are_a_handful_of_statements(database: Database) -> None:
    world = World(database)
    me, other = world.registry.register(), world.registry.register()
    made = await world.founded(me, [other])
    crowd = [
        Caller(PersonId(f"{n:032x}"), ClientId(f"{n:032x}"), conduct_accepted=True)
        for n in range(63_000)
    ]
    async with database.transaction() as connection:
        await connection.execute(update(CONVERSATIONS).values(members=len(crowd)))
    bus = LocalBus()
    told: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        told.append(wakeup)

    bus.subscribe(hear)
    buffer = CursorBuffer(world.service.feed, bus)
    for cursor in cursors_of(made.conversation_id, crowd, 1):
        buffer.add(cursor)
    with Statements(database) as statements:
        await buffer.flush()
    assert len(statements) <= 40
    # That they have moved, once for each batch.
    assert {type(one) for one in told} == {CursorsMovedWakeup}
    assert len(told) <= 13
    # What does not move is not written again, what moves back does not.
    for seq, stored in ((1, 1), (0, 1), (2, 2)):
        await world.service.feed.store_cursors(cursors_of(made.conversation_id, crowd[:3], seq))
        async with database.reading() as connection:
            found = await connection.scalars(
                select(CURSORS.c.read_seq).where(CURSORS.c.client_id == crowd[0].client_id)
            )
        assert list(found) == [stored]
