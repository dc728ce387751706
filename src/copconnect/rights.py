"""The rights of a person, as roles ask about them. Pure.

The rights table (:class:`wire.RightRule`) is administration's; other roles are given what somebody
holds by it, as a :class:`Held`, and ask it. A right holds over a part of the tree: a unit, or a
unit with all below it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from copconnect import errors, wire
from copconnect.ids import PersonId
from copconnect.principals import HeldPlace

WHOLE = ""  # The path of the whole department, which root admins hold.


def covers(above: str, path: str) -> bool:
    """Return whether a unit path is at or below another."""
    return above in (WHOLE, path) or path.startswith(f"{above}/")


def fits(line: wire.RightRule, place: HeldPlace, rank: str, ranks: Mapping[str, int]) -> bool:
    """Return whether a line of the rights table gives its right for a place that somebody holds.
    ``ranks``: the position of each rank; higher is more senior. No place fits a line about
    grants."""
    if line.level and place.level != line.level:
        return False
    match line.holder:
        case "everybody":
            return True
        case "head":
            return place.head
        case "role":
            return line.code in place.roles
        case "rank":
            least, own = ranks.get(line.code), ranks.get(rank)
            return least is not None and own is not None and own >= least
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Held:
    """All rights of a person. The person is not named in it."""

    rights: tuple[wire.HeldRight, ...] = ()

    def paths(self, right: wire.Right) -> list[str]:
        """Return the unit paths over which a right holds with all units below."""
        return [one.path for one in self._of(right) if one.deep]

    def lacking(self, right: wire.Right, paths: Iterable[str]) -> str | None:
        """Return the first of these unit paths over which the right is lacking; None if none."""
        mine = self._of(right)
        return next((path for path in paths if not any(_over(one, path) for one in mine)), None)

    def require(self, right: wire.Right, paths: Iterable[str]) -> None:
        """Raise NotAllowed unless the right holds over all of these unit paths."""
        path = self.lacking(right, paths)
        if path is not None:
            raise errors.NotAllowed(right=right, path=path)

    def has(self, right: wire.Right) -> bool:
        """Return whether the right holds anywhere."""
        return bool(self._of(right))

    def sees_numbers(self, places: Iterable[HeldPlace]) -> bool:
        """Return whether the number of somebody who holds these places may be shown."""
        seen = [one for one in self.rights if one.right == "see_numbers"]
        return any(
            (one.heads and place.head) or _over(one, place.path) for place in places for one in seen
        )

    def _of(self, right: wire.Right) -> list[wire.HeldRight]:
        return [one for one in self.rights if one.right == right and not one.heads]


PersonRefusal = Literal["oneself", "not_in_part", "holds_grants"]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A change of a person by an act or by a row of an import. ``paths``: of the units that the
    person leaves and comes to; ``granted``: those of the grants that the person holds; ``needs``:
    rights that the change asks for beside the right to act, or to import, at all."""

    person_id: PersonId
    paths: frozenset[str]
    granted: frozenset[str] = frozenset()
    needs: frozenset[wire.Right] = frozenset()

    @property
    def touched(self) -> frozenset[str]:
        """The unit paths over which the rights must hold."""
        return self.paths | self.granted


def person_refusal(
    by: PersonId | None, held: Held, right: wire.Right, change: PersonChange
) -> PersonRefusal | None:
    """Return why somebody with these rights may not change a person so; None if that is allowed.
    ``by``: None for a program.

    Nobody changes themselves. A person who holds grants is changed only by somebody who has the
    rights over all granted units, too: the person's account gives every right over those.
    """
    if change.person_id == by:
        return "oneself"
    rights = {right, *change.needs}
    if any(held.lacking(one, change.paths) is not None for one in rights):
        return "not_in_part"
    if any(held.lacking(one, change.granted) is not None for one in rights):
        return "holds_grants"
    return None


def require_changes(
    by: PersonId, held: Held, right: wire.Right, changes: Iterable[PersonChange]
) -> None:
    """Raise ActInvalid, or NotAllowed, for a change that somebody may not ask for; ``held``: the
    rights of that person, or of somebody who approves it."""
    for change in changes:
        reason = person_refusal(by, held, right, change)
        if reason == "oneself":
            raise errors.ActInvalid(reason=reason)
        if reason is not None:
            for one in sorted({right, *change.needs}):
                held.require(one, sorted(change.touched))


@dataclass(frozen=True, slots=True)
class ImportingAdmin:
    """The person for whom files are read. ``path``: of a unit at or above the person's part;
    ``granted``: unit paths of the grants in force, by who holds them."""

    person_id: PersonId
    held: Held
    path: str
    granted: Mapping[PersonId, Collection[str]]

    def has(self, path: str) -> bool:
        """Return whether a unit is in the part of this person."""
        return self.held.lacking("import_people", [path]) is None

    def sees_numbers(self, path: str) -> bool:
        """Return whether numbers of this unit's people are shown."""
        return self.held.lacking("see_numbers", [path]) is None

    def refusal(self, change: PersonChange) -> PersonRefusal | None:
        """Return why this person may not import a change."""
        return person_refusal(self.person_id, self.held, "import_people", change)


def _over(one: wire.HeldRight, path: str) -> bool:
    if one.heads:
        return False
    if one.path == path:
        return True
    return one.deep and covers(one.path, path)
