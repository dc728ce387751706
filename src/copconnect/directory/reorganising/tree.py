"""The tree of units as values, and what a change of it touches. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from copconnect import wire
from copconnect.directory import names, rules
from copconnect.ids import PersonId, UnitId

WHOLE = ""  # The path above the top units, which root admins alone hold.


class Unit(msgspec.Struct, frozen=True):
    """A unit, as stored but for its path, which follows from the parents."""

    unit_id: UnitId
    parent_id: UnitId | None
    level: str
    names: wire.Names
    position: int

    def state(self) -> wire.UnitState:
        """Return the unit as previews show it."""
        return wire.UnitState(parent_id=self.parent_id, level=self.level, names=self.names)


Tree = Mapping[UnitId, Unit]
Moves = Mapping[PersonId, tuple[UnitId, UnitId]]  # From which unit to which.


def of_rows(rows: Iterable[Any]) -> dict[UnitId, Unit]:
    """Return the tree of stored rows, in their order."""
    return {
        row.unit_id: Unit(row.unit_id, row.parent_id, row.level, names.of(row), row.position)
        for row in rows
    }


def paths(tree: Tree) -> dict[UnitId, str]:
    """Return each unit's path as stored; units in a cycle are left out."""
    return rules.unit_paths({one.unit_id: one.parent_id for one in tree.values()})


def card_paths(tree: Tree) -> dict[UnitId, str]:
    """Return each unit's path as cards and grants write it."""
    return {unit_id: path.strip("/") for unit_id, path in paths(tree).items()}


def children(tree: Tree, parent_id: UnitId | None) -> list[Unit]:
    """Return the units right below one, in order; None: the top units."""
    found = [one for one in tree.values() if one.parent_id == parent_id]
    return sorted(found, key=lambda one: (one.position, one.unit_id))


def is_within(tree: Tree, unit_id: UnitId | None, above: UnitId) -> bool:
    """Return whether a unit is at or below another in a tree without cycles."""
    while unit_id is not None:
        if unit_id == above:
            return True
        unit = tree.get(unit_id)
        unit_id = None if unit is None else unit.parent_id
    return False


def changed(before: Tree, after: Tree) -> list[UnitId]:
    """Return the units whose rows differ, in the order of both trees."""
    return [one for one in {**before, **after} if before.get(one) != after.get(one)]


def kinds(before: Unit | None, after: Unit | None, *, merged: bool) -> list[wire.UnitChangeKind]:
    """Return what happens to a unit."""
    if before is None:
        return ["added"]
    if after is None:
        return ["merged" if merged else "removed"]
    found: list[wire.UnitChangeKind] = []
    if before.names != after.names:
        found.append("renamed")
    if before.level != after.level:
        found.append("level")
    if before.parent_id != after.parent_id:
        found.append("moved")
    if before.position != after.position:
        found.append("order")
    return found


def touched_paths(before: Tree, after: Tree, moved: Iterable[tuple[UnitId, UnitId]]) -> set[str]:
    """Return the unit paths, as grants write them, over which the right must hold: of units with
    another name or level, of the parents that lose, get or order units, and of the units that
    people leave and come to. A unit that is new counts as its nearest one above that is not."""
    there = card_paths(before)

    def near(unit_id: UnitId | None) -> str:
        while unit_id is not None and unit_id not in there:
            unit_id = after[unit_id].parent_id
        return WHOLE if unit_id is None else there[unit_id]

    found = {near(one) for move in moved for one in move}
    for unit_id in changed(before, after):
        old, new = before.get(unit_id), after.get(unit_id)
        if old is None or new is None or old.parent_id != new.parent_id:
            found |= {near(one.parent_id) for one in (old, new) if one is not None}
        if old is not None and new is not None:
            if old.position != new.position:
                found.add(near(old.parent_id))
            if (old.names, old.level) != (new.names, new.level):
                found.add(there[unit_id])
    return found


def counted(before: Tree, after: Tree) -> list[UnitId]:
    """Return the units whose people, with all below, a change touches: those with another name,
    level or parent, and the units that end; none that lies below another of them."""
    own = {
        one
        for one in changed(before, after)
        if one in before and kinds(before[one], after.get(one), merged=False) != ["order"]
    }
    return [one for one in own if not _below_any(before, one, own)]


def _below_any(tree: Tree, unit_id: UnitId, others: set[UnitId]) -> bool:
    at = tree[unit_id].parent_id
    while at is not None and at not in others:
        at = tree[at].parent_id
    return at is not None


def at_or_below(tree: Tree, unit_ids: Iterable[UnitId]) -> set[UnitId]:
    """Return these units and all below them."""
    tops = set(unit_ids)
    return {
        one for one, path in paths(tree).items() if not tops.isdisjoint(rules.units_above(path))
    }


def common(card_paths: Iterable[str]) -> str:
    """Return the path of the lowest unit at or above all of these, as grants write them."""
    parts = [path.split("/") for path in card_paths]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def placed_anew(before: Tree, after: Tree) -> set[UnitId]:
    """Return the units of before whose people stand in another place afterwards: another path or
    level, or the unit ends."""
    old, new = paths(before), paths(after)
    return {
        one
        for one in before
        if old.get(one) != new.get(one) or before[one].level != after[one].level
    }
