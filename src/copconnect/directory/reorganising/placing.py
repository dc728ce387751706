"""The posts that people hold after a reorganisation. Pure.

A post belongs to one unit for good, because history names it: a post that goes to another unit
ends, and its holders get the same one there, made where the unit has none, with which its
conversations continue. A post whose holder
headed the old unit heads the new one only if no other post does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from copconnect.directory import names
from copconnect.directory.names import RowValues
from copconnect.directory.postings.keys import PostKey
from copconnect.directory.postings.naming import Naming, key_of
from copconnect.directory.reorganising.planning import Plan
from copconnect.ids import ConversationId, PersonId, PostId, UnitId

Posts = tuple[PostId, PostId]  # Before and after.


@dataclass(frozen=True, slots=True)
class ChargeMove:
    """A charge that goes to another post."""

    posting_id: int
    person_id: PersonId
    charge: str
    posts: Posts


@dataclass(slots=True)
class Placing:
    """Rows of posts to make, posts that are there again, posts to abolish, and who goes from which
    post to which. ``successors``: the posts as which others live on; ``back``: conversations that
    continue with a post whatever its successor is, by the post that they are with."""

    made: list[RowValues] = field(default_factory=list)
    opened: list[PostId] = field(default_factory=list)
    ended: list[PostId] = field(default_factory=list)
    people: dict[PersonId, Posts] = field(default_factory=dict)
    charges: list[ChargeMove] = field(default_factory=list)
    successors: dict[PostId, PostId] = field(default_factory=dict)
    back: dict[ConversationId, Posts] = field(default_factory=dict)

    def going_on(self, asked: Mapping[ConversationId, PostId]) -> dict[ConversationId, PostId]:
        """Return the posts with which conversations continue that are with these posts now."""
        found: dict[ConversationId, PostId] = {}
        for c, post_id in asked.items():
            former, returned = self.back.get(c, (None, None))
            to = returned if former == post_id else self.successors.get(post_id)
            if to is not None:
                found[c] = to
        return found


@dataclass(frozen=True, slots=True)
class OpenCharge:
    """An open charge, as stored."""

    posting_id: int
    person_id: PersonId
    charge: str
    post_id: PostId


def place(
    plan: Plan,
    rows: Iterable[RowValues],
    homes: Mapping[PersonId, PostId],
    charges: Iterable[OpenCharge],
) -> Placing:
    """Return the posts that a plan's people hold. ``rows``: the posts of all units between which
    anything goes, and of the units that end, abolished ones included; ``homes``: the posts of the
    plan's people; ``charges``: the plan's, as they are held."""
    placing = _Placing(plan, rows)
    for post_id, (_, target) in plan.posts.items():
        placing.end(post_id, target)
    for person, (_, target) in plan.people.items():
        here = homes[person]
        placing.found.people[person] = here, placing.like(here, target)
    for held in charges:
        target = plan.charges[held.posting_id][1]
        posts = held.post_id, placing.like(held.post_id, target)
        move = ChargeMove(held.posting_id, held.person_id, held.charge, posts)
        placing.found.charges.append(move)
    return placing.found


class _Placing:
    """Posts while people are placed."""

    def __init__(self, plan: Plan, rows: Iterable[RowValues]) -> None:
        self.found = Placing()
        self._rows: dict[PostId, RowValues] = {PostId(row["post_id"]): row for row in rows}
        self._naming = Naming(self._rows.values())
        self._made: dict[PostKey, PostId] = {}
        self._headed = {
            UnitId(row["unit_id"])
            for row in self._rows.values()
            if row["head"] and row["abolished_ms"] is None and row["post_id"] not in plan.posts
        }
        for post_id, row in self._rows.items():
            ends = row["unit_id"] not in plan.units and row["abolished_ms"] is None
            if ends and post_id not in plan.posts:
                self.found.ended.append(post_id)

    def end(self, post_id: PostId, target: UnitId) -> None:
        """Abolish a post, vacant ones too, and let the other unit have the same."""
        self.found.ended.append(post_id)
        self.found.successors[post_id] = self.like(post_id, target)

    def like(self, post_id: PostId, unit_id: UnitId) -> PostId:
        """Return the post of a unit that is the same as another unit's post."""
        row = self._rows[post_id]
        key = key_of(row)._replace(unit=unit_id)
        key = key._replace(head=key.head and unit_id not in self._headed)
        if key not in self._made:
            title = names.read(row, "post")
            made, stored = self._naming.one(key, title, row["roles"].split())
            self._made[key] = PostId(made["post_id"])
            if stored is None:
                self.found.made.append(made)
            elif stored["abolished_ms"] is not None:
                self.found.opened.append(self._made[key])
        return self._made[key]
