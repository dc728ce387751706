"""Audiences judged one person at a time: the members of its conversation and its admins. Pure.

The Directory's statements answer the same for all people at once; a property test compares them.
A member is an admin of the audience's conversation if the rights table lets the member write to
large groups (``send_large``) at one of its units, or at a unit above one: the heads, unless the
table says otherwise. A clause that names neither units nor posts counts as one of the department's
top units. A clause that names posts and no units has no admin: a message to a post is between the
two.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from copconnect import wire
from copconnect.directory import rules
from copconnect.ids import PersonId, PostId, UnitId

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PlacedPost:
    """A post that a person holds. ``path``: of its unit, as ``rules.unit_paths``."""

    post_id: PostId
    unit_id: UnitId
    path: str
    level: str
    roles: frozenset[str]
    head: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that decide where a person belongs. A person without a post belongs only to
    audiences that list that person."""

    person_id: PersonId
    rank: str
    places: tuple[PlacedPost, ...]


def fits(clause: wire.Clause, rank: str, place: PlacedPost) -> bool:
    """Return whether a clause takes a person of this rank for this place."""
    if clause.everyone:
        return True
    within = not clause.units or (
        any(one in clause.units for one in rules.units_above(place.path))
        if clause.below
        else place.unit_id in clause.units
    )
    return (
        within
        and (not clause.posts or place.post_id in clause.posts)
        and (not clause.levels or place.level in clause.levels)
        and (not clause.roles or not place.roles.isdisjoint(clause.roles))
        and (not clause.ranks or rank in clause.ranks)
        and (not clause.heads or place.head)
    )


def belongs(rule: wire.Audience, facts: Facts) -> bool:
    """Return whether a person belongs to an audience."""
    if facts.person_id in rule.without or _any_fits(rule.exclude, facts):
        return False
    return facts.person_id in rule.people or _any_fits(rule.include, facts)


def _any_fits(clauses: Iterable[wire.Clause], facts: Facts) -> bool:
    return any(fits(clause, facts.rank, place) for clause in clauses for place in facts.places)


def problem(rule: wire.Audience) -> str | None:
    """Return why a rule is refused: a clause that asks for nothing would take everybody."""
    for clause in (*rule.include, *rule.exclude):
        lists = (clause.units, clause.posts, clause.levels, clause.roles, clause.ranks)
        asks = clause.heads or any(lists)
        if clause.everyone == asks:
            return "a clause names either everyone or what a place must have"
        if clause.below and not clause.units:
            return "below needs units"
    return None


@dataclass(frozen=True, slots=True)
class Speakers:
    """The lines of the rights table that let people write where not everybody may, as clauses
    without units: those over the own unit alone, and those over all below it."""

    here: tuple[wire.Clause, ...]
    below: tuple[wire.Clause, ...]


def speakers(table: Iterable[wire.RightRule], ranks: Mapping[str, int]) -> Speakers:
    """Return the lines about ``send_large``. ``ranks``: the position of each rank."""
    here: list[wire.Clause] = []
    below: list[wire.Clause] = []
    for line in table:
        if line.right == "send_large":
            (below if line.over == "part" else here).append(_speaking(line, ranks))
    return Speakers(tuple(here), tuple(below))


def _speaking(line: wire.RightRule, ranks: Mapping[str, int]) -> wire.Clause:
    least = ranks.get(line.code)
    senior = [one for one, order in ranks.items() if least is not None and order >= least]
    return wire.Clause(
        levels=[line.level] if line.level else [],
        roles=[line.code] if line.holder == "role" else [],
        # A rank that is gone is nobody's, and so is its code.
        ranks=(senior or [line.code]) if line.holder == "rank" else [],
        heads=line.holder == "head",
    )


def leading(
    rule: wire.Audience, paths: Mapping[UnitId, str], speakers: Speakers
) -> tuple[wire.Clause, ...]:
    """Return the clauses of the admins of an audience's conversation. ``paths``: of all units; an
    unknown unit of the rule has no admins."""
    units = [unit for clause in rule.include for unit in _units_of(clause, paths)]
    here = list(dict.fromkeys(unit for unit in units if unit in paths))
    above = list(dict.fromkeys(one for unit in here for one in rules.units_above(paths[unit])))
    return tuple(
        msgspec.structs.replace(clause, units=at)
        for at, clauses in ((here, speakers.here), (above, speakers.below))
        for clause in clauses
        if at
    )


def _units_of(clause: wire.Clause, paths: Mapping[UnitId, str]) -> list[UnitId]:
    """Return the units to which a clause belongs: the units that it names, else the top ones."""
    if clause.posts and not clause.units:
        return []
    return clause.units or top_units(paths)


