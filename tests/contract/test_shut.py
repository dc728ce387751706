"""D6: a removal by the data bank shuts its conversations at once; their heads follow."""

import pytest

from copconnect import errors, wire
from copconnect.bus import RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.live.ask_store import used_keys_due
from copconnect.delivery.rosters import following
from copconnect.delivery.rosters.updating import PeopleByConversation
from copconnect.ids import ConversationId, UnitId, new_id
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, keys_of
from tests.contract.test_cell_keys import Crowd
from tests.harness.waiting import until_async


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
                who_may_send="everyone",
                history_days=30,
                audience=wire.Audience(include=[clause]),
            )
            made = await self.world.service.audiences.create(self.chief.caller, body)
            assert made.devices == len(people) + 1
            talk = Talk(self.world.service, made.conversation_id)
            self.talks.append(talk)
            crowd = Crowd(self.world, talk, [self.chief, *people])
            self.keys.append(await crowd.begin(self.chief))
            await talk.say(self.chief, self.keys[-1])

    def transfer(self) -> Device:
        """Move an officer of the station to another district."""
        self.world.chart.post(self.station[0].caller.person_id, "E")
        return self.station[0]

    async def refused(self, first: int = 0) -> list[str]:
        """Return the codes by which both conversations refuse a message and a key; 1: the second
        alone."""
        codes: list[str] = []
        author, service = self.chief, self.world.service
        for talk, key_id in list(zip(self.talks, self.keys, strict=True))[first:]:
            head, c = await talk.head(author), talk.conversation_id
            message = author.message(head, key_id, b"text")
            key = author.post_key(head, keys_of([author, *self.station]))
            for posted in (
                service.intake.accept(author.caller, c, message),
                service.keys.submit(author.caller, c, key),
            ):
                try:
                    await posted
                except errors.CopConnectError as refusal:
                    codes.append(refusal.code)
        return codes

    async def goes_on(self, *, without: int) -> None:
        """Both have their next head, with so many devices fewer, and continue under a new key."""
        for talk, people in zip(self.talks, (self.station, self.district), strict=True):
            head = await talk.head(self.chief)
            assert (head.epoch, head.rekey_epoch) == (2, 2)
            assert head.devices == len(people) + 1 - without
            crowd = Crowd(self.world, talk, [self.chief, *people[without:]])
            await talk.say(self.chief, await crowd.begin(self.chief))


async def test_d6_both_are_shut_before_the_first_head_and_open_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = Force(world)
    await force.talking()
    rounds = world.service.following
    update_people, seen = rounds.update_people, list[list[str]]()

    async def and_look(people: PeopleByConversation) -> None:
        seen.append(await force.refused())
        async with world.database.reading() as connection:
            due = await used_keys_due(connection, world.clock.at)
        assert not set(due).intersection(people)
        await update_people(people)

    monkeypatch.setattr(rounds, "update_people", and_look)
    gone = force.transfer()
    await rounds.round()
    assert seen[0] == ["rekeying"] * 4
    await force.goes_on(without=1)
    for talk in force.talks:
        with pytest.raises(errors.NotMember):
            await world.service.rosters.state(gone.caller, talk.conversation_id)


@pytest.mark.databases("sqlite")
async def test_d6_a_worker_shuts_a_large_conversation_and_leaves_its_head(world: World) -> None:
    """A worker serves sockets: another process of its node draws the heads of several cells."""
    force, drawing = Force(world), world.node()
    await force.talking()
    district = force.talks[1]
    world.service.leave_heads()
    force.transfer()
    await world.service.following.compare(district.conversation_id)
    assert (await district.head(force.chief)).epoch == 1
    assert await force.refused(first=1) == ["rekeying"] * 2
    await drawing.following.round()
    await force.goes_on(without=1)


@pytest.mark.parametrize("draws", [True, False])
async def test_d6_many_who_leave_a_large_conversation_cost_one_head(
    world: World, monkeypatch: pytest.MonkeyPatch, *, draws: bool
) -> None:
    """Each head would rekey the same cells once more."""
    monkeypatch.setattr(following, "TOGETHER", 1)  # People of one transaction elsewhere.
    force, drawing = Force(world), world.node()
    await force.talking()
    district = force.talks[1]
    if not draws:
        world.service.leave_heads()
    for one in force.station:
        world.chart.post(one.caller.person_id, "E")
    await world.service.following.compare(district.conversation_id)
    await drawing.following.round()
    assert (await district.head(force.chief)).epoch == 2


async def test_a_restart_compares_nobody_while_the_data_bank_is_as_it_was(world: World) -> None:
    """All phones reconnect after a restart, so the restart must not compare everybody as well."""
    force = Force(world)
    await force.talking()
    await world.service.following.round()
    world.chart.asked.clear()
    await world.node().following.round()
    assert world.chart.asked == []
    force.transfer()
    await world.node().following.round()
    assert set().union(*world.chart.asked) >= {one.caller.person_id for one in force.district}
    await force.goes_on(without=1)


async def test_heads_follow_the_commit_and_wait_for_no_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ROUND_S", 3600.0)
    force, drawing = Force(world), world.node()
    await force.talking()
    await drawing.following.round()
    world.wakeups.clear()
    world.bus.subscribe(drawing.following.on_wakeup)
    await drawing.following.start()
    try:
        world.service.leave_heads()
        force.transfer()
        await world.service.following.compare(force.talks[1].conversation_id)
        await until_async(lambda: any(isinstance(one, RosterWakeup) for one in world.wakeups))
        assert (await force.talks[1].head(force.chief)).epoch == 2
    finally:
        await drawing.following.close()


@pytest.mark.databases("sqlite")
async def test_d6_a_crash_before_the_head_leaves_nothing_shut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is back by then: no roster differs any more, and a head comes all the same."""
    force = Force(world)
    await force.talking()
    rounds = world.service.following

    async def crash(_: PeopleByConversation) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as away:
        away.setattr(rounds, "update_people", crash)
        back = force.transfer()
        with pytest.raises(RuntimeError):
            await rounds.round()
    assert await force.refused() == ["rekeying"] * 4
    world.chart.post(back.caller.person_id, "D.PS1")
    await rounds.round()
    await force.goes_on(without=0)
