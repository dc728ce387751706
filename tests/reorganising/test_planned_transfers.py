"""Transfers on a day to come, posts that are abolished, and what another policy of groups does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect import errors, wire
from copconnect.directory import places, standing
from copconnect.directory.audiences import belongs
from copconnect.directory.names import english
from copconnect.directory.postings.planned import PlannedTransfers, begins_ms, day_of
from copconnect.directory.postings.planning import Planning
from copconnect.ids import PostId, UnitId
from copconnect.leases import Leases
from tests.harness.operator import OPERATOR
from tests.reorganising.reorganising_world import (
    DAY_MS,
    POLICY,
    World,
    merge,
    person,
    post_of,
)


class NoGrants:
    """Plays the Authentication Service."""

    async def held_paths(self, _: object, __: object) -> list[str]:
        return []


class Planned:
    """Planned transfers of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        leases = Leases(world.database, world.clock, alone=True)
        self.transfers = PlannedTransfers(
            world.database, world.clock, world.audit, world.transfers, leases, NoGrants()
        )

    async def plan(self, number: int, unit: str, days: int, post: PostId | None = None) -> int:
        place = wire.NewPlace(unit_id=UnitId(unit), post=english("Clerk"), roles=[], head=False)
        day = day_of(self.world.clock.ms + days * DAY_MS)
        async with self.world.database.transaction() as connection:
            return await self.transfers.plan(
                connection, OPERATOR, person(number), post or place, None, day
            )

    async def after(self, days: float) -> dict[int, str]:
        self.world.clock.ms += int(days * DAY_MS)
        await self.transfers.apply_due()
        return await self.world.homes()

    async def listed(self) -> list[tuple[int, str, str]]:
        async with self.world.database.reading() as connection:
            rows = await self.transfers.listed(connection)
        return [(row.planned_id, row.state, row.reason) for row in rows]


def test_a_day_begins_at_midnight_in_india() -> None:
    assert begins_ms("1970-01-02") == DAY_MS - 19_800_000
    assert day_of(begins_ms("2026-03-01")) == "2026-03-01"
    for wrong in ("2026-02-30", "tomorrow"):
        with pytest.raises(errors.PlaceInvalid):
            begins_ms(wrong)


async def test_a_transfer_is_done_when_its_day_begins(world: World) -> None:
    planned = Planned(world)
    number = await planned.plan(1, "B1", 2)
    with pytest.raises(errors.PlaceInvalid):
        await planned.plan(1, "A1b", 3)  # One of this person is planned.
    for days in (0, 400):
        with pytest.raises(errors.PlaceInvalid):
            await planned.plan(2, "B1", days)
    due = begins_ms(day_of(world.clock.ms + 2 * DAY_MS))
    before = due - world.clock.ms - 1
    assert (await planned.after(before / DAY_MS))[1] == "A1a"
    assert await planned.listed() == [(number, "planned", "")]
    world.clock.ms = due
    homes = await planned.after(0)
    assert (homes[1], await planned.listed()) == ("B1", [])
    world.clock.ms += 1
    await world.transfer(1, "A1a")
    assert (await planned.after(1))[1] == "A1a"  # It is done once.


async def test_a_transfer_is_cancelled_or_fails_with_its_reason(world: World) -> None:
    planned = Planned(world)
    cancelled, moved = await planned.plan(1, "B1", 2), await planned.plan(2, "B1", 2)
    vacant = await post_of(world, 8)
    await world.transfer(8, "A")
    gone = await planned.plan(5, "A1", 2, vacant)
    kept = await planned.plan(3, "B1", 2)
    async with world.database.transaction() as connection:
        with pytest.raises(errors.NotFound):
            await planned.transfers.cancel(connection, OPERATOR, person(2), cancelled)
        await planned.transfers.cancel(connection, OPERATOR, person(1), cancelled)
        await world.transfers.abolish(connection, OPERATOR, vacant)
    await world.transfer(2, "A1b")
    homes = await planned.after(2)
    assert [homes[one] for one in (1, 2, 3, 5)] == ["A1a", "A1b", "B1", "A1b"]
    assert await planned.listed() == [
        (moved, "failed", "the person holds another post since"),
        (gone, "failed", "no such post"),
    ]
    assert kept not in [number for number, _, _ in await planned.listed()]
    async with world.database.transaction() as connection:
        await planned.transfers.cancel(connection, OPERATOR, person(2), moved)
    assert [number for number, _, _ in await planned.listed()] == [gone]


async def test_a_vacant_post_is_abolished_and_there_again(world: World) -> None:
    post = await post_of(world, 8)
    async with world.database.transaction() as connection:
        with pytest.raises(errors.PlaceInvalid):
            await world.transfers.abolish(connection, OPERATOR, post)  # Somebody holds it.
    await world.transfer(8, "A")
    before = await world.stored()
    async with world.database.transaction() as connection:
        await world.transfers.abolish(connection, OPERATOR, post)
        with pytest.raises(errors.PlaceInvalid):
            await world.transfers.abolish(connection, OPERATOR, post)
    assert await world.stored() != before
    async with world.database.transaction() as connection:
        await world.transfers.restore_post(connection, OPERATOR, post)
        with pytest.raises(errors.PlaceInvalid):
            await world.transfers.restore_post(connection, OPERATOR, post)
    assert await world.stored() == before
    async with world.database.transaction() as connection:
        await world.transfers.abolish(connection, OPERATOR, post)
    await world.do(merge("A1", "A"))
    async with world.database.transaction() as connection:
        with pytest.raises(errors.PlaceInvalid):
            await world.transfers.restore_post(connection, OPERATOR, post)  # Its unit is gone.


LINES = st.builds(
    wire.GroupPolicy,
    code=st.sampled_from(["all", "sho", "new"]),
    title=st.sampled_from([english("{unit}"), english("All of {unit}")]),
    levels=st.lists(st.sampled_from(["district", "division", "station"]), min_size=1, unique=True),
    roles=st.lists(st.sampled_from(["sho", "patrol"]), max_size=1),
    who_may_send=st.sampled_from(["everyone", "admins"]),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LINES, max_size=3, unique_by=lambda one: one.code))
async def test_another_policy_says_what_it_makes_and_ends(
    world: World, policy: list[wire.GroupPolicy]
) -> None:
    """Compared with each group of both policies, judged person by person."""
    units = (await world.directory.directory()).units
    async with world.database.reading() as connection:
        found, touched = await Planning().policy_changes(connection, policy)
        everybody = await places.facts(connection, [person(one) for one in range(1, 10)])
    old, new = (
        {one.standing.key: one for one in standing.expand(each, units)} for each in (POLICY, policy)
    )
    groups: dict[tuple[str, str], int] = {}
    people: dict[tuple[str, str], set[str]] = {}
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        kind = "made" if before is None else "ended" if after is None else "changed"
        if before is not None and after is not None:
            same = before.policy.who_may_send == after.policy.who_may_send
            if before.rule == after.rule and same:
                if before.standing.title == after.standing.title:
                    continue
                kind = "renamed"
        sides = [one for one in (before, after) if one is not None]
        line = (kind, sides[-1].policy.code)
        takes = [{f.person_id for f in everybody if belongs(one.rule, f)} for one in sides]
        people.setdefault(line, set()).update(*takes)
        groups[line] = groups.get(line, 0) + (max(map(len, takes)) >= 2)
    assert {(one.kind, one.code): one.groups for one in found} == {
        line: many for line, many in groups.items() if many
    }
    assert {(one.kind, one.code): one.people for one in found} == {
        line: len(people[line]) for line, many in groups.items() if many
    }
    assert touched == len(set().union(*people.values()))
