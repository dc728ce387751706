"""Who belongs: admins, leaving, full cells, new and revoked devices, renewal, dead cells."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, ConversationWakeup, EntryWakeup
from copconnect.database import Database
from copconnect.delivery import log_store, rules
from copconnect.delivery.tables import ROSTER_LEAVES
from copconnect.ids import ClientId, ConversationId, new_id
from copconnect.wakeup_log import WakeupLog
from tests.contract.delivery_world import Vectors, World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def change(change_id: str | None = None, **more: list[str]) -> wire.ChangeMembers:
    fields: dict[str, Any] = {"add": [], "remove": [], "make_admin": [], "revoke_admin": []}
    return wire.ChangeMembers(change_id=change_id or new_id(), **(fields | more))


async def changes(world: World, conversation_id: str) -> list[wire.RosterChange]:
    async with world.database.reading() as connection:
        found = await log_store.roster_entries_since(connection, 0)
    return [
        msgspec.msgpack.decode(one.payload, type=wire.RosterChange)
        for one in found
        if one.conversation_id == conversation_id
    ]


async def test_admins_rule_a_group(world: World) -> None:
    a, b, c = (world.registry.register() for _ in range(3))
    made = await world.group(a, [b])
    do, place = world.service.membership.change_members, made.conversation_id
    with pytest.raises(errors.NotAdmin):
        await do(b, place, change(add=[c.person_id]))
    with pytest.raises(errors.NotMember):
        await do(c, place, change(add=[c.person_id]))
    with pytest.raises(errors.LastAdmin):
        await do(a, place, change(remove=[a.person_id]))
    with pytest.raises(errors.LastAdmin):
        await do(a, place, change(revoke_admin=[a.person_id]))
    with pytest.raises(errors.BadRequest):
        await do(a, place, change(add=[c.person_id], remove=[c.person_id]))
    with pytest.raises(errors.BadRequest):
        await do(a, place, change(make_admin=[c.person_id]))
    world.registry.inactive.add(c.person_id)
    with pytest.raises(errors.NotFound):
        await do(a, place, change(add=[c.person_id]))
    world.registry.inactive.clear()
    after = await do(a, place, change(add=[c.person_id], make_admin=[b.person_id]))
    assert (after.members, after.cells[0].clients, after.last_seq) == (3, 3, 2)
    same = await do(a, place, change(add=[c.person_id], make_admin=[b.person_id]))
    assert same == after  # Nothing to do: nothing in the log.
    assert after.admins == sorted([a.person_id, b.person_id])
    await do(b, place, change(revoke_admin=[a.person_id]))
    told = await world.service.membership.conversation(c, place)
    assert (told.admin, told.admins) == (False, [b.person_id])
    listed = await world.service.membership.conversations(c)
    assert [one.admins for one in listed.conversations] == [None]
    policy = wire.ChangePolicy(who_may_post="admins")
    with pytest.raises(errors.NotAdmin):
        await world.service.membership.change_policy(a, place, policy)
    await world.service.membership.change_policy(b, place, policy)
    await world.set_epoch(made, 1)
    with pytest.raises(errors.MayNotPost):
        await world.post(a, made)
    await world.post(b, made)


async def test_leaving_is_repeatable(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.group(a, [b])
    leave = change(remove=[b.person_id])
    do = world.service.membership.change_members
    first = await do(b, made.conversation_id, leave)
    assert (first.members, first.last_seq) == (1, 2)
    assert await do(b, made.conversation_id, leave) == first
    with pytest.raises(errors.BadRequest):
        await do(a, made.conversation_id, leave)
    with pytest.raises(errors.NotMember):
        await world.service.membership.conversation(b, made.conversation_id)
    assert (await changes(world, made.conversation_id))[-1].reason == "left"


async def test_former_members_learn_nothing_by_repeating_a_change(world: World) -> None:
    a, b, c = (world.registry.register() for _ in range(3))
    made = await world.group(a, [b, c])
    do, place = world.service.membership.change_members, made.conversation_id
    promotion = change(make_admin=[b.person_id])
    await do(a, place, promotion)
    removal, leave = change(remove=[a.person_id]), change(remove=[c.person_id])
    await do(c, place, leave)
    await do(b, place, removal)
    with pytest.raises(errors.NotMember):
        await do(a, place, promotion)
    assert (await do(b, place, removal)).members == 1
    assert (await do(c, place, leave)).members == 1
    world.clock.at += 60_000
    with pytest.raises(errors.NotMember):
        await do(c, place, leave)


async def test_create_is_repeatable_and_ids_are_not_stolen(world: World) -> None:
    a, b, c = (world.registry.register() for _ in range(3))
    ids = new_id(), new_id()
    made = await world.group(a, [b], *ids)
    assert await world.group(a, [b], *ids) == made
    with pytest.raises(errors.BadRequest):
        await world.group(c, [b], *ids)
    with pytest.raises(errors.BadRequest):
        await world.group(c, [b], new_id(), ids[1])
    with pytest.raises(errors.BadRequest):
        await world.group(a, [a, b])
    assert (await world.service.membership.conversations(c)).conversations == []


async def test_one_person_creates_only_so_many_conversations_an_hour(database: Database) -> None:
    world = World(database, conversations_per_hour=2)
    a, b = (world.registry.register() for _ in range(2))
    ids = new_id(), new_id()
    first = await world.group(a, [b], *ids)
    world.clock.at += 1_000
    await world.group(a, [b])
    with pytest.raises(errors.RateLimited) as refused:
        await world.group(a, [b])
    assert refused.value.retry_after_ms == 3_600_000 - 1_000
    # What is there already is answered again; others may go on.
    assert await world.group(a, [b], *ids) == first
    await world.group(b, [a])
    assert len((await world.service.membership.conversations(a)).conversations) == 3
    world.clock.at += 3_600_000 - 1_000
    await world.group(a, [b])
    with pytest.raises(errors.RateLimited):
        await world.group(a, [b])


async def test_a_direct_conversation_leaves_out_devices_that_do_not_fit(database: Database) -> None:
    world = World(database, cell_size=3)
    a, b = world.registry.register(), world.registry.register()
    direct = wire.CreateConversation(
        conversation_id=new_id(),
        kind="direct",
        cell_id=new_id(),
        person_ids=[b.person_id],
        who_may_post="everyone",
    )
    for _ in range(2):
        world.registry.register(a.person_id)
    with pytest.raises(errors.CellFull) as full:
        await world.service.membership.create(a, direct)
    assert full.value.details == {"limit": 3}
    assert (await world.service.membership.conversations(a)).conversations == []
    world.registry.clients.pop()
    await world.service.membership.create(a, direct)
    second = world.registry.register(b.person_id)
    async with database.transaction() as connection:
        assert await world.service.client_added(connection, world.registry.clients[-1]) == []
    with pytest.raises(errors.NotMember):
        await world.service.log.page(second, ConversationId(direct.conversation_id), 0, 10)


async def test_a_cell_that_nobody_can_continue_is_given_up(world: World) -> None:
    vectors = Vectors()
    a = vectors.register(world.registry, "alice")
    b = world.registry.register()
    await world.group(a, [b], vectors.conversation_id, vectors.cell_id)
    place = vectors.conversation_id, vectors.cell_id
    founding = vectors.commit("founding commit", 0, founding=True)
    await world.service.commits.upload(a, *place, founding)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [a.client_id], "device_removed")
    world.registry.clients = [one for one in world.registry.clients if one.client_id != a.client_id]
    (cell,) = (await world.service.membership.conversation(b, place[0])).cells
    assert cell.cell_id != vectors.cell_id
    assert (cell.epoch, cell.removal_pending, cell.clients) == (None, False, 1)
    last = (await changes(world, place[0]))[-1]
    assert {one.cell_id for one in last.removed} == {vectors.cell_id}
    assert [(one.cell_id, one.client_id) for one in last.added] == [(cell.cell_id, b.client_id)]
    with pytest.raises(errors.NotMember):
        await world.service.commits.lease(b, *place)
    with pytest.raises(errors.CellUnfounded):
        await world.service.commits.lease(b, place[0], cell.cell_id)
    page = await world.service.log.page(b, place[0], 0, 10)
    # What was written while b's place was in the old cell is b's to read.
    assert [one.kind for one in page.entries] == ["roster", "commit", "roster"]
    assert page.last_seq == 3


async def test_a_cell_whose_removes_nobody_commits_is_given_up_to_who_waits(world: World) -> None:
    """Alice, who could commit, is away for good; carol waits at the door of a frozen cell."""
    vectors = Vectors()
    alice, bob = (vectors.register(world.registry, name) for name in ("alice", "bob"))
    carol = world.registry.register()
    await world.group(alice, [bob, carol], vectors.conversation_id, vectors.cell_id)
    place = vectors.conversation_id, vectors.cell_id
    commits = world.service.commits
    await commits.upload(alice, *place, vectors.commit("founding commit", 0, founding=True))
    adding = vectors.commit("commit that adds bob", 1, welcomes=[bob])
    await commits.upload(alice, *place, adding)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [bob.client_id], "department")
    with pytest.raises(errors.RemovalPending):
        await commits.lease(carol, *place)
    world.clock.at += rules.STUCK_MS - 1
    with pytest.raises(errors.RemovalPending):
        await commits.lease(carol, *place)
    world.clock.at += 1
    with pytest.raises(errors.CellUnfounded):
        await commits.lease(carol, *place)
    (cell,) = (await world.service.membership.conversation(carol, place[0])).cells
    assert cell.cell_id != vectors.cell_id
    assert (cell.epoch, cell.removal_pending, cell.clients) == (None, False, 2)
    last = (await changes(world, place[0]))[-1]
    assert last.reason == "refounded"
    assert {one.client_id for one in last.added} == {alice.client_id, carol.client_id}
    assert {one.cell_id for one in last.added} == {cell.cell_id}
    with pytest.raises(errors.NotMember):
        await commits.lease(carol, *place)


async def test_renewal_names_both_certificates_until_the_leaf_is_replaced(world: World) -> None:
    """Carol's leaf in the vectors carries the renewed certificate; she was there with another."""
    vectors = Vectors()
    a, b = (vectors.register(world.registry, name) for name in ("alice", "bob"))
    carol = vectors.data["clients"]["carol"]
    c = world.registry.register(carol["personId"], carol["clientId"], b"the old certificate")
    await world.group(a, [b, c], vectors.conversation_id, vectors.cell_id)
    place = vectors.conversation_id, vectors.cell_id
    packages = wire.UploadKeyPackages(one_time=[b"old"], last_resort=b"old too")
    await world.service.key_packages.upload(c, packages)
    vectors.register(world.registry, "carol")
    async with world.database.transaction() as connection:
        await world.service.certificate_renewed(connection, world.registry.clients[-1])
    # Its key packages serve until it has others: nobody begins a conversation without it meanwhile.
    (left,) = (await world.service.key_packages.count(c)).counts
    assert (left.one_time, left.last_resort) == (1, True)
    packages = wire.UploadKeyPackages(one_time=[b"new"], last_resort=b"new too")
    for _ in range(2):
        await world.service.key_packages.upload(c, packages)
    claim = wire.ClaimKeyPackages(conversation_id=place[0], client_ids=[c.client_id])
    (claimed,) = (await world.service.key_packages.claim(a, claim)).key_packages
    assert claimed.key_package == b"new"
    (left,) = (await world.service.key_packages.count(c)).counts
    assert (left.one_time, left.last_resort) == (0, True)
    roster = await world.service.rosters.whole(a, place[0])
    assert sum(one.client_id == c.client_id for one in roster.leaves) == 2
    assert (await world.service.membership.conversation(a, place[0])).cells[0].clients == 3
    assert (await changes(world, place[0]))[-1].reason == "renewed"


