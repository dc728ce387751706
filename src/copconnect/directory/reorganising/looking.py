"""Reads the tables that a reorganisation needs, and plans it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.directory import store
from copconnect.directory.postings import post_store
from copconnect.directory.reorganising import keeping, planning, reorganising_store, tree
from copconnect.directory.reorganising.keeping import Now, Since
from copconnect.directory.reorganising.placing import Placing, place
from copconnect.directory.reorganising.planning import FormerOrganisation, Plan
from copconnect.directory.reorganising.tree import Tree
from copconnect.ids import PersonId, UnitId

_NAMED = 20  # Units and people that an error names.


@dataclass(frozen=True, slots=True)
class ReorganisationRequest:
    """A request: steps, or the number of a reorganisation that shall be undone."""

    steps: Sequence[wire.Step] = ()
    undo: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A reorganisation that can be done."""

    before: Tree
    plan: Plan
    placing: Placing


@dataclass(frozen=True, slots=True)
class ReorganisationReach:
    """The reach of a reorganisation: unit paths over which the right must hold, how many people it
    touches, and the people whose posts or charges go elsewhere."""

    paths: frozenset[str]
    people: int
    some: Sequence[PersonId]


class Problems(Exception):
    """The steps cannot be done; with all that is wrong about them."""

    def __init__(self, before: Tree, plan: Plan) -> None:
        super().__init__(f"{len(plan.problems)} problems")
        self.before = before
        self.plan = plan

    def refusal(self) -> errors.ReorganisationInvalid:
        """Return the error that names the first of them."""
        first = self.plan.problems[0]
        return errors.ReorganisationInvalid(
            problems=len(self.plan.problems),
            step=first.step + 1,
            reason=first.code,
            unit_id=first.unit_id,
            value=first.value,
        )


async def possible(connection: AsyncConnection, asked: ReorganisationRequest) -> Planned:
    """Return what is asked for as a plan. Raises ReorganisationInvalid, NotFound,
    ReorganisationChanged."""
    try:
        return await planned(connection, asked)
    except Problems as error:
        raise error.refusal() from error


async def planned(connection: AsyncConnection, asked: ReorganisationRequest) -> Planned:
    """Return what is asked for as a plan. Raises Problems, NotFound, ReorganisationChanged."""
    organisation = await store.organisation(connection)
    units = tree.of_rows(organisation["units"])
    if asked.undo is not None:
        return await _back(connection, units, asked.undo)
    holdings = await reorganising_store.holdings(connection, planning.named_units(asked.steps))
    levels = {row.code: row.position for row in organisation["levels"]}
    former = await reorganising_store.former(connection)
    plan = planning.plan(FormerOrganisation(units, levels, former, holdings), asked.steps)
    if plan.problems:
        raise Problems(units, plan)
    between = {unit for move in moves(plan) for unit in move}
    between |= {one for one in units if one not in plan.units}
    rows = await post_store.of_units(connection, sorted(between))
    homes = await reorganising_store.homes(connection, plan.people)
    charges = await reorganising_store.open_charges(connection, plan.charges)
    return Planned(units, plan, place(plan, rows, homes, charges))


async def _back(connection: AsyncConnection, units: Tree, number: int) -> Planned:
    row = await reorganising_store.by_number(connection, number)
    if row is None or row.undone_ms is not None:
        raise errors.NotFound
    kept = keeping.decode(row.kept)
    people: dict[UnitId, list[PersonId]] = {}
    charges: dict[UnitId, list[int]] = {}
    there = await reorganising_store.holdings(connection, keeping.ending(kept))
    for post in there.values():
        people.setdefault(post.unit_id, []).extend(post.people)
        charges.setdefault(post.unit_id, []).extend(post.charges)
    moved = [one.person_id for one in kept.people]
    held = [one.posting_id for one in kept.charges]
    open_charges = await reorganising_store.open_charges(connection, held)
    now = Now(
        units=units,
        homes=await reorganising_store.homes(connection, moved),
        open_charges={one.posting_id for one in open_charges},
        people=people,
        charges=charges,
    )
    found = keeping.undone(kept, now)
    if isinstance(found, Since):
        raise errors.ReorganisationChanged(
            units=" ".join(found.units[:_NAMED]),
            people=" ".join(found.people[:_NAMED]),
            count=len(found.units) + len(found.people),
        )
    return Planned(units, *found)


async def reach(connection: AsyncConnection, found: Planned) -> ReorganisationReach:
    """Return the reach of a plan."""
    before, plan = found.before, found.plan
    below = tree.at_or_below(before, tree.counted(before, plan.units))
    counts = await reorganising_store.counts(connection)
    alone = [one for one, (source, _) in plan.people.items() if source not in below]
    return ReorganisationReach(
        paths=frozenset(tree.touched_paths(before, plan.units, moves(plan))),
        people=sum(counts.get(unit, 0) for unit in below) + len(alone),
        some=sorted({*plan.people, *(one.person_id for one in found.placing.charges)}),
    )


def moves(plan: Plan) -> list[tuple[UnitId, UnitId]]:
    """Return between which units anything goes."""
    return [*plan.people.values(), *plan.charges.values(), *plan.posts.values()]
