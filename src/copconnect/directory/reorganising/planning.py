"""Plans of reorganisations: steps over a tree in, the tree afterwards and every problem out. Pure.

Steps are done in order on a copy of the tree, so that a step may use a unit that an earlier one
made. The levels, the names and the length of paths are judged in the tree that results, and the
problem is that of the last step that touched the unit.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from copconnect import wire
from copconnect.directory import names, rules
from copconnect.directory.databank import CODE, FORMULA, MALFORMED, MAX_CODE, MAX_VALUE
from copconnect.directory.reorganising import tree
from copconnect.directory.reorganising.tree import Tree, Unit
from copconnect.ids import PersonId, PostId, UnitId

T = TypeVar("T")
MAX_PATH = 1024  # A path on a card or in a grant is no longer (wire.UnitPath).


@dataclass(frozen=True, slots=True)
class Holding:
    """A post: its unit, the people who hold it by their row, suspended ones included, and the
    charges by which others do."""

    unit_id: UnitId
    people: Collection[PersonId]
    charges: Collection[int]


@dataclass(frozen=True, slots=True)
class FormerOrganisation:
    """The organisation before a reorganisation. ``levels``: the position of each, top first;
    ``former``: codes of units that a reorganisation ended; ``posts``: those of the units that a
    step merges, splits or removes."""

    units: Tree
    levels: Mapping[str, int]
    former: Collection[UnitId]
    posts: Mapping[PostId, Holding]


@dataclass(slots=True)
class Plan:
    """The organisation afterwards. ``into``: where the units go that are merged; ``people``,
    ``charges`` and ``posts``: from which unit to which. A post that goes takes its holders along;
    a person alone leaves it there."""

    units: dict[UnitId, Unit]
    into: dict[UnitId, UnitId] = field(default_factory=dict)
    people: dict[PersonId, tuple[UnitId, UnitId]] = field(default_factory=dict)
    charges: dict[int, tuple[UnitId, UnitId]] = field(default_factory=dict)
    posts: dict[PostId, tuple[UnitId, UnitId]] = field(default_factory=dict)
    problems: list[wire.StepProblem] = field(default_factory=list)


def named_units(steps: Iterable[wire.Step]) -> set[UnitId]:
    """Return the units whose posts a plan needs."""
    return {
        step.unit_id
        for step in steps
        if isinstance(step, wire.MergeUnits | wire.SplitUnit | wire.RemoveUnit)
    }


def plan(before: FormerOrganisation, steps: Iterable[wire.Step]) -> Plan:
    """Return the organisation after these steps, or every problem that they have."""
    planning = _Planning(before)
    for index, step in enumerate(steps):
        planning.apply(index, step)
    return planning.end()


class _Planning:
    """The tree while steps change it."""

    def __init__(self, before: FormerOrganisation) -> None:
        self._before = before
        self._units = dict(before.units)
        self._into: dict[UnitId, UnitId] = {}
        self._ended: set[UnitId] = set()
        self._touched: dict[UnitId, int] = {}  # The last step that changed a unit.
        self._problems: list[wire.StepProblem] = []
        self._index = 0
        self._posts: _Places[PostId] = _Places()
        self._people: _Places[PersonId] = _Places()
        self._charges: _Places[int] = _Places()
        for post_id, post in before.posts.items():
            self._posts.begin(post_id, post.unit_id)
            for person in post.people:
                self._people.begin(person, post.unit_id)
            for charge in post.charges:
                self._charges.begin(charge, post.unit_id)

    def apply(self, index: int, step: wire.Step) -> None:
        """Do one step, as far as it can be done."""
        self._index = index
        match step:
            case wire.AddUnit():
                self._add(step)
            case wire.RenameUnit():
                self._rename(step)
            case wire.MoveUnit():
                self._move(step)
            case wire.MergeUnits():
                self._merge(step)
            case wire.SplitUnit():
                self._split(step)
            case wire.RemoveUnit():
                self._remove(step)
            case wire.OrderUnits():
                self._order(step)

    def end(self) -> Plan:
        """Judge the tree as a whole."""
        self._check_places()
        self._problems.sort(key=lambda one: one.step)
        return Plan(
            units=self._units,
            into=self._into,
            people=self._people.moved(),
            charges=self._charges.moved(),
            posts=self._posts.moved(),
            problems=self._problems,
        )

    # --- Steps --------------------------------------------------------------------------------

    def _add(self, step: wire.AddUnit | wire.UnitPart) -> bool:
        """Add a unit; return whether it is there now."""
        good = self._check_code(step.unit_id)
        good &= self._check_names(step.unit_id, step.names)
        good &= self._check_level(step.unit_id, step.level)
        good &= step.parent_id is None or self._known(step.parent_id)
        if good:
            position = max((one.position for one in self._units.values()), default=-1) + 1
            self._put(Unit(step.unit_id, step.parent_id, step.level, step.names, position))
        return good

    def _rename(self, step: wire.RenameUnit) -> None:
        good = self._known(step.unit_id) and self._check_names(step.unit_id, step.names)
        if not (good and self._check_level(step.unit_id, step.level)):
            return
        unit = self._units[step.unit_id]
        if (unit.names, unit.level) == (step.names, step.level):
            self._problem("changes_nothing", step.unit_id)
        self._put(msgspec.structs.replace(unit, names=step.names, level=step.level))

    def _move(self, step: wire.MoveUnit) -> None:
        if not self._known(step.unit_id, *([] if step.parent_id is None else [step.parent_id])):
            return
        if self._units[step.unit_id].parent_id == step.parent_id:
            self._problem("changes_nothing", step.unit_id)
        self._move_below(step.unit_id, step.parent_id)

    def _move_below(self, unit_id: UnitId, parent_id: UnitId | None) -> None:
        if tree.is_within(self._units, parent_id, unit_id):
            self._problem("below_itself", unit_id, parent_id or "")
            return
        self._put(msgspec.structs.replace(self._units[unit_id], parent_id=parent_id))

    def _merge(self, step: wire.MergeUnits) -> None:
        if not self._known(step.unit_id, step.into):
            return
        if tree.is_within(self._units, step.into, step.unit_id):
            self._problem("below_itself", step.unit_id, step.into)
            return
        for one in tree.children(self._units, step.unit_id):
            self._put(msgspec.structs.replace(one, parent_id=step.into))
        for kept in (self._posts, self._people, self._charges):
            kept.pour(step.unit_id, step.into)
        self._into = {
            one: step.into if at == step.unit_id else at for one, at in self._into.items()
        }
        if step.unit_id in self._before.units:
            self._into[step.unit_id] = step.into
        self._end_unit(step.unit_id)

    def _split(self, step: wire.SplitUnit) -> None:
        if not self._known(step.unit_id):
            return
        made = [part for part in step.parts if self._add(part)]
        named: set[str] = set()
        for part in made:
            for unit_id in part.unit_ids:
                if self._named_once(part, unit_id, named):
                    self._part_unit(step, part, unit_id)
            for post_id in part.post_ids:
                if self._named_once(part, post_id, named):
                    self._part_post(step, part, post_id)
        # Somebody who is named goes where their post does not.
        for part in made:
            for person in part.person_ids:
                if not self._named_once(part, person, named):
                    continue
                if self._people.at(person) not in (step.unit_id, *(one.unit_id for one in made)):
                    self._problem("elsewhere", part.unit_id, person)
                    continue
                self._people.move(person, part.unit_id)

    def _part_unit(self, step: wire.SplitUnit, part: wire.UnitPart, unit_id: UnitId) -> None:
        unit = self._units.get(unit_id)
        if unit is None or unit.parent_id != step.unit_id:
            self._problem("elsewhere", part.unit_id, unit_id)
        else:
            self._move_below(unit_id, part.unit_id)

    def _part_post(self, step: wire.SplitUnit, part: wire.UnitPart, post_id: PostId) -> None:
        if self._posts.at(post_id) != step.unit_id:
            self._problem("elsewhere", part.unit_id, post_id)
            return
        post = self._before.posts[post_id]
        self._posts.move(post_id, part.unit_id)
        for person in post.people:
            if self._people.at(person) == step.unit_id:
                self._people.move(person, part.unit_id)
        for charge in post.charges:
            if self._charges.at(charge) == step.unit_id:
                self._charges.move(charge, part.unit_id)

    def _named_once(self, part: wire.UnitPart, name: str, named: set[str]) -> bool:
        if name in named:
            self._problem("named_twice", part.unit_id, name)
            return False
        named.add(name)
        return True

    def _remove(self, step: wire.RemoveUnit) -> None:
        if not self._known(step.unit_id):
            return
        unit = step.unit_id
        held = self._people.any_in(unit) or self._charges.any_in(unit)
        if held or tree.children(self._units, unit):
            self._problem("not_empty", unit)
            return
        self._end_unit(unit)

    def _order(self, step: wire.OrderUnits) -> None:
        if step.parent_id is not None and not self._known(step.parent_id):
            return
        there = tree.children(self._units, step.parent_id)
        ids = [one.unit_id for one in there]
        if sorted(ids) != sorted(step.unit_ids):
            self._problem("order_incomplete", step.parent_id or UnitId(""))
            return
        if ids == step.unit_ids:
            self._problem("changes_nothing", step.parent_id or UnitId(""))
        # The places that these units have among all others stay theirs.
        for unit_id, old in zip(step.unit_ids, there, strict=True):
            unit = self._units[UnitId(unit_id)]
            self._units[unit.unit_id] = msgspec.structs.replace(unit, position=old.position)

    def _put(self, unit: Unit) -> None:
        self._units[unit.unit_id] = unit
        self._touched[unit.unit_id] = self._index

    def _end_unit(self, unit_id: UnitId) -> None:
        del self._units[unit_id]
        self._ended.add(unit_id)
        self._touched.pop(unit_id, None)

    # --- What is wrong ------------------------------------------------------------------------

    def _problem(
        self,
        code: wire.StepProblemCode,
        unit_id: UnitId,
        value: str = "",
        step: int | None = None,
    ) -> None:
        at = self._index if step is None else step
        self._problems.append(wire.StepProblem(step=at, code=code, unit_id=unit_id, value=value))

    def _known(self, *unit_ids: UnitId) -> bool:
        unknown = [one for one in unit_ids if one not in self._units]
        for unit_id in unknown:
            self._problem("unit_unknown", unit_id)
        return not unknown

    def _check_code(self, unit_id: UnitId) -> bool:
        code: wire.StepProblemCode | None = None
        if len(unit_id) > MAX_CODE or not CODE.fullmatch(unit_id):
            code = "code_invalid"
        elif unit_id in self._units:
            code = "unit_exists"
        elif unit_id in self._before.former or unit_id in self._ended:
            code = "unit_former"
        if code is not None:
            self._problem(code, unit_id)
        return code is None

    def _check_names(self, unit_id: UnitId, given: wire.Names) -> bool:
        spelled = names.spellings(given)
        code: wire.StepProblemCode | None = None
        if not given.en.strip():
            code = "name_missing"
        elif any(map(_malformed, spelled)):
            code = "name_malformed"
        if code is not None:
            self._problem(code, unit_id)
        return code is None

    def _check_level(self, unit_id: UnitId, level: str) -> bool:
        if level not in self._before.levels:
            self._problem("level_unknown", unit_id, level)
        return level in self._before.levels

    def _check_places(self) -> None:
        """Check levels, names and paths of the units that steps changed, and the levels of those
        right below them."""
        paths = tree.card_paths(self._units)
        by_parent: dict[UnitId | None, list[Unit]] = {}
        for unit in self._units.values():
            by_parent.setdefault(unit.parent_id, []).append(unit)
        for unit_id, step in self._touched.items():
            unit = self._units[unit_id]
            siblings = by_parent[unit.parent_id]
            spelled = rules.fold(unit.names.en)
            if any(one is not unit and rules.fold(one.names.en) == spelled for one in siblings):
                self._problem("name_taken", unit_id, unit.names.en, step)
            if unit.parent_id is not None:
                self._check_fits(unit, self._units[unit.parent_id], step)
            for one in by_parent.get(unit_id, ()):
                if one.unit_id not in self._touched:
                    self._check_fits(one, unit, step)
            if any(len(paths[one]) > MAX_PATH for one in _within(by_parent, unit_id)):
                self._problem("too_deep", unit_id, step=step)

    def _check_fits(self, unit: Unit, parent: Unit, step: int) -> None:
        levels = self._before.levels
        # A level that the data bank lost since is judged by its next import.
        if levels.get(unit.level, len(levels) + 1) <= levels.get(parent.level, 0):
            self._problem("level_unfit", unit.unit_id, parent.unit_id, step)


class _Places(Generic[T]):
    """The units in which things are while steps move them."""

    def __init__(self) -> None:
        self._first: dict[T, UnitId] = {}
        self._units: dict[UnitId, dict[T, None]] = {}
        self._at: dict[T, UnitId] = {}

    def begin(self, one: T, unit_id: UnitId) -> None:
        """Put something where it is before any step."""
        self._first[one] = unit_id
        self.move(one, unit_id)

    def move(self, one: T, unit_id: UnitId) -> None:
        """Put something into a unit."""
        if one in self._at:
            self._units[self._at[one]].pop(one)
        self._at[one] = unit_id
        self._units.setdefault(unit_id, {})[one] = None

    def at(self, one: T) -> UnitId | None:
        """Return where something is; None for what no step names."""
        return self._at.get(one)

    def pour(self, source: UnitId, target: UnitId) -> None:
        """Put everything of one unit into another."""
        for one in list(self._units.get(source, ())):
            self.move(one, target)

    def any_in(self, unit_id: UnitId) -> bool:
        """Return whether anything is in a unit."""
        return bool(self._units.get(unit_id))

    def moved(self) -> dict[T, tuple[UnitId, UnitId]]:
        """Return from which unit to which each thing went."""
        return {one: (at, self._at[one]) for one, at in self._first.items() if at != self._at[one]}


def _malformed(name: str) -> bool:
    long = len(name) > MAX_VALUE
    return long or bool(MALFORMED.search(name)) or name.startswith(FORMULA)


def _within(by_parent: Mapping[UnitId | None, list[Unit]], unit_id: UnitId) -> Iterable[UnitId]:
    """Yield a unit and all below it."""
    waiting = [unit_id]
    while waiting:
        at = waiting.pop()
        yield at
        waiting += [one.unit_id for one in by_parent.get(at, ())]