def top_units(paths: Mapping[UnitId, str]) -> list[UnitId]:
    """Return the units without one above them."""
    return [unit for unit, path in paths.items() if path.count("/") == 2]


def leads(leading: Iterable[wire.Clause], facts: Facts) -> bool:
    """Return whether a person holds a place that any of these clauses fits."""
    return _any_fits(leading, facts)


def touched(rule: wire.Audience, paths: Mapping[UnitId, str]) -> list[str] | None:
    """Return the paths, as cards write them, of the units that the clauses of an audience are
    about; for a unit that is not there its code, which nobody's right covers. None where a clause
    is about no unit."""
    clauses = [_units_of(clause, paths) for clause in rule.include]
    if not all(clauses):
        return None
    return [paths.get(unit, unit).strip("/") for units in clauses for unit in units]


@dataclass(slots=True)
class _Compiled:
    rule: wire.Audience
    leading: tuple[wire.Clause, ...]


@dataclass(slots=True)
class AudienceIndex(Generic[K]):
    """Many audiences, asked for one person at a time: the keys of the audiences that the person
    belongs to.

    Clauses are found by the post, or else by a unit on the place's path, or else by role, or else
    by rank, so that a person is compared with few of many thousand rules. People with equal places
    and rank share the answer.
    """

    _all: dict[K, _Compiled] = field(default_factory=dict)
    _by_post: dict[str, list[tuple[K, wire.Clause]]] = field(default_factory=dict)
    _by_unit: dict[str, list[tuple[K, wire.Clause]]] = field(default_factory=dict)
    _by_role: dict[str, list[tuple[K, wire.Clause]]] = field(default_factory=dict)
    _by_rank: dict[str, list[tuple[K, wire.Clause]]] = field(default_factory=dict)
    _others: list[tuple[K, wire.Clause]] = field(default_factory=list)
    _named: dict[PersonId, set[K]] = field(default_factory=dict)
    _without: dict[PersonId, set[K]] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[PlacedPost, ...]], dict[K, bool]] = field(default_factory=dict)

    @classmethod
    def compile(
        cls,
        audiences: Mapping[K, wire.Audience],
        paths: Mapping[UnitId, str],
        speakers: Speakers,
    ) -> "AudienceIndex[K]":
        """Return the audiences, ready to be asked. ``paths``: of all units."""
        made = cls()
        for key, rule in audiences.items():
            made._add(key, _Compiled(rule, leading(rule, paths, speakers)))
        return made

    def _add(self, key: K, one: _Compiled) -> None:
        self._all[key] = one
        for clause in one.rule.include:
            self._index(key, clause)
        for person in one.rule.people:
            self._named.setdefault(person, set()).add(key)
        for person in one.rule.without:
            self._without.setdefault(person, set()).add(key)

    def _index(self, key: K, clause: wire.Clause) -> None:
        index: dict[str, list[tuple[K, wire.Clause]]]
        values: Sequence[str]
        for index, values in (
            (self._by_post, clause.posts),
            (self._by_unit, clause.units),
            (self._by_role, clause.roles),
            (self._by_rank, clause.ranks),
        ):
            if values:
                for value in values:
                    index.setdefault(value, []).append((key, clause))
                return
        self._others.append((key, clause))

    def of(self, facts: Facts) -> dict[K, bool]:
        """Return the audiences that a person belongs to, with whether as an admin of its
        conversation."""
        same = facts.rank, facts.places
        found = self._known.get(same)
        if found is None:
            found = self._known[same] = self._of_places(facts)
        named = self._named.get(facts.person_id, set())
        without = self._without.get(facts.person_id, set())
        if not named and not without:
            return found
        found = {key: leads_it for key, leads_it in found.items() if key not in without}
        for key in named - without:
            one = self._all[key]
            if key not in found and not _any_fits(one.rule.exclude, facts):
                found[key] = leads(one.leading, facts)
        return found

    def _of_places(self, facts: Facts) -> dict[K, bool]:
        found: dict[K, bool] = {}
        for place in facts.places:
            for key, clause in self._candidates(facts.rank, place):
                if key in found or not fits(clause, facts.rank, place):
                    continue
                one = self._all[key]
                if not _any_fits(one.rule.exclude, facts):
                    found[key] = leads(one.leading, facts)
        return found

    def _candidates(self, rank: str, place: PlacedPost) -> Iterable[tuple[K, wire.Clause]]:
        yield from self._by_post.get(place.post_id, ())
        for unit in rules.units_above(place.path):
            yield from self._by_unit.get(unit, ())
        for role in place.roles:
            yield from self._by_role.get(role, ())
        yield from self._by_rank.get(rank, ())
        yield from self._others