async def test_suspension_takes_every_conversation_and_return_gives_them_back(
    world: World,
) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = [await world.founded(a, [b]) for _ in range(3)]
    async with world.database.transaction() as connection:
        wakeups = await world.service.clients_removed(connection, [b.client_id], "department")
    assert len(wakeups) == 3  # One roster entry each: b was in no tree.
    for one in made:
        with pytest.raises(errors.NotMember):
            await world.post(b, one)
    again = world.registry.register(b.person_id)
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])
    for one in made:
        await world.post(again, one)


async def test_clients_lose_more_places_than_a_statement_has_parameters(world: World) -> None:
    """As many as some hundred people have by their direct conversations."""
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    places = [
        {
            "conversation_id": new_id(),
            "cell_id": new_id(),
            "certificate_hash": "",
            "client_id": b.client_id,
            "person_id": b.person_id,
        }
        for _ in range(33_000)
    ]
    async with world.database.transaction() as connection:
        await connection.execute(insert(ROSTER_LEAVES), places)
        gone = [b.client_id, *(ClientId(new_id()) for _ in range(33_000))]
        (wakeup,) = await world.service.clients_removed(connection, gone, "department")
    assert isinstance(wakeup, EntryWakeup)
    assert wakeup.conversation_id == made.conversation_id
    with pytest.raises(errors.NotMember):
        await world.post(b, made)


