"""Audiences: who may create one, who belongs, and how membership follows the data bank."""

from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import EntryWakeup
from copconnect.database import Database
from copconnect.delivery import audience_store, cell_store, leaf_store, log_store
from copconnect.delivery.standing import CellLeaf
from copconnect.ids import CellId, ConversationId, Epoch, PersonId, Seq, new_id
from copconnect.principals import Caller
from tests.contract.delivery_world import World
from tests.contract.statements import Statements
from tests.contract.test_several_cells import by_cell, found_cell

EVERYONE = wire.Audience(everyone=True, unit_ids=[], deep=False)


@pytest.fixture
def world(database: Database) -> World:
    return World(database, cell_size=8)


def officer(world: World, unit: str, *, admin: bool = False) -> Caller:
    caller = world.registry.register()
    world.chart.post(caller.person_id, unit, admin=admin)
    return caller


def body(audience: wire.Audience | None = EVERYONE, **more: Any) -> wire.CreateConversation:
    fields: dict[str, Any] = {
        "conversation_id": new_id(),
        "kind": "announcement",
        "cell_id": new_id(),
        "person_ids": [],
        "who_may_post": "admins",
        "audience": audience,
    }
    return wire.CreateConversation(**(fields | more))


def of(*units: str, deep: bool = False) -> wire.Audience:
    return wire.Audience(everyone=False, unit_ids=list(units), deep=deep)  # type: ignore[arg-type]


async def members(world: World, c: ConversationId, caller: Caller) -> dict[PersonId, bool]:
    page = await world.service.membership.members(caller, c, "")
    return {one.person_id: one.admin for one in page.members}


async def clients(world: World, c: ConversationId) -> set[str]:
    async with world.database.reading() as connection:
        return {client for client, _ in (await leaf_store.owners_in(connection, c)).values()}


async def changes(world: World, c: ConversationId) -> list[wire.RosterChange]:
    async with world.database.reading() as connection:
        found = await log_store.entries_between(connection, c, 0, 1000, 1000)
    return [
        msgspec.msgpack.decode(one.payload, type=wire.RosterChange)
        for one in found
        if one.kind == "roster"
    ]


