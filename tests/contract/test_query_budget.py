"""Statements that do not grow: sending a message costs the same to 2 and to 200 people."""

from sqlalchemy import event
from sqlalchemy.engine import Connection

from copconnect.database import Database
from tests.contract.delivery_world import World

_MOST = 5


class Statements:
    """Counts what a block executes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.texts: list[str] = []

    def __enter__(self) -> list[str]:
        for engine in self._database.sync_engines:
            event.listen(engine, "before_cursor_execute", self._note)
        return self.texts

    def __exit__(self, *_: object) -> None:
        for engine in self._database.sync_engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Connection, _cursor: object, text: str, *_: object) -> None:
        self.texts.append(text)


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


async def test_cursors_are_flushed_in_bulk(database: Database) -> None:
    from copconnect.ids import Seq
    from copconnect.sockets.feed import SeenCursor

    world = World(database)
    people = [world.registry.register() for _ in range(100)]
    made = await world.founded(people[0], people[1:])
    cursors = [
        SeenCursor(made.conversation_id, one.client_id, one.person_id, Seq(1), Seq(1))
        for one in people
    ]
    with Statements(database) as statements:
        await world.service.feed.store_cursors(cursors)
    assert len(statements) <= 3
