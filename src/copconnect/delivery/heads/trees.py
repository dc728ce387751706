"""Merkle trees of rosters in memory: neither a proof nor the next head hashes a leaf a second time.

Invariants: cells and line trees are kept by their roots. A caller looks up the root that the signed
head or a cell line names in its own transaction, so a kept tree is always the right one: nothing
here is invalidated, also not when a transaction that made one rolls back or another node draws a
head; only room is made. Used from one event loop. A leaf costs about 300 bytes here: the limits
bound the memory of a process to some 40 MB, or 200 MB where it draws heads and serves nobody.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store import leaves, rosters
from copconnect.delivery.store.rosters import CurrentCell
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.roster import Cell, CellLine, RosterHead, lines_tree

MOST_LEAVES = 100_000
DRAWING_LEAVES = 600_000
_MOST_LINES = 50_000


class LineTree:
    """The cells under a head, ascending, and the tree over their lines."""

    __slots__ = ("cells", "tree")

    def __init__(self, cells: Sequence[CurrentCell], former: "LineTree | None" = None) -> None:
        self.cells = list(cells)
        if former is None:
            self.tree = lines_tree(self.lines)
        else:
            self.tree = lines_tree(self.lines, former.lines, former.tree)

    @property
    def lines(self) -> list[CellLine]:
        """The cells' lines."""
        return [one.line for one in self.cells]

    def index(self, cell_id: bytes) -> int:
        """Return a cell's place. Raises KeyError for a cell without a line."""
        at = bisect_left(self.cells, cell_id, key=lambda one: one.line.cell_id)
        if at == len(self.cells) or self.cells[at].line.cell_id != cell_id:
            raise KeyError(cell_id)
        return at

    def line_and_path(self, at: int) -> bytes:
        """Return cell line ‖ path of the line."""
        return self.cells[at].line.encode() + self.tree.path(at)


class RosterTrees:
    """The trees that were used last."""

    def __init__(self) -> None:
        self.most_leaves = MOST_LEAVES
        self._cells: OrderedDict[bytes, Cell] = OrderedDict()
        self._lines: OrderedDict[bytes, LineTree] = OrderedDict()
        self._leaf_count = 0
        self._line_count = 0

    async def current_lines(
        self, connection: AsyncConnection, heads: Mapping[ConversationId, bytes]
    ) -> dict[ConversationId, LineTree]:
        """Return the line trees under the newest heads of these conversations, which the caller has
        read in this transaction. One statement for each 500 whose tree is not kept."""
        known = {c: self.lines(RosterHead.parse(head).root) for c, head in heads.items()}
        found = {c: tree for c, tree in known.items() if tree is not None}
        missing = heads.keys() - found.keys()
        if missing:
            rows = await rosters.current_cells(connection, missing)
            found |= {c: self.keep_lines(cells) for c, cells in rows.items()}
        return found

    async def current_cells(
        self, connection: AsyncConnection, lines: Mapping[ConversationId, Collection[CellLine]]
    ) -> dict[bytes, Cell]:
        """Return the cells of these lines, which the caller has read in this transaction, by root.
        One statement if any cell is not kept."""
        found: dict[bytes, Cell] = {}
        missing: dict[ConversationId, dict[CellId, CellLine]] = {}
        for c, own in lines.items():
            for line in own:
                known = self.cell(line.root)
                if known is None:
                    missing.setdefault(c, {})[CellId(line.cell_id.hex())] = line
                else:
                    found[line.root] = known
        if missing:
            read = await leaves.of_cells(connection, missing)
            for cell_id, line in (pair for by_id in missing.values() for pair in by_id.items()):
                cell = Cell(line.cell_id, line.rekey_epoch, read.get(cell_id, ()))
                found[line.root] = self.keep_cell(cell)
        return found

    def cell(self, root: bytes) -> Cell | None:
        """Return a cell by its root, if it is kept. Its line's rekey epoch may be a former one."""
        found = self._cells.get(root)
        if found is not None:
            self._cells.move_to_end(root)
        return found

    def keep_cell(self, cell: Cell) -> Cell:
        """Keep a cell."""
        root = cell.line.root
        known = self._cells.get(root)
        if known is not None:
            return known
        self._cells[root] = cell
        self._leaf_count += cell.line.devices
        while self._leaf_count > self.most_leaves and len(self._cells) > 1:
            _, dropped = self._cells.popitem(last=False)
            self._leaf_count -= dropped.line.devices
        return cell

    def lines(self, root: bytes) -> LineTree | None:
        """Return the line tree under a head by the head's root, if it is kept."""
        found = self._lines.get(root)
        if found is not None:
            self._lines.move_to_end(root)
        return found

    def keep_lines(self, cells: Sequence[CurrentCell], former: LineTree | None = None) -> LineTree:
        """Keep the line tree under a head; ``former``: the one under the head before."""
        tree = LineTree(cells, former)
        root = tree.tree.root
        if (known := self._lines.get(root)) is not None:
            return known
        self._lines[root] = tree
        self._line_count += len(tree.cells)
        while self._line_count > _MOST_LINES and len(self._lines) > 1:
            _, dropped = self._lines.popitem(last=False)
            self._line_count -= len(dropped.cells)
        return tree
