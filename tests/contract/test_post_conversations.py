"""Conversations with a post: who belongs, what follows a transfer, and the refusals."""

import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.ids import ConversationId, PersonId, PostId, new_id
from copconnect.records.primitives.kem import X25519
from tests.contract.chart import post_of
from tests.contract.delivery_world import DAY_MS, World
from tests.contract.device import Device
from tests.contract.statements import Statements

pytestmark = pytest.mark.databases("sqlite")

STATION = "TG.HYD.PS1"
SHO = post_of(STATION, ["sho"], head=True)


@pytest.fixture
def world(database: Database) -> World:
    return World(database, Options(kem=X25519, cell_size=8))


def constable(world: World) -> Device:
    device = world.registry.register()
    world.chart.post(device.caller.person_id, "TG.HYD.PS2", roles=["patrol"])
    return device


def sho(world: World) -> Device:
    device = world.registry.register()
    take_over(world, device)
    return device


def take_over(world: World, device: Device) -> None:
    world.chart.post(device.caller.person_id, STATION, admin=True, roles=["sho"])


async def people(world: World, c: ConversationId, reader: Device) -> dict[PersonId, bool]:
    page = await world.service.conversations.members(reader.caller, c, "")
    return {one.person_id: one.admin for one in page.members}


def ids(*devices: Device) -> set[PersonId]:
    return {one.caller.person_id for one in devices}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_post_is_asked_by_one_conversation_for_each_person(world: World) -> None:
    asker, holder, other = constable(world), sho(world), constable(world)
    ask = world.service.posts.open
    made = await ask(asker.caller, SHO)
    assert (made.kind, made.members, made.devices) == ("unit", 2, 2)
    assert (made.created_by, made.who_may_send) == (asker.caller.person_id, "everyone")
    assert made.standing is not None
    assert (made.standing.about, made.standing.post_id) == ("post", SHO)
    assert (made.standing.title.en, made.standing.unit_id) == ("sho of TG.HYD.PS1", STATION)
    # The conversation has no admin, though the holder heads the unit.
    assert await people(world, made.conversation_id, holder) == dict.fromkeys(
        ids(asker, holder), False
    )
    assert (await ask(asker.caller, SHO)).conversation_id == made.conversation_id
    assert (await ask(other.caller, SHO)).conversation_id != made.conversation_id
    with pytest.raises(errors.NotMember):
        await people(world, made.conversation_id, other)


async def test_the_next_holder_takes_over_with_the_last_month_and_the_former_one_goes(
    world: World,
) -> None:
    asker, former, following = constable(world), sho(world), constable(world)
    made = await world.service.posts.open(asker.caller, SHO)
    c = made.conversation_id
    await world.service.following.round()
    world.clock.at += 2 * DAY_MS
    world.chart.post(former.caller.person_id, "TG.HYD")
    take_over(world, following)
    await world.service.following.round()
    assert await people(world, c, asker) == dict.fromkeys(ids(asker, following), False)
    with pytest.raises(errors.NotMember):
        await world.service.conversations.conversation(former.caller, c)
    seen = await world.service.conversations.conversation(following.caller, c)
    assert seen.history_from_ms == world.clock.at - 30 * DAY_MS
    # Somebody who officiates beside their own post belongs too.
    world.chart.post(former.caller.person_id, "TG.HYD")
    facts = world.chart.facts[former.caller.person_id]
    charge = world.chart.facts[following.caller.person_id].places[0]
    world.chart.facts[former.caller.person_id] = type(facts)(
        facts.person_id, facts.rank, (*facts.places, charge)
    )
    await world.service.following.round()
    assert (await people(world, c, asker)).keys() == ids(asker, former, following)


async def test_an_asker_who_takes_the_post_stays_with_it(world: World) -> None:
    asker, holder = constable(world), sho(world)
    made = await world.service.posts.open(asker.caller, SHO)
    take_over(world, asker)
    world.chart.leave(holder.caller.person_id)
    await world.service.following.round()
    assert (await people(world, made.conversation_id, asker)).keys() == ids(asker)
    with pytest.raises(errors.BadRequest):
        await world.service.posts.open(asker.caller, SHO)


async def test_a_post_that_goes_elsewhere_takes_its_conversations_along(world: World) -> None:
    asker, holder, other = constable(world), sho(world), constable(world)
    world.chart.post(other.caller.person_id, "TG.HYD.PS9", admin=True, roles=["sho"])
    there = post_of("TG.HYD.PS9", ["sho"], head=True)
    posts = world.service.posts
    c = (await posts.open(asker.caller, SHO)).conversation_id
    await world.service.following.round()
    async with world.database.transaction() as connection:
        assert await posts.asked(connection, [SHO, there]) == {c: SHO}
        await posts.go_on(connection, {c: there})
    await world.service.following.compare(c)
    assert (await people(world, c, asker)).keys() == ids(asker, other)
    seen = await world.service.conversations.conversation(asker.caller, c)
    assert seen.standing is not None
    assert (seen.standing.post_id, seen.standing.unit_id) == (there, "TG.HYD.PS9")
    # Asking finds it by the post that it is with now; the post before gets another.
    assert (await posts.open(asker.caller, there)).conversation_id == c
    again = await posts.open(asker.caller, SHO)
    assert again.conversation_id != c
    assert (await people(world, again.conversation_id, asker)).keys() == ids(asker, holder)
    assert (await posts.open(asker.caller, SHO)).conversation_id == again.conversation_id