async def test_preferences_are_ones_own(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.group(a, [b])
    membership = world.service.membership
    wanted = wire.SetPreferences(muted_until_ms=-1, pinned=True)
    after = await membership.set_preferences(b, made.conversation_id, wanted)
    assert after.preferences == wire.Preferences(muted_until_ms=-1, pinned=True)
    other = await membership.conversation(a, made.conversation_id)
    assert other.preferences == wire.Preferences(muted_until_ms=None, pinned=False)
    outsider = world.registry.register()
    with pytest.raises(errors.NotMember):
        await membership.set_preferences(outsider, made.conversation_id, wanted)
    huge = wire.SetPreferences(muted_until_ms=2**63, pinned=True)
    with pytest.raises(errors.BadRequest):
        await membership.set_preferences(b, made.conversation_id, huge)


async def test_what_no_entry_tells_reaches_other_nodes_though_the_bus_lost_it(
    world: World,
) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.group(a, [b])
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    other = WakeupLog(world.database, world.clock, has_bus=True)
    await other.start(hear)
    await other.close()  # It reads when it is told to.
    world.wakeups.clear()
    policy = wire.ChangePolicy(who_may_post="admins")
    await world.service.membership.change_policy(a, made.conversation_id, policy)
    mine = wire.SetPreferences(muted_until_ms=-1, pinned=True)
    await world.service.membership.set_preferences(b, made.conversation_id, mine)
    await other.poll()
    assert [one.person_ids for one in heard if isinstance(one, ConversationWakeup)] == [
        [],
        [b.person_id],
    ]
    assert heard == world.wakeups


async def test_retention_forgets_old_entries_only(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    await world.post(a, made)
    world.clock.at += 180 * 24 * 3600 * 1000 + 1
    await world.post(a, made)
    await world.service.retention.clean()
    page = await world.service.log.page(b, made.conversation_id, 0, 10)
    assert [one.seq for one in page.entries] == [3]
    assert page.last_seq == 3


async def test_posting_needs_ready_attachments(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    attachment = new_id()
    with pytest.raises(errors.AttachmentIncomplete):
        await world.post(a, made, attachment_ids=[attachment])
    world.attachments.known.add(attachment)
    assert (await world.post(a, made, attachment_ids=[attachment])).seq == 2
