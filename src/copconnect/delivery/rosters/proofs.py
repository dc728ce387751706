"""Proofs: leaf ‖ path in its cell ‖ cell line ‖ path of the line, under any head that is kept.

At most four statements for any number of devices, heads and conversations (heads, leaves, lines,
cells), and none for trees that are in memory. Stateless.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.heads.trees import LineTree, RosterTrees
from copconnect.delivery.store import leaves, rosters
from copconnect.delivery.store.leaves import record_of
from copconnect.delivery.store.rosters import KeptHead
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.roster import Cell, CellLine, RosterHead

HeadKey = tuple[ConversationId, int]
LeafAsked = tuple[ConversationId, int, bytes]  # A conversation, the epoch of a head, a device.


@dataclass(frozen=True, slots=True)
class Proven:
    """The asked heads that are kept, and leaf ‖ proof of the devices that they list."""

    heads: Mapping[HeadKey, KeptHead]
    proofs: Mapping[LeafAsked, bytes]


async def prove(
    connection: AsyncConnection,
    trees: RosterTrees,
    asked: Iterable[LeafAsked],
    known: Mapping[HeadKey, KeptHead] | None = None,
    heads: Iterable[HeadKey] = (),
) -> Proven:
    """Return the proofs of devices under heads. ``known``: heads that the caller has read;
    ``heads``: others that it wants beside those asked under."""
    asked = set(asked)
    found = dict(known or {})
    missing = ({(c, epoch) for c, epoch, _ in asked} | set(heads)) - found.keys()
    if missing:
        found |= await rosters.heads_at(connection, missing)
    asked = {one for one in asked if one[:2] in found}
    if not asked:
        return Proven(found, {})
    places = await _places(connection, asked)
    line_trees = await _line_trees(connection, trees, found, {one[:2] for one in places})
    cells = await _cell_trees(connection, trees, places, line_trees)
    proofs: dict[LeafAsked, bytes] = {}
    for (c, epoch, device), cell_id in places.items():
        lines = line_trees[c, epoch]
        at = lines.index(bytes.fromhex(cell_id))
        inside = cells[lines.cells[at].line.root].leaf_and_path(device)
        if inside is not None:
            proofs[c, epoch, device] = inside + lines.line_and_path(at)
    return Proven(found, proofs)


async def _places(
    connection: AsyncConnection, asked: Collection[LeafAsked]
) -> dict[LeafAsked, CellId]:
    """Return the cell of each device under the head that it is asked under."""
    devices: dict[ConversationId, set[bytes]] = {}
    epochs: dict[tuple[ConversationId, bytes], set[int]] = {}
    for c, epoch, device in asked:
        devices.setdefault(c, set()).add(device)
        epochs.setdefault((c, device), set()).add(epoch)
    return {
        (row.conversation_id, epoch, row.device): row.cell_id
        for row in await leaves.intervals(connection, devices)
        for epoch in epochs[row.conversation_id, row.device]
        if row.from_epoch <= epoch and (row.to_epoch is None or row.to_epoch > epoch)
    }


async def _line_trees(
    connection: AsyncConnection,
    trees: RosterTrees,
    heads: Mapping[HeadKey, KeptHead],
    wanted: Collection[HeadKey],
) -> dict[HeadKey, LineTree]:
    found: dict[HeadKey, LineTree] = {}
    missing: dict[ConversationId, set[int]] = {}
    for c, epoch in wanted:
        known = trees.lines(RosterHead.parse(heads[c, epoch].head).root)
        if known is None:
            missing.setdefault(c, set()).add(epoch)
        else:
            found[c, epoch] = known
    if missing:
        between = {c: (min(epochs), max(epochs)) for c, epochs in missing.items()}
        rows = await rosters.lines_between(connection, between)
        for c, epochs in missing.items():
            for epoch in epochs:
                cells = [
                    cell
                    for cell, first, end in rows.get(c, [])
                    if first <= epoch and (end is None or end > epoch)
                ]
                found[c, epoch] = trees.keep_lines(cells)
    return found


async def _cell_trees(
    connection: AsyncConnection,
    trees: RosterTrees,
    places: Mapping[LeafAsked, CellId],
    lines: Mapping[HeadKey, LineTree],
) -> dict[bytes, Cell]:
    """Return the cells in which these devices are, by root."""
    found: dict[bytes, Cell] = {}
    missing: dict[bytes, tuple[ConversationId, int, CellId]] = {}
    for (c, epoch, _), cell_id in places.items():
        tree = lines[c, epoch]
        root = tree.cells[tree.index(bytes.fromhex(cell_id))].line.root
        known = trees.cell(root)
        if known is None:
            missing[root] = c, epoch, cell_id
        else:
            found[root] = known
    if missing:
        wanted = {(c, cell_id) for c, _, cell_id in missing.values()}
        rows = await leaves.cell_intervals(connection, wanted)
        for root, (_, epoch, cell_id) in missing.items():
            own = [
                record_of(placed)
                for placed, first, end in rows.get(cell_id, [])
                if first <= epoch and (end is None or end > epoch)
            ]
            found[root] = trees.keep_cell(Cell(bytes.fromhex(cell_id), 0, own))
    return found


async def cell_paths(
    connection: AsyncConnection,
    trees: RosterTrees,
    conversation_id: ConversationId,
    asked: Collection[tuple[CellLine, bytes]],
) -> dict[tuple[CellLine, bytes], bytes]:
    """Return leaf ‖ path in its cell of devices under current cell lines; devices that a cell does
    not list are left out. Cells whose trees are not in memory are read, all at once."""
    cells = await trees.current_cells(connection, {conversation_id: {line for line, _ in asked}})
    found: dict[tuple[CellLine, bytes], bytes] = {}
    for line, device in asked:
        path = cells[line.root].leaf_and_path(device)
        if path is not None:
            found[line, device] = path
    return found
