"""Places of devices in a roster, and the steps that a change of it needs. Pure.

Invariants: a cell holds at most ``cell_size`` devices; a device stays in its cell until it is taken
out (nothing moves, merges or splits); new devices go to the least full cell that has room, and to a
new cell where none has. A cell without devices has no line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from copconnect.delivery.rules.limits import CELL_REKEY_HISTORY_MS, REKEY_HISTORY_MS
from copconnect.ids import CellId, ClientId, PersonId
from copconnect.records.conversation.roster import LeafRights


@dataclass(frozen=True, slots=True)
class RosterLeaf:
    """A device of a roster, wherever it is."""

    device: bytes
    client_id: ClientId
    person_id: PersonId
    history_from_ms: int
    rights: LeafRights


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A device in its cell."""

    leaf: RosterLeaf
    cell_id: CellId


@dataclass(frozen=True, slots=True)
class LeafEdit:
    """The effect of a change on the devices of one conversation: ``alter`` has leaves of listed
    devices as they shall be, in their cells."""

    add: Sequence[RosterLeaf] = ()
    drop: Sequence[PlacedLeaf] = ()
    alter: Sequence[PlacedLeaf] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.add or self.drop or self.alter)


@dataclass(frozen=True, slots=True)
class RosterPlan:
    """The places of the new devices, the cells that change, and what the change asks for."""

    added: tuple[PlacedLeaf, ...]
    touched: frozenset[CellId]
    rekeyed_cells: frozenset[CellId]
    rekeys: bool  # Whether the conversation's rekey_epoch rises.


def plan_change(
    edit: LeafEdit,
    sizes: Mapping[CellId, int],
    cell_size: int,
    now_ms: int,
    new_cell_id: Callable[[], str],
) -> RosterPlan:
    """Return where the new devices of an edit go. ``sizes``: devices by cell before it."""
    left = dict(sizes)
    for one in edit.drop:
        left[one.cell_id] -= 1
    added = _place(edit.add, left, cell_size, new_cell_id)
    dropped = {one.cell_id for one in edit.drop}
    recent = {
        one.cell_id
        for one in added
        if one.leaf.history_from_ms > now_ms - CELL_REKEY_HISTORY_MS or one.cell_id not in sizes
    }
    newcomers = any(one.leaf.history_from_ms > now_ms - REKEY_HISTORY_MS for one in added)
    touched = dropped | {one.cell_id for one in (*added, *edit.alter)}
    return RosterPlan(
        added=added,
        touched=frozenset(touched),
        rekeyed_cells=frozenset(dropped | recent),
        rekeys=bool(edit.drop) or newcomers,
    )


def _place(
    leaves: Iterable[RosterLeaf],
    sizes: Mapping[CellId, int],
    cell_size: int,
    new_cell_id: Callable[[], str],
) -> tuple[PlacedLeaf, ...]:
    free = [(size, cell_id) for cell_id, size in sizes.items() if 0 < size < cell_size]
    heapify(free)
    placed: list[PlacedLeaf] = []
    for leaf in leaves:
        size, cell_id = heappop(free) if free else (0, CellId(new_cell_id()))
        placed.append(PlacedLeaf(leaf, cell_id))
        if size + 1 < cell_size:
            heappush(free, (size + 1, cell_id))
    return tuple(placed)
