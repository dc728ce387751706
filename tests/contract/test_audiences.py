"""Audiences: who may create one, who belongs, and how membership follows the data bank."""

from collections.abc import Sequence
from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.bus import ConversationWakeup, RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.directory.names import english
from copconnect.ids import ConversationId, PersonId, UnitId, new_id
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import DAY_MS, MINUTE_MS, World
from tests.contract.device import Device, Talk, head_of, leaf_of
from tests.contract.statements import Statements
from tests.harness.operator import OPERATOR

pytestmark = pytest.mark.databases("sqlite")

TITLE = english("Everyone")
EVERYONE = wire.Audience(include=[wire.Clause(everyone=True)])


@pytest.fixture
def world(database: Database) -> World:
    return World(database, Options(kem=X25519, cell_size=8))


def officer(world: World, unit: str, *, admin: bool = False) -> Device:
    device = world.registry.register()
    world.chart.post(device.caller.person_id, unit, admin=admin)
    return device


def body(audience: wire.Audience | None = EVERYONE, **more: Any) -> wire.CreateConversation:
    fields: dict[str, Any] = {
        "conversation_id": new_id(),
        "kind": "announcement",
        "person_ids": [],
        "who_may_send": "admins",
        "history_days": 30,
        "audience": audience,
    }
    return wire.CreateConversation(**(fields | more))


def of(*units: str, deep: bool = False) -> wire.Audience:
    return wire.Audience(include=[wire.Clause(units=[UnitId(one) for one in units], below=deep)])


async def members(world: World, c: ConversationId, reader: Device) -> dict[PersonId, bool]:
    page = await world.service.conversations.members(reader.caller, c, "")
    return {one.person_id: one.admin for one in page.members}


async def listed(world: World, c: ConversationId, reader: Device) -> int:
    return (await world.service.conversations.conversation(reader.caller, c)).devices


def ids(*devices: Device) -> list[PersonId]:
    return [one.caller.person_id for one in devices]


