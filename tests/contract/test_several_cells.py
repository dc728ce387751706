"""Conversations of several cells: rosters, growth and back, dead cells, who was moved."""

from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.database import Database
from copconnect.delivery import cell_store, log_store, roster_head, roster_tree
from copconnect.delivery.standing import CellLeaf
from copconnect.ids import CellId, ConversationId, Epoch, Seq, new_id
from copconnect.principals import Caller
from tests.contract.delivery_world import World, message

SIZE = 8  # Newcomers fill a cell up to 4.


@pytest.fixture
def world(database: Database) -> World:
    return World(database, cell_size=SIZE)


def change(**more: list[str]) -> wire.ChangeMembers:
    fields: dict[str, Any] = {"add": [], "remove": [], "make_admin": [], "revoke_admin": []}
    return wire.ChangeMembers(change_id=new_id(), **(fields | more))


async def entries(world: World, conversation_id: ConversationId) -> list[wire.LogEntry]:
    async with world.database.reading() as connection:
        return await log_store.entries_between(connection, conversation_id, 0, 10_000, 10_000)


async def changes(world: World, conversation_id: ConversationId) -> list[wire.RosterChange]:
    return [
        msgspec.msgpack.decode(one.payload, type=wire.RosterChange)
        for one in await entries(world, conversation_id)
        if one.kind == "roster"
    ]


async def cell_of(world: World, caller: Caller, conversation_id: ConversationId) -> CellId:
    found = await world.service.membership.conversation(caller, conversation_id)
    (cell,) = found.cells
    return cell.cell_id


async def found_cell(world: World, cell_id: CellId, callers: list[Caller]) -> None:
    """Put these callers' leaves into a cell's tree, behind the rules' back."""
    hashes = {one.client_id: one.certificate_hash for one in world.registry.clients}
    leaves = [CellLeaf(i, hashes[one.client_id], b"") for i, one in enumerate(callers)]
    async with world.database.transaction() as connection:
        await cell_store.set_epoch(connection, cell_id, Epoch(1), Seq(0))
        await cell_store.store_group(connection, cell_id, b"", leaves)


async def by_cell(
    world: World, people: list[Caller], conversation_id: ConversationId
) -> dict[CellId, list[Caller]]:
    found: dict[CellId, list[Caller]] = {}
    for one in people:
        found.setdefault(await cell_of(world, one, conversation_id), []).append(one)
    return found


async def test_a_large_group_begins_with_all_its_cells(world: World) -> None:
    people = [world.registry.register() for _ in range(10)]
    first = new_id()
    made = await world.group(people[0], people[1:], cell_id=first)
    assert (made.cells_total, made.cells_ready, made.members) == (3, 0, 10)
    assert len(made.cells) == 1
    cells = await by_cell(world, people, made.conversation_id)
    assert first in cells
    assert sorted(len(those) for those in cells.values()) == [3, 3, 4]
    (one,) = await changes(world, made.conversation_id)
    assert (one.whole, one.added, one.people_added) == (False, [], 10)
    assert sorted(one.added_people) == sorted(person.person_id for person in people)
    assert set(one.cells) == cells.keys()
    with pytest.raises(errors.WrongMode) as wrong:
        await world.post(people[0], made, 0)
    assert wrong.value.details == {"cells": 3}


async def test_people_of_large_rosters_are_counted_not_named(database: Database) -> None:
    world = World(database, cell_size=20)
    people = [world.registry.register() for _ in range(60)]
    made = await world.group(people[0], people[1:])
    (one,) = await changes(world, made.conversation_id)
    assert (one.added_people, one.made_admin, one.people_added) == ([], [], 60)


async def test_a_cells_roster_is_proven_to_its_clients_only(world: World) -> None:
    people = [world.registry.register() for _ in range(10)]
    made = await world.group(people[0], people[1:])
    cells = await by_cell(world, people, made.conversation_id)
    rosters = world.service.rosters
    for cell_id, those in cells.items():
        found = await rosters.of_cell(those[0], made.conversation_id, cell_id)
        head = roster_head.read_head(found.head, world.authority.public_key)
        leaves = [roster_tree.leaf(one.cell_id, one.certificate_hash) for one in found.leaves]
        root = roster_tree.range_root(found.first, leaves, head.leaf_count, found.proof)
        assert (root, head.leaf_count) == (head.root, 10)
        assert {one.client_id for one in found.leaves} == {one.client_id for one in those}
        assert {one.cell_id for one in found.leaves} == {cell_id}
        with pytest.raises(errors.WrongMode):
            await rosters.whole(those[0], made.conversation_id)
    stranger = world.registry.register()
    other = next(one for one in people if one not in cells[cell_id])
    for caller in (other, stranger):
        with pytest.raises(errors.NotMember):
            await rosters.of_cell(caller, made.conversation_id, cell_id)
    with pytest.raises(errors.NotMember):
        await rosters.of_cell(people[0], made.conversation_id, CellId(new_id()))
    with pytest.raises(errors.NotMember):
        await rosters.whole(stranger, made.conversation_id)
    with pytest.raises(errors.NotMember):
        await rosters.heads(stranger, made.conversation_id, 1, 9)


