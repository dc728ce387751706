"""Reorganisations of the tree of units: previewed, done as one operation, listed, undone.

Invariants: a reorganisation is one transaction with its history and its entry in the audit log,
while nobody else changes the data bank; the ids of units that stay do not change, so that their
conversations keep their logs; what it replaced is kept with it, so that it can be undone as long as
nothing changed the same since. Conversations follow within a round, as they follow a transfer.

Grants name unit paths and are signed, so that no server can carry them over to another path: one
over a path that is gone reaches nobody until that path is there again, as by undoing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.audit import Audit
from copconnect.audit.acts import Act, ReorganisationUndone, UnitsReorganised
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Transaction
from copconnect.directory import edit_store, places, policies, standing
from copconnect.directory.edit_store import Locked
from copconnect.directory.postings import post_store
from copconnect.directory.reorganising import (
    keeping,
    looking,
    previews,
    reorganising_store,
    tree,
    writing,
)
from copconnect.directory.reorganising.keeping import ReorganisationRecord
from copconnect.directory.reorganising.looking import (
    Planned,
    Problems,
    ReorganisationReach,
    ReorganisationRequest,
)
from copconnect.directory.reorganising.previews import FollowingConversation
from copconnect.directory.reorganising.tree import Tree
from copconnect.ids import ConversationId, PostId, UnitId
from copconnect.principals import named
from copconnect.rights import Permit, principal_of

LISTED = 50


class FollowingConversations(Protocol):
    """The Delivery Service's conversations that follow the data bank, but no policy."""

    async def followed_by_hand(
        self, connection: AsyncConnection
    ) -> Mapping[str, tuple[wire.Audience, wire.Names | None]]:
        """Return their rules and titles by id; a title that an officer chose is None."""


