"""What happens at once: two commits, two direct conversations, many posts, many claims."""

import asyncio

import pytest

from copconnect import errors, wire
from copconnect.database import Database
from copconnect.delivery import cell_store, cursor_store, key_package_store, rules, store
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq, new_id
from copconnect.principals import Caller
from copconnect.sockets.feed import SeenCursor
from tests.contract.delivery_world import Vectors, World, message


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_two_commits_for_one_epoch_one_wins(world: World) -> None:
    vectors = Vectors()
    a, b, c = (vectors.register(world.registry, name) for name in ("alice", "bob", "carol"))
    await world.group(a, [b, c], vectors.conversation_id, vectors.cell_id)
    place = vectors.conversation_id, vectors.cell_id
    commits = world.service.commits
    founding = [vectors.commit("founding commit", 0, founding=True) for _ in range(3)]
    answers = await asyncio.gather(
        *(commits.upload(a, *place, one) for one in founding), return_exceptions=True
    )
    won = [one for one in answers if isinstance(one, wire.Accepted)]
    assert len(won) == 1
    assert all(isinstance(one, wire.Accepted | errors.CellFounded) for one in answers)
    adding = [vectors.commit("commit that adds bob", 1, welcomes=[b]) for _ in range(3)]
    answers = await asyncio.gather(
        *(commits.upload(a, *place, one) for one in adding), return_exceptions=True
    )
    assert [type(one) for one in answers].count(wire.Accepted) == 1
    assert [type(one) for one in answers].count(errors.StaleEpoch) == 2
    page = await world.service.log.page(a, vectors.conversation_id, 0, 100)
    assert [(one.seq, one.kind) for one in page.entries] == [
        (1, "roster"),
        (2, "commit"),
        (3, "commit"),
    ]


