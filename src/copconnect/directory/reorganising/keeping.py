"""The rows that a reorganisation replaced, and the plan that undoes it. Pure.

A reorganisation can be undone as long as nothing changed the same since: its units are as it left
them, its people hold the posts that it gave them, and nobody else is in a unit that it added. The
order of units alone prevents nothing.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from copconnect.directory.reorganising import tree
from copconnect.directory.reorganising.placing import ChargeMove, Placing, Posts
from copconnect.directory.reorganising.planning import Plan
from copconnect.directory.reorganising.tree import Tree, Unit
from copconnect.ids import ConversationId, PersonId, PostId, UnitId

Pair = tuple[Unit | None, Unit | None]


class KeptPerson(msgspec.Struct):
    """A person who was moved: between which units and posts."""

    person_id: PersonId
    units: tuple[UnitId, UnitId]
    posts: tuple[PostId, PostId]


class KeptCharge(msgspec.Struct):
    """A charge that was moved. ``posting_id``: its number afterwards."""

    posting_id: int
    person_id: PersonId
    charge: str
    units: tuple[UnitId, UnitId]
    posts: tuple[PostId, PostId]


class ReorganisationRecord(msgspec.Struct):
    """``units``: each unit before and after; ``into``: where the units went that were merged;
    ``begun`` and ``ended``: posts that were made or are there again, and that were abolished;
    ``successors``: the posts as which others live on; ``conversations``: the ones that followed a
    post, from which post to which."""

    units: list[Pair]
    into: dict[UnitId, UnitId]
    people: list[KeptPerson]
    charges: list[KeptCharge]
    begun: list[PostId]
    ended: list[PostId]
    successors: dict[PostId, PostId]
    conversations: dict[ConversationId, tuple[PostId, PostId]]


@dataclass(frozen=True, slots=True)
class Since:
    """The contradictions of an undo: units that changed since or are in use, and people who hold
    other posts now, or one in a unit that would end."""

    units: Sequence[UnitId]
    people: Sequence[PersonId]


@dataclass(frozen=True, slots=True)
class Now:
    """The organisation when an undo is asked for. ``homes``: the posts of the people whom it moves,
    without people who left; ``open_charges``: which of its charges have not ended; ``people`` and
    ``charges``: who is in each unit that would end."""

    units: Tree
    homes: Mapping[PersonId, PostId]
    open_charges: Collection[int]
    people: Mapping[UnitId, Collection[PersonId]]
    charges: Mapping[UnitId, Collection[int]]


def kept_of(
    before: Tree,
    plan: Plan,
    placing: Placing,
    numbers: Mapping[int, int],
    conversations: Mapping[ConversationId, Posts],
) -> ReorganisationRecord:
    """Return what a plan replaces. ``numbers``: the number that each moved charge has now;
    ``conversations``: from which post to which conversations went."""
    return ReorganisationRecord(
        [(before.get(one), plan.units.get(one)) for one in tree.changed(before, plan.units)],
        plan.into,
        [
            KeptPerson(person, plan.people[person], posts)
            for person, posts in placing.people.items()
        ],
        [
            KeptCharge(
                numbers[one.posting_id],
                one.person_id,
                one.charge,
                plan.charges[one.posting_id],
                one.posts,
            )
            for one in placing.charges
        ],
        [*(row["post_id"] for row in placing.made), *placing.opened],
        list(placing.ended),
        placing.successors,
        dict(conversations),
    )


def encode(kept: ReorganisationRecord) -> bytes:
    """Return the stored form."""
    return zlib.compress(msgspec.msgpack.encode(kept), 6)


def decode(content: bytes) -> ReorganisationRecord:
    """Undo :func:`encode`."""
    return msgspec.msgpack.decode(zlib.decompress(content), type=ReorganisationRecord)


def ending(kept: ReorganisationRecord) -> list[UnitId]:
    """Return the units that an undo ends: the added ones."""
    return [after.unit_id for before, after in kept.units if before is None and after is not None]


def undone(kept: ReorganisationRecord, now: Now) -> tuple[Plan, Placing] | Since:
    """Return the plan that restores what was there before, or what prevents it. The posts
    that ended are there again, and the added posts end as far as nobody else holds them."""
    units, contradicted = dict(now.units), dict.fromkeys(_changed_since(kept, now.units))
    for before, after in kept.units:
        if before is None and after is not None:
            units.pop(after.unit_id, None)
        elif before is not None:
            units[before.unit_id] = _restored(before, after, now.units)
    # A unit that came to be below an added one, or whose parent is gone, has no place.
    reached = tree.paths(units)
    contradicted |= dict.fromkeys(one for one in units if one not in reached)
    plan = Plan(units)
    placing = Placing(opened=list(kept.ended), ended=list(kept.begun))
    placing.back = {c: (now, then) for c, (then, now) in kept.conversations.items()}
    for then, made in kept.successors.items():
        if made in kept.begun:
            # Conversations that began since continue with the first of the posts that it was.
            placing.successors.setdefault(made, then)
    strangers: dict[PersonId, None] = {}
    for one in kept.people:
        if one.person_id not in now.homes:
            continue  # Left the department since.
        if now.homes[one.person_id] != one.posts[1]:
            strangers[one.person_id] = None
        plan.people[one.person_id] = one.units[1], one.units[0]
        placing.people[one.person_id] = one.posts[1], one.posts[0]
    for held in kept.charges:
        if held.posting_id in now.open_charges:
            plan.charges[held.posting_id] = held.units[1], held.units[0]
            back = held.posts[1], held.posts[0]
            placing.charges.append(ChargeMove(held.posting_id, held.person_id, held.charge, back))
    for unit in ending(kept):
        strangers |= dict.fromkeys(set(now.people.get(unit, ())) - plan.people.keys())
        if set(now.charges.get(unit, ())) - plan.charges.keys():
            contradicted[unit] = None
    if contradicted or strangers:
        return Since(list(contradicted), list(strangers))
    return plan, placing


def _changed_since(kept: ReorganisationRecord, now: Tree) -> list[UnitId]:
    found: list[UnitId] = []
    for before, after in kept.units:
        one = before or after
        if one is None:
            continue
        there = now.get(one.unit_id)
        if there is None or after is None:
            if there is not after:
                found.append(one.unit_id)
        elif msgspec.structs.replace(there, position=after.position) != after:
            found.append(one.unit_id)
    return found


def _restored(before: Unit, after: Unit | None, now: Tree) -> Unit:
    """Return a unit as it was; its place in the order stays where somebody ordered it since."""
    there = now.get(before.unit_id)
    if there is None or after is None or there.position == after.position:
        return before
    return msgspec.structs.replace(before, position=there.position)
