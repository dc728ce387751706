"""The rights of a person, as roles ask about them. Pure.

The rights table (:class:`wire.RightRule`) is administration's; other roles are given what somebody
holds by it, as :class:`HeldRights`, and ask them. A right holds over a part of the tree: a unit, or
a unit with all below it.

Invariant: every statement that writes people, posts, units, enrolment codes or what imports
remember takes a :data:`Permit` and refuses to write what it does not cover. A permit is an
operator, or a :class:`Decided`, which :func:`decide` and :func:`decide_for_system` alone make
(``tests/layers/test_permits.py``). So an act, an import, an upload, undoing, a reorganisation, a
planned transfer and SCIM are judged by one function.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from copconnect import errors, wire
from copconnect.ids import PersonId
from copconnect.principals import HeldPlace, Operator, Principal

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
class HeldRights:
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

    def covering(self, right: wire.Right, path: str) -> list[str]:
        """Return the unit paths by which the right holds over a unit."""
        return [one.path for one in self._of(right) if _over(one, path)]

    def _of(self, right: wire.Right) -> list[wire.HeldRight]:
        return [one for one in self.rights if one.right == right and not one.heads]


PersonRefusal = Literal["oneself", "not_in_part", "holds_grants"]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A change of a person by an act or by a row of an import. ``paths``: of the units that the
    person leaves and comes to; ``granted``: those of the grants that the person holds; ``charged``:
    those in which the person holds a charge; ``needs``: rights that the change asks for beside the
    right to act, or to import, at all; ``made``: the person is new, or gets a number or a code by
    which to register."""

    person_id: PersonId
    paths: frozenset[str]
    granted: frozenset[str] = frozenset()
    needs: frozenset[wire.Right] = frozenset()
    made: bool = False
    charged: frozenset[str] = frozenset()

    @property
    def given(self) -> frozenset[str]:
        """The unit paths over which the person's account gives rights. Charges count where the
        change lets somebody get the account."""
        return self.granted | self.charged if self.made else self.granted

    @property
    def touched(self) -> frozenset[str]:
        """The unit paths over which the rights must hold."""
        return self.paths | self.given


def person_refusal(
    by: PersonId | None, held: HeldRights, right: wire.Right, change: PersonChange
) -> PersonRefusal | None:
    """Return why somebody with these rights may not change a person so; None if that is allowed.
    ``by``: None for a program.

    Nobody changes themselves. A person who holds grants is changed only by somebody who has the
    rights over all granted units, too: the person's account gives every right over those. A number
    or code gives the account away, and with it the rights of charges.
    """
    if change.person_id == by:
        return "oneself"
    rights = {right, *change.needs}
    if any(held.lacking(one, change.paths) is not None for one in rights):
        return "not_in_part"
    if any(held.lacking(one, change.given) is not None for one in rights):
        return "holds_grants"
    return None


class Undecided(Exception):
    """A statement was about to write something that nobody decided: a mistake of ours."""


_DECIDED = object()


class Decided:
    """Changes that somebody may make. ``by``: in whose name they are done; ``people``: the changes
    of people; ``paths``: the unit paths over which the right holds."""

    __slots__ = ("by", "held", "paths", "people", "right")

    def __init__(
        self,
        key: object,
        by: Principal,
        right: wire.Right,
        paths: frozenset[str],
        people: Mapping[PersonId, PersonChange],
        held: tuple[HeldRights, ...] = (),
    ) -> None:
        if key is not _DECIDED:
            raise Undecided("decide() alone makes this")
        self.by, self.right, self.paths, self.people = by, right, paths, people
        self.held = held


Permit = Operator | Decided


