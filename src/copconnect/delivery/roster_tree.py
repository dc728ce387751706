"""The Merkle tree under a roster head, and proofs that leaves stand under its root. Pure.

docs/protocol.md, "Roster head": RFC 6962 section 2.1 with SHA-256 over the ascending, distinct
48-byte leaves. A cell's leaves stand side by side, so one range proof shows a whole cell, and
nobody needs the other cells' leaves. Trees are immutable; 63,000 leaves take about 10 MB.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

LEAF_BYTES = 48
_HASH = 32
_CELL = 16
_INDEX = 8
_MOVES = 500  # From so many changes on, moving the rest for each costs more than making all anew.


class MalformedProof(ValueError):
    """The bytes are not a proof of these leaves."""


def leaf(cell_id: str, certificate_hash: str) -> bytes:
    """Return the 48-byte Merkle leaf of a client: cell id ‖ certificate hash, both given as hex."""
    return bytes.fromhex(cell_id) + bytes.fromhex(certificate_hash)


class RosterTree:
    """All leaves of a roster and the hashes over them, level by level from the leaves up."""

    __slots__ = ("_levels", "leaves")

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self.leaves: Sequence[bytes] = sorted(set(leaves))
        self._levels = _levels(b"".join([_leaf_hash(one) for one in self.leaves]), [], 0)

    @property
    def count(self) -> int:
        """How many leaves there are."""
        return len(self.leaves)

    @property
    def root(self) -> bytes:
        """The hash over everything."""
        return self._levels[-1] or hashlib.sha256(b"").digest()

    def edited(self, added: Collection[bytes], removed: Collection[bytes]) -> "RosterTree":
        """Return the tree without ``removed`` and with ``added``.

        Hashes left of the first change stay; those right of it stand elsewhere and are made anew.
        """
        if len(added) + len(removed) > _MOVES:
            gone = frozenset(removed)
            return RosterTree([*(one for one in self.leaves if one not in gone), *added])
        leaves, hashes = list(self.leaves), bytearray(self._levels[0])
        same = len(leaves)
        for one in removed:
            at, there = _find(leaves, one)
            if there:
                del leaves[at], hashes[at * _HASH : (at + 1) * _HASH]
                same = min(same, at)
        for one in added:
            at, there = _find(leaves, one)
            if not there:
                leaves.insert(at, one)
                hashes[at * _HASH : at * _HASH] = _leaf_hash(one)
                same = min(same, at)
        tree = RosterTree.__new__(RosterTree)
        tree.leaves, tree._levels = leaves, _levels(bytes(hashes), self._levels, same)
        return tree

    def cell(self, cell_id: str) -> tuple[int, int]:
        """Return (index of its first leaf, number of leaves) of a cell."""
        start = bytes.fromhex(cell_id)
        first = bisect_left(self.leaves, start)
        after = bisect_left(self.leaves, start + b"\xff" * (LEAF_BYTES - _CELL + 1), lo=first)
        return first, after - first

    def range_proof(self, first: int, count: int) -> bytes:
        """Return the proof of ``count`` ≥ 1 leaves from index ``first`` on."""
        if not 0 <= first < first + count <= self.count:
            raise ValueError("no such leaves")
        low, high = first, first + count
        proof: list[bytes] = []
        for level in self._levels[:-1]:
            if low % 2:
                proof.append(level[(low - 1) * _HASH : low * _HASH])
            if high % 2 and high * _HASH < len(level):
                proof.append(level[high * _HASH : (high + 1) * _HASH])
            low, high = low // 2, (high + 1) // 2
        return b"".join(proof)

    def cells(self) -> list[tuple[str, int, int]]:
        """Return (cell id, index of its first leaf, number of leaves) of all cells, in order."""
        found: list[tuple[str, int, int]] = []
        at = 0
        while at < self.count:
            cell_id = self.leaves[at][:_CELL].hex()
            first, count = self.cell(cell_id)
            found.append((cell_id, first, count))
            at = first + count
        return found

    def find(self, one: bytes) -> int | None:
        """Return the index of a leaf, if it is there."""
        at, there = _find(self.leaves, one)
        return at if there else None

    def leaves_proof(self, indexes: Iterable[int]) -> bytes:
        """Return one proof of leaves anywhere in the tree, shorter than a proof of each.

        From the bottom up, of each node that leads to one of them and whose neighbour does not,
        in the tree's order: that neighbour.
        """
        shown = sorted(set(indexes))
        proof: list[bytes] = []
        for level in self._levels[:-1]:
            known = set(shown)
            for beside in [at ^ 1 for at in shown]:
                if beside not in known and beside * _HASH < len(level):
                    proof.append(level[beside * _HASH : (beside + 1) * _HASH])
            shown = sorted({at // 2 for at in shown})
        return b"".join(proof)

    def inclusion_proof(self, one: bytes) -> bytes:
        """Return the proof of a leaf, naming its cell. Raises ValueError if it is not there."""
        index, there = _find(self.leaves, one)
        if not there:
            raise ValueError("no such leaf")
        return one[:_CELL] + index.to_bytes(_INDEX, "big") + self.range_proof(index, 1)


def range_root(first: int, leaves: Sequence[bytes], count: int, proof: bytes) -> bytes:
    """Return the root that a range proof leads to. ``count``: leaves in the whole tree.

    Raises MalformedProof when it has not exactly the hashes needed, or the leaves do not ascend.
    """
    if not leaves or not 0 <= first <= count - len(leaves) or len(proof) % _HASH:
        raise MalformedProof("no such leaves")
    if any(len(one) != LEAF_BYTES for one in leaves):
        raise MalformedProof("a leaf is not 48 bytes")
    if any(one >= following for one, following in pairwise(leaves)):
        raise MalformedProof("leaves do not ascend")
    given = iter([proof[at : at + _HASH] for at in range(0, len(proof), _HASH)])
    nodes, low = [_leaf_hash(one) for one in leaves], first
    while count > 1:
        high = low + len(nodes)
        if low % 2:
            nodes.insert(0, _next(given))
        if high % 2 and high < count:
            nodes.append(_next(given))
        nodes = [
            _node_hash(nodes[at] + nodes[at + 1]) if at + 1 < len(nodes) else nodes[at]
            for at in range(0, len(nodes), 2)
        ]
        low, count = low // 2, (count + 1) // 2
    if next(given, None) is not None:
        raise MalformedProof("too long")
    return nodes[0]


def proven_cell(proof: bytes, certificate_hash: str, count: int, root: bytes) -> str:
    """Return the cell (hex) for which an inclusion proof shows a certificate under ``root``.

    Raises MalformedProof when it does not.
    """
    if len(proof) < _CELL + _INDEX:
        raise MalformedProof("too short")
    cell_id, hashes = proof[:_CELL].hex(), proof[_CELL + _INDEX :]
    index = int.from_bytes(proof[_CELL : _CELL + _INDEX], "big")
    if range_root(index, [leaf(cell_id, certificate_hash)], count, hashes) != root:
        raise MalformedProof("another root")
    return cell_id


def _next(given: Iterable[bytes]) -> bytes:
    found = next(iter(given), None)
    if found is None:
        raise MalformedProof("too short")
    return found


def _leaf_hash(one: bytes) -> bytes:
    return hashlib.sha256(b"\0" + one).digest()


def _node_hash(pair: bytes) -> bytes:
    return hashlib.sha256(b"\1" + pair).digest()


def _find(leaves: Sequence[bytes], one: bytes) -> tuple[int, bool]:
    """Return where a leaf stands or would stand, and whether it is there."""
    at = bisect_left(leaves, one)
    return at, at < len(leaves) and leaves[at] == one


def _levels(level: bytes, known: Sequence[bytes], same: int) -> list[bytes]:
    """Hash pairs of neighbours and promote an odd last node: this gives the RFC's split at the
    largest power of two, without recursion. The first ``same`` leaves are those of ``known``, so
    are the nodes over them alone.
    """
    levels = [level]
    while len(level) > _HASH:
        same //= 2
        taken = known[len(levels)][: same * _HASH] if same else b""
        whole = len(level) - len(level) % (2 * _HASH)
        pairs = range(2 * len(taken), whole, 2 * _HASH)
        made = b"".join([_node_hash(level[at : at + 2 * _HASH]) for at in pairs])
        level = taken + made + level[whole:]
        levels.append(level)
    return levels