@pytest.mark.databases("sqlite", "postgresql")
async def test_everyone_at_once_in_all_their_cells(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    sho = officer(world, "TG.HYD.PS1", admin=True)
    others = [officer(world, "TG.HYD.PS1") for _ in range(8)]
    unregistered = PersonId(new_id())
    world.chart.post(unregistered, "TG.HYD")
    asked = body()
    create = world.service.audiences.create
    made = await create(chief.caller, asked)
    assert (made.kind, made.audience, made.members) == ("announcement", EVERYONE, 11)
    assert (made.devices, made.cells, made.unregistered) == (10, 2, 1)
    assert (made.admin, made.who_may_send) == (True, "admins")
    assert made.history_from_ms == world.clock.at - 30 * DAY_MS
    found = await members(world, made.conversation_id, others[0])
    assert {person for person, admin in found.items() if admin} == set(ids(chief))
    assert len(found) == 11
    assert unregistered in found
    assert await create(chief.caller, asked) == made
    with pytest.raises(errors.NotAllowed):
        await create(sho.caller, asked)
    world.chart.post(sho.caller.person_id, "TG", admin=True)
    with pytest.raises(errors.BadRequest):  # Somebody else's id.
        await create(sho.caller, asked)


async def test_rights_are_signed(world: World) -> None:
    """In an announcement channel admins alone have the right to send."""
    chief = officer(world, "TG", admin=True)
    constable = officer(world, "TG")
    made = await world.service.audiences.create(chief.caller, body())
    for one, rights in (
        (chief, LeafRights.SEND | LeafRights.ADMINISTER),
        (constable, LeafRights(0)),
    ):
        state = await world.service.rosters.state(one.caller, made.conversation_id)
        assert leaf_of(one, state).rights == rights
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(constable, [chief])
    with pytest.raises(errors.MayNotSend):
        await talk.say(constable, key_id)
    await talk.say(chief, key_id)


async def test_members_create_only_so_many_an_hour_the_department_any(database: Database) -> None:
    limits = PersonLimits(conversations_per_hour=1)
    world = World(database, Options(kem=X25519, limits=limits))
    chief = officer(world, "TG", admin=True)
    await world.service.audiences.create(chief.caller, body())
    with pytest.raises(errors.RateLimited):
        await world.service.audiences.create(chief.caller, body())
    create = world.service.audiences.create_for_department
    for _ in range(2):
        c, people, devices = await create(OPERATOR, of("TG", deep=True), TITLE, talk=True)
        assert (people, devices) == (1, 1)
        shown = await world.service.conversations.conversation(chief.caller, c)
        assert (shown.created_by, shown.admin) == (None, True)
        assert shown.standing == wire.Standing(
            key=None, title=TITLE, unit_id=UnitId("TG"), about="unit", post_id=None
        )
    with pytest.raises(errors.AudienceInvalid):
        await create(OPERATOR, of("NOWHERE"), TITLE, talk=True)
    with pytest.raises(errors.AudienceInvalid):
        await create(OPERATOR, wire.Audience(include=[wire.Clause()]), TITLE, talk=True)


async def test_units_alone_and_with_those_below(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    dcp = officer(world, "TG.HYD", admin=True)
    sho = officer(world, "TG.HYD.PS1", admin=True)
    constable = officer(world, "TG.HYD.PS1")
    elsewhere = officer(world, "TG.WGL", admin=True)
    create = world.service.audiences.create
    alone = await create(dcp.caller, body(of("TG.HYD"), kind="unit", who_may_send="everyone"))
    assert set(await members(world, alone.conversation_id, dcp)) == set(ids(dcp))
    deep = await create(dcp.caller, body(of("TG.HYD", deep=True), kind="unit"))
    found = await members(world, deep.conversation_id, constable)
    assert found == dict(zip(ids(dcp, sho, constable), (True, False, False), strict=True))
    # An officer above belongs to what they created, as an admin.
    made = await create(chief.caller, body(of("TG.HYD.PS1"), kind="unit"))
    found = await members(world, made.conversation_id, sho)
    assert found == dict(zip(ids(chief, sho, constable), (True, True, False), strict=True))
    both = of("TG.HYD", "TG.WGL")
    assert (await create(chief.caller, body(both))).members == 3
    refused: Sequence[tuple[Device, wire.Audience]] = (
        (elsewhere, of("TG.HYD")),
        (dcp, both),
        (dcp, EVERYONE),
        (constable, of("TG.HYD.PS1")),
        (world.registry.register(), of("TG.HYD.PS1")),
    )
    for who, audience in refused:
        with pytest.raises(errors.NotAllowed):
            await create(who.caller, body(audience))


async def test_what_does_not_go_together(world: World) -> None:
    chief, other = officer(world, "TG", admin=True), officer(world, "TG")
    create = world.service.audiences.create
    bad = (
        body(kind="group"),
        body(kind="direct"),
        body(person_ids=ids(other)),
        body(history_days=None),
    )
    for one in bad:
        with pytest.raises(errors.BadRequest):
            await create(chief.caller, one)
    with pytest.raises(errors.BadRequest):
        await world.service.conversations.create(chief.caller, body(None, kind="unit"))
    made = await create(chief.caller, body())
    with pytest.raises(errors.BadRequest):
        await world.change(chief.caller, made, remove=[other])
    with pytest.raises(errors.BadRequest):
        await world.change(other.caller, made, remove=[other])


async def test_membership_follows_transfers_in_one_head(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    sho = officer(world, "TG.PS1")
    leaving = officer(world, "TG.PS1")
    made = await world.service.audiences.create(chief.caller, body(of("TG.PS1"), kind="unit"))
    c = made.conversation_id
    await world.service.following.round()
    world.wakeups.clear()
    coming = officer(world, "TG.PS1")
    unregistered = PersonId(new_id())
    world.chart.post(unregistered, "TG.PS1")
    world.chart.post(leaving.caller.person_id, "TG.PS2")
    world.chart.post(sho.caller.person_id, "TG.PS1", admin=True)
    world.clock.at += DAY_MS
    await world.service.following.round()
    assert await members(world, c, sho) == {
        chief.caller.person_id: True,
        sho.caller.person_id: True,
        coming.caller.person_id: False,
        unregistered: False,
    }
    heads = [one for one in world.wakeups if isinstance(one, RosterWakeup)]
    assert [(one.epoch, len(one.added), len(one.removed)) for one in heads] == [(2, 1, 1)]
    state = await world.service.rosters.state(coming.caller, c)
    assert leaf_of(coming, state).history_from == world.clock.at - 30 * DAY_MS
    state = await world.service.rosters.state(sho.caller, c)
    assert LeafRights.ADMINISTER in leaf_of(sho, state).rights
    # A person who is transferred back reads from the return.
    world.chart.post(leaving.caller.person_id, "TG.PS1")
    world.clock.at += DAY_MS
    await world.service.following.round()
    state = await world.service.rosters.state(leaving.caller, c)
    assert leaf_of(leaving, state).history_from == world.clock.at


async def test_a_late_registrant_reads_from_before_they_registered(world: World) -> None:
    """The person came to belong long ago; their first device reads since then, less 30 days."""
    chief = officer(world, "TG", admin=True)
    late = Device.new(PersonId(new_id()), new_id(), X25519, world.clock.now_ms)
    world.chart.post(late.caller.person_id, "TG")
    joined = world.clock.at
    made = await world.service.audiences.create(chief.caller, body())
    world.clock.at += 20 * DAY_MS
    world.registry.devices[late.device] = late
    await world.devices_changed(late)
    await world.service.following.round()
    state = await world.service.rosters.state(late.caller, made.conversation_id)
    assert leaf_of(late, state).history_from == joined - 30 * DAY_MS
    shown = await world.service.conversations.conversation(late.caller, made.conversation_id)
    assert head_of(shown).rekey_epoch == 1


async def test_revocations_take_effect_at_once_and_are_not_undone(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG") for _ in range(3)]
    made = await world.service.audiences.create(chief.caller, body())
    c = made.conversation_id
    await world.revoke(people[0])
    assert await listed(world, c, chief) == 3
    world.chart.leave(people[0].caller.person_id)
    await world.service.following.round()
    assert await listed(world, c, chief) == 3
    assert people[0].caller.person_id not in await members(world, c, chief)
    # A device that a roster still lists though it is gone is found when all is compared.
    del world.registry.devices[people[1].device]
    world.clock.at += 10 * MINUTE_MS
    await world.service.following.round()
    assert await listed(world, c, chief) == 2
    assert people[1].caller.person_id in await members(world, c, chief)


async def test_a_large_audience_loses_at_once_and_gains_with_the_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CELL_SIZE", 4)
    world = World(database, Options(kem=X25519, cell_size=4, immediate_heads=1))
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG") for _ in range(6)]
    made = await world.service.audiences.create(chief.caller, body())
    c = made.conversation_id
    await world.service.following.round()

    async def shown() -> tuple[int, int, int]:
        found = await world.service.conversations.conversation(chief.caller, c)
        return head_of(found).epoch, found.devices, found.members

    waiting, unregistered = officer(world, "TG"), PersonId(new_id())
    world.chart.post(unregistered, "TG")
    await world.service.following.round()
    assert await shown() == (1, 7, 7)
    # A transfer: out at once, and all who wait come in with the same head.
    coming = officer(world, "TG")
    world.chart.leave(people[0].caller.person_id)
    world.wakeups.clear()
    await world.service.following.round()
    assert await shown() == (2, 8, 9)
    for one in (waiting, coming):
        await world.service.rosters.state(one.caller, c)
    # The server notifies only the people whom a change in a large conversation is about.
    (told,) = world.told(ConversationWakeup)
    assert set(told.person_ids) == {*ids(people[0], waiting, coming), unregistered}
    officer(world, "TG")
    await world.service.following.round()
    await world.service.following.round()
    assert await shown() == (2, 8, 9)
    world.clock.at += MINUTE_MS
    await world.service.following.round()
    assert await shown() == (3, 9, 10)


async def test_a_person_of_many_audiences_is_read_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody belongs to eight of two thousand; devices are read for a person, not a place."""
    chief = officer(world, "TG", admin=True)
    stations = [[officer(world, f"TG.PS{at}", admin=True) for _ in range(2)] for at in range(3)]
    for at, (sho, _) in enumerate(stations):
        await world.service.audiences.create(sho.caller, body(of(f"TG.PS{at}"), kind="unit"))
        await world.service.audiences.create(chief.caller, body(of("TG", deep=True)))
    asked: list[PersonId] = []
    devices_of = world.registry.devices_of

    async def counted(connection: Any, people: Any) -> Any:
        asked.extend(people)
        return await devices_of(connection, people)

    monkeypatch.setattr(world.registry, "devices_of", counted)
    await world.service.following.round()
    assert sorted(asked) == sorted(ids(chief, *(one for those in stations for one in those)))


async def test_a_new_device_costs_the_conversations_of_its_person_alone(database: Database) -> None:
    """A thousand stations have one each; their rows are not held for a device elsewhere."""
    counts = []
    for stations in (2, 12):
        world = World(database)
        for at in range(stations):
            unit = f"TG.{stations}-{at}"
            sho = officer(world, unit, admin=True)
            await world.service.audiences.create(sho.caller, body(of(unit), kind="unit"))
        constable = officer(world, f"TG.{stations}-0")
        await world.service.following.round()
        device = world.registry.register(constable.caller.person_id)
        await world.devices_changed(device)
        with Statements(database) as statements:
            await world.service.following.round()
        counts.append(len(statements))
        shown = await world.service.conversations.conversations(device.caller)
        assert [one.devices for one in shown.conversations] == [3]
    assert counts[0] == counts[1]


async def test_a_quiet_round_is_cheap_however_many_belong(database: Database) -> None:
    counts = []
    for people in (3, 60):
        world = World(database)
        chief = officer(world, "TG", admin=True)
        for _ in range(people):
            officer(world, "TG")
        await world.service.audiences.create(chief.caller, body())
        await world.service.following.round()
        with Statements(database) as statements:
            await world.service.following.round()
        counts.append(len([one for one in statements if one != "BEGIN"]))
    assert counts[0] == counts[1] == 1


async def test_a_change_of_the_data_bank_compares_whom_it_concerns(world: World) -> None:
    """The transferred alone of 63,000 people are read, but every ten minutes all."""
    chief = officer(world, "TG", admin=True)
    others = [officer(world, "TG.HYD") for _ in range(6)]
    made = await world.service.audiences.create(chief.caller, body(of("TG", deep=True)))
    rounds = world.service.following.round
    await rounds()
    world.chart.asked.clear()
    await rounds()
    assert world.chart.asked == []
    moved = others[0].caller.person_id
    world.chart.post(moved, "AP")
    await rounds()
    assert {one for some in world.chart.asked for one in some} == {moved}
    assert moved not in await members(world, made.conversation_id, chief)
    world.clock.at += 11 * MINUTE_MS
    await rounds()
    assert len(world.chart.asked[-1]) == 7