async def test_heads_chain_and_are_kept(world: World) -> None:
    people = [world.registry.register() for _ in range(6)]
    made = await world.group(people[0], people[1:])
    for _ in range(3):
        world.registry.register(people[1].person_id)
        async with world.database.transaction() as connection:
            await world.service.client_added(connection, world.registry.clients[-1])
    heads = (await world.service.rosters.heads(people[2], made.conversation_id, 1, 9)).heads
    assert len(heads) == 4
    prev = roster_head.FIRST_PREV
    for epoch, one in enumerate(heads, start=1):
        head = roster_head.read_head(one, world.authority.public_key)
        assert (head.roster_epoch, head.prev, head.leaf_count) == (epoch, prev, 5 + epoch)
        prev = roster_head.roster_hash(one)
    some = await world.service.rosters.heads(people[2], made.conversation_id, 2, 3)
    assert some.heads == heads[1:3]
    world.clock.at += 1000 * 24 * 3600 * 1000
    await world.service.retention.clean()
    kept = await world.service.rosters.heads(people[2], made.conversation_id, 1, 9)
    assert kept.heads == heads


async def test_who_was_away_has_what_was_said_before_a_second_cell_opened(world: World) -> None:
    a, b, c, d, e = (world.registry.register() for _ in range(5))
    made = await world.group(a, [b, c, d])
    k, place = made.cells[0].cell_id, made.conversation_id
    await found_cell(world, k, [a, b, c, d])
    async with world.database.transaction() as connection:
        await cell_store.set_epoch(connection, k, Epoch(1), Seq(1))
    said = [(await world.post(a, made)).seq for _ in range(3)]
    await world.service.membership.change_members(a, place, change(add=[e.person_id]))
    page = await world.service.log.page(b, place, 1, 200)
    assert [entry.seq for entry in page.entries] == [*said, said[-1] + 1]


async def test_a_group_grows_a_second_cell_and_merges_back(world: World) -> None:
    a, b, c, d, e = (world.registry.register() for _ in range(5))
    made = await world.group(a, [b, c, d])
    k = made.cells[0].cell_id
    await found_cell(world, k, [a, b, c, d])
    await world.post(a, made)
    do, place = world.service.membership.change_members, made.conversation_id
    grown = await do(a, place, change(add=[e.person_id]))
    assert (grown.cells_total, grown.cells_ready, grown.cells[0].cell_id) == (2, 0, k)
    fresh = await cell_of(world, e, place)
    growth = (await changes(world, place))[-1]
    assert (growth.whole, growth.added, growth.cells) == (False, [], [fresh])
    with pytest.raises(errors.WrongMode):
        await world.post(a, made)

    # A second device of somebody in the full cell still finds a place beside the first one.
    world.registry.register(b.person_id)
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])
    second = Caller(b.person_id, world.registry.clients[-1].client_id, conduct_accepted=True)
    assert await cell_of(world, second, place) == k

    # Five clients and two people fewer: four fit half a cell, and e is moved.
    merged = await do(a, place, change(remove=[b.person_id]))
    assert (merged.cells_total, merged.cells[0].cell_id) == (1, k)
    assert await cell_of(world, e, place) == k
    last = (await changes(world, place))[-1]
    assert (last.whole, set(last.cells)) == (False, {k, fresh})
    roster = await world.service.rosters.whole(e, place)
    assert {leaf.client_id for leaf in roster.leaves} == {one.client_id for one in (a, c, d, e)}
    # Only the leaf that is in the tree needs a Remove.
    proposals = [one for one in await entries(world, place) if one.kind == "proposal"]
    assert [one.cell_id for one in proposals] == [k]
    with pytest.raises(errors.RemovalPending):
        await world.post(a, made)


async def test_a_cell_without_clients_is_dropped(world: World) -> None:
    people = [world.registry.register() for _ in range(9)]
    made = await world.group(people[0], people[1:])
    place = made.conversation_id
    cells = await by_cell(world, people, place)
    for cell_id, those in cells.items():
        await found_cell(world, cell_id, those)
    cell_id, gone = next((k, those) for k, those in cells.items() if people[0] not in those)
    after = await world.service.membership.change_members(
        people[0], place, change(remove=[one.person_id for one in gone])
    )
    assert after.cells_total == 2
    assert all(one.kind != "proposal" for one in await entries(world, place))
    async with world.database.reading() as connection:
        assert cell_id not in (await cell_store.cells_in(connection, [place]))[place]