async def test_everyone_at_once_in_all_their_cells(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    sho = officer(world, "TG/HYD/PS1", admin=True)
    others = [officer(world, "TG/HYD/PS1") for _ in range(8)]
    unregistered = PersonId(new_id())
    world.chart.post(unregistered, "TG/HYD")
    asked = body()
    made = await world.service.audiences.create(chief, asked)
    assert (made.kind, made.audience, made.members) == ("announcement", EVERYONE, 11)
    assert (made.cells_total, made.admin, made.who_may_post) == (3, True, "admins")
    assert made.cells[0].clients in (3, 4)
    found = await members(world, made.conversation_id, others[0])
    assert {person for person, admin in found.items() if admin} == {chief.person_id}
    assert len(found) == 11
    assert unregistered in found
    assert len(await clients(world, made.conversation_id)) == 10
    (one,) = await changes(world, made.conversation_id)
    assert (one.reason, one.by, one.people_added) == ("created", chief.person_id, 11)
    assert await world.service.audiences.create(chief, asked) == made
    with pytest.raises(errors.NotUnitAdmin):
        await world.service.audiences.create(sho, asked)
    world.chart.post(sho.person_id, "TG", admin=True)
    with pytest.raises(errors.BadRequest):  # Somebody else's id.
        await world.service.audiences.create(sho, asked)
    with pytest.raises(errors.BadRequest):  # Somebody else's cell.
        await world.service.audiences.create(chief, body(cell_id=asked.cell_id))


async def test_members_create_only_so_many_an_hour_the_department_any(database: Database) -> None:
    world = World(database, conversations_per_hour=1)
    chief = officer(world, "TG", admin=True)
    await world.service.audiences.create(chief, body())
    with pytest.raises(errors.RateLimited):
        await world.service.audiences.create(chief, body())
    await world.service.audiences.create_for(chief.person_id, body())


async def test_units_alone_and_with_those_below(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    dcp = officer(world, "TG/HYD", admin=True)
    sho = officer(world, "TG/HYD/PS1", admin=True)
    constable = officer(world, "TG/HYD/PS1")
    elsewhere = officer(world, "TG/WGL", admin=True)
    create = world.service.audiences.create
    alone = await create(dcp, body(of("TG/HYD"), kind="unit", who_may_post="everyone"))
    assert set(await members(world, alone.conversation_id, dcp)) == {dcp.person_id}
    deep = await create(dcp, body(of("TG/HYD", deep=True), kind="unit"))
    found = await members(world, deep.conversation_id, constable)
    assert found == {dcp.person_id: True, sho.person_id: False, constable.person_id: False}
    # Who is above belongs to what they created, as an admin.
    made = await create(chief, body(of("TG/HYD/PS1"), kind="unit"))
    found = await members(world, made.conversation_id, sho)
    assert found == {chief.person_id: True, sho.person_id: True, constable.person_id: False}
    both = of("TG/HYD", "TG/WGL")
    assert (await create(chief, body(both))).members == 3
    for caller, audience in (
        (elsewhere, of("TG/HYD")),
        (dcp, both),
        (dcp, EVERYONE),
        (constable, of("TG/HYD/PS1")),
        (world.registry.register(), of("TG/HYD/PS1")),
    ):
        with pytest.raises(errors.NotUnitAdmin):
            await create(caller, body(audience))


async def test_what_does_not_go_together(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    other = officer(world, "TG")
    create = world.service.audiences.create
    for wrong in (
        body(kind="group"),
        body(kind="direct"),
        body(person_ids=[other.person_id]),
        body(wire.Audience(everyone=True, unit_ids=["TG"], deep=False)),  # type: ignore[list-item]
        body(of()),
    ):
        with pytest.raises(errors.BadRequest):
            await create(chief, wrong)
    for wrong in (
        body(None, kind="unit", person_ids=[other.person_id]),
        body(None, kind="announcement", person_ids=[other.person_id]),
        body(None, kind="group"),
        body(kind="group", person_ids=[other.person_id]),
    ):
        with pytest.raises(errors.BadRequest):
            await world.service.membership.create(chief, wrong)
    made = await create(chief, body())
    change = wire.ChangeMembers(
        change_id=new_id(), add=[], remove=[other.person_id], make_admin=[], revoke_admin=[]
    )
    with pytest.raises(errors.BadRequest):
        await world.service.membership.change_members(chief, made.conversation_id, change)


async def test_membership_follows_transfers_in_one_change(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG/HYD") for _ in range(6)]
    made = await world.service.audiences.create(chief, body(of("TG/HYD"), kind="unit"))
    c = made.conversation_id
    rounds = world.service.audiences.round
    await rounds()
    assert len(await changes(world, c)) == 1  # Nothing to do: nothing in the log.
    newcomers = [officer(world, "TG/HYD") for _ in range(3)]
    for one in people[:2]:
        world.chart.post(one.person_id, "TG/WGL")
    world.chart.post(people[2].person_id, "TG/HYD", admin=True)
    world.wakeups.clear()
    await rounds()
    _, second = await changes(world, c)
    assert (second.reason, second.by, second.people_added, second.people_removed) == (
        "department",
        None,
        3,
        2,
    )
    assert second.made_admin == [people[2].person_id]
    found = await members(world, c, people[3])
    assert found.keys() == {one.person_id for one in (chief, *people[2:], *newcomers)}
    assert found[people[2].person_id] is True
    assert await clients(world, c) == {one.client_id for one in (chief, *people[2:], *newcomers)}
    with pytest.raises(errors.NotMember):
        await world.service.log.page(people[0], c, 0, 10)
    assert (await world.service.membership.conversation(chief, c)).members == 8
    await rounds()
    assert len(await changes(world, c)) == 2
    # The creator stays while they administer it.
    world.chart.post(chief.person_id, "TG/WGL", admin=True)
    world.chart.post(people[2].person_id, "TG/HYD")
    await rounds()
    found = await members(world, c, people[3])
    assert chief.person_id not in found
    assert not any(found.values())


async def test_a_cell_that_loses_somebody_is_asked_to_commit(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG") for _ in range(9)]
    made = await world.service.audiences.create(chief, body())
    cells = await by_cell(world, [chief, *people], made.conversation_id)
    for cell_id, those in cells.items():
        await found_cell(world, cell_id, those)
    world.chart.leave(people[0].person_id)
    world.wakeups.clear()
    await world.service.audiences.round()
    entries = [one for one in world.wakeups if isinstance(one, EntryWakeup)]
    (proposal,) = (one for one in entries if one.kind == "proposal")
    assert proposal.cell_id is not None
    assert people[0] in cells[proposal.cell_id]


async def test_new_and_renewed_devices_are_taken_up_together(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG") for _ in range(4)]
    late = PersonId(new_id())
    world.chart.post(late, "TG")
    made = await world.service.audiences.create(chief, body())
    c = made.conversation_id
    await world.service.audiences.round()
    devices = [world.registry.register(one.person_id) for one in people[:2]]
    devices.append(world.registry.register(late))
    for client in world.registry.clients[-3:]:
        async with world.database.transaction() as connection:
            assert await world.service.client_added(connection, client) == []
    renewed = world.registry.register(people[3].person_id, people[3].client_id)
    async with world.database.transaction() as connection:
        await world.service.certificate_renewed(connection, world.registry.clients[-1])
    assert len(await changes(world, c)) == 1
    await world.service.audiences.round()
    _, change = await changes(world, c)
    assert (change.people_added, change.people_removed) == (0, 0)
    assert await clients(world, c) == {one.client_id for one in (chief, *people, *devices)}
    roster = await world.service.rosters.of_cell(renewed, c, await _cell(world, renewed, c))
    own = [leaf for leaf in roster.leaves if leaf.client_id == renewed.client_id]
    assert len(own) == 2
    async with world.database.reading() as connection:
        assert await audience_store.marked(connection, 10) == {}
    await world.service.audiences.round()
    assert len(await changes(world, c)) == 2
    # Its leaf carries the new one: the old one, which is valid for weeks, is not named again.
    newest = world.registry.clients[-1].certificate_hash
    (old,) = (one.certificate_hash for one in own if one.certificate_hash != newest)
    async with world.database.transaction() as connection:
        commits = world.service.commits
        await commits._drop_replaced(connection, c, {old: renewed.client_id})
    assert len(await changes(world, c)) == 3
    world.clock.at += 600_000
    await world.service.audiences.round()
    async with world.database.transaction() as connection:
        await audience_store.mark(connection, renewed.person_id)
    await world.service.audiences.round()
    assert len(await changes(world, c)) == 3


@pytest.mark.parametrize("carried", [False, True], ids=["gone from the tree", "in the tree"])
async def test_an_expired_certificate_beside_a_newer_one_goes_once_no_tree_carries_it(
    world: World, carried: bool
) -> None:
    chief = officer(world, "TG", admin=True)
    made = await world.service.audiences.create(chief, body())
    c, k = made.conversation_id, made.cells[0].cell_id
    await world.service.audiences.round()
    old = world.registry.clients[-1]
    world.registry.register(chief.person_id, chief.client_id)
    async with world.database.transaction() as connection:
        await world.service.certificate_renewed(connection, world.registry.clients[-1])
        tree = [CellLeaf(0, old.certificate_hash, b"")] if carried else []
        await cell_store.store_group(connection, k, b"", tree)
        await cell_store.set_epoch(connection, k, Epoch(1), Seq(1))
    await world.service.audiences.round()
    world.clock.at += 600_000
    await world.service.audiences.round()
    assert await named(world, c) == {one.certificate_hash for one in world.registry.clients}
    world.registry.clients.remove(old)  # It expires.
    world.clock.at += 600_000
    await world.service.audiences.round()
    assert (old.certificate_hash in await named(world, c)) == carried
    assert len(await changes(world, c)) == (2 if carried else 3)
    assert (await cell_of(world, chief, c)).clients == 1
    assert not (await cell_of(world, chief, c)).removal_pending


async def named(world: World, c: ConversationId) -> set[str]:
    async with world.database.reading() as connection:
        return set(await leaf_store.owners_in(connection, c))


async def cell_of(world: World, caller: Caller, c: ConversationId) -> wire.CellInfo:
    return (await world.service.membership.conversation(caller, c)).cells[0]


async def _cell(world: World, caller: Caller, c: ConversationId) -> CellId:
    return (await cell_of(world, caller, c)).cell_id


async def test_a_mark_made_while_another_is_looked_at_stays(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    async with world.database.transaction() as connection:
        await audience_store.mark(connection, chief.person_id)
        assert await audience_store.marked(connection, 10) == {}  # There is no audience.
    await world.service.audiences.create(chief, body())
    async with world.database.transaction() as connection:
        await audience_store.mark(connection, chief.person_id)
        before = await audience_store.marked(connection, 10)
        await audience_store.mark(connection, chief.person_id)
        await audience_store.forget(connection, before)
        after = await audience_store.marked(connection, 10)
        assert after.keys() == before.keys()
        assert after != before
        await audience_store.forget(connection, after)
        assert await audience_store.marked(connection, 10) == {}


async def test_revocations_take_effect_at_once_and_are_not_undone(world: World) -> None:
    chief = officer(world, "TG", admin=True)
    people = [officer(world, "TG") for _ in range(3)]
    made = await world.service.audiences.create(chief, body())
    c = made.conversation_id
    gone = people[0]
    world.registry.clients = [
        one for one in world.registry.clients if one.client_id != gone.client_id
    ]
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [gone.client_id], "department")
    assert gone.client_id not in await clients(world, c)
    world.chart.leave(gone.person_id)
    await world.service.audiences.round()
    assert gone.client_id not in await clients(world, c)
    assert gone.person_id not in await members(world, c, chief)
    # A client that a roster still names though it is gone is found when all is compared.
    world.registry.clients = [
        one for one in world.registry.clients if one.client_id != people[1].client_id
    ]
    world.clock.at += 600_000
    await world.service.audiences.round()
    assert await clients(world, c) == {chief.client_id, people[2].client_id}
    assert people[1].person_id in await members(world, c, chief)


async def test_all_is_compared_by_reading_each_conversations_own_people(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stations have a conversation each; to read the whole force's devices takes a second."""
    chief = officer(world, "TG", admin=True)
    stations = [[officer(world, f"TG/PS{at}", admin=True) for _ in range(2)] for at in range(3)]
    for at, (sho, _) in enumerate(stations):
        await world.service.audiences.create(sho, body(of(f"TG/PS{at}"), kind="unit"))
    asked: list[set[PersonId]] = []
    certificates = world.registry.certificates

    async def counted(connection: Any, people: Any) -> Any:
        asked.append(set(people))
        return await certificates(connection, people)

    monkeypatch.setattr(world.registry, "certificates", counted)
    await world.service.audiences.round()
    expected = [{one.person_id for one in those} for those in stations]
    assert sorted(map(sorted, asked)) == sorted(map(sorted, expected))
    assert chief.person_id not in set().union(*asked)


async def test_a_new_device_costs_the_conversations_of_its_person_alone(database: Database) -> None:
    """A thousand stations have one each; their rows are not held for a device elsewhere."""
    counts = []
    for stations in (2, 12):
        world = World(database)
        for at in range(stations):
            unit = f"TG/{stations}-{at}"
            sho = officer(world, unit, admin=True)
            await world.service.audiences.create(sho, body(of(unit), kind="unit"))
        constable = officer(world, f"TG/{stations}-0")
        await world.service.audiences.round()
        device = world.registry.register(constable.person_id)
        async with world.database.transaction() as connection:
            await world.service.client_added(connection, world.registry.clients[-1])
        with Statements(database) as statements:
            await world.service.audiences.round()
        counts.append(len(statements))
        (found,) = (await world.service.membership.conversations(device)).conversations
        assert device.client_id in await clients(world, found.conversation_id)
    assert counts[0] == counts[1]


async def test_a_quiet_round_is_cheap_however_many_belong(database: Database) -> None:
    counts = []
    for people in (3, 60):
        world = World(database, cell_size=64)
        chief = officer(world, "TG", admin=True)
        for _ in range(people):
            officer(world, "TG")
        await world.service.audiences.create(chief, body())
        await world.service.audiences.round()
        with Statements(database) as statements:
            await world.service.audiences.round()
        counts.append(len([one for one in statements if one != "BEGIN"]))
    assert counts[0] == counts[1] == 2
