"""Statements that do not grow: sending a message costs the same to 2 and to 63,000 people, a head
one cell and the number of cells, and creating a conversation of the whole force takes seconds."""

import hashlib
import time
from collections.abc import Collection

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.store import leaves, shares
from copconnect.ids import CellId, ClientId, ConversationId, DeviceId, PersonId, new_id
from copconnect.principals import ListedDevice
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import HOUR_MS, World
from tests.contract.device import Talk, head_of, leaf_of
from tests.contract.statements import Statements
from tests.contract.test_cell_keys import Crowd

pytestmark = pytest.mark.databases("sqlite")

_MOST = 6  # A message's: BEGIN, standing, entry, conversation, chain, key; or a lock for BEGIN.
FORCE = 63_000


def counted(statements: list[str]) -> int:
    return len([one for one in statements if one != "BEGIN"])


async def test_a_message_costs_the_same_for_2_and_for_200_members(database: Database) -> None:
    world = World(database)
    counts = []
    for members in (2, 200):
        sender, *others = [world.registry.register() for _ in range(members)]
        made = await world.group(sender, others)
        talk = Talk(world.service, made.conversation_id)
        key_id = await talk.begin(sender, others)
        await talk.say(sender, key_id)
        body = sender.message(await talk.head(sender), key_id)
        with Statements(database) as statements:
            await world.service.intake.accept(sender.caller, made.conversation_id, body)
        counts.append(len(statements))
    assert counts[0] == counts[1], counts
    assert 4 <= counts[0] <= _MOST  # A count that misses statements must not pass.


async def test_devices_are_looked_up_by_few_texts_however_many_they_are(
    database: Database,
) -> None:
    """PostgreSQL prepares each text for itself."""
    texts: set[str] = set()
    for count in range(5, 17):
        places = [(ConversationId(new_id()), number.to_bytes(32)) for number in range(count)]
        with Statements(database) as statements:
            async with database.transaction() as connection:
                assert await leaves.current_of_devices(connection, places) == {}
                assert await shares.requested(connection, places) == {}
                assert await shares.claim(connection, places, 1, 2) == {}
                assert await shares.waiting(connection, places) == {}
        texts |= {one for one in statements if not one.startswith("BEGIN")}
    assert len(texts) == 4 * len((8, 16))


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_list_costs_the_same_for_2_and_for_20_conversations(database: Database) -> None:
    """With a cold process: proofs of every conversation are made again."""
    world = World(database)
    me, other = world.registry.register(), world.registry.register()
    counts = []
    for conversations in (2, 18):
        for _ in range(conversations):
            await world.group(me, [other])
        cold = world.node()
        with Statements(database) as statements:
            found = await cold.conversations.conversations(me.caller)
        assert len(found.conversations) >= conversations
        assert all(one.roster is not None for one in found.conversations)
        counts.append(counted(statements))
        with Statements(database) as statements:
            assert await cold.conversations.conversations(me.caller) == found
        assert counted(statements) == 2  # Views and leaves: the trees are in memory.
    assert counts[0] == counts[1] <= 4


async def test_a_new_device_costs_the_same_in_2_and_in_20_conversations(
    database: Database,
) -> None:
    world = World(database)
    me, other = world.registry.register(), world.registry.register()
    counts = []
    for conversations in (2, 18):
        for _ in range(conversations):
            await world.group(me, [other])
        second = world.registry.register(me.caller.person_id)
        with Statements(database) as statements:
            await world.devices_changed(second)
        counts.append(counted(statements))
        await world.revoke(second)
    assert counts[0] == counts[1] <= 22, counts


async def test_a_log_page_costs_the_same_for_2_and_for_40_messages(database: Database) -> None:
    world = World(database)
    counts = []
    for messages in (2, 40):
        a, b = world.registry.register(), world.registry.register()
        made = await world.group(a, [b])
        talk = Talk(world.service, made.conversation_id)
        for at in range(messages):
            key_id = await talk.begin(a, [b])
            await talk.say(a, key_id)
            phone = world.registry.register(b.caller.person_id)
            await world.devices_changed(phone)
            await world.revoke(phone)
            if at % 2:
                world.clock.at += HOUR_MS
        cold = world.node()
        with Statements(database) as statements:
            page = await cold.log.page(
                b.caller, made.conversation_id, after=0, before=None, limit=200
            )
        assert len(page.entries) == len(page.keys) == messages
        assert len(page.heads) == messages
        counts.append(counted(statements))
        # The next device reads its leaf, its own keys' ids are in memory here, and its cell's.
        with Statements(database) as statements:
            again = await cold.log.page(
                a.caller, made.conversation_id, after=0, before=None, limit=200
            )
        assert again.entries == page.entries
        assert counted(statements) == 2
        with Statements(database) as statements:
            await cold.log.page(a.caller, made.conversation_id, after=None, before=9, limit=2)
        assert counted(statements) <= 11
    assert counts[0] == counts[1] <= 10, counts


