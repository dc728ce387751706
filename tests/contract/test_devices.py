"""E2, D6 and batching: rosters list what may be listed, at once or with the next batch."""

import asyncio

import pytest

from copconnect import errors, wire
from copconnect.bus import RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.rosters.updating import PeopleByConversation
from copconnect.ids import ConversationId, PersonId, new_id
from copconnect.records.conversation.roster import LEAF_BYTES
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import MINUTE_MS, World, creating
from tests.contract.device import Device, Talk, head_of
from tests.contract.test_cell_keys import Crowd

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def listed(world: World, reader: Device, c: ConversationId) -> set[bytes]:
    """Return the devices of a conversation of one cell."""
    own = await world.service.rosters.cell(reader.caller, c, None)
    return {own.leaves[at + 32 : at + 64] for at in range(0, len(own.leaves), LEAF_BYTES)}


async def test_e2_a_device_is_listed_once_it_is_confirmed_and_no_longer_after(
    world: World,
) -> None:
    a, b = world.registry.register(), world.registry.register()
    second = world.registry.register(b.caller.person_id)
    world.registry.unconfirmed.add(second.device)
    made = await world.group(a, [b])
    assert await listed(world, a, made.conversation_id) == {a.device, b.device}
    world.registry.unconfirmed.clear()
    world.wakeups.clear()
    await world.devices_changed(second)
    (told,) = world.told(RosterWakeup)
    assert (told.epoch, list(told.added)) == (2, [second.caller.client_id])
    assert await listed(world, a, made.conversation_id) == {a.device, b.device, second.device}
    await world.devices_changed(second)  # No device changed: no head.
    assert world.told(RosterWakeup) == []
    world.registry.unconfirmed.add(second.device)
    await world.devices_changed(second)
    assert await listed(world, a, made.conversation_id) == {a.device, b.device}


async def test_one_head_takes_a_device_out_and_lets_another_in(world: World) -> None:
    """The person stays, with the history that they had."""
    a, b = world.registry.register(), world.registry.register()
    made = await world.direct(a, b)
    replacement = world.registry.register(b.caller.person_id)
    del world.registry.devices[b.device]
    await world.devices_changed(b, urgent=True)
    shown = await world.service.conversations.conversation(replacement.caller, made.conversation_id)
    assert (head_of(shown).epoch, head_of(shown).rekey_epoch) == (2, 2)
    assert (shown.history_from_ms, shown.members, shown.unregistered) == (0, 2, 0)


