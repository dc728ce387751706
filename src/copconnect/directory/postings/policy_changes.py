"""The groups that another policy of standing groups makes, ends and changes, with their people.

The census says how many people hold each post with each rank; its lines are judged against all
groups at once, so that thousands of groups cost as much as a few. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from copconnect import wire
from copconnect.directory import standing
from copconnect.directory.audiences import AudienceIndex, Facts, Speakers
from copconnect.directory.postings.counting import Census
from copconnect.ids import PersonId, UnitId
from copconnect.principals import StandingGroup

_FEWEST = 2  # A group begins with so many people.
_NOBODY_SPEAKS = Speakers((), ())
Kind = Literal["made", "ended", "changed", "renamed"]


class _GroupKey(NamedTuple):
    """A group, with what happens to it. ``after``: by the new policy."""

    kind: Kind
    code: str
    group: str
    after: bool


@dataclass(slots=True)
class _Count:
    groups: set[str] = field(default_factory=set)
    people: int = 0


def changes(
    before: Sequence[wire.GroupPolicy],
    after: Sequence[wire.GroupPolicy],
    units: Sequence[wire.Unit],
    paths: Mapping[UnitId, str],
    census: Census,
) -> tuple[list[wire.PolicyChange], int]:
    """Return what happens to the groups of each line, and how many people that touches."""
    old, new = _by_key(standing.expand(before, units)), _by_key(standing.expand(after, units))
    rules: dict[_GroupKey, wire.Audience] = {}
    for group in {**old, **new}:
        for key, one in _changed(group, old.get(group), new.get(group)):
            rules[key] = one.rule
    compiled = AudienceIndex.compile(rules, paths, _NOBODY_SPEAKS)
    sizes: dict[_GroupKey, int] = {}
    counts: dict[tuple[Kind, str], _Count] = {}
    touched = 0
    for facts, people in _lines(census):
        found = compiled.of(facts)
        touched += people if found else 0
        for key in found:
            sizes[key] = sizes.get(key, 0) + people
        for kind, code in {(key.kind, key.code) for key in found}:
            counts.setdefault((kind, code), _Count()).people += people
    for key, size in sizes.items():
        if size >= _FEWEST:
            counts[key.kind, key.code].groups.add(key.group)
    titles = {line.code: line.title for line in (*before, *after)}
    order = {code: at for at, code in enumerate(titles)}
    return [
        wire.PolicyChange(
            code=code,
            title=titles[code],
            kind=kind,
            groups=len(count.groups),
            people=count.people,
        )
        for (kind, code), count in sorted(counts.items(), key=lambda one: order[one[0][1]])
        if count.groups
    ], touched


def _by_key(groups: Iterable[StandingGroup]) -> dict[str, StandingGroup]:
    return {one.standing.key or "": one for one in groups}


def _changed(
    group: str, old: StandingGroup | None, new: StandingGroup | None
) -> Iterable[tuple[_GroupKey, StandingGroup]]:
    """Yield the group as it is and as it will be, so far as anybody notices."""
    if old is None or new is None:
        one = old or new
        if one is not None:
            kind: Kind = "made" if old is None else "ended"
            yield _GroupKey(kind, one.policy.code, group, old is None), one
        return
    people, posting = old.rule != new.rule, old.policy.who_may_send != new.policy.who_may_send
    if people or posting:
        yield _GroupKey("changed", new.policy.code, group, False), old
        yield _GroupKey("changed", new.policy.code, group, True), new
    elif old.standing.title != new.standing.title:
        yield _GroupKey("renamed", new.policy.code, group, True), new


def _lines(census: Census) -> Iterable[tuple[Facts, int]]:
    nobody = PersonId("")  # No group of a policy names people.
    for line in census.lines:
        yield Facts(nobody, line.rank, (line.place,)), line.people
    for one in census.charged:
        yield one, 1
