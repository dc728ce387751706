"""Plans: every problem is named with its step, and no steps make a cycle or lose anybody."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from copconnect import wire
from copconnect.directory.names import english
from copconnect.directory.reorganising import planning, tree
from copconnect.directory.reorganising.planning import FormerOrganisation, Holding, Plan
from copconnect.directory.reorganising.tree import Unit
from copconnect.ids import PersonId, PostId, UnitId

LEVELS = {"state": 1, "district": 2, "division": 3, "station": 4}


def _unit(code: str, parent: str | None, level: str, position: int) -> Unit:
    above = None if parent is None else UnitId(parent)
    return Unit(UnitId(code), above, level, english(f"{code} {level}"), position)


UNITS = {
    one.unit_id: one
    for one in (
        _unit("S", None, "state", 0),
        _unit("A", "S", "district", 1),
        _unit("B", "S", "district", 2),
        _unit("A1", "A", "division", 3),
        _unit("A2", "A", "division", 4),
        _unit("A1a", "A1", "station", 5),
        _unit("A1b", "A1", "station", 6),
        _unit("B1", "B", "division", 7),
    )
}
# Two people in each post, two posts in each unit, one charge in the first; and a vacant post.
POSTS = {
    PostId(f"{unit}-{n}"): Holding(
        unit,
        [PersonId(f"{unit}-{n}-{one}") for one in range(2 if n < 2 else 0)],
        [place * 10] if n == 0 else [],
    )
    for place, unit in enumerate(UNITS)
    for n in range(3)
}
FORMER = {UnitId("OLD")}


BEFORE = FormerOrganisation(UNITS, LEVELS, FORMER, POSTS)


def plan(*steps: wire.Step, before: FormerOrganisation = BEFORE) -> Plan:
    return planning.plan(before, steps)


def problems(*steps: wire.Step) -> list[tuple[int, str, str, str]]:
    return [(one.step, one.code, one.unit_id, one.value) for one in plan(*steps).problems]


def add(
    code: str, parent: str | None = "A", level: str = "division", name: str = ""
) -> wire.AddUnit:
    return wire.AddUnit(
        unit_id=UnitId(code),
        parent_id=None if parent is None else UnitId(parent),
        level=level,
        names=english(name or f"New {code}"),
    )


def rename(code: str, name: str, level: str | None = None) -> wire.RenameUnit:
    unit = UnitId(code)
    return wire.RenameUnit(unit_id=unit, level=level or UNITS[unit].level, names=english(name))


def move(code: str, parent: str | None) -> wire.MoveUnit:
    above = None if parent is None else UnitId(parent)
    return wire.MoveUnit(unit_id=UnitId(code), parent_id=above)


def merge(code: str, into: str) -> wire.MergeUnits:
    return wire.MergeUnits(unit_id=UnitId(code), into=UnitId(into))


def remove(code: str) -> wire.RemoveUnit:
    return wire.RemoveUnit(unit_id=UnitId(code))


def order(parent: str | None, *codes: str) -> wire.OrderUnits:
    above = None if parent is None else UnitId(parent)
    return wire.OrderUnits(parent_id=above, unit_ids=[UnitId(one) for one in codes])


def part(
    code: str,
    parent: str = "A",
    level: str = "division",
    *,
    units: tuple[str, ...] = (),
    posts: tuple[str, ...] = (),
    people: tuple[str, ...] = (),
) -> wire.UnitPart:
    return wire.UnitPart(
        unit_id=UnitId(code),
        parent_id=UnitId(parent),
        level=level,
        names=english(f"Part {code}"),
        unit_ids=[UnitId(one) for one in units],
        post_ids=[PostId(one) for one in posts],
        person_ids=[PersonId(one) for one in people],
    )


def split(code: str, *parts: wire.UnitPart) -> wire.SplitUnit:
    return wire.SplitUnit(unit_id=UnitId(code), parts=list(parts))


def test_steps_use_what_earlier_ones_made() -> None:
    found = plan(add("N"), move("A1a", "N"), rename("A1a", "Moved"), merge("A1", "N"))
    assert found.problems == []
    assert {one: unit.parent_id for one, unit in found.units.items() if unit.parent_id == "N"} == {
        "A1a": "N",
        "A1b": "N",
    }
    assert found.into == {"A1": "N"}
    assert found.people == dict.fromkeys(_people_of("A1"), ("A1", "N"))
    assert found.charges == {30: ("A1", "N")}
    assert set(found.posts) == {"A1-0", "A1-1", "A1-2"}
    assert found.units[UnitId("N")].position == 8
    assert tree.paths(found.units)[UnitId("A1a")] == "/S/A/N/A1a/"


def _people_of(unit: str) -> list[PersonId]:
    return [one for post in POSTS.values() if post.unit_id == unit for one in post.people]


def test_a_split_takes_posts_with_their_holders_and_people_without_their_post() -> None:
    parts = (
        part("X", units=("A1a",), posts=("A1-0",), people=("A1-1-0",)),
        part("Y", posts=("A1-2",), people=("A1-0-1",)),
    )
    found = plan(split("A1", *parts))
    assert found.problems == []
    assert found.people == {
        "A1-0-0": ("A1", "X"),
        "A1-0-1": ("A1", "Y"),
        "A1-1-0": ("A1", "X"),
    }
    assert found.posts == {"A1-0": ("A1", "X"), "A1-2": ("A1", "Y")}
    assert found.charges == {30: ("A1", "X")}
    assert found.units[UnitId("A1a")].parent_id == "X"
    assert found.units[UnitId("A1b")].parent_id == "A1"


def test_what_two_steps_move_goes_to_the_last_and_what_comes_back_does_not_move() -> None:
    found = plan(merge("A1", "A2"), merge("A2", "B1"))
    assert found.problems == []
    assert found.into == {"A1": "B1", "A2": "B1"}
    assert {target for _, target in found.people.values()} == {"B1"}
    back = plan(split("A1", part("X", posts=("A1-0",))), merge("X", "A1"))
    assert (back.people, back.posts, back.problems) == ({}, {}, [])
    assert UnitId("X") not in back.units


def test_every_problem_is_named_with_its_step() -> None:
    cases: list[tuple[list[wire.Step], list[tuple[int, str, str, str]]]] = [
        ([rename("A", "B district")], [(0, "name_taken", "A", "B district")]),
        ([add("N", name=" ")], [(0, "name_missing", "N", "")]),
        ([add("N", name="x" * 201)], [(0, "name_malformed", "N", "")]),
        ([add("N", name="=cmd()")], [(0, "name_malformed", "N", "")]),
        ([add("n/1")], [(0, "code_invalid", "n/1", "")]),
        ([add("A1")], [(0, "unit_exists", "A1", "")]),
        ([add("OLD")], [(0, "unit_former", "OLD", "")]),
        ([merge("A1", "A2"), add("A1")], [(1, "unit_former", "A1", "")]),
        ([add("N", "NOWHERE")], [(0, "unit_unknown", "NOWHERE", "")]),
        ([add("N", level="planet")], [(0, "level_unknown", "N", "planet")]),
        ([add("N", level="district")], [(0, "level_unfit", "N", "A")]),
        (
            [rename("A1", "A1 station", "station")],
            [(0, "level_unfit", "A1a", "A1"), (0, "level_unfit", "A1b", "A1")],
        ),
        ([move("A", "A1a")], [(0, "below_itself", "A", "A1a")]),
        ([move("A", "A")], [(0, "below_itself", "A", "A")]),
        ([move("A1", "A")], [(0, "changes_nothing", "A1", "")]),
        ([move("A1", "B1")], [(0, "level_unfit", "A1", "B1")]),
        ([merge("A", "A1")], [(0, "below_itself", "A", "A1")]),
        ([merge("A1", "A1")], [(0, "below_itself", "A1", "A1")]),
        ([merge("A1", "NO")], [(0, "unit_unknown", "NO", "")]),
        ([remove("A1b")], [(0, "not_empty", "A1b", "")]),
        ([remove("A")], [(0, "not_empty", "A", "")]),
        ([order("A", "A2")], [(0, "order_incomplete", "A", "")]),
        ([order("A", "A1", "A2")], [(0, "changes_nothing", "A", "")]),
        ([split("A1", part("X", people=("A2-0-0",)))], [(0, "elsewhere", "X", "A2-0-0")]),
        ([split("A1", part("X", posts=("A2-0",)))], [(0, "elsewhere", "X", "A2-0")]),
        ([split("A1", part("X", units=("A2",)))], [(0, "elsewhere", "X", "A2")]),
        (
            [split("A1", part("X", posts=("A1-0",)), part("Y", posts=("A1-0",)))],
            [(0, "named_twice", "Y", "A1-0")],
        ),
        (
            [split("A1", part("X", "A1a", "station", units=("A1a",)))],
            [(0, "below_itself", "A1a", "X"), (0, "level_unfit", "X", "A1a")],
        ),
        ([rename("B", "B"), rename("B", "A district")], [(1, "name_taken", "B", "A district")]),
    ]
    for steps, expected in cases:
        assert problems(*steps) == expected, steps


def test_an_order_is_of_units_that_keep_their_places_among_all_others() -> None:
    found = plan(order("S", "B", "A"))
    assert found.problems == []
    assert [one.unit_id for one in tree.children(found.units, UnitId("S"))] == ["B", "A"]
    assert sorted(one.position for one in found.units.values()) == list(range(8))


def test_a_path_that_is_too_long_is_refused() -> None:
    units, above = dict(UNITS), "S"
    for n in range(20):
        code = UnitId(f"{n:02d}{'x' * 60}")
        units[code] = Unit(code, UnitId(above), "state", english(code), 100 + n)
        above = code
    levels = {f"l{n}": n for n in range(30)} | {"state": 0}
    found = plan(add("N", above, "l29"), before=FormerOrganisation(units, levels, FORMER, POSTS))
    assert [one.code for one in found.problems] == ["too_deep"]


# --- Random drafts ----------------------------------------------------------------------------

CODES = st.sampled_from([*UNITS, "N1", "N2", "N3"])
PARENTS = CODES | st.none()
IN_LEVELS = st.sampled_from([*LEVELS])
SOME_NAMES = st.builds(english, st.sampled_from(["One", "Two", "Three", " ", "A district"]))
PARTS = st.builds(
    wire.UnitPart,
    unit_id=CODES,
    parent_id=PARENTS,
    level=IN_LEVELS,
    names=SOME_NAMES,
    unit_ids=st.lists(CODES, max_size=2),
    post_ids=st.lists(st.sampled_from([*POSTS]), max_size=3),
    person_ids=st.lists(
        st.sampled_from([one for post in POSTS.values() for one in post.people]), max_size=3
    ),
)
STEPS: st.SearchStrategy[Any] = st.one_of(
    st.builds(wire.AddUnit, unit_id=CODES, parent_id=PARENTS, level=IN_LEVELS, names=SOME_NAMES),
    st.builds(wire.RenameUnit, unit_id=CODES, level=IN_LEVELS, names=SOME_NAMES),
    st.builds(wire.MoveUnit, unit_id=CODES, parent_id=PARENTS),
    st.builds(wire.MergeUnits, unit_id=CODES, into=CODES),
    st.builds(wire.SplitUnit, unit_id=CODES, parts=st.lists(PARTS, min_size=1, max_size=2)),
    st.builds(wire.RemoveUnit, unit_id=CODES),
    st.builds(wire.OrderUnits, parent_id=PARENTS, unit_ids=st.lists(CODES, unique=True)),
)


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_no_draft_makes_a_cycle_or_leaves_anybody_in_no_unit(steps: list[wire.Step]) -> None:
    found = planning.plan(BEFORE, steps)
    paths = tree.paths(found.units)
    assert paths.keys() == found.units.keys()
    homes = {one: post.unit_id for post in POSTS.values() for one in post.people}
    for person, home in homes.items():
        source, target = found.people.get(person, (home, home))
        assert source == home
        assert target in found.units
    for post_id, post in POSTS.items():
        _, target = found.posts.get(post_id, (post.unit_id, post.unit_id))
        assert target in found.units or not (post.people or post.charges)
    # A touched path is one that was there, so that a right over it can be judged.
    touched = tree.touched_paths(UNITS, found.units, found.people.values())
    assert touched <= {*tree.card_paths(UNITS).values(), tree.WHOLE}
    if found.problems:
        assert all(0 <= one.step < len(steps) for one in found.problems)
        return
    for unit in found.units.values():
        if unit.parent_id is not None:
            assert LEVELS[unit.level] > LEVELS[found.units[unit.parent_id].level]


def test_a_right_is_needed_over_what_loses_gets_or_changes_units() -> None:
    def touched(*steps: wire.Step) -> set[str]:
        found = plan(*steps)
        assert found.problems == []
        return tree.touched_paths(UNITS, found.units, found.people.values())

    assert touched(rename("A1", "Other")) == {"S/A/A1"}
    assert touched(move("A1", "B")) == {"S/A", "S/B"}
    assert touched(add("N")) == {"S/A"}
    assert touched(add("N"), add("N1", "N", "station")) == {"S/A"}
    assert touched(merge("A1", "B1")) == {"S/A", "S/B/B1", "S/A/A1"}
    assert touched(order("S", "B", "A")) == {"S"}
    assert touched(move("A1", None)) == {"S/A", ""}
    assert touched(split("A1", part("X", posts=("A1-0",)))) == {"S/A", "S/A/A1"}


def test_steps_are_read_from_json_alone_if_they_are_whole() -> None:
    text = b'{"act":"reorganise_units","steps":[{"step":"move_unit","unitId":"A","parentId":null}]}'
    act = msgspec.json.decode(text, type=wire.ReorganiseUnits)
    assert act.steps == [move("A", None)]