async def test_posts_and_commits_leave_no_gap(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    bodies = [message(made.conversation_id, made.cells[0].cell_id, 1) for _ in range(15)]
    wrong = [message(made.conversation_id, made.cells[0].cell_id, 2) for _ in range(5)]
    posts = [
        world.service.posting.post(who, made.conversation_id, body)
        for body in (*bodies, *bodies, *wrong)
        for who in [a]
    ]
    answers = await asyncio.gather(*posts, return_exceptions=True)
    accepted = [one for one in answers if isinstance(one, wire.Accepted)]
    assert len(accepted) == 30
    assert sorted({one.seq for one in accepted}) == list(range(2, 17))
    assert [type(one) for one in answers].count(errors.StaleEpoch) == 5
    page = await world.service.log.page(b, made.conversation_id, 0, 100)
    assert [one.seq for one in page.entries] == list(range(1, 17))
    assert page.last_seq == 16


async def test_one_direct_conversation_for_two_people(world: World) -> None:
    a, b = world.registry.register(), world.registry.register()

    async def open_direct(caller: Caller, other: Caller) -> wire.Conversation:
        return await world.service.membership.create(
            caller,
            wire.CreateConversation(
                conversation_id=new_id(),
                kind="direct",
                cell_id=new_id(),
                person_ids=[other.person_id],
                who_may_post="everyone",
            ),
        )

    made = await asyncio.gather(*(open_direct(a, b) for _ in range(4)), open_direct(b, a))
    assert len({one.conversation_id for one in made}) == 1
    assert made[0].direct_person_id == b.person_id
    assert made[-1].direct_person_id == a.person_id
    assert [
        one.conversation_id
        for one in (await world.service.membership.conversations(b)).conversations
    ] == [made[0].conversation_id]
    with pytest.raises(errors.BadRequest):
        await world.service.membership.change_members(
            a,
            made[0].conversation_id,
            wire.ChangeMembers(
                change_id=new_id(), add=[], remove=[a.person_id], make_admin=[], revoke_admin=[]
            ),
        )


async def test_a_one_time_package_is_handed_out_once(world: World) -> None:
    target = world.registry.register()
    claimers = [world.registry.register() for _ in range(6)]
    groups = [await world.founded(one, [target]) for one in claimers]
    packages = world.service.key_packages
    one_time = [f"package {n}".encode() for n in range(4)]
    upload = wire.UploadKeyPackages(one_time=one_time, last_resort=b"last")
    count = wire.KeyPackageCount(suite=1, one_time=4, last_resort=True)
    for _ in range(2):
        assert (await packages.upload(target, upload)).counts == [count]

    async def claim(who: Caller, conversation_id: ConversationId) -> list[bytes]:
        claimed = await packages.claim(
            who,
            wire.ClaimKeyPackages(
                conversation_id=conversation_id, client_ids=[target.client_id, new_id()]
            ),
        )
        return [one.key_package for one in claimed.key_packages]

    claims = [(who, group.conversation_id) for who, group in zip(claimers, groups, strict=True)]
    first = await asyncio.gather(*(claim(*one) for one in claims))
    assert sorted(one for (one,) in first) == sorted([*one_time, b"last", b"last"])
    assert await asyncio.gather(*(claim(*one) for one in claims)) == first
    (left,) = (await packages.count(target)).counts
    assert (left.one_time, left.last_resort) == (0, True)
    world.clock.at += 60_001
    assert await claim(*claims[0]) == [b"last"]
    with pytest.raises(errors.NotMember):
        await claim(claimers[1], groups[0].conversation_id)


async def test_a_client_registered_while_a_group_is_made_belongs(world: World) -> None:
    """Whichever comes first, the roster names the new client."""
    a, b = world.registry.register(), world.registry.register()

    async def register() -> ClientId:
        async with world.database.transaction() as connection:
            second = world.registry.register(b.person_id)
            await world.service.client_added(connection, world.registry.clients[-1])
            return second.client_id

    made, second = await asyncio.gather(world.group(a, [b]), register())
    roster = await world.service.rosters.whole(a, made.conversation_id)
    assert second in {one.client_id for one in roster.leaves}


Door = tuple[tuple[ConversationId, CellId], Vectors, Caller, Caller, Caller]


async def alice_and_bob_are_in(world: World) -> Door:
    """Found a cell that carol could enter."""
    vectors = Vectors()
    a, b, c = (vectors.register(world.registry, name) for name in ("alice", "bob", "carol"))
    await world.group(a, [b, c], vectors.conversation_id, vectors.cell_id)
    place = vectors.conversation_id, vectors.cell_id
    upload = world.service.commits.upload
    await upload(a, *place, vectors.commit("founding commit", 0, founding=True))
    await upload(a, *place, vectors.commit("commit that adds bob", 1, welcomes=[b]))
    return place, vectors, a, b, c


async def busy(world: World, who: Caller, place: tuple[ConversationId, CellId]) -> bool:
    """Ask for the join lease; return whether it is another's turn."""
    try:
        await world.service.commits.lease(who, *place)
    except errors.JoinBusy as refused:
        return 0 < (refused.retry_after_ms or 0) <= rules.LEASE_MS
    return False


async def test_m4_a_lease_that_is_renewed_and_never_used_passes_on(world: World) -> None:
    place, vectors, a, b, c = await alice_and_bob_are_in(world)
    step_ms = rules.LEASE_MS - 1_000
    for _ in range(20):  # Nobody else wants it.
        assert not await busy(world, b, place)
        world.clock.at += step_ms
    assert await busy(world, c, place)
    assert await busy(world, b, place)  # Now somebody does.
    world.clock.at += 1_000
    assert not await busy(world, c, place)
    renewed = 0
    while not await busy(world, c, place):
        renewed += 1
        assert await busy(world, b, place)
        world.clock.at += step_ms
    assert 1 <= renewed <= rules.LEASES_IN_A_ROW_MS // step_ms
    # What it holds it may use to the end.
    joining = vectors.commit("external commit of carol", 2)
    assert (await world.service.commits.upload(c, *place, joining)).epoch == 3
    assert not await busy(world, b, place)
    world.clock.at += rules.LEASE_MS
    assert not await busy(world, a, place)


async def test_who_was_turned_away_and_left_holds_nobody_up(world: World) -> None:
    place, _, a, b, _ = await alice_and_bob_are_in(world)
    assert not await busy(world, a, place)
    assert await busy(world, b, place)
    world.clock.at += rules.LEASES_IN_A_ROW_MS + rules.WAITING_MS
    assert not await busy(world, a, place)


async def test_who_is_removed_while_cursors_are_stored_holds_up_nobody_in_a_circle(
    world: World,
) -> None:
    """Both hold many cursors, so both hold them in one order."""
    if world.database.is_sqlite:
        pytest.skip("one writes at a time")
    (low, high), people = (sorted(new_id() for _ in range(2)) for _ in range(2))
    # In the order of people, and as they lie in the table, the second client's comes first.
    second = world.registry.register(people[0], high)
    first = world.registry.register(people[1], low)
    a = world.registry.register()
    made = await world.founded(a, [first, second])

    def at(caller: Caller, seq: int) -> list[SeenCursor]:
        place = made.conversation_id, caller.client_id, caller.person_id
        return [SeenCursor(*place, delivered_seq=Seq(seq), read_seq=Seq(seq))]

    for caller in (second, first):
        await world.service.feed.store_cursors(at(caller, 1))
    change = wire.ChangeMembers(
        change_id=new_id(), add=[], remove=people, make_admin=[], revoke_admin=[]
    )
    async with world.database.transaction() as connection:
        await cursor_store.grow(connection, at(first, 2))
        removing = asyncio.create_task(
            world.service.membership.change_members(a, made.conversation_id, change)
        )
        await asyncio.wait([removing], timeout=0.5)  # It waits for the first cursor.
        async with asyncio.timeout(0.5):
            await cursor_store.grow(connection, at(second, 2))
    assert (await removing).members == 1


async def test_who_is_revoked_while_being_added_holds_up_nobody_in_a_circle(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("one writes at a time")
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    cell_id = made.cells[0].cell_id
    packages = wire.UploadKeyPackages(suite=made.suite, one_time=[b"one"], last_resort=None)
    await world.service.key_packages.upload(b, packages)
    welcome = cell_id, Epoch(1), Seq(1), b"welcome", [b.client_id], 1
    async with world.database.transaction() as connection:
        await cell_store.add_welcome(connection, *welcome)

    async def revoke() -> None:
        async with world.database.transaction() as connection:
            await world.service.clients_removed(connection, [b.client_id], "department")

    async with world.database.transaction() as connection:
        await store.hold(connection, [made.conversation_id])
        revoking = asyncio.create_task(revoke())
        await asyncio.wait([revoking], timeout=0.5)  # It waits for the conversation.
        async with asyncio.timeout(0.5):
            taken = await key_package_store.take_one_time(connection, made.suite, [b.client_id])
            await cell_store.drop_welcomes(connection, [b.client_id], cell_id)
    assert taken == {b.client_id: b"one"}
    await revoking