async def test_suspension_takes_every_place_and_the_return_gives_them_back(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    group, direct = await world.group(a, [b]), await world.direct(a, b)
    world.registry.inactive.add(b.caller.person_id)
    await world.devices_changed(b, urgent=True)
    for made in (group, direct):
        assert await listed(world, a, made.conversation_id) == {a.device}
        shown = await world.service.conversations.conversation(a.caller, made.conversation_id)
        assert (shown.members, shown.unregistered) == (2, 1)
        with pytest.raises(errors.NotMember):
            await world.service.rosters.state(b.caller, made.conversation_id)
    world.registry.inactive.clear()
    await world.devices_changed(b)
    for made in (group, direct):
        assert await listed(world, a, made.conversation_id) == {a.device, b.device}


async def test_an_urgent_change_that_rolls_back_changes_nothing(world: World) -> None:
    """A crash before the commit: rows, head and rekey_epoch go with the caller's transaction."""
    a, b = world.registry.register(), world.registry.register()
    made = await world.group(a, [b])
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(a, [b])
    del world.registry.devices[b.device]

    async def crash() -> None:
        async with world.database.transaction() as connection:
            people = [b.caller.person_id]
            await world.service.devices_changed(connection, people, urgent=True)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await crash()
    world.registry.devices[b.device] = b
    assert (await talk.head(a)).epoch == 1
    assert await listed(world, a, made.conversation_id) == {a.device, b.device}
    await talk.say(a, key_id)
    # The head of epoch 2 that was never committed is forgotten by the trees in memory too.
    third = world.registry.register(a.caller.person_id)
    await world.devices_changed(third)
    assert (await talk.head(third)).epoch == 2
    assert await listed(world, a, made.conversation_id) == {a.device, b.device, third.device}


async def test_a_device_confirmed_while_a_group_is_made_is_listed(world: World) -> None:
    """The transaction that commits second sees the first."""
    a, b = world.registry.register(), world.registry.register()

    async def confirm() -> Device:
        second = world.registry.register(b.caller.person_id)
        await world.devices_changed(second)
        return second

    made, second = await asyncio.gather(world.group(a, [b]), confirm())
    assert second.device in await listed(world, a, made.conversation_id)


# --- Batches ----------------------------------------------------------------------------------


@pytest.fixture
def crowded(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """Conversations of more than 4 devices count as large, and collect after the first head."""
    monkeypatch.setattr(wire, "CELL_SIZE", 4)
    return World(database, Options(kem=X25519, cell_size=4, immediate_heads=1))


async def test_changes_of_a_large_conversation_wait_and_come_together(crowded: World) -> None:
    world = crowded
    a, *others = (world.registry.register() for _ in range(8))
    made = await world.group(a, others[:5])
    c = made.conversation_id
    shown = await world.change(a.caller, made, add=others[5:6])
    assert (shown.members, shown.devices, shown.unregistered) == (7, 6, 1)
    second = world.registry.register(others[0].caller.person_id)
    await world.devices_changed(second)
    world.clock.at += MINUTE_MS - 1
    await world.change(a.caller, made, add=others[6:])
    await world.service.following.round()
    assert (await world.service.conversations.conversation(a.caller, c)).devices == 6
    world.clock.at += 1
    world.wakeups.clear()
    await world.service.following.round()
    (told,) = world.told(RosterWakeup)
    assert told.epoch == 2
    assert len(told.added) == 3
    for one in (second, *others[5:]):
        await world.service.rosters.state(one.caller, c)
    await world.service.following.round()
    assert world.told(RosterWakeup) == []


async def test_d6_a_revocation_never_waits(crowded: World) -> None:
    """Other changes of the same person come in the head that is made anyway."""
    world = crowded
    a, *others = (world.registry.register() for _ in range(6))
    made = await world.group(a, others)
    talk = Talk(world.service, made.conversation_id)
    key_id = await Crowd(world, talk, [a, *others]).begin(a)
    world.registry.register(others[1].caller.person_id)
    await world.devices_changed(others[1])
    assert (await talk.head(a)).devices == 6  # It waits.
    replacement = world.registry.register(others[0].caller.person_id)
    await world.revoke(others[0])
    assert (await talk.head(replacement)).devices == 6
    with pytest.raises(errors.StaleKey):
        await talk.say(a, key_id)
    world.clock.at += MINUTE_MS
    await world.service.following.round()
    assert (await talk.head(a)).devices == 7


async def test_a_batch_begins_at_once_where_the_last_head_is_old(crowded: World) -> None:
    world = crowded
    a, *others = (world.registry.register() for _ in range(8))
    made = await world.group(a, others[:5])
    talk = Talk(world.service, made.conversation_id)
    world.clock.at += MINUTE_MS
    await world.change(a.caller, made, add=others[5:6])
    await world.service.following.round()
    assert (await talk.head(others[5])).epoch == 2
    # The next one comes too soon after it.
    world.clock.at += 1
    await world.change(a.caller, made, add=others[6:])
    await world.service.following.round()
    assert (await talk.head(a)).epoch == 2


async def test_a_large_conversation_collects_once_it_got_its_heads_of_the_hour(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CELL_SIZE", 4)
    world = World(database, Options(kem=X25519, cell_size=4, immediate_heads=3))
    a, *others = (world.registry.register() for _ in range(11))
    made = await world.group(a, others[:5])
    talk = Talk(world.service, made.conversation_id)
    epochs: list[int] = []
    for one in others[5:9]:
        world.clock.at += 1_000
        await world.change(a.caller, made, add=[one])
        await world.service.following.round()
        epochs.append((await talk.head(a)).epoch)
    # The group's own head was the first of the three.
    assert epochs == [2, 3, 3, 3]
    world.clock.at += MINUTE_MS
    await world.service.following.round()
    assert (await talk.head(a)).devices == 10
    world.clock.at += 61 * MINUTE_MS
    await world.change(a.caller, made, add=others[9:])
    await world.service.following.round()
    assert (await talk.head(others[9])).devices == 11


async def test_a_removal_by_an_admin_never_waits(crowded: World) -> None:
    world = crowded
    a, *others = (world.registry.register() for _ in range(8))
    made = await world.group(a, others[:6])
    await world.change(a.caller, made, add=others[6:])
    shown = await world.change(a.caller, made, remove=others[:1])
    assert (shown.members, shown.devices) == (7, 6)
    assert head_of(shown).rekey_epoch == 2


async def test_a_mark_made_while_another_is_taken_up_stays(
    crowded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = crowded
    a, *others = (world.registry.register() for _ in range(6))
    made = await world.group(a, others)
    second = world.registry.register(a.caller.person_id)
    await world.devices_changed(second)
    following = world.service.following
    update_people = following.update_people
    third: list[Device] = []

    async def and_meanwhile(people: PeopleByConversation) -> None:
        await update_people(people)
        if not third:
            third.append(world.registry.register(a.caller.person_id))
            await world.devices_changed(third[0])

    monkeypatch.setattr(following, "update_people", and_meanwhile)
    await following.update_pending(made.conversation_id)
    await world.service.rosters.state(third[0].caller, made.conversation_id)


async def test_many_people_lose_more_places_than_a_statement_has_parameters(
    world: World,
) -> None:
    a, *others = (world.registry.register() for _ in range(601))
    await world.group(a, others)
    await world.direct(a, others[0])
    gone = {one.device for one in others}
    world.registry.devices = {
        device: one for device, one in world.registry.devices.items() if device not in gone
    }
    await world.devices_changed(*others, urgent=True)
    shown = (await world.service.conversations.conversations(a.caller)).conversations
    assert sorted((one.devices, one.unregistered) for one in shown) == [(1, 1), (1, 600)]


async def test_a_group_of_only_unregistered_people_waits_for_them(world: World) -> None:
    a = world.registry.register()
    people = [PersonId(new_id()) for _ in range(3)]
    body = creating(new_id(), "group", people)
    made = await world.service.conversations.create(a.caller, body)
    assert (made.members, made.devices, made.unregistered) == (4, 1, 3)
    await world.revoke(a)
    back = world.registry.register(a.caller.person_id)
    await world.devices_changed(back)
    shown = await world.service.conversations.conversation(back.caller, made.conversation_id)
    assert (shown.devices, head_of(shown).epoch) == (1, 3)
