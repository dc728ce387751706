"""What one roster edit makes of one conversation's cells. Pure.

Two steps, because the second needs more than the first: :func:`draft` finds who goes, who comes
and to which cells, from the clients that the edit names; :func:`settle` works out, with the leaves
of the cells concerned, which cells are dropped, given up or merged and whom Removes must take out.
The cells that are not concerned are never looked at: an edit costs what it changes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from copconnect import wire
from copconnect.delivery import assignment
from copconnect.delivery.standing import CellLeaf, CellRow
from copconnect.ids import CellId, ClientId, PersonId
from copconnect.principals import RegisteredClient

Leaf = wire.RosterLeaf
Places = dict[CellId, list[Leaf]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafEdit:
    """Which leaves an edit changes."""

    add: Collection[RegisteredClient] = ()
    drop_clients: Collection[ClientId] = ()
    drop_people: Collection[PersonId] = ()
    drop_certificates: Mapping[str, ClientId] = field(default_factory=dict)
    first_cell: CellId | None = None  # Id of the first cell that is opened.
    give_up: CellId | None = None  # Move everybody in this cell to a fresh one.
    leave_out_if_full: bool = False  # Instead of refusing, in a direct conversation.

    def drops(self, leaf: Leaf) -> bool:
        """Whether a leaf goes."""
        return (
            leaf.client_id in self.drop_clients
            or leaf.person_id in self.drop_people
            or leaf.certificate_hash in self.drop_certificates
        )

    @property
    def people(self) -> set[PersonId]:
        """All people that the edit names."""
        return {*self.drop_people, *(one.person_id for one in self.add)}

    @property
    def clients(self) -> set[ClientId]:
        """All clients that the edit names otherwise than by their people."""
        return {*self.drop_clients, *self.drop_certificates.values()}


@dataclass(frozen=True, slots=True)
class Draft:
    """Who goes and who comes."""

    dropped: frozenset[tuple[CellId, str]]  # (cell, certificate hash)
    added: list[Leaf]
    opened: list[CellId]
    merge_into: CellId | None
    concerned: set[CellId]  # The existing cells whose leaves settle() needs.


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of the cells."""

    before: Places  # Of the cells concerned.
    after: Places  # The same, with those opened and without those gone.
    opened: list[CellId]
    gone: list[CellId]
    moved: list[tuple[ClientId, CellId]]  # Who was in a cell that is gone and still belongs.
    successor: dict[CellId, CellId]  # Of cells that were given up.
    lost: list[tuple[CellId, int]]  # (cell, leaf index) that a Remove must take out.
    added: list[Leaf]  # Leaves that were not there before.
    removed: list[Leaf]  # Leaves that are no longer there.

    @property
    def changed(self) -> bool:
        """Whether any leaf or cell changes."""
        return bool(self.opened or self.gone or self.added or self.removed)


def clients_in(leaves: Iterable[Leaf]) -> int:
    """Return how many clients the leaves name."""
    return len({leaf.client_id for leaf in leaves})


def draft(
    edit: LeafEdit,
    cells: Mapping[CellId, CellRow],
    named: Sequence[Leaf],
    *,
    only_cell: bool,
    may_merge: bool,
    cell_size: int,
    new_cell: Callable[[], CellId],
) -> Draft:
    """Return who goes and who comes. ``named``: the leaves of everybody the edit names;
    ``only_cell``: the conversation never has a second one; ``may_merge``: no message lacks a seal
    that only a later key of its cell can bring. Raises CellFull."""
    dropped = frozenset((leaf.cell_id, leaf.certificate_hash) for leaf in named if edit.drops(leaf))
    kept = [leaf for leaf in named if (leaf.cell_id, leaf.certificate_hash) not in dropped]
    cell_of = {leaf.client_id: leaf.cell_id for leaf in kept}
    count = {cell_id: row.clients for cell_id, row in cells.items()}
    for client_id, cell_id in {(leaf.client_id, leaf.cell_id) for leaf in named}:
        count[cell_id] -= client_id not in cell_of
    opened: list[CellId] = []

    def open_cell() -> CellId:
        first = edit.first_cell if not cells and not opened else None
        opened.append(first or new_cell())
        return opened[-1]

    if not cells and (only_cell or not edit.add):
        count[open_cell()] = 0
    known = {leaf.certificate_hash for leaf in kept}
    newcomers = {
        one.client_id: one.person_id
        for one in sorted(edit.add, key=lambda one: one.certificate_hash)
        if one.client_id not in cell_of
    }
    if only_cell:
        ((cell_id, clients),) = count.items()
        placed = assignment.assign_to_only(
            newcomers.items(), cell_id, clients, cell_size, leave_out=edit.leave_out_if_full
        )
    else:
        beside = {leaf.person_id: leaf.cell_id for leaf in kept}
        placed = assignment.assign(list(newcomers.items()), count, beside, cell_size, open_cell)
    cell_of |= placed
    added = [
        Leaf(
            cell_id=cell_of[one.client_id],
            certificate_hash=one.certificate_hash,
            client_id=one.client_id,
            person_id=one.person_id,
        )
        for one in edit.add
        if one.certificate_hash not in known and one.client_id in cell_of
    ]
    clients = sum(count.values()) + len(placed)
    merge_into = None
    fits = assignment.fits_one_cell(clients, cell_size) and (may_merge or not clients)
    if len(cells) > 1 and fits:
        merge_into = _most_settled(cells.values())
    concerned = {cell_id for cell_id, _ in dropped} | {leaf.cell_id for leaf in added}
    if edit.give_up is not None:
        concerned.add(edit.give_up)
    concerned = set(cells) if merge_into is not None else concerned & cells.keys()
    return Draft(dropped, added, opened, merge_into, concerned)


