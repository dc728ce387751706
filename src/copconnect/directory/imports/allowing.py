"""The changes of people that an import may make and its preview may show, by who imports. Pure.

Invariant: parts are judged by the units as they are stored. A file that moves a unit brings nobody
into anybody's part.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from copconnect import wire
from copconnect.directory import rules
from copconnect.directory.changes import PeopleChanges
from copconnect.directory.databank import BankProblem, DataBank
from copconnect.directory.names import RowValues
from copconnect.ids import PersonId, UnitId
from copconnect.rights import WHOLE, ImportingAdmin, PersonChange, PersonRefusal

# An import names at most so many units that it touches; beyond that, those above them.
MOST_PATHS = 100
_HOLDERS: frozenset[wire.Right] = frozenset({"manage_people"})
_CODES: frozenset[wire.Right] = frozenset({"enrol"})


@dataclass(frozen=True, slots=True)
class ImportView:
    """The part of the data bank that an import may show. ``units``: of the part, None: all;
    ``numbers``: the units whose people's numbers are shown, None: all; ``whole``: units, ranks and
    posts of the department too."""

    units: frozenset[UnitId] | None = None
    numbers: frozenset[UnitId] | None = None
    whole: bool = True

    def has(self, unit_id: str) -> bool:
        """Return whether people of a unit are shown."""
        return self.units is None or unit_id in self.units

    def shows_number(self, unit_id: str) -> bool:
        """Return whether numbers of a unit's people are shown."""
        return self.numbers is None or unit_id in self.numbers


def view_of(admin: ImportingAdmin | None, paths: Mapping[UnitId, str]) -> ImportView:
    """Return what somebody is shown; None: an operator, who is shown everything. ``paths``: of the
    stored units."""
    if admin is None:
        return ImportView()
    return ImportView(
        frozenset(unit for unit, path in paths.items() if admin.has(path.strip("/"))),
        frozenset(unit for unit, path in paths.items() if admin.sees_numbers(path.strip("/"))),
        admin.has(WHOLE),
    )


def with_codes(bank: DataBank) -> set[PersonId]:
    """Return the people to whom a file gives enrolment codes."""
    return {person.person_id for person in bank.people if person.enrolment_code}


def changes_of(
    found: PeopleChanges,
    stored: Mapping[PersonId, RowValues],
    coded: Collection[PersonId],
    paths: Mapping[UnitId, str],
    granted: Mapping[PersonId, Collection[str]],
    charged: Iterable[tuple[PersonId, UnitId]],
) -> Iterator[PersonChange]:
    """Yield the changes of people, as rights judge them. ``coded``: people who get enrolment codes;
    ``paths``: of the stored units; ``granted``: unit paths of grants in force, by holder;
    ``charged``: who holds a charge in which unit."""
    charges: dict[PersonId, set[str]] = {}
    for person_id, unit_id in charged:
        charges.setdefault(person_id, set()).add(unit_id)
    units: dict[PersonId, set[str]] = {row["person_id"]: {row["unit_id"]} for row in found.insert}
    made = {*units, *coded, *found.returned}
    for row in found.update:
        person_id = row["person_id"]
        if person_id in found.followed:
            continue  # The post changes, which is the department's.
        if row["number"] != stored[person_id]["number"]:
            made.add(person_id)
        units[person_id] = {row["unit_id"], stored[person_id]["unit_id"]}
    for person_id in (*found.removed, *coded):
        if person_id not in units:
            units[person_id] = {stored[person_id]["unit_id"]}
    for person_id, some in units.items():
        yield person_change(
            person_id,
            paths_of(some, paths),
            granted.get(person_id, ()),
            paths_of(charges.get(person_id, ()), paths),
            coded=person_id in coded,
            made=person_id in made,
        )


def person_change(
    person_id: PersonId,
    paths: frozenset[str],
    granted: Collection[str],
    charged: frozenset[str],
    *,
    coded: bool = False,
    made: bool = False,
) -> PersonChange:
    """Return a change as rights judge it. An import needs what the single act needs, too:
    ``manage_people`` for somebody who holds grants, ``enrol`` for a new code."""
    needs = (_HOLDERS if granted else frozenset()) | (_CODES if coded else frozenset())
    return PersonChange(person_id, paths, frozenset(granted), needs, made, charged)


def touched(changes: Iterable[PersonChange], *, whole: bool) -> list[str]:
    """Return the units that changes touch, as unit paths; "" where the organisation changes too
    (``whole``)."""
    return narrowed({WHOLE} if whole else {path for one in changes for path in one.touched})


def narrowed(paths: Collection[str]) -> list[str]:
    """Return unit paths, ordered. Very many are replaced by those above them, over which a right
    must hold then."""
    depth = max((path.count("/") + 1 for path in paths), default=1)
    while WHOLE not in paths and len(paths) > MOST_PATHS and depth > 0:
        depth -= 1
        paths = {"/".join(path.split("/")[:depth]) for path in paths}
    return [WHOLE] if WHOLE in paths else sorted(paths)


def paths_of(units: Iterable[str], paths: Mapping[UnitId, str]) -> frozenset[str]:
    """Return the paths of units; one that is not stored counts as the department."""
    return frozenset(paths.get(UnitId(unit), WHOLE).strip("/") for unit in units)


def refused_people(
    admin: ImportingAdmin,
    bank: DataBank,
    found: PeopleChanges,
    stored: Mapping[PersonId, RowValues],
    paths: Mapping[UnitId, str],
    charged: Iterable[tuple[PersonId, UnitId]],
    people_file: str,
) -> dict[PersonId, BankProblem]:
    """Return whom somebody may not import so, and why: people whom the import changes, and all whom
    the file names outside the part, whether it changes them or not. Otherwise a preview would tell
    whether a guess is right. ``people_file``: names people who would leave because the file lacks
    them."""
    reasons: dict[PersonId, PersonRefusal] = {}
    changed: set[PersonId] = set()
    coded = with_codes(bank)
    for change in changes_of(found, stored, coded, paths, admin.granted, charged):
        changed.add(change.person_id)
        reason = admin.refusal(change)
        if reason is not None:
            reasons[change.person_id] = reason
    units: dict[PersonId, set[str]] = {one.person_id: {one.unit} for one in bank.people}
    for person_id in (units.keys() | bank.gone) - changed:
        known = {stored[person_id]["unit_id"]} if person_id in stored else set()
        named = paths_of(units.get(person_id, set()) | known or {""}, paths)
        if not all(admin.has(path) for path in named):
            reasons[person_id] = "not_in_part"
    codes = {rules.person_id(code): code for code in bank.lines}
    found_problems: dict[PersonId, BankProblem] = {}
    for person_id, why in reasons.items():
        code = codes.get(person_id) or str(stored[person_id]["code"])
        file, line = bank.lines.get(code, (people_file, 0))
        found_problems[person_id] = BankProblem(file, line, why, code, "code")
    return found_problems
