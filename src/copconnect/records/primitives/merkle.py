"""Merkle trees of RFC 6962: an odd last node moves up unchanged; the tree of nothing is H(empty).

Pure. A tree of n leaves costs n - 1 hashes to build. A tree that is built from a former one takes
over each hash whose leaves are the same and at the same place: k leaves that change in place cost
at most k log n hashes; a leaf that comes or goes moves those to its right, which costs their part.
"""

from collections.abc import Sequence

from copconnect.records.primitives.fields import HASH_BYTES, Reader, require, sha256, uint

MAX_DEPTH = 16


def leaf_hash(data: bytes) -> bytes:
    """Return H(0 ‖ data)."""
    return sha256(b"\0" + data)


class MerkleTree:
    """All hashes over a list of leaf hashes, level by level from the leaves up."""

    __slots__ = ("levels",)

    def __init__(self, leaves: Sequence[bytes], former: "MerkleTree | None" = None) -> None:
        level = list(leaves)
        self.levels = [level]
        known = [] if former is None else former.levels
        while len(level) > 1:
            at = len(self.levels)
            above = _parents(level, *known[at - 1 : at + 1])
            if len(level) % 2:
                above.append(level[-1])
            level = above
            self.levels.append(level)

    @property
    def root(self) -> bytes:
        """The hash over everything."""
        top = self.levels[-1]
        return top[0] if top else sha256(b"")

    def path(self, index: int) -> bytes:
        """Return depth (1) ‖ sides (2) ‖ hashes from a leaf to the root.

        Bit i of the sides is 1 where the i-th hash is the left one; a level where the node moves up
        alone takes no hash.
        """
        found, sides = list[bytes](), 0
        for level in self.levels[:-1]:
            if (beside := index ^ 1) < len(level):
                sides |= (index & 1) << len(found)
                found.append(level[beside])
            index //= 2
        return uint(len(found), 1) + uint(sides, 2) + b"".join(found)


def _parents(
    level: Sequence[bytes], former: Sequence[bytes] = (), parents: Sequence[bytes] = ()
) -> list[bytes]:
    """Return the hashes over the pairs of a level. ``former``: the same level of a former tree, and
    the one above it."""
    same = min(len(level), len(former)) // 2 if parents else 0
    kept = [
        parents[at]
        if level[2 * at] == former[2 * at] and level[2 * at + 1] == former[2 * at + 1]
        else node_hash(level[2 * at], level[2 * at + 1])
        for at in range(same)
    ]
    new = range(2 * same, len(level) - 1, 2)
    return kept + [node_hash(level[at], level[at + 1]) for at in new]


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    return MerkleTree(leaves).root


def climb(node: bytes, reader: Reader) -> bytes:
    """Return the root to which the path at the reader's place leads from a leaf's hash."""
    depth, sides = reader.uint(1), reader.uint(2)
    require(depth <= MAX_DEPTH and sides >> depth == 0, reader.rule, "malformed path")
    for at in range(depth):
        beside = reader.read(HASH_BYTES)
        node = sha256(b"\1" + (beside + node if sides >> at & 1 else node + beside))
    return node


# --- A tree that only grows ---------------------------------------------------------------------
# The nodes of a list that only grows are complete subtrees, named by (level, index): level 0 are
# leaves. The right edge of a tree are its largest complete subtrees, the first the largest.

Node = tuple[int, int]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return H(1 ‖ left ‖ right)."""
    return sha256(b"\1" + left + right)


def edge_root(edge: Sequence[bytes]) -> bytes:
    """Return the root of the tree that has this right edge."""
    if not edge:
        return sha256(b"")
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


def appended(
    edge: Sequence[bytes], size: int, leaf: bytes
) -> tuple[list[bytes], dict[Node, bytes]]:
    """Return the edge of a tree of ``size`` leaves with one more, and the nodes that this
    completes: one hash for each bit that flips."""
    grown, added = list(edge), {(0, size): leaf}
    level, index, node = 0, size, leaf
    while index % 2:
        level, index, node = level + 1, index // 2, node_hash(grown.pop(), node)
        added[level, index] = node
    return [*grown, node], added


def consistency_nodes(first: int, second: int) -> list[list[Node]]:
    """Return the hashes of the proof that a tree of ``second`` leaves continues from one of
    ``first`` (RFC 6962, 2.1.2), each as the edge of the subtree that it is of."""
    return [_edge_nodes(start, end) for start, end in _proven(first, 0, second, whole=True)]


def _proven(first: int, start: int, end: int, *, whole: bool) -> list[tuple[int, int]]:
    size = end - start
    if first == size:
        return [] if whole else [(start, end)]
    half = 1 << (size - 1).bit_length() - 1
    if first <= half:
        inner = _proven(first, start, start + half, whole=whole)
        return [*inner, (start + half, end)]
    inner = _proven(first - half, start + half, end, whole=False)
    return [*inner, (start, start + half)]


def _edge_nodes(start: int, end: int) -> list[Node]:
    """Return the complete subtrees of a range that begins where a subtree of its size may."""
    found: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found
