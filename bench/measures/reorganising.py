"""The units of a benchmark of reorganisations, with the people who move with them."""

from collections import Counter
from collections.abc import Sequence, Set

from bench.force.caching import Force
from bench.force.conversations import Prepared
from bench.force.making import data_bank
from bench.force.operator import OPERATOR
from bench.measures.transfers import HALVES, RULES, Move, Side
from copconnect import wire
from copconnect.app import Container
from copconnect.ids import UnitId

_KEPT_LEVELS = ("station", "wing")  # They move with the unit above them.


def moved_units(force: Force, people: int) -> list[UnitId]:
    """Return units below the first half that have so many people at most, and nearly so many: the
    largest first, each with all below it."""
    bank = data_bank(len(force.devices))
    parents = {one.code: one.parent for one in bank.units}

    def above(unit: UnitId | None) -> list[UnitId]:
        return [] if unit is None else [unit, *above(parents[unit])]

    counts = Counter(unit for one in bank.people for unit in above(one.unit))
    able = [
        one.code
        for one in bank.units
        if one.level not in _KEPT_LEVELS and UnitId(HALVES[0]) in above(one.parent)
    ]
    chosen: list[UnitId] = []
    left = people
    for unit in sorted(able, key=lambda one: (-counts[one], one)):
        apart = not any(unit in above(one) or one in above(unit) for one in chosen)
        if apart and 0 < counts[unit] <= left:
            chosen.append(unit)
            left -= counts[unit]
    return chosen


def rules(units: Sequence[UnitId]) -> list[wire.Audience]:
    """Return the rules of both halves, and of the units that move."""
    return [*RULES, wire.Audience(include=[wire.Clause(units=[*units], below=True)])]


def reorganisation(prepared: Prepared, units: Sequence[UnitId]) -> Move:
    """Return the move of these units, with everybody in them, to the other half."""
    former, other, whole = prepared.conversations
    devices = prepared.force.devices
    members: list[Set[int]] = [
        {one for cell in each.cells for one in cell.members} for each in (former, other, whole)
    ]
    moved = [devices[one] for one in sorted(members[2] & members[0] - members[1])]
    pair = (
        Side(former, devices[min(members[0] - members[1] - members[2])], moved, len(moved)),
        Side(other, devices[min(members[1] - members[0] - members[2])], [], 0),
    )
    steps = [wire.MoveUnit(unit_id=one, parent_id=UnitId(HALVES[1])) for one in units]

    async def change(container: Container) -> None:
        async with container.database.transaction() as connection:
            await container.reorganiser.reorganise(connection, OPERATOR, steps)

    return Move(pair, change, whole)
