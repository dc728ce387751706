"""Standing groups: the policy makes them, people come and go with their posts."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.rosters.standing import standing_id
from copconnect.delivery.store import audiences
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.directory.names import english
from copconnect.ids import PersonId, UnitId, new_id
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import DAY_MS, MINUTE_MS, World
from tests.contract.device import Device, leaf_of
from tests.contract.statements import Statements

pytestmark = pytest.mark.databases("sqlite")

STATIONS = wire.GroupPolicy(code="unit", title=english("{unit}"), levels=["district", "station"])
STATE = wire.GroupPolicy(
    code="state",
    title=english("All of {unit}"),
    levels=["state"],
    kind="announcement",
    who_may_send="admins",
    history_days=7,
)
SHOS = wire.GroupPolicy(
    code="sho",
    title=english("SHOs, {unit}"),
    levels=["state", "district"],
    roles=["sho"],
)


@pytest.fixture
def world(database: Database) -> World:
    made = World(database, Options(kem=X25519, cell_size=8))
    made.chart.policy = [STATE, STATIONS, SHOS]
    return made


def officer(world: World, *units: str, admin: bool = False, roles: Sequence[str] = ()) -> Device:
    device = world.registry.register()
    world.chart.post(device.caller.person_id, *units, admin=admin, roles=roles)
    return device


async def groups(world: World, device: Device) -> dict[str, wire.Conversation]:
    shown = await world.service.conversations.conversations(device.caller)
    return {one.standing.title.en: one for one in shown.conversations if one.standing is not None}


async def test_everybody_finds_the_groups_of_their_place(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    cp = officer(world, "TG.HYD", admin=True)
    sho = officer(world, "TG.HYD.PS1", admin=True, roles=["sho"])
    constable = officer(world, "TG.HYD.PS1")
    elsewhere = officer(world, "TG.WGL.PS2", admin=True, roles=["sho"])
    await world.service.following.round()
    assert set(await groups(world, chief)) == {"All of TG", "SHOs, TG"}
    assert set(await groups(world, cp)) == {"All of TG", "TG.HYD", "SHOs, TG.HYD"}
    own = await groups(world, sho)
    assert set(own) == {"All of TG", "TG.HYD", "TG.HYD.PS1", "SHOs, TG", "SHOs, TG.HYD"}
    assert set(await groups(world, constable)) == {"All of TG", "TG.HYD", "TG.HYD.PS1"}
    assert set(await groups(world, elsewhere)) == {"All of TG", "SHOs, TG"}
    station = own["TG.HYD.PS1"]
    assert station.conversation_id == standing_id("unit:TG.HYD.PS1")
    assert (station.created_by, station.members, station.admin) == (None, 2, True)
    assert (station.kind, station.who_may_send, station.history_days) == ("unit", "everyone", 30)
    state = own["All of TG"]
    assert (state.kind, state.who_may_send, state.history_days) == ("announcement", "admins", 7)
    assert state.history_from_ms == world.clock.at - 7 * DAY_MS
    assert leaf_of(
        sho, await world.service.rosters.state(sho.caller, state.conversation_id)
    ).rights == LeafRights(0)
    assert own["SHOs, TG"].standing == wire.Standing(
        key="sho:TG", title=english("SHOs, TG"), unit_id=UnitId("TG"), about="role", post_id=None
    )


async def test_a_group_of_one_does_not_begin(world: World) -> None:
    """Neither an empty unit nor a lonely officer has a group; the second person begins it."""
    alone = officer(world, "TG.HYD.PS1")
    await world.service.following.round()
    assert await groups(world, alone) == {}
    officer(world, "TG.HYD.PS1")
    await world.service.following.round()
    assert set(await groups(world, alone)) == {"All of TG", "TG.HYD", "TG.HYD.PS1"}


async def test_a_round_reads_rules_only_once_one_of_them_has_changed(world: World) -> None:
    """However many groups there are, a transfer reads a sum over an index, and no rule."""
    for unit in ("TG.HYD.PS1", "TG.WGL.PS2"):
        officer(world, unit, admin=True, roles=["sho"])
        officer(world, unit)
    moved = officer(world, "TG.HYD.PS1")

    async def round_of_a_transfer(to: str) -> list[str]:
        world.clock.at += MINUTE_MS
        world.chart.post(moved.caller.person_id, to)
        with Statements(world.database) as statements:
            await world.service.following.round()
        assert f"{to}" in await groups(world, moved)
        wanted = "audiences.standing", "conversations.who_may_send, conversations.created_by"
        return [one for one in statements if any(text in one for text in wanted)]

    await world.service.following.round()
    await round_of_a_transfer("TG.WGL.PS2")  # The groups that began are read once.
    assert await round_of_a_transfer("TG.HYD.PS1") == []
    # Another process wrote another rule: it is read, and the policy's is put in its place.
    c = standing_id("unit:TG.HYD.PS1")
    async with world.database.transaction() as connection:
        stored = await audiences.one(connection, c)
        assert stored is not None
        nobody = wire.Audience(include=[])
        await audiences.change(connection, {c: AudienceRow(nobody, stored.standing)})
    assert await round_of_a_transfer("TG.WGL.PS2") != []
    async with world.database.reading() as reading:
        assert await audiences.one(reading, c) == stored
    await round_of_a_transfer("TG.HYD.PS1")
    assert await round_of_a_transfer("TG.WGL.PS2") == []
    # The policy calls it something else now.
    world.chart.policy = [STATE, replace(STATIONS, title=english("Men of {unit}")), SHOS]
    world.clock.at += MINUTE_MS
    world.chart.post(moved.caller.person_id, "TG.HYD.PS1", admin=True)
    await world.service.following.round()
    assert "Men of TG.HYD.PS1" in await groups(world, moved)


async def test_a_transfer_moves_a_person_out_of_and_into_their_groups(world: World) -> None:
    officer(world, "TG", admin=True)
    for unit in ("TG.HYD.PS1", "TG.WGL.PS2"):
        officer(world, unit, admin=True, roles=["sho"])
        officer(world, unit)
    moved = officer(world, "TG.HYD.PS1")
    await world.service.following.round()
    world.clock.at += MINUTE_MS
    world.chart.post(moved.caller.person_id, "TG.WGL.PS2", admin=True, roles=["sho"])
    with Statements(world.database) as statements:
        await world.service.following.round()
    own = await groups(world, moved)
    assert set(own) == {"All of TG", "TG.WGL", "TG.WGL.PS2", "SHOs, TG", "SHOs, TG.WGL"}
    assert own["TG.WGL.PS2"].admin
    assert len(statements) < 60
    # Back again: from the return on.
    world.clock.at += MINUTE_MS
    world.chart.post(moved.caller.person_id, "TG.HYD.PS1")
    await world.service.following.round()
    own = await groups(world, moved)
    assert set(own) == {"All of TG", "TG.HYD", "TG.HYD.PS1"}
    assert own["TG.HYD.PS1"].history_from_ms == world.clock.at


async def test_a_transfer_costs_no_more_where_there_are_more_groups(database: Database) -> None:
    counts = []
    for stations in (3, 40):
        world = World(database)
        world.chart.policy = [replace(STATIONS, code=f"u{stations}")]
        for at in range(stations):
            for _ in range(2):
                officer(world, f"TG.D{at % 3}.PS{at}")
        moved = officer(world, "TG.D0.PS0")
        await world.service.following.round()
        world.clock.at += MINUTE_MS
        world.chart.post(moved.caller.person_id, "TG.D1.PS1")
        with Statements(database) as statements:
            await world.service.following.round()
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_two_places_add_up_once(world: World) -> None:
    """An officer with additional charge belongs to the groups of both stations, once to each."""
    both = officer(world, "TG.HYD.PS1", "TG.HYD.PS2", admin=True, roles=["sho"])
    for unit in ("TG.HYD.PS1", "TG.HYD.PS2"):
        officer(world, unit)
    await world.service.following.round()
    own = await groups(world, both)
    assert {"TG.HYD.PS1", "TG.HYD.PS2", "TG.HYD"} <= set(own)
    assert own["TG.HYD"].members == 3


async def test_the_policy_changes(world: World) -> None:
    people = [officer(world, "TG.HYD.PS1", admin=at == 0) for at in range(2)]
    await world.service.following.round()
    before = (await groups(world, people[0]))["TG.HYD.PS1"]
    renamed = replace(STATIONS, title=english("Unit {unit}"))
    world.chart.policy = [renamed]
    world.chart.concern()
    await world.service.following.round()
    own = await groups(world, people[0])
    # The State's group lost its people; the station's has another name, the same log.
    assert set(own) == {"Unit TG.HYD", "Unit TG.HYD.PS1"}
    assert own["Unit TG.HYD.PS1"].conversation_id == before.conversation_id
    assert own["Unit TG.HYD.PS1"].info_version != before.info_version
    world.chart.policy = [replace(renamed, who_may_send="admins"), STATE]
    world.chart.concern()
    world.clock.at += MINUTE_MS
    await world.service.following.round()
    own = await groups(world, people[1])
    assert own["Unit TG.HYD.PS1"].who_may_send == "admins"
    state = await world.service.rosters.state(
        people[1].caller, own["Unit TG.HYD.PS1"].conversation_id
    )
    assert leaf_of(people[1], state).rights == LeafRights(0)
    # The State's group began again under its key; its people read from their return.
    assert own["All of TG"].conversation_id == standing_id("state:TG")
    assert own["All of TG"].history_from_ms == world.clock.at


async def test_a_second_node_and_a_repeat_change_nothing(world: World) -> None:
    people = [officer(world, "TG.HYD.PS1") for _ in range(3)]
    await world.service.following.round()
    before = await groups(world, people[0])
    world.wakeups.clear()
    await world.node().following.round()
    assert await groups(world, people[0]) == before
    assert world.wakeups == []


async def test_nobody_registered_yet(world: World) -> None:
    """Groups stand before the first registration, and the first device finds them."""
    late, other = PersonId(new_id()), PersonId(new_id())
    world.chart.post(late, "TG.HYD.PS1")
    world.chart.post(other, "TG.HYD.PS1")
    await world.service.following.round()
    device = world.registry.register(late)
    await world.devices_changed(device)
    await world.service.following.round()
    own = await groups(world, device)
    assert set(own) == {"All of TG", "TG.HYD", "TG.HYD.PS1"}
    assert all(one.roster is not None and one.unregistered == 1 for one in own.values())