# --- The whole force --------------------------------------------------------------------------


class Force:
    """Devices of 63,000 people, beside the people that a test registers; nobody holds their
    keys."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._own = world.registry.devices_of
        self.devices: dict[PersonId, ListedDevice] = {}
        for n in range(FORCE):
            person = PersonId(hashlib.md5(b"person %d" % n, usedforsecurity=False).hexdigest())
            client = ClientId(hashlib.md5(b"client %d" % n, usedforsecurity=False).hexdigest())
            device = hashlib.sha256(b"device %d" % n).digest()
            self.devices[person] = ListedDevice(device, client, person)
            world.chart.post(person, "TG")

    async def devices_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        found = [self.devices[one] for one in person_ids if one in self.devices]
        return [*found, *await self._own(connection, person_ids)]


async def test_the_whole_force(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(database, Options(kem=X25519))
    chief = world.registry.register()
    world.chart.post(chief.caller.person_id, "TG", admin=True)
    force = Force(world)
    monkeypatch.setattr(world.registry, "devices_of", force.devices_of)
    world.chart.version += 1
    world.wakeups.clear()
    signatures = world.authority.signatures

    with Statements(database) as making:
        made = await world.unit(chief)
    assert (made.members, made.devices, made.cells) == (FORCE + 1, FORCE + 1, 247)
    # One signature for the head, one for the stamp that the creator is shown.
    assert world.authority.signatures == signatures + 2
    # People are compared 500 at a time, so that other work runs.
    assert len(making) <= FORCE // 500 + 70
    (told,) = world.told(RosterWakeup)
    assert len(told.added) == FORCE + 1

    # A message costs what it costs in a direct conversation.
    c = made.conversation_id
    talk = Talk(world.service, c)
    crowd = Crowd(world, talk, [chief])
    cell = leaf_of(chief, await world.service.rosters.state(chief.caller, c)).cell_id
    await crowd.ask(chief, cell)
    draft, _ = await crowd.draft(chief, cell, [chief])
    async with database.reading() as connection:
        beside = await leaves.devices_of_cells_at(connection, c, [CellId(cell.hex())], 1)
    left_out = [DeviceId(one.hex()) for one in beside if one != chief.device]
    draft = msgspec.structs.replace(draft, left_out=left_out)
    await world.service.cell_keys.submit(chief.caller, c, draft)
    body = chief.post_key(head_of(made), [CellKey.parse(draft.record)])
    accepted = await world.service.keys.submit(chief.caller, made.conversation_id, body)
    message = chief.message(head_of(made), bytes.fromhex(accepted.key_id))
    with Statements(database) as statements:
        await world.service.intake.accept(chief.caller, made.conversation_id, message)
    chief.accepted(message)
    assert 4 <= len(statements) <= _MOST

    # One device out: one cell, the number of cells, a constant number of statements.
    gone = next(iter(force.devices.values()))
    del force.devices[gone.person_id]
    started = time.monotonic()
    with Statements(database) as statements:
        async with database.transaction() as connection:
            await world.service.devices_changed(connection, [gone.person_id], urgent=True)
            wakeups = list(connection.wakeups)
    assert counted(statements) <= 26, statements
    assert time.monotonic() - started < 2
    (removed,) = [one for one in wakeups if isinstance(one, RosterWakeup)]
    assert removed.removed == [gone.client_id]
    head = await talk.head(chief)
    assert (head.devices, head.epoch, head.rekey_epoch) == (FORCE, 2, 2)

    # A proof by a cold process reads one cell and the lines.
    cold = world.node()
    state: wire.RosterState
    with Statements(database) as statements:
        state = await cold.rosters.state(chief.caller, made.conversation_id)
    assert counted(statements) <= 4
    assert LeafRights.ADMINISTER in leaf_of(chief, state).rights

    # A quiet comparison of everybody changes nothing.
    await world.service.following.compare(made.conversation_id)
    assert (await talk.head(chief)).epoch == 2