class ConversationsWithPosts(Protocol):
    """The Delivery Service's conversations with posts."""

    async def asked(
        self, connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> Mapping[ConversationId, PostId]:
        """Return the conversations with these posts."""

    async def go_on(self, connection: Transaction, posts: Mapping[ConversationId, PostId]) -> None:
        """Let each of these conversations continue with another post."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A reorganisation before it is done. ``paths``: what becomes of each unit path, as grants
    write it; None for that of a unit that ends."""

    preview: wire.ReorganisationPreview
    reach: ReorganisationReach
    paths: Mapping[str, str | None]


@dataclass(eq=False)
class Reorganiser:
    """Changes the tree of units. A method that takes a connection runs in the caller's
    transaction."""

    _clock: Clock
    _audit: Audit
    _following: Callable[[], FollowingConversations]
    _with_posts: Callable[[], ConversationsWithPosts]

    async def reorganise(
        self, connection: Transaction, permit: Permit, steps: Sequence[wire.Step]
    ) -> int:
        """Do all steps; return the reorganisation's number. Raises ReorganisationInvalid."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        found = await looking.possible(connection, ReorganisationRequest(steps))
        return await self._do(connection, permit, locked, found, None)

    async def undo(self, connection: Transaction, permit: Permit, number: int) -> int:
        """Restore what a reorganisation changed, as one more of them; return its number.

        Raises NotFound for one that is not there or was undone, ReorganisationChanged.
        """
        locked = await edit_store.lock(connection, self._clock.now_ms())
        found = await looking.possible(connection, ReorganisationRequest(undo=number))
        await reorganising_store.mark_undone(connection, number, locked.now_ms)
        return await self._do(connection, permit, locked, found, number)

    async def reach(
        self, connection: AsyncConnection, steps: Sequence[wire.Step], undo: int | None = None
    ) -> ReorganisationReach:
        """Return the reach of a reorganisation or of an undo. Raises as doing it would."""
        found = await looking.possible(connection, ReorganisationRequest(steps, undo))
        return await looking.reach(connection, found)

    async def examine(
        self, connection: AsyncConnection, steps: Sequence[wire.Step], undo: int | None = None
    ) -> Examined:
        """Return all that a reorganisation or an undo would do, or the problems of the steps. The
        caller fills in ``lapsing``, ``cards`` and ``needs_second``.

        Raises NotFound, ReorganisationChanged.
        """
        try:
            found = await looking.planned(connection, ReorganisationRequest(steps, undo))
        except Problems as error:
            touched = tree.touched_paths(error.before, error.plan.units, looking.moves(error.plan))
            return Examined(
                _nothing(error.plan.problems), ReorganisationReach(frozenset(touched), 0, []), {}
            )
        reach = await looking.reach(connection, found)
        groups = await self._groups(connection, found)
        before, plan = found.before, found.plan
        counts = await reorganising_store.counts(connection)
        asked = await self._with_posts().asked(connection, found.placing.ended)
        kept = len(found.placing.going_on(asked))
        preview = wire.ReorganisationPreview(
            problems=[],
            units=previews.unit_changes(before, plan.units, plan.into, counts),
            people=reach.people,
            moved=len(plan.people),
            posts=len(plan.posts),
            charges=len(plan.charges),
            places=previews.place_changes(plan),
            groups=previews.listed(groups),
            group_count=len(groups),
            conversations_kept=kept,
            conversations_ended=len(asked) - kept,
            lapsing=[],
            paths=sorted(reach.paths),
            needs_second=False,
            cards=[],
        )
        after = tree.card_paths(plan.units)
        paths = {path: after.get(unit) for unit, path in tree.card_paths(before).items()}
        return Examined(preview, reach, paths)

    async def past(self, connection: AsyncConnection) -> list[tuple[Any, list[wire.UnitChange]]]:
        """Return the newest reorganisations, the newest first: the stored row, and what each
        changed of the tree."""
        found: list[tuple[Any, list[wire.UnitChange]]] = []
        for row in await reorganising_store.newest(connection, LISTED):
            kept = keeping.decode(row.kept)
            before = {old.unit_id: old for old, _ in kept.units if old is not None}
            after = {new.unit_id: new for _, new in kept.units if new is not None}
            found.append((row, previews.unit_changes(before, after, kept.into, {})))
        return found

    async def _groups(self, connection: AsyncConnection, found: Planned) -> list[wire.GroupChange]:
        """Return which conversations change, by the people who move."""
        before, plan, placing = found.before, found.plan, found.placing
        policy = await policies.read(connection)
        by_hand = {
            f"conversation {key}": FollowingConversation(rule, title)
            for key, (rule, title) in (await self._following().followed_by_hand(connection)).items()
        }
        elsewhere = tree.placed_anew(before, plan.units)
        people = await reorganising_store.people_of(connection, elsewhere)
        people |= await reorganising_store.in_charge_of(connection, elsewhere)
        people |= plan.people.keys() | {one.person_id for one in placing.charges}
        posts = previews.PostsAfter(
            {(person, move[0]): move[1] for person, move in placing.people.items()}
            | {(one.person_id, one.posts[0]): one.posts[1] for one in placing.charges},
            {row["post_id"]: row for row in placing.made},
        )
        for row in await post_store.by_id(connection, posts.unknown()):
            posts.rows[row["post_id"]] = row
        paths = tree.paths(before), tree.paths(plan.units)
        facts = [
            (one, previews.facts_after(one, posts, plan.units, paths[1]))
            for one in await places.facts(connection, sorted(people))
        ]
        return previews.group_changes(
            by_hand | _standing(policy, before),
            by_hand | _standing(policy, plan.units),
            facts,
            paths,
        )

    async def _do(
        self,
        connection: Transaction,
        permit: Permit,
        locked: Locked,
        found: Planned,
        undoes: int | None,
    ) -> int:
        reach = await looking.reach(connection, found)
        numbers, gone = await writing.write(connection, permit, found, locked.now_ms)
        placing = found.placing
        asked = await self._with_posts().asked(connection, gone)
        go_on = placing.going_on(asked)
        await self._with_posts().go_on(connection, go_on)
        await edit_store.write_version(connection, locked)
        connection.after_commit(AccountWakeup(event="directory", person_ids=[], client_ids=[]))
        went = {c: (asked[c], post_id) for c, post_id in go_on.items()}
        kept = keeping.kept_of(found.before, found.plan, placing, numbers, went)
        number = await reorganising_store.add(
            connection,
            {
                "by": named(principal_of(permit)),
                "at_ms": locked.now_ms,
                "people": reach.people,
                "paths": "\n".join(sorted(reach.paths)),
                "kept": keeping.encode(kept),
                "undoes": undoes,
                "undone_ms": None,
            },
        )
        act: Act = (
            UnitsReorganised(number, _by_kind(kept), reach.people)
            if undoes is None
            else ReorganisationUndone(undoes, number, reach.people)
        )
        await self._audit.record(connection, principal_of(permit), act, tree.common(reach.paths))
        return number


def _standing(policy: Iterable[wire.GroupPolicy], units: Tree) -> dict[str, FollowingConversation]:
    """Return the groups that a policy makes of a tree."""
    ordered = sorted(units.values(), key=lambda one: (one.position, one.unit_id))
    listed = [
        wire.Unit(unit_id=one.unit_id, parent_id=one.parent_id, level=one.level, names=one.names)
        for one in ordered
    ]
    return {
        f"standing {group.standing.key}": FollowingConversation(group.rule, group.standing.title)
        for group in standing.expand(policy, listed)
    }


def _by_kind(kept: ReorganisationRecord) -> dict[str, list[UnitId]]:
    found: dict[str, list[UnitId]] = {}
    for old, new in kept.units:
        one = old or new
        if one is None:
            continue
        for kind in tree.kinds(old, new, merged=one.unit_id in kept.into):
            found.setdefault(kind, []).append(one.unit_id)
    return found


def _nothing(problems: list[wire.StepProblem]) -> wire.ReorganisationPreview:
    return wire.ReorganisationPreview(
        problems=problems,
        units=[],
        people=0,
        moved=0,
        posts=0,
        charges=0,
        places=[],
        groups=[],
        group_count=0,
        conversations_kept=0,
        conversations_ended=0,
        lapsing=[],
        paths=[],
        needs_second=False,
        cards=[],
    )
