"""The effects of a reorganisation, in the terms that an admin reads before signing. Pure.

The people of conversations are judged by the same rules as when rosters follow the data bank, for
those alone whose place is another one afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from copconnect import wire
from copconnect.directory import rules
from copconnect.directory.audiences import AudienceIndex, Facts, PlacedPost, Speakers
from copconnect.directory.names import RowValues
from copconnect.directory.reorganising import tree
from copconnect.directory.reorganising.planning import Plan
from copconnect.directory.reorganising.tree import Tree
from copconnect.ids import PersonId, PostId, UnitId

SOME = 12  # People who are named of each change.
GROUPS = 300  # Conversations that are listed.
_NOBODY = Speakers((), ())  # Nothing here asks who writes.
_FEWEST = 2  # A group of the policy begins with so many people.


@dataclass(frozen=True, slots=True)
class FollowingConversation:
    """A conversation that follows the data bank. ``title``: None where an officer named it."""

    rule: wire.Audience
    title: wire.Names | None


@dataclass(slots=True)
class _MemberChanges:
    joining: list[PersonId] = field(default_factory=list)
    leaving: list[PersonId] = field(default_factory=list)


def unit_changes(
    before: Tree, after: Tree, into: Mapping[UnitId, UnitId], counts: Mapping[UnitId, int]
) -> list[wire.UnitChange]:
    """Return what happens to each unit. ``counts``: the people in each unit before."""
    below = _at_or_below(before, counts)
    found: list[wire.UnitChange] = []
    for unit_id in tree.changed(before, after):
        old, new = before.get(unit_id), after.get(unit_id)
        found.append(
            wire.UnitChange(
                unit_id=unit_id,
                kinds=tree.kinds(old, new, merged=unit_id in into),
                before=None if old is None else old.state(),
                after=None if new is None else new.state(),
                into=into.get(unit_id),
                people=below.get(unit_id, 0),
            )
        )
    return found


def _at_or_below(units: Tree, counts: Mapping[UnitId, int]) -> dict[UnitId, int]:
    found: dict[UnitId, int] = {}
    for path in tree.paths(units).values():
        above = rules.units_above(path)
        for unit_id in above:
            found[unit_id] = found.get(unit_id, 0) + counts.get(above[-1], 0)
    return found


def place_changes(plan: Plan) -> list[wire.PlaceChange]:
    """Return between which units people move."""
    found: dict[tuple[UnitId, UnitId], list[PersonId]] = {}
    for person, move in sorted(plan.people.items()):
        found.setdefault(move, []).append(person)
    return [
        wire.PlaceChange(from_id=source, to_id=target, people=len(some), some=some[:SOME])
        for (source, target), some in sorted(found.items())
    ]


@dataclass(slots=True)
class PostsAfter:
    """The posts that people hold afterwards in place of others. ``moves``: by person and post;
    ``rows``: the rows of those posts."""

    moves: Mapping[tuple[PersonId, PostId], PostId]
    rows: dict[PostId, RowValues]

    def unknown(self) -> list[PostId]:
        """Return the posts whose rows are not there yet."""
        return sorted({one for one in self.moves.values() if one not in self.rows})


def facts_after(facts: Facts, posts: PostsAfter, units: Tree, paths: Mapping[UnitId, str]) -> Facts:
    """Return a person's posts afterwards. ``units`` and ``paths``: afterwards."""
    found: list[PlacedPost] = []
    for place in facts.places:
        post_id = posts.moves.get((facts.person_id, place.post_id), place.post_id)
        unit_id, head = place.unit_id, place.head
        if post_id != place.post_id:
            unit_id, head = UnitId(posts.rows[post_id]["unit_id"]), posts.rows[post_id]["head"]
        unit = units.get(unit_id)
        if unit is not None:
            found.append(
                PlacedPost(post_id, unit_id, paths[unit_id], unit.level, place.roles, head)
            )
    return replace(facts, places=tuple(found))


def group_changes(
    before: Mapping[str, FollowingConversation],
    after: Mapping[str, FollowingConversation],
    facts: Iterable[tuple[Facts, Facts]],
    paths: tuple[Mapping[UnitId, str], Mapping[UnitId, str]],
) -> list[wire.GroupChange]:
    """Return what happens to conversations. ``facts``: people's posts before and after, of
    the people who move; ``paths``: of all units, before and after."""
    old = AudienceIndex.compile({key: one.rule for key, one in before.items()}, paths[0], _NOBODY)
    new = AudienceIndex.compile({key: one.rule for key, one in after.items()}, paths[1], _NOBODY)
    people: dict[str, _MemberChanges] = {}
    for then, later in facts:
        here, there = old.of(then).keys(), new.of(later).keys()
        for key in there - here:
            people.setdefault(key, _MemberChanges()).joining.append(then.person_id)
        for key in here - there:
            people.setdefault(key, _MemberChanges()).leaving.append(then.person_id)
    found: list[wire.GroupChange] = []
    for key in {**before, **after}:
        change = _change(before.get(key), after.get(key), people.get(key, _MemberChanges()))
        if change is not None:
            found.append(change)
    return found


def _change(
    before: FollowingConversation | None,
    after: FollowingConversation | None,
    people: _MemberChanges,
) -> wire.GroupChange | None:
    joins, leaves = len(people.joining), len(people.leaving)
    former = before.title if before is not None else None
    title = after.title if after is not None else former
    kind: wire.GroupChangeKind
    if before is None:
        if joins < _FEWEST:
            return None
        kind = "made"
    elif after is None:
        if leaves == 0:
            return None
        kind = "ended"
    elif title != former:
        kind = "renamed"
    elif joins or leaves:
        kind = "people"
    else:
        return None
    return wire.GroupChange(
        kind=kind,
        title=title,
        former=former if kind == "renamed" else None,
        joins=joins,
        leaves=leaves,
        joining=sorted(people.joining)[:SOME],
        leaving=sorted(people.leaving)[:SOME],
    )


def listed(changes: Sequence[wire.GroupChange]) -> list[wire.GroupChange]:
    """Return the first of these changes, the changes that end or begin something first."""
    order: Sequence[wire.GroupChangeKind] = ("ended", "made", "renamed", "people")
    return sorted(changes, key=lambda one: order.index(one.kind))[:GROUPS]