def settle(
    drafted: Draft,
    cells: Collection[CellId],
    before: Places,
    trees: Mapping[CellId, Sequence[CellLeaf]],
    waiting: Collection[tuple[CellId, int]],
    *,
    give_up: CellId | None,
    new_cell: Callable[[], CellId],
) -> Settled:
    """Return what becomes of the cells concerned.

    ``cells``: all of the conversation's; ``before``: the leaves of those concerned; ``trees``:
    the leaves of the MLS trees of those that lose one; ``waiting``: Removes not yet committed.
    """
    after: Places = {
        cell_id: [one for one in leaves if (cell_id, one.certificate_hash) not in drafted.dropped]
        for cell_id, leaves in before.items()
    }
    after |= {cell_id: [] for cell_id in drafted.opened}
    for leaf in drafted.added:
        after[leaf.cell_id].append(leaf)
    target = drafted.merge_into
    if target is not None:
        for cell_id in [one for one in after if one != target]:
            after[target] += _moved_to(target, after.pop(cell_id))
    opened, successor = list(drafted.opened), dict[CellId, CellId]()
    lost: list[tuple[CellId, int]] = []
    for cell_id in sorted(before.keys() & after.keys()):
        named = {leaf.certificate_hash for leaf in after[cell_id]}
        tree = trees.get(cell_id, ())
        still = {index for cell, index in waiting if cell == cell_id}
        gone = [
            one.index
            for one in tree
            if one.certificate_hash not in named and one.index not in still
        ]
        if not named and target is None and len(cells) + len(opened) > 1:
            del after[cell_id]  # Nobody is left to commit anything; the others go on.
        elif cell_id == give_up or (gone and len(gone) + len(still) >= len(tree)):
            fresh = successor[cell_id] = new_cell()
            opened.append(fresh)
            after[fresh] = _moved_to(fresh, after.pop(cell_id))
        else:
            lost += [(cell_id, index) for index in gone]
    gone_cells = sorted(before.keys() - after.keys())
    remaining = {leaf.client_id for leaves in after.values() for leaf in leaves}
    moved = sorted(
        {
            (leaf.client_id, cell_id)
            for cell_id in gone_cells
            for leaf in before[cell_id]
            if leaf.client_id in remaining
        }
    )
    return Settled(
        before=before,
        after=after,
        opened=opened,
        gone=gone_cells,
        moved=moved,
        successor=successor,
        lost=lost,
        added=_less(after, before),
        removed=_less(before, after),
    )


def _most_settled(cells: Iterable[CellRow]) -> CellId:
    """Return the cell that the fewest would have to leave: founded, with the most clients."""
    return max(cells, key=lambda row: (row.epoch is not None, row.clients, row.cell_id)).cell_id


def _moved_to(cell_id: CellId, leaves: Iterable[Leaf]) -> list[Leaf]:
    return [msgspec.structs.replace(leaf, cell_id=cell_id) for leaf in leaves]


def _less(places: Places, other: Places) -> list[Leaf]:
    there = {(c, leaf.certificate_hash) for c, leaves in other.items() for leaf in leaves}
    return [
        leaf
        for cell_id, leaves in places.items()
        for leaf in leaves
        if (cell_id, leaf.certificate_hash) not in there
    ]
