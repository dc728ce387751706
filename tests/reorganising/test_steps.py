"""Merges, moves and splits on both databases: done as one, with history."""

from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.directory import places
from copconnect.directory.names import english
from copconnect.directory.postings import post_store
from copconnect.directory.reorganising import reorganising_store
from copconnect.ids import UnitId
from tests.reorganising.reorganising_world import (
    DAY_MS,
    World,
    merge,
    move,
    person,
    post_of,
    rename,
)


async def test_a_merge_moves_people_posts_and_charges_and_history_stays_true(world: World) -> None:
    charge = await world.charge(6, "A1b")
    world.clock.ms += DAY_MS
    before_ms, before = world.clock.ms, await world.stored()
    number = await world.do(merge("A1b", "A1a"))
    homes = await world.homes()
    assert {homes[4], homes[5]} == {"A1a"}
    # The patrol of Bolarum is in the patrol post that Alwal has.
    assert await post_of(world, 4) == await post_of(world, 1)
    sho = await world.card(5)
    assert (sho.post.en, sho.roles, sho.unit_id) == ("SHO of Bolarum", ["sho"], "A1a")
    assert {one.unit_id for one in (await world.card(6)).charges} == {"A1a"}
    # Alwal has a head already, so that the other SHO heads nothing more.
    assert [(await world.held_at(one, world.clock.ms))[0].head for one in (3, 5)] == [True, False]
    (then,) = await world.held_at(5, before_ms)
    assert (then.unit_id, then.until_ms) == ("A1b", world.clock.ms)
    (now,) = await world.held_at(5, world.clock.ms)
    assert (now.unit_id, now.from_ms) == ("A1a", world.clock.ms)
    assert {one.unit_id for one in await world.held_at(6, before_ms)} == {"A", "A1b"}
    assert charge in {one.posting_id for one in await world.held_at(6, before_ms)}
    assert "Fatima" in await world.found("Alwal")
    await world.undo(number)
    assert await world.stored() == before
    assert {one.unit_id for one in await world.held_at(5, world.clock.ms - 1)} == {"A1a"}
    acts = [one.content.act async for one in world.audit.entries()]
    assert "units_reorganised" in acts[-2]
    assert '"merged":["A1b"]' in acts[-2]
    assert "reorganisation_undone" in acts[-1]


async def test_a_move_changes_paths_below_and_ids_of_nothing(world: World) -> None:
    posts = {one: await post_of(world, one) for one in range(1, 10)}
    before = await world.stored()
    number = await world.do(move("A1", "B"), rename("B", "district", "Bhuvanagiri"))
    async with world.database.reading() as connection:
        assert await world.directory.path_of(connection, UnitId("A1a")) == "TG/B/A1/A1a"
    assert {one: await post_of(world, one) for one in range(1, 10)} == posts
    assert sorted(await world.found("Bhuvanagiri")) == ["Joseph"]
    rule = wire.Audience(include=[wire.Clause(units=[UnitId("B")], below=True)])
    async with world.database.reading() as connection:
        belongs = await places.audience(connection, rule)
    assert belongs == {person(one) for one in (1, 2, 3, 5, 7, 8, 9)}
    back = await world.undo(number)
    assert await world.stored() == before
    # Undoing the undo does it again.
    await world.undo(back)
    assert sorted(await world.found("Bhuvanagiri")) == ["Joseph"]
    with pytest.raises(errors.NotFound):
        await world.undo(back)


async def test_a_split_takes_posts_and_people_along(world: World) -> None:
    before = await world.stored()
    patrol = await post_of(world, 1)
    part = wire.UnitPart(
        unit_id=UnitId("A2"),
        parent_id=UnitId("A"),
        level="division",
        names=english("New Division"),
        unit_ids=[UnitId("A1b")],
        post_ids=[await post_of(world, 8)],
        person_ids=[],
    )
    other = wire.UnitPart(
        unit_id=UnitId("A1c"),
        parent_id=UnitId("A2"),
        level="station",
        names=english("New PS"),
        unit_ids=[],
        post_ids=[],
        person_ids=[person(2)],
    )
    number = await world.do(
        wire.SplitUnit(unit_id=UnitId("A1"), parts=[part]),
        wire.SplitUnit(unit_id=UnitId("A1a"), parts=[other]),
    )
    homes = await world.homes()
    assert (homes[8], homes[2], homes[1]) == ("A2", "A1c", "A1a")
    assert await post_of(world, 1) == patrol
    mine = await world.card(2)
    assert (mine.post.en, mine.roles) == ("Patrol", ["patrol"])
    async with world.database.reading() as connection:
        assert await world.directory.path_of(connection, UnitId("A1c")) == "TG/A/A2/A1c"
        assert await world.directory.path_of(connection, UnitId("A1b")) == "TG/A/A2/A1b"
    await world.undo(number)
    # History names the units that were there for a day.
    assert await world.stored() == before | {"former": {"A2", "A1c"}}


class Cut(Exception):
    """The process ends here."""


async def test_a_reorganisation_that_is_cut_in_the_middle_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends: each statement of the writing part fails once."""
    before = await world.stored()
    entries = [one.number async for one in world.audit.entries()]
    names = ("write_units", "write_former", "open_again", "give_posts", "rows_for_words", "add")
    for name in names:
        module = post_store if name == "open_again" else reorganising_store
        with monkeypatch.context() as patch:

            async def cut(*_: Any) -> None:
                raise Cut

            patch.setattr(module, name, cut)
            with pytest.raises(Cut):
                await world.do(merge("A1b", "A1a"), move("A1", "B"))
        assert await world.stored() == before, name
    assert [one.number async for one in world.audit.entries()] == entries
    await world.do(merge("A1b", "A1a"), move("A1", "B"))