def decide(
    by: Principal,
    asker: PersonId,
    held: Iterable[HeldRights],
    right: wire.Right,
    paths: Iterable[str],
    changes: Iterable[PersonChange],
) -> Decided:
    """Return the permit for an act that touches these unit paths and changes these people.
    ``held``: the rights of the asker, and of somebody who approves it.

    Raises ActInvalid, or NotAllowed.
    """
    touched, people = frozenset(paths), {one.person_id: one for one in changes}
    all_held = tuple(held)
    for one in all_held:
        one.require(right, sorted(touched))
        for change in people.values():
            reason = person_refusal(asker, one, right, change)
            if reason == "oneself":
                raise errors.ActInvalid(reason=reason)
            if reason is not None:
                for needed in sorted({right, *change.needs}):
                    one.require(needed, sorted(change.touched))
    return Decided(_DECIDED, by, right, touched, people, all_held)


def decide_for_system(
    by: Principal, changes: Iterable[PersonChange], taking_over: Collection[PersonId]
) -> Decided | PersonRefusal:
    """Return the permit of a system that changes people over SCIM, or why it gets none. It has no
    rights itself. ``taking_over``: people who get a number, or whose suspension ends: for
    somebody who holds grants, that would give the grants to another phone."""
    people = {one.person_id: one for one in changes}
    for person_id in taking_over:
        change = people[person_id]
        if change.granted:
            return "holds_grants"
    return Decided(_DECIDED, by, "manage_people", frozenset({WHOLE}), people)


def spender_of(permit: Permit) -> str | None:
    """Return under whose name people who leave are counted: one name for all devices and ways; None
    where a second admin agreed."""
    by = principal_of(permit)
    if isinstance(by, Operator):
        return f"operator {by.login}"[:80]
    return by.person_id if isinstance(permit, Decided) and len(permit.held) < 2 else None


def principal_of(permit: Permit) -> Principal:
    """Return in whose name something is done."""
    return permit if isinstance(permit, Operator) else permit.by


def require_people(permit: Permit, person_ids: Iterable[PersonId]) -> None:
    """Raise Undecided unless a permit covers the change of these people."""
    if not isinstance(permit, Operator):
        _require(one in permit.people for one in person_ids)


def require_codes(permit: Permit, person_ids: Iterable[PersonId]) -> None:
    """Raise Undecided unless a permit covers new enrolment codes of these people."""
    if not isinstance(permit, Operator):
        people = permit.people
        _require(
            one in people and "enrol" in {permit.right, *people[one].needs} for one in person_ids
        )


def require_units(permit: Permit, paths: Iterable[str]) -> None:
    """Raise Undecided unless a permit covers units and posts at these unit paths."""
    if not isinstance(permit, Operator):
        over = permit.paths | {path for one in permit.people.values() for path in one.paths}
        _require(any(covers(one, path) for one in over) for path in paths)


def allows_part(permit: Permit, part: Iterable[str]) -> bool:
    """Return whether somebody who decided holds the right over all of these unit paths: what an
    import remembers, it remembers for a part."""
    if isinstance(permit, Operator):
        return True
    paths = list(part)
    return any(one.lacking(permit.right, paths) is None for one in permit.held)


def require_part(permit: Permit, part: Iterable[str]) -> None:
    """Raise Undecided unless :func:`allows_part`."""
    _require([allows_part(permit, part)])


def allows_whole(permit: Permit) -> bool:
    """Return whether a permit covers the organisation of the whole department."""
    return isinstance(permit, Operator) or WHOLE in permit.paths


def require_whole(permit: Permit) -> None:
    """Raise Undecided unless a permit covers the organisation of the whole department."""
    _require([allows_whole(permit)])


def _require(covered: Iterable[bool]) -> None:
    if not all(covered):
        raise Undecided("the permit does not cover this")


@dataclass(frozen=True, slots=True)
class ImportingAdmin:
    """The person for whom files are read. ``path``: of a unit at or above the person's part;
    ``granted``: unit paths of the grants in force, by who holds them."""

    person_id: PersonId
    held: HeldRights
    path: str
    granted: Mapping[PersonId, Collection[str]]

    @property
    def part(self) -> tuple[str, ...]:
        """The paths of the highest units whose people this admin may import."""
        paths = sorted(set(self.held.paths("import_people")))
        return tuple(
            one for one in paths if not any(each != one and covers(each, one) for each in paths)
        )

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