async def test_a_round_reads_the_conversations_of_the_posts_that_a_change_concerns(
    world: World, database: Database
) -> None:
    asker, holder = constable(world), sho(world)
    mine = (await world.service.posts.open(asker.caller, SHO)).conversation_id
    costs = []
    for others in (1, 12):
        stations = [f"TG.HYD.PS{at}" for at in range(10 * others, 11 * others)]
        for station in stations:
            head = world.registry.register().caller.person_id
            world.chart.post(head, station, admin=True, roles=["sho"])
            post = post_of(station, ["sho"], head=True)
            await world.service.posts.open(constable(world).caller, post)
        await world.service.following.round()
        world.chart.concern(holder.caller.person_id)
        world.chart.compiled.clear()
        with Statements(database) as statements:
            await world.service.following.round()
        assert world.chart.compiled == {mine}
        costs.append(len(statements))
    assert costs[0] == costs[1], costs


async def test_an_asker_who_was_gone_belongs_again(world: World) -> None:
    asker, holder = constable(world), sho(world)
    made = await world.service.posts.open(asker.caller, SHO)
    facts = world.chart.facts[asker.caller.person_id]
    world.chart.leave(asker.caller.person_id)
    await world.service.following.round()
    assert (await people(world, made.conversation_id, holder)).keys() == ids(holder)
    world.chart.facts[asker.caller.person_id] = facts
    world.chart.concern(asker.caller.person_id)
    await world.service.following.round()
    assert (await people(world, made.conversation_id, asker)).keys() == ids(asker, holder)


async def test_a_vacant_post_says_who_heads_the_unit_above(world: World) -> None:
    asker, holder = constable(world), sho(world)
    chief = world.registry.register()
    made = await world.service.posts.open(asker.caller, SHO)
    world.chart.post(chief.caller.person_id, "TG.HYD", admin=True, roles=["cp"])
    world.chart.leave(holder.caller.person_id)
    await world.service.following.round()
    assert (await people(world, made.conversation_id, asker)).keys() == ids(asker)
    with pytest.raises(errors.PostVacant) as refused:
        await world.service.posts.open(asker.caller, SHO)
    assert refused.value.details == {
        "post_id": SHO,
        "ask_post_id": post_of("TG.HYD", ["cp"], head=True),
        "ask_person_id": chief.caller.person_id,
    }
    world.chart.leave(chief.caller.person_id)
    with pytest.raises(errors.PostVacant) as refused:
        await world.service.posts.open(asker.caller, SHO)
    assert refused.value.details == {"post_id": SHO}
    with pytest.raises(errors.NotFound):
        await world.service.posts.open(asker.caller, PostId(new_id()))


async def test_a_post_of_many_holders_and_many_posts_have_limits(database: Database) -> None:
    limits = PersonLimits(conversations_per_hour=2, group_people=4)
    world = World(database, Options(kem=X25519, cell_size=8, limits=limits))
    asker = constable(world)
    posts = [post_of(f"TG.HYD.PS{at}", ["sho"]) for at in range(3)]
    for at in range(3):
        person = world.registry.register().caller.person_id
        world.chart.post(person, f"TG.HYD.PS{at}", roles=["sho"])
    for post in posts[:2]:
        await world.service.posts.open(asker.caller, post)
    with pytest.raises(errors.RateLimited):
        await world.service.posts.open(asker.caller, posts[2])
    await world.service.posts.open(asker.caller, posts[0])  # It is there.
    for _ in range(3):
        world.chart.post(world.registry.register().caller.person_id, "TG", roles=["watch"])
    await world.service.posts.open(constable(world).caller, post_of("TG", ["watch"]))
    world.chart.post(world.registry.register().caller.person_id, "TG", roles=["watch"])
    with pytest.raises(errors.GroupTooLarge):
        await world.service.posts.open(constable(world).caller, post_of("TG", ["watch"]))


async def test_posts_of_a_rule_are_asked_for_by_name_alone(world: World) -> None:
    """An audience of posts belongs to no unit, so that no head of one may make it."""
    head = sho(world)
    body = wire.CreateConversation(
        conversation_id=ConversationId(new_id()),
        kind="unit",
        person_ids=[],
        who_may_send="everyone",
        history_days=30,
        audience=wire.Audience(include=[wire.Clause(posts=[SHO])]),
    )
    with pytest.raises(errors.NotAllowed):
        await world.service.audiences.create(head.caller, body)
