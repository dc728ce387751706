"""Groups and direct conversations: who creates, joins, leaves and rules them, and from when each
reads."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, ConversationWakeup, RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.delivery.store.tables import MEMBERS
from copconnect.ids import PersonId, new_id
from copconnect.records.primitives.kem import X25519
from copconnect.wakeup_log import WakeupLog
from tests.contract.delivery_world import DAY_MS, HOUR_MS, MINUTE_MS, World, creating
from tests.contract.device import Device, Talk, head_of, leaf_of

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def change(**more: Any) -> wire.ChangeMembers:
    values: dict[str, Any] = {
        "change_id": new_id(),
        "add": [],
        "remove": [],
        "make_admin": [],
        "revoke_admin": [],
    }
    return wire.ChangeMembers(**(values | more))


def people(world: World, count: int) -> list[Device]:
    return [world.registry.register() for _ in range(count)]


async def test_admins_rule_a_group(world: World) -> None:
    a, b, c = people(world, 3)
    made = await world.group(a, [b])
    do, place = world.service.membership.change, made.conversation_id
    ida, idb, idc = (one.caller.person_id for one in (a, b, c))
    refused: list[tuple[Device, dict[str, Any], type[errors.CopConnectError]]] = [
        (b, {"add": [idc]}, errors.NotAdmin),
        (c, {"add": [idc]}, errors.NotMember),
        (a, {"remove": [ida]}, errors.LastAdmin),
        (a, {"revoke_admin": [ida]}, errors.LastAdmin),
        (a, {"add": [idc], "remove": [idc]}, errors.BadRequest),
        (a, {"make_admin": [idc]}, errors.BadRequest),
    ]
    for who, what, error in refused:
        with pytest.raises(error):
            await do(who.caller, place, change(**what))
    world.registry.inactive.add(idc)
    with pytest.raises(errors.NotFound):
        await do(a.caller, place, change(add=[idc]))
    world.registry.inactive.clear()
    after = await do(a.caller, place, change(add=[idc], make_admin=[idb]))
    assert (after.members, after.devices, after.cells) == (3, 3, 1)
    assert head_of(after).epoch == 2
    same = await do(a.caller, place, change(add=[idc], make_admin=[idb]))
    assert same == after  # No change to make: no new head.
    assert after.admins == sorted([ida, idb])
    await do(b.caller, place, change(revoke_admin=[ida]))
    told = await world.service.conversations.conversation(c.caller, place)
    assert (told.admin, told.admins) == (False, [idb])
    listed = await world.service.conversations.conversations(c.caller)
    assert [one.admins for one in listed.conversations] == [None]
    changed = wire.ChangeWhoMaySend(who_may_send="admins")
    with pytest.raises(errors.NotAdmin):
        await world.service.conversations.change_who_may_send(a.caller, place, changed)


async def test_leaving_is_repeatable(world: World) -> None:
    a, b = people(world, 2)
    made = await world.group(a, [b])
    leave = change(remove=[b.caller.person_id])
    do, place = world.service.membership.change, made.conversation_id
    first = await do(b.caller, place, leave)
    assert (first.members, first.devices, first.roster) == (1, 1, None)
    assert await do(b.caller, place, leave) == first
    with pytest.raises(errors.BadRequest):
        await do(a.caller, place, leave)
    with pytest.raises(errors.NotMember):
        await world.service.conversations.conversation(b.caller, place)
    with pytest.raises(errors.NotMember):
        await world.service.log.page(b.caller, place, after=0, before=None, limit=9)


async def test_former_members_learn_nothing_by_repeating_a_change(world: World) -> None:
    a, b, c = people(world, 3)
    made = await world.group(a, [b, c])
    do, place = world.service.membership.change, made.conversation_id
    promotion = change(make_admin=[b.caller.person_id])
    await do(a.caller, place, promotion)
    removal = change(remove=[a.caller.person_id])
    leave = change(remove=[c.caller.person_id])
    await do(c.caller, place, leave)
    await do(b.caller, place, removal)
    with pytest.raises(errors.NotMember):
        await do(a.caller, place, promotion)
    assert (await do(b.caller, place, removal)).members == 1
    assert (await do(c.caller, place, leave)).members == 1
    world.clock.at += 60_000
    with pytest.raises(errors.NotMember):
        await do(c.caller, place, leave)


async def test_create_is_repeatable_and_ids_are_not_stolen(world: World) -> None:
    a, b, c = people(world, 3)
    made = await world.group(a, [b], new_id())
    assert await world.group(a, [b], made.conversation_id) == made
    with pytest.raises(errors.BadRequest):
        await world.group(c, [b], made.conversation_id)
    with pytest.raises(errors.BadRequest):
        await world.group(a, [a, b])
    for bad in ({"history_days": 7}, {"history_days": None}):
        with pytest.raises(errors.BadRequest):
            await world.group(a, [b], **bad)
    world.registry.inactive.add(b.caller.person_id)
    with pytest.raises(errors.NotFound):
        await world.group(a, [b])
    assert (await world.service.conversations.conversations(c.caller)).conversations == []


async def test_r10_a_person_has_one_conversation_with_oneself(world: World) -> None:
    a, b = people(world, 2)
    second = world.registry.register(a.caller.person_id)
    made = await asyncio.gather(world.direct(a, a), world.direct(second, a))
    assert made[0].conversation_id == made[1].conversation_id
    assert (made[0].direct_person_id, made[0].members) == (a.caller.person_id, 1)
    assert (made[0].devices, made[0].history_from_ms) == (2, 0)
    create = world.service.conversations.create
    own = creating(made[0].conversation_id, "direct", [b.caller.person_id], history_days=None)
    foreign = creating(made[0].conversation_id, "direct", [a.caller.person_id], history_days=None)
    alone = creating(new_id(), "group", [a.caller.person_id])
    for device, body in ((a, own), (b, foreign), (a, alone)):
        with pytest.raises(errors.BadRequest):
            await create(device.caller, body)
    assert (await world.service.conversations.conversations(b.caller)).conversations == []


async def test_r10_one_direct_conversation_by_the_id_of_its_people(world: World) -> None:
    a, b, c = people(world, 3)
    both = (world.direct(a, b), world.direct(b, a), world.direct(a, b))
    made = await asyncio.gather(*both)
    assert len({one.conversation_id for one in made}) == 1
    assert made[0].direct_person_id == b.caller.person_id
    assert made[1].direct_person_id == a.caller.person_id
    assert (made[0].history_days, made[0].history_from_ms, made[0].admins) == (None, 0, [])
    create = world.service.conversations.create
    body = creating(new_id(), "direct", [b.caller.person_id], history_days=None)
    with pytest.raises(errors.BadRequest):
        await create(a.caller, body)
    stolen = creating(made[0].conversation_id, "direct", [c.caller.person_id], history_days=None)
    with pytest.raises(errors.BadRequest):
        await create(a.caller, stolen)
    leave = change(remove=[a.caller.person_id])
    with pytest.raises(errors.BadRequest):
        await world.service.membership.change(a.caller, made[0].conversation_id, leave)


async def test_people_who_have_not_registered_can_be_written_to(world: World) -> None:
    """The message waits for them: their first device is listed, with the whole history."""
    alice = world.registry.register()
    later = PersonId(new_id())
    absent = Device.new(later, new_id(), X25519, world.clock.now_ms)
    made = await world.direct(alice, absent)
    assert (made.members, made.unregistered, made.devices) == (2, 1, 1)
    page = await world.service.conversations.members(alice.caller, made.conversation_id, "")
    assert {one.person_id: (one.registered, one.devices) for one in page.members} == {
        alice.caller.person_id: (True, 1),
        later: (False, 0),
    }
    world.registry.ever.add(later)  # They had a device once and have signed out.
    page = await world.service.conversations.members(alice.caller, made.conversation_id, "")
    assert {one.registered for one in page.members} == {True}
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(alice, [])
    await talk.say(alice, key_id, b"come at once")
    world.clock.at += 40 * DAY_MS
    world.registry.devices[absent.device] = absent
    await world.devices_changed(absent)
    shown = await world.service.conversations.conversation(absent.caller, made.conversation_id)
    assert (shown.unregistered, shown.devices, shown.history_from_ms) == (0, 2, 0)
    absent.secrets = alice.secrets  # As a share gives it.
    assert await talk.read(absent) == [b"come at once"]
    # A device that may read everything never makes a new key necessary.
    assert (head_of(shown).epoch, head_of(shown).rekey_epoch) == (2, 1)


async def test_history_is_by_policy_and_the_persons(world: World) -> None:
    a, b, c, d = people(world, 4)
    start = world.clock.at
    nothing = await world.group(a, [b])
    month = await world.group(a, [b], history_days=30)
    for made, days in ((nothing, 0), (month, 30)):
        assert made.history_from_ms == start - days * DAY_MS
        world.clock.at = start + HOUR_MS
        await world.change(a.caller, made, add=[c])
        # A second device of a person reads from when the person may.
        world.clock.at = start + 2 * DAY_MS
        second = world.registry.register(c.caller.person_id)
        await world.devices_changed(second)
        state = await world.service.rosters.state(second.caller, made.conversation_id)
        assert leaf_of(second, state).history_from == start + HOUR_MS - days * DAY_MS
        del world.registry.devices[second.device]
        await world.devices_changed(second)
        # A person who returns reads from the return; a person who never left is as before.
        await world.change(a.caller, made, remove=[c])
        world.clock.at = start + 3 * DAY_MS
        again = await world.change(a.caller, made, add=[c, d])
        shown = await world.service.conversations.conversation(c.caller, made.conversation_id)
        assert shown.history_from_ms == world.clock.at
        new = await world.service.conversations.conversation(d.caller, made.conversation_id)
        assert new.history_from_ms == world.clock.at - days * DAY_MS
        assert again.history_from_ms == start - days * DAY_MS
        world.clock.at = start


async def test_a_page_begins_at_the_history_of_its_reader(world: World) -> None:
    a, b, c = people(world, 3)
    made = await world.group(a, [b])
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(a, [b])
    for text in (b"one", b"two"):
        await talk.say(a, key_id, text)
    world.clock.at += 1
    await world.change(a.caller, made, add=[c])
    assert await talk.read(c) == []
    # R4: nothing is readable yet, so her log begins where it ends.
    empty = await world.service.log.page(
        c.caller, made.conversation_id, after=0, before=None, limit=9
    )
    key_id = await talk.begin(a, [b, c])
    await talk.say(b, key_id, b"three")
    page = await world.service.log.page(
        c.caller, made.conversation_id, after=None, before=99, limit=9
    )
    assert [one.seq for one in page.entries] == [3]
    assert [c.open_message(one) for one in page.entries] == [b"three"]
    assert page.log_hash == empty.log_hash != bytes(32)
    assert await talk.read(b) == [b"one", b"two", b"three"]


async def test_rekey_epoch_rises_only_for_a_newcomer_who_may_not_read_before(world: World) -> None:
    a, b, c = people(world, 3)
    none = await world.group(a, [b])
    month = await world.group(a, [b], history_days=30)
    for made, rekeyed in ((none, 2), (month, 1)):
        assert head_of(await world.change(a.caller, made, add=[c])).rekey_epoch == rekeyed
    world.clock.at += 30 * DAY_MS
    # A second device whose person's history began long ago changes nothing.
    world.registry.register(b.caller.person_id)
    await world.devices_changed(b)
    for made, rekeyed in ((none, 2), (month, 1)):
        shown = await world.service.conversations.conversation(a.caller, made.conversation_id)
        assert (head_of(shown).epoch, head_of(shown).rekey_epoch) == (3, rekeyed)


async def test_limits_of_one_person(database: Database) -> None:
    limits = PersonLimits(conversations_per_hour=2, member_changes_per_hour=2, group_people=4)
    world = World(database, Options(kem=X25519, limits=limits))
    a, b, c, d, e = people(world, 5)
    with pytest.raises(errors.GroupTooLarge) as large:
        await world.group(a, [b, c, d, e])
    assert large.value.details == {"limit": 4}
    made = await world.group(a, [b])
    world.clock.at += MINUTE_MS
    await world.direct(a, c)
    with pytest.raises(errors.RateLimited) as often:
        await world.direct(a, d)
    assert often.value.retry_after_ms == HOUR_MS - MINUTE_MS
    assert often.value.details == {"limit": "conversations_per_hour"}
    await world.direct(a, c)  # It is there.
    with pytest.raises(errors.GroupTooLarge):
        await world.change(a.caller, made, add=[c, d, e])
    world.chart.managed[a.caller.person_id] = {one.caller.person_id for one in (b, c, d)}
    with pytest.raises(errors.GroupTooLarge):
        await world.change(a.caller, made, add=[c, d, e])
    world.chart.managed[a.caller.person_id].add(e.caller.person_id)
    await world.change(a.caller, made, add=[c, d, e])
    await world.change(a.caller, made, remove=[d])
    with pytest.raises(errors.RateLimited) as many:
        await world.change(a.caller, made, remove=[e])
    assert many.value.details == {"limit": "member_changes_per_hour"}
    await world.change(e.caller, made, remove=[e])  # Others are free, and anybody may leave.


async def test_preferences_are_ones_own(world: World) -> None:
    a, b = people(world, 2)
    made = await world.group(a, [b])
    service, c = world.service.conversations, made.conversation_id
    wanted = wire.SetPreferences(muted_until_ms=-1)
    after = await service.set_preferences(b.caller, c, wanted)
    assert after.preferences == wire.Preferences(muted_until_ms=-1)
    assert after.info_version != made.info_version
    other = await service.conversation(a.caller, c)
    assert other.preferences == wire.Preferences(muted_until_ms=None)
    outsider = world.registry.register()
    with pytest.raises(errors.NotMember):
        await service.set_preferences(outsider.caller, c, wanted)
    huge = wire.SetPreferences(muted_until_ms=2**63)
    with pytest.raises(errors.BadRequest):
        await service.set_preferences(b.caller, c, huge)


async def test_what_no_message_tells_reaches_other_nodes_though_the_bus_lost_it(
    world: World,
) -> None:
    a, b = people(world, 2)
    made = await world.group(a, [b])
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    other = WakeupLog(world.database, world.clock, has_bus=True)
    await other.start(hear)
    await other.close()  # Stop its own reading: the test polls.
    world.wakeups.clear()
    changed = wire.ChangeWhoMaySend(who_may_send="admins")
    await world.service.conversations.change_who_may_send(a.caller, made.conversation_id, changed)
    mine = wire.SetPreferences(muted_until_ms=-1)
    await world.service.conversations.set_preferences(b.caller, made.conversation_id, mine)
    await world.revoke(b)
    await other.poll()
    assert [one.person_ids for one in heard if isinstance(one, ConversationWakeup)] == [
        [],
        [b.caller.person_id],
    ]
    assert [one.epoch for one in heard if isinstance(one, RosterWakeup)] == [2, 3]
    assert heard == world.wakeups


@pytest.mark.databases("sqlite", "postgresql")
async def test_members_come_in_parts_and_by_what_is_searched_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.delivery.rosters.conversations.MEMBERS_PAGE", 2)
    everybody = people(world, 5)
    made = await world.group(everybody[0], everybody[1:])
    await world.group(everybody[0], people(world, 1))  # Another group's are in no part of this.
    asked, caller = made.conversation_id, everybody[0].caller
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await world.service.conversations.members(caller, asked, after)
        assert len(page.members) <= 2
        seen += [one.person_id for one in page.members]
        after = page.next
    assert seen == sorted(one.caller.person_id for one in everybody)
    wanted = everybody[3].caller.person_id
    page = await world.service.conversations.members(caller, asked, "", wanted[:20])
    assert [one.person_id for one in page.members] == [wanted]
    assert page.next is None
    page = await world.service.conversations.members(caller, asked, "", "nobody")
    assert page.members == []
    await world.change(caller, made, remove=everybody[4:])
    page = await world.service.conversations.members(caller, asked, "", "")
    assert everybody[4].caller.person_id not in {one.person_id for one in page.members}


@pytest.mark.databases("sqlite", "postgresql")
async def test_the_origin_and_the_end_of_each_membership_are_kept(world: World) -> None:
    """The log distinguishes a person who left, one who was removed, and one whom a rule lost."""
    a, b, c = people(world, 3)
    ida, idb, idc = (one.caller.person_id for one in (a, b, c))
    made = await world.group(a, [b])
    do, place = world.service.membership.change, made.conversation_id
    await do(b.caller, place, change(remove=[idb]))
    await do(a.caller, place, change(add=[idc]))
    await do(a.caller, place, change(remove=[idc]))
    world.chart.post(ida, "TG", admin=True)
    world.chart.post(idb, "TG")
    unit = await world.unit(a)
    world.chart.leave(idb)
    await world.service.following.round()
    async with world.database.reading() as connection:
        rows = (await connection.execute(select(MEMBERS))).all()
    origin = {(one.conversation_id, one.person_id): one.added_by for one in rows}
    ended = {(one.conversation_id, one.person_id): one.removed_by for one in rows if one.removed_ms}
    u = unit.conversation_id
    assert origin == {
        **{(place, ida): ida, (place, idb): ida, (place, idc): ida},
        **{(u, ida): None, (u, idb): None},
    }
    assert ended == {(place, idb): idb, (place, idc): ida, (unit.conversation_id, idb): None}
