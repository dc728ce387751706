"""Conversations of a whole server follow a reorganisation, and follow its undoing."""

from copconnect import wire
from copconnect.delivery.rosters.standing import standing_id
from copconnect.delivery.store import members
from copconnect.directory.names import english
from copconnect.ids import PersonId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock, synthetic_bank
from tests.identity.whole import Whole

STATION, ZONE, OTHER_ZONE = UnitId("TG-HYD-PS001"), UnitId("TG-HYD-Z1"), UnitId("TG-HYD-Z2")
POLICY = [
    wire.GroupPolicy(code="all", title=english("{unit}"), levels=["station", "city_zone"]),
]


async def _members(whole: Whole, unit: UnitId) -> set[PersonId]:
    async with whole.whole.database.reading() as connection:
        return set(await members.admins_by_person(connection, standing_id(f"all:{unit}")))


async def test_groups_follow_a_move_and_a_merge_and_come_back(
    whole: Whole, clock: MovedClock
) -> None:
    container = whole.whole
    bank = synthetic_bank()
    await container.editor.import_bank(OPERATOR, bank)
    await container.editor.set_group_policy(OPERATOR, POLICY)
    await container.delivery.following.round()
    station = {one.person_id for one in bank.people if one.unit == STATION}
    before = {unit: await _members(whole, unit) for unit in (STATION, ZONE, OTHER_ZONE)}
    assert before[STATION] == station
    assert before[ZONE] > station
    clock.ms += 1000
    steps: list[wire.Step] = [
        wire.MoveUnit(unit_id=UnitId("TG-HYD-Z1-D1"), parent_id=OTHER_ZONE),
        wire.MergeUnits(unit_id=STATION, into=UnitId("TG-HYD-PS002")),
    ]
    async with container.database.transaction() as connection:
        number = await container.reorganiser.reorganise(connection, OPERATOR, steps)
    await container.delivery.following.round()
    # The merged station's conversation loses its people and keeps its log.
    assert await _members(whole, STATION) == set()
    assert await _members(whole, UnitId("TG-HYD-PS002")) == station
    assert await _members(whole, OTHER_ZONE) > station
    assert not station & await _members(whole, ZONE)
    clock.ms += 1000
    async with container.database.transaction() as connection:
        await container.reorganiser.undo(connection, OPERATOR, number)
    await container.delivery.following.round()
    assert {unit: await _members(whole, unit) for unit in before if before[unit]} == {
        unit: people for unit, people in before.items() if people
    }
    assert await _members(whole, UnitId("TG-HYD-PS002")) == set()