async def test_a_dead_cell_alone_is_given_up(world: World) -> None:
    people = [world.registry.register() for _ in range(9)]
    made = await world.group(people[0], people[1:])
    place = made.conversation_id
    cells = await by_cell(world, people, place)
    k, (x, y, z) = next((k, those) for k, those in cells.items() if people[0] not in those)
    await found_cell(world, k, [x])  # y and z have not entered yet.
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [x.client_id], "department")
    fresh = await cell_of(world, y, place)
    assert fresh != k
    assert await cell_of(world, z, place) == fresh
    assert set((await changes(world, place))[-1].cells) == {k, fresh}
    others = {cell_id: those for cell_id, those in cells.items() if cell_id != k}
    for cell_id, those in others.items():
        assert (await by_cell(world, those, place)).keys() == {cell_id}
    after = await world.service.membership.conversation(y, place)
    assert (after.cells_total, after.cells[0].epoch) == (3, None)


async def test_who_was_moved_reads_the_old_cells_log(world: World) -> None:
    a, b, c = (world.registry.register() for _ in range(3))
    made = await world.group(a, [b])
    k = made.cells[0].cell_id
    await found_cell(world, k, [a])
    before = await world.post(a, made, text=b"in the old cell")
    # a, alone in the tree, is revoked: b, who never entered, founds a fresh cell.
    second = world.registry.register(a.person_id)
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])
        await world.service.clients_removed(connection, [a.client_id], "device_removed")
    fresh = await cell_of(world, b, made.conversation_id)
    assert fresh != k
    log = await world.service.log.page(b, made.conversation_id, 0, 100)
    assert [one.cell_id for one in log.entries if one.kind == "message"] == [k]
    assert before.seq in {one.seq for one in log.entries}
    # Who comes later was never in the old cell.
    await world.service.membership.change_members(
        second, made.conversation_id, change(add=[c.person_id])
    )
    log = await world.service.log.page(c, made.conversation_id, 0, 100)
    assert all(one.kind == "roster" for one in log.entries)


async def test_entries_of_another_cell_do_not_move_a_clients_head(world: World) -> None:
    people = [world.registry.register() for _ in range(6)]
    made = await world.group(people[0], people[1:])
    place = made.conversation_id
    cells = await by_cell(world, people, place)
    (k, those), (other, others) = cells.items()
    await found_cell(world, k, those)
    x = next(one for one in those if one != people[0])
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [x.client_id], "department")
    y, z = next(one.client_id for one in those if one != x), others[0].client_id
    places = await world.service.feed.places([y, z])
    (here,), (there,) = places[y], places[z]
    assert (here.cell_id, here.own_seq, here.removal_pending) == (k, 3, True)
    assert (there.cell_id, there.own_seq, there.removal_pending) == (other, 2, False)


async def test_key_packages_are_claimed_across_cells(world: World) -> None:
    people = [world.registry.register() for _ in range(6)]
    made = await world.group(people[0], people[1:])
    claim = wire.ClaimKeyPackages(
        conversation_id=made.conversation_id, client_ids=[one.client_id for one in people]
    )
    assert (await world.service.key_packages.claim(people[0], claim)).key_packages == []
    with pytest.raises(errors.NotMember):
        await world.service.key_packages.claim(world.registry.register(), claim)


async def test_one_cell_stays_as_it_was(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    (one,) = await changes(world, made.conversation_id)
    assert (one.whole, len(one.added), len(one.added_people)) == (True, 2, 2)
    assert (made.cells_total, one.cells) == (1, [made.cells[0].cell_id])
    found = await world.service.rosters.of_cell(a, made.conversation_id, made.cells[0].cell_id)
    assert (found.first, found.proof, len(found.leaves)) == (0, b"", 2)
    body = message(made.conversation_id, made.cells[0].cell_id, 1)
    assert (await world.service.posting.post(a, made.conversation_id, body)).seq == 2


async def test_a_client_is_told_with_which_roster_it_was_named(world: World) -> None:
    async def named(caller: Caller) -> Epoch | None:
        (cell,) = (await world.service.membership.conversation(caller, place)).cells
        return cell.named_epoch

    a, b, c, d, e = (world.registry.register() for _ in range(5))
    made = await world.group(a, [b, c, d])
    place = made.conversation_id
    assert made.cells[0].named_epoch == 1
    do = world.service.membership.change_members
    await do(a, place, change(add=[e.person_id]))
    assert [await named(one) for one in (a, b, e)] == [1, 1, 2]

    # A device of somebody who has been in for long is named by the entry that brings it.
    world.registry.register(b.person_id)
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])
    second = Caller(b.person_id, world.registry.clients[-1].client_id, conduct_accepted=True)
    assert [await named(one) for one in (b, second)] == [1, 3]

    # Another cell, as another certificate, takes nothing of it away.
    merged = await do(a, place, change(remove=[b.person_id]))
    assert merged.cells_total == 1
    assert [await named(one) for one in (a, e)] == [1, 2]
    world.registry.register(c.person_id, client_id=c.client_id)
    async with world.database.transaction() as connection:
        await world.service.certificate_renewed(connection, world.registry.clients[-1])
    assert len((await world.service.rosters.whole(a, place)).leaves) == 5
    assert await named(c) == 1

    # Who was taken out begins anew.
    await do(a, place, change(remove=[e.person_id]))
    await do(a, place, change(add=[e.person_id]))
    assert await named(e) == 7
