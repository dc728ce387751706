"""Merkle trees of rosters in memory, so that proofs need no leaf that was hashed before.

Invariants: trees are kept by their roots, so nothing here is invalidated, also not when a
transaction that made one rolls back; only room is made. Used from one event loop. A leaf costs
about 300 bytes here: the limits bound the memory of a process to some 40 MB.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence

from copconnect.records.conversation.roster import Cell, CellLine, lines_tree
from copconnect.records.primitives.merkle import MerkleTree

_MOST_LEAVES = 100_000
_MOST_LINES = 50_000


class CellTree:
    """The encoded leaves of a cell, ascending by device, and the tree over them."""

    __slots__ = ("devices", "leaves", "tree")

    def __init__(self, cell: Cell) -> None:
        self.devices = [leaf.device for leaf in cell.leaves]
        self.leaves = cell.encoded
        self.tree = cell.tree

    def leaf_and_path(self, device: bytes) -> bytes | None:
        """Return leaf ‖ path in the cell; None for a device that is not in it."""
        at = bisect_left(self.devices, device)
        if at == len(self.devices) or self.devices[at] != device:
            return None
        return self.leaves[at] + self.tree.path(at)


class LineTree:
    """The cell lines under a head, ascending by cell, and the tree over them."""

    __slots__ = ("lines", "tree")

    def __init__(self, lines: Sequence[CellLine]) -> None:
        self.lines = list(lines)
        self.tree: MerkleTree = lines_tree(self.lines)

    def index(self, cell_id: bytes) -> int:
        """Return a cell's place. Raises KeyError for a cell without a line."""
        at = bisect_left(self.lines, cell_id, key=lambda line: line.cell_id)
        if at == len(self.lines) or self.lines[at].cell_id != cell_id:
            raise KeyError(cell_id)
        return at

    def line_and_path(self, at: int) -> bytes:
        """Return cell line ‖ path of the line."""
        return self.lines[at].encode() + self.tree.path(at)


class RosterTrees:
    """The trees that were used last."""

    def __init__(self) -> None:
        self._cells: OrderedDict[bytes, CellTree] = OrderedDict()
        self._lines: OrderedDict[bytes, LineTree] = OrderedDict()
        self._leaf_count = 0
        self._line_count = 0

    def cell(self, root: bytes) -> CellTree | None:
        """Return the tree of a cell by its root, if it is kept."""
        found = self._cells.get(root)
        if found is not None:
            self._cells.move_to_end(root)
        return found

    def keep_cell(self, cell: Cell) -> CellTree:
        """Keep a cell's tree."""
        root = cell.line.root
        known = self._cells.get(root)
        if known is not None:
            return known
        tree = self._cells[root] = CellTree(cell)
        self._leaf_count += len(tree.devices)
        while self._leaf_count > _MOST_LEAVES and len(self._cells) > 1:
            _, dropped = self._cells.popitem(last=False)
            self._leaf_count -= len(dropped.devices)
        return tree

    def lines(self, root: bytes) -> LineTree | None:
        """Return the line tree under a head by the head's root, if it is kept."""
        found = self._lines.get(root)
        if found is not None:
            self._lines.move_to_end(root)
        return found

    def keep_lines(self, lines: Sequence[CellLine]) -> LineTree:
        """Keep the line tree under a head."""
        tree = LineTree(lines)
        root = tree.tree.root
        if (known := self._lines.get(root)) is not None:
            return known
        self._lines[root] = tree
        self._line_count += len(tree.lines)
        while self._line_count > _MOST_LINES and len(self._lines) > 1:
            _, dropped = self._lines.popitem(last=False)
            self._line_count -= len(dropped.lines)
        return tree
