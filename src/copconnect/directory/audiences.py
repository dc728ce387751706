"""Audiences judged one person at a time: members, and those who administer them. Pure.

The Directory's statements answer the same for all people at once; a property test compares them.
A person administers an audience who heads one of its units, or a unit above one; the heads of the
department's top units administer a clause that names neither units nor posts. Nobody administers
one that names posts and no units: a message to a post is between the two.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from copconnect import wire
from copconnect.directory import rules
from copconnect.ids import PersonId, PostId, UnitId

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Place:
    """A post that a person holds. ``path``: of its unit, as ``rules.unit_paths``."""

    post_id: PostId
    unit_id: UnitId
    path: str
    level: str
    roles: frozenset[str]
    head: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that decide where a person belongs. Nobody without a place belongs anywhere but by
    name."""

    person_id: PersonId
    rank: str
    places: tuple[Place, ...]


def fits(clause: wire.Clause, rank: str, place: Place) -> bool:
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


def leading_units(rule: wire.Audience, paths: Mapping[UnitId, str]) -> frozenset[UnitId]:
    """Return the units whose heads administer an audience. ``paths``: of all units; unknown units
    of the rule have no heads. Nobody administers a clause of posts alone."""
    return frozenset(
        above
        for clause in rule.include
        for unit in _units_of(clause, paths)
        for above in rules.units_above(paths.get(unit, ""))
    )


def _units_of(clause: wire.Clause, paths: Mapping[UnitId, str]) -> list[UnitId]:
    """Return the units to which a clause belongs: those that it names, else the top ones."""
    if clause.posts and not clause.units:
        return []
    return clause.units or top_units(paths)


def top_units(paths: Mapping[UnitId, str]) -> list[UnitId]:
    """Return the units without one above them."""
    return [unit for unit, path in paths.items() if path.count("/") == 2]


def leads(leading: Collection[UnitId], facts: Facts) -> bool:
    """Return whether a person heads one of these units."""
    return any(place.head and place.unit_id in leading for place in facts.places)


def administers(rule: wire.Audience, facts: Facts, paths: Mapping[UnitId, str]) -> bool:
    """Return whether a person administers all of an audience; nobody does one of people who are
    named alone, or a unit that is not there."""
    headed = {place.unit_id for place in facts.places if place.head}
    clauses = [_units_of(clause, paths) for clause in rule.include]
    units = [unit for one in clauses for unit in one]
    return (
        bool(clauses)
        and all(clauses)
        and all(not headed.isdisjoint(rules.units_above(paths.get(unit, ""))) for unit in units)
    )


@dataclass(slots=True)
class _Compiled:
    rule: wire.Audience
    leading: frozenset[UnitId]


@dataclass(slots=True)
class Audiences(Generic[K]):
    """Many audiences, asked for one person at a time: the keys of those that the person belongs to.

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
    _known: dict[tuple[str, tuple[Place, ...]], dict[K, bool]] = field(default_factory=dict)

    @classmethod
    def compile(
        cls, audiences: Mapping[K, wire.Audience], paths: Mapping[UnitId, str]
    ) -> "Audiences[K]":
        """Return the audiences, ready to be asked. ``paths``: of all units."""
        made = cls()
        for key, rule in audiences.items():
            made._add(key, _Compiled(rule, leading_units(rule, paths)))
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
        """Return the audiences that a person belongs to, with whether they administer each."""
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

    def _candidates(self, rank: str, place: Place) -> Iterable[tuple[K, wire.Clause]]:
        yield from self._by_post.get(place.post_id, ())
        for unit in rules.units_above(place.path):
            yield from self._by_unit.get(unit, ())
        for role in place.roles:
            yield from self._by_role.get(role, ())
        yield from self._by_rank.get(rank, ())
        yield from self._others
