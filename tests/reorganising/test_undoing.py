"""Undoing reorganisations: back through every state, or refused with the reasons."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect import errors, wire
from copconnect.directory import databank
from copconnect.directory.names import english
from copconnect.ids import ConversationId, UnitId
from tests.harness.operator import OPERATOR
from tests.reorganising.reorganising_world import (
    DAY_MS,
    FILES,
    World,
    merge,
    person,
    post_of,
    rename,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_an_undo_names_what_stands_against_it(world: World) -> None:
    number = await world.do(merge("A1b", "A1a"), rename("B", "district", "Bhuvanagiri"))
    await world.transfer(5, "B1")
    await world.do(rename("B", "district", "Bhongir"))
    with pytest.raises(errors.ReorganisationChanged) as refused:
        await world.undo(number)
    assert refused.value.details == {"units": "B", "people": person(5), "count": 2}
    assert (await world.homes())[5] == "B1"


async def test_an_undo_is_refused_where_somebody_came_to_what_it_would_end(world: World) -> None:
    added = wire.AddUnit(
        unit_id=UnitId("N"),
        parent_id=UnitId("A1"),
        level="station",
        names=english("New PS"),
    )
    number = await world.do(added)
    await world.transfer(1, "N")
    with pytest.raises(errors.ReorganisationChanged) as refused:
        await world.undo(number)
    assert refused.value.details["people"] == person(1)
    await world.transfer(1, "A1a", "Patrol 2")
    await world.undo(number)
    # The code is not given again by a reorganisation: conversations and history have it.
    assert [one.code for one in (await world.preview(added)).problems] == ["unit_former"]


async def test_a_person_who_left_the_department_does_not_hinder_an_undo(world: World) -> None:
    number = await world.do(merge("A1b", "A1a"))
    gone = FILES | {"people": FILES["people"].replace("4,Kumar", "#4,Kumar").replace("#", "")}
    lines = [line for line in gone["people"].splitlines() if not line.startswith("4,")]
    units = "\n".join(line for line in FILES["units"].splitlines() if not line.startswith("A1b,"))
    rows = "\n".join(lines).replace(",A1b,yes", ",A1a,no") + "\n"
    bank = databank.read(
        {
            name: text.encode()
            for name, text in (gone | {"people": rows, "units": f"{units}\n"}).items()
        }
    )
    assert bank.problems == []
    world.clock.ms += DAY_MS
    await world.editor.import_bank(OPERATOR, bank, remove_missing=True)
    await world.undo(number)
    assert (await world.homes())[5] == "A1b"


async def test_conversations_go_along_with_posts_and_come_back(world: World) -> None:
    """They go where the post lives on; conversations that began since go back with the post that it
    was."""
    asked = world.conversations.with_posts
    old, new, gone = (ConversationId(str(at)) for at in range(3))
    before = await post_of(world, 5)
    # A split leaves a vacant post behind, which ends with its unit.
    part = wire.UnitPart(
        unit_id=UnitId("N"),
        parent_id=UnitId("A1"),
        level="station",
        names=english("New PS"),
        unit_ids=[],
        post_ids=[before],
        person_ids=[],
    )
    asked |= {old: before, gone: await post_of(world, 4)}
    await world.transfer(4, "A1a")
    split = wire.SplitUnit(unit_id=UnitId("A1b"), parts=[part])
    steps = (split, wire.RemoveUnit(unit_id=UnitId("A1b")))
    preview = await world.preview(*steps)
    assert (preview.conversations_kept, preview.conversations_ended) == (1, 1)
    number = await world.do(*steps)
    after = await post_of(world, 5)
    assert after != before
    assert asked[old] == after
    asked[new] = after
    merged = await world.do(merge("N", "A1a"))
    assert asked[old] == asked[new] == await post_of(world, 5) != after
    await world.undo(merged)
    assert asked[old] == asked[new] == after
    await world.undo(number)
    assert asked[old] == asked[new] == await post_of(world, 5) == before


CODES = st.sampled_from([UnitId(one) for one in ("TG", "A", "B", "A1", "A1a", "A1b", "B1", "N")])
LEVELS = st.sampled_from(["district", "division", "station"])
NAMES = st.builds(english, st.sampled_from(["One", "Two", "Three"]))
PEOPLE = st.lists(st.sampled_from([person(one) for one in range(1, 10)]), max_size=3)
PARTS = st.builds(
    wire.UnitPart,
    unit_id=CODES,
    parent_id=CODES,
    level=LEVELS,
    names=NAMES,
    unit_ids=st.lists(CODES, max_size=2),
    post_ids=st.just([]),
    person_ids=PEOPLE,
)
STEPS: st.SearchStrategy[Any] = st.one_of(
    st.builds(wire.AddUnit, unit_id=CODES, parent_id=CODES, level=LEVELS, names=NAMES),
    st.builds(wire.RenameUnit, unit_id=CODES, level=LEVELS, names=NAMES),
    st.builds(wire.MoveUnit, unit_id=CODES, parent_id=CODES),
    st.builds(wire.MergeUnits, unit_id=CODES, into=CODES),
    st.builds(wire.SplitUnit, unit_id=CODES, parts=st.lists(PARTS, min_size=1, max_size=1)),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=3))
async def test_undoing_reorganisations_restores_every_table(
    world: World, drafts: list[list[wire.Step]]
) -> None:
    """Whatever reorganisations follow each other, undoing them leads back through every state, and
    nobody is ever in a unit that is not there."""
    done: list[tuple[int, dict[str, Any]]] = []
    for steps in drafts:
        before = await world.stored()
        if (await world.preview(*steps)).problems:
            with pytest.raises(errors.ReorganisationInvalid):
                await world.do(*steps)
            assert await world.stored() == before
            continue
        done.append((await world.do(*steps), before))
        units = {row[0] for row in (await world.stored())["units"]}
        assert set((await world.homes()).values()) <= units
    for number, before in reversed(done):
        await world.undo(number)
        found, expected = await world.stored(), dict(before)
        # A unit that was added stays known as a former one, so that nobody gets its code again.
        assert found.pop("former") >= expected.pop("former")
        assert found == expected
