"""D6: a removal by the data bank shuts its conversations at once; their heads follow."""

import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.live.ask_store import used_keys_due
from copconnect.delivery.rosters.taking_up import PeopleByConversation
from copconnect.ids import ConversationId, UnitId, new_id
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, keys_of


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """Conversations of more than 4 devices count as large."""
    monkeypatch.setattr(wire, "CELL_SIZE", 4)
    return World(database, Options(kem=X25519, cell_size=4))


class Force:
    """A chief, a station of three, and two more in its district. The station and the district have
    a group each, and the chief has written in both."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chief = self._officer("D", admin=True)
        self.station = [self._officer("D.PS1") for _ in range(3)]
        self.district = [*self.station, *(self._officer("D.PS2") for _ in range(2))]
        self.talks: list[Talk] = []
        self.keys: list[bytes] = []

    def _officer(self, unit: str, *, admin: bool = False) -> Device:
        device = self.world.registry.register()
        self.world.chart.post(device.caller.person_id, unit, admin=admin)
        return device

    async def talking(self) -> None:
        """Make the groups and write in both."""
        for unit, people in (("D.PS1", self.station), ("D", self.district)):
            clause = wire.Clause(units=[UnitId(unit)], below=True)
            body = wire.CreateConversation(
                conversation_id=ConversationId(new_id()),
                kind="unit",
                person_ids=[],
                who_may_post="everyone",
                history_days=30,
                audience=wire.Audience(include=[clause]),
            )
            made = await self.world.service.audiences.create(self.chief.caller, body)
            assert made.devices == len(people) + 1
            talk = Talk(self.world.service, made.conversation_id)
            self.talks.append(talk)
            self.keys.append(await talk.begin(self.chief, people))
            await talk.say(self.chief, self.keys[-1])

    def transfer(self) -> Device:
        """Move an officer of the station to another district."""
        self.world.chart.post(self.station[0].caller.person_id, "E")
        return self.station[0]

    async def refused(self) -> list[str]:
        """Return the codes by which both conversations refuse a message, and a key."""
        codes: list[str] = []
        author, service = self.chief, self.world.service
        for talk, key_id in zip(self.talks, self.keys, strict=True):
            head, c = await talk.head(author), talk.conversation_id
            message = author.message(head, key_id, b"text")
            key = author.post_key(head, keys_of([author, *self.station]))
            for posted in (
                service.posting.post(author.caller, c, message),
                service.keys.post(author.caller, c, key),
            ):
                try:
                    await posted
                except errors.CopConnectError as refusal:
                    codes.append(refusal.code)
        return codes

    async def goes_on(self, *, without: int) -> None:
        """Both have their next head, with so many devices fewer, and go on under a new key."""
        for talk, people in zip(self.talks, (self.station, self.district), strict=True):
            head = await talk.head(self.chief)
            assert (head.epoch, head.rekey_epoch) == (2, 2)
            assert head.devices == len(people) + 1 - without
            await talk.say(self.chief, await talk.begin(self.chief, people[without:]))


async def test_d6_both_are_shut_before_the_first_head_and_open_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = Force(world)
    await force.talking()
    following = world.service.following
    take_up, seen = following.take_up, list[list[str]]()

    async def and_look(people: PeopleByConversation) -> None:
        seen.append(await force.refused())
        async with world.database.reading() as connection:
            due = await used_keys_due(connection, world.clock.at)
        assert not set(due).intersection(people)
        await take_up(people)

    monkeypatch.setattr(following, "take_up", and_look)
    gone = force.transfer()
    await following.round()
    assert seen[0] == ["rekeying"] * 4
    await force.goes_on(without=1)
    for talk in force.talks:
        with pytest.raises(errors.NotMember):
            await world.service.rosters.state(gone.caller, talk.conversation_id)


async def test_d6_a_crash_before_the_head_leaves_nothing_shut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is back by then: no roster differs any more, and a head comes all the same."""
    force = Force(world)
    await force.talking()
    following = world.service.following

    async def crash(_: PeopleByConversation) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as away:
        away.setattr(following, "take_up", crash)
        back = force.transfer()
        with pytest.raises(RuntimeError):
            await following.round()
    assert await force.refused() == ["rekeying"] * 4
    world.chart.post(back.caller.person_id, "D.PS1")
    await following.round()
    await force.goes_on(without=0)
