"""A server works again as soon as its clock, which ran ahead, is set right."""

import pytest

from copconnect import errors
from copconnect.database.engine import Database
from copconnect.leases import Leases
from copconnect.records.conversation.roster import HeadStamp, RosterHead
from tests.contract.delivery_world import DAY_MS, MINUTE_MS, StillClock, World
from tests.contract.device import Device, Talk, keys_of


class Room:
    """A group whose newest head and key are of the time ahead; the clock is right again."""

    def __init__(self, world: World, talk: Talk, people: list[Device]) -> None:
        self.world, self.talk, self.people = world, talk, people
        self.c = talk.conversation_id


@pytest.fixture
async def room(database: Database) -> Room:
    world = World(database)
    people = [world.registry.register() for _ in range(3)]
    world.clock.at += 2 * DAY_MS
    made = await world.group(people[0], people[1:])
    talk = Talk(world.service, made.conversation_id)
    body = people[0].post_key(await talk.head(people[0]), keys_of(people))
    await world.service.keys.submit(people[0].caller, talk.conversation_id, body)
    world.clock.at -= 2 * DAY_MS
    return Room(world, talk, people)


async def test_the_next_head_is_of_now_and_above_the_one_ahead(room: Room) -> None:
    first, *_ = room.people
    before = RosterHead.parse((await room.world.service.rosters.head(first.caller, room.c, 1)).head)
    state = await room.world.service.rosters.state(first.caller, room.c)
    head = RosterHead.parse(state.head)
    assert before.created == room.world.clock.at + 2 * DAY_MS
    assert (head.epoch, head.created) == (2, room.world.clock.at)
    head.check_follows(before)
    # Nobody was removed: an earlier message can still be read and answered.
    assert head.rekey_epoch == before.rekey_epoch
    assert HeadStamp.parse(state.stamp).time == room.world.clock.at
    # The server changed the head once: a second read makes no further epoch.
    assert (await room.talk.head(room.people[1])).epoch == 2


async def test_a_key_of_the_time_ahead_stops_nobody_from_making_one(room: Room) -> None:
    author, *_ = room.people
    head = await room.talk.head(author)
    accepted = await room.world.service.keys.submit(
        author.caller, room.c, author.post_key(head, keys_of(room.people))
    )
    # The new one is usable, so that it stops the next.
    with pytest.raises(errors.HaveKey):
        await room.world.service.keys.submit(
            author.caller, room.c, author.post_key(head, keys_of(room.people))
        )
    assert accepted.key_id


async def test_a_change_of_the_roster_dates_its_head_by_the_clock(room: Room) -> None:
    await room.world.revoke(room.people[2])
    head = await room.talk.head(room.people[0])
    assert (head.epoch, head.created) == (2, room.world.clock.at)


async def test_a_small_correction_of_the_clock_keeps_the_order_of_heads(
    database: Database,
) -> None:
    world = World(database)
    people = [world.registry.register() for _ in range(3)]
    made = await world.group(people[0], people[1:])
    talk = Talk(world.service, made.conversation_id)
    first = await talk.head(people[0])
    world.clock.at -= MINUTE_MS
    await world.revoke(people[2])
    head = await talk.head(people[0])
    assert (head.epoch, head.created) == (2, first.created)


async def test_leases_of_the_time_ahead_hold_up_nothing(database: Database) -> None:
    clock = StillClock()
    clock.at += 2 * DAY_MS
    assert await Leases(database, clock, alone=False).acquire("cleaning", 60)
    clock.at -= 2 * DAY_MS
    other = Leases(database, clock, alone=False)
    assert await other.acquire("cleaning", 60)
    assert not await Leases(database, clock, alone=False).acquire("cleaning", 60)
