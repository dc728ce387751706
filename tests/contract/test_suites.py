"""Conversations of two cipher suites on one server."""

import pytest

from copconnect import errors, wire
from copconnect.database import Database
from copconnect.ids import ConversationId, new_id
from copconnect.principals import Caller
from tests.contract.delivery_world import World


@pytest.fixture
def worlds(database: Database) -> tuple[World, World]:
    """One server before and after its setting changed."""
    before = World(database)
    return before, World(database, suite="x-wing", registry=before.registry)


async def claimed(
    world: World, who: Caller, conversation_id: ConversationId, target: Caller
) -> list[bytes]:
    found = await world.service.key_packages.claim(
        who,
        wire.ClaimKeyPackages(conversation_id=conversation_id, client_ids=[target.client_id]),
    )
    return [one.key_package for one in found.key_packages]


async def due(world: World, caller: Caller) -> list[tuple[int, int, bool]]:
    counts = (await world.service.key_packages.count(caller)).counts
    return [(one.suite, one.one_time, one.last_resort) for one in counts]


async def test_a_conversation_keeps_its_suite_and_gets_key_packages_of_it(
    worlds: tuple[World, World],
) -> None:
    before, after = worlds
    a, b, other = (before.registry.register() for _ in range(3))
    old = await before.group(a, [b])
    new = await after.group(a, [b])
    assert (old.suite, new.suite) == (1, 83)
    assert (await after.service.membership.conversation(a, old.conversation_id)).suite == 1
    packages = after.service.key_packages
    for suite, one_time, last in [(1, b"old", b"last old"), (83, b"new", b"last new")]:
        upload = wire.UploadKeyPackages(suite=suite, one_time=[one_time], last_resort=last)
        counts = (await packages.upload(b, upload)).counts
    assert [(one.suite, one.one_time, one.last_resort) for one in counts] == [
        (1, 1, True),
        (83, 1, True),
    ]
    assert await claimed(after, a, old.conversation_id, b) == [b"old"]
    after.clock.at += 60_001
    assert await claimed(after, a, old.conversation_id, b) == [b"last old"]
    assert await claimed(after, a, new.conversation_id, b) == [b"new"]
    assert await due(after, b) == [(1, 0, True), (83, 0, True)]
    # Who is in no conversation keeps packages for new ones only.
    assert await due(before, other) == [(1, 0, False)]
    assert await due(after, other) == [(83, 0, False)]


async def test_packages_of_one_suite_do_not_push_out_those_of_another(
    worlds: tuple[World, World],
) -> None:
    before, after = worlds
    a, b = before.registry.register(), before.registry.register()
    old = await before.group(a, [b])
    packages = after.service.key_packages
    await packages.upload(b, wire.UploadKeyPackages(one_time=[b"old"], last_resort=b"last old"))
    for part in range(3):
        many = [f"{part} {n}".encode() for n in range(100)]
        last = b"last new" if part == 0 else None  # With each one a client begins anew.
        upload = wire.UploadKeyPackages(suite=83, one_time=many, last_resort=last)
        await packages.upload(b, upload)
    assert await due(after, b) == [(1, 1, True), (83, 200, True)]
    assert await claimed(after, a, old.conversation_id, b) == [b"old"]


async def test_key_packages_of_an_unknown_suite_are_refused(worlds: tuple[World, World]) -> None:
    caller = worlds[0].registry.register()
    upload = wire.UploadKeyPackages(suite=2, one_time=[b"one"], last_resort=None)
    with pytest.raises(errors.BadRequest):
        await worlds[0].service.key_packages.upload(caller, upload)
    assert await due(worlds[0], caller) == [(1, 0, False)]


async def test_m12_cells_are_as_large_as_the_suite_says(worlds: tuple[World, World]) -> None:
    before, after = worlds
    people = [before.registry.register() for _ in range(130)]
    old = await before.group(people[0], people[1:124])
    new = await after.group(people[0], people[1:124])
    assert (old.cells_total, new.cells_total) == (1, 1)
    add = wire.ChangeMembers(
        change_id=new_id(),
        add=sorted(one.person_id for one in people[124:]),
        remove=[],
        make_admin=[],
        revoke_admin=[],
    )
    # The setting of the server that changes a conversation makes no difference.
    for world, made, cells in [(after, old, 1), (before, new, 2)]:
        changed = await world.service.membership.change_members(
            people[0], made.conversation_id, add
        )
        assert (changed.cells_total, changed.members) == (cells, 130)
