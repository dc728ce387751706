"""Previews of reorganisations: every problem at once, and the conversations that change."""

import pytest

from copconnect import errors, wire
from copconnect.ids import UnitId
from tests.reorganising.reorganising_world import World, merge, move, rename


async def test_problems_are_told_all_at_once_and_nothing_is_done(world: World) -> None:
    before = await world.stored()
    steps: list[wire.Step] = [
        wire.RemoveUnit(unit_id=UnitId("A1a")),
        move("A", "A1"),
        rename("B", "district", " "),
    ]
    preview = await world.preview(*steps)
    assert [(one.step, one.code) for one in preview.problems] == [
        (0, "not_empty"),
        (1, "below_itself"),
        (2, "name_missing"),
    ]
    with pytest.raises(errors.ReorganisationInvalid) as refused:
        await world.do(*steps)
    assert refused.value.details == {
        "problems": 3,
        "step": 1,
        "reason": "not_empty",
        "unit_id": "A1a",
        "value": "",
    }
    assert await world.stored() == before


async def test_a_preview_says_which_conversations_change(world: World) -> None:
    by_hand = wire.Audience(include=[wire.Clause(units=[UnitId("A1b")])])
    world.conversations.followed = {"c" * 32: (by_hand, None)}
    preview = await world.preview(merge("A1b", "A1a"))
    told = {
        ("" if one.title is None else one.title.en, one.kind): (one.joins, one.leaves)
        for one in preview.groups
    }
    # Kumar is suspended and belongs nowhere.
    assert told == {
        ("Bolarum PS", "ended"): (0, 1),
        ("Alwal PS", "people"): (1, 0),
        ("", "people"): (0, 1),
    }
    assert (preview.people, preview.moved, preview.posts) == (2, 2, 2)
    assert [(one.from_id, one.to_id, one.people) for one in preview.places] == [("A1b", "A1a", 2)]
    assert preview.paths == ["TG/A/A1", "TG/A/A1/A1a", "TG/A/A1/A1b"]
    renamed = await world.preview(rename("B", "district", "Bhuvanagiri"))
    assert {(one.kind, one.former and one.former.en) for one in renamed.groups} == {
        ("renamed", "Bhongir"),
        ("renamed", "SHOs, Bhongir"),
    }
    moved = await world.preview(move("A1", "B"))
    told = {
        (one.title.en if one.title else "", one.kind): (one.joins, one.leaves)
        for one in moved.groups
    }
    assert told == {
        ("Adilabad", "people"): (0, 5),
        ("Bhongir", "people"): (5, 0),
        ("SHOs, Adilabad", "people"): (0, 2),
        ("SHOs, Bhongir", "people"): (2, 0),
    }
