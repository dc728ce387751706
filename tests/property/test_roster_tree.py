"""The roster's Merkle tree against RFC 6962's own recursion; its proofs against lies.

``python -m tests.property.test_roster_tree`` writes spec/roster_proofs.json, which the client
core's tests read too.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from copconnect.delivery.roster_tree import (
    MalformedProof,
    RosterTree,
    leaf,
    proven_cell,
    range_root,
)

SPEC = Path(__file__).parents[2] / "spec" / "roster_proofs.json"
LEAVES = st.lists(st.binary(min_size=48, max_size=48), max_size=40)


def recursion(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = recursion(leaves[:k]), recursion(leaves[k:])
    return hashlib.sha256(b"\1" + left + right).digest()


def roster(cells: list[int]) -> list[bytes]:
    """Leaves of cells of these sizes, the same every time."""
    return [
        hashlib.sha256(f"cell {cell}".encode()).digest()[:16]
        + hashlib.sha256(f"certificate {cell} {one}".encode()).digest()
        for cell, size in enumerate(cells)
        for one in range(size)
    ]


def vectors() -> dict[str, Any]:
    """Trees of many shapes with a range proof of each cell, an inclusion proof of a leaf, and a
    proof of leaves here and there."""
    trees = []
    for cells in ([1], [2], [1, 1], [3, 2], [4, 4], [5, 1, 7], [1, 2, 3, 4, 6], [16, 17]):
        tree = RosterTree(roster(cells))
        ranges, inclusions = [], []
        for cell_id in sorted({one[:16].hex() for one in tree.leaves}):
            first, count = tree.cell(cell_id)
            ranges.append(
                {
                    "cellId": cell_id,
                    "first": first,
                    "count": count,
                    "proof": tree.range_proof(first, count).hex(),
                }
            )
            one = tree.leaves[first + count - 1]
            inclusions.append(
                {"certificateHash": one[16:].hex(), "proof": tree.inclusion_proof(one).hex()}
            )
        leaves = [
            {"cellId": one[:16].hex(), "certificateHash": one[16:].hex()} for one in tree.leaves
        ]
        shown = sorted({0, tree.count // 3, tree.count // 2, tree.count - 1})
        trees.append(
            {
                "root": tree.root.hex(),
                "leaves": leaves,
                "ranges": ranges,
                "inclusions": inclusions,
                "shown": shown,
                "shownProof": tree.leaves_proof(shown).hex(),
            }
        )
    return {"made": "python -m tests.property.test_roster_tree", "trees": trees}


def test_the_vectors_are_what_this_code_makes() -> None:
    assert json.loads(SPEC.read_text()) == vectors()


@given(LEAVES)
def test_root_is_the_rfcs_over_sorted_distinct_leaves(leaves: list[bytes]) -> None:
    distinct = sorted(set(leaves))
    tree = RosterTree(leaves)
    assert (tree.count, tree.root) == (len(distinct), recursion(distinct))
    again = RosterTree(reversed(leaves + leaves))
    assert (again.leaves, again.root) == (tree.leaves, tree.root)


@given(LEAVES, LEAVES, st.data())
def test_an_edited_tree_is_the_tree_of_the_edited_leaves(
    leaves: list[bytes], added: list[bytes], data: st.DataObject
) -> None:
    removed = data.draw(st.sets(st.sampled_from(leaves))) if leaves else set()
    edited = RosterTree(leaves).edited(added, removed)
    expected = RosterTree((set(leaves) - removed) | set(added))
    assert edited.root == recursion(list(expected.leaves))
    assert edited.leaves == expected.leaves
    for index in range(edited.count):
        assert edited.range_proof(index, 1) == expected.range_proof(index, 1)
    back = edited.edited(leaves, set(edited.leaves) - set(leaves))
    assert back.root == RosterTree(leaves).root


@pytest.mark.parametrize("changes", [1, 400, 1_000])
def test_few_and_many_changes_give_the_same_tree(changes: int) -> None:
    leaves = roster([256] * 8)
    removed, added = leaves[:: len(leaves) // changes or 1][:changes], roster([3] * changes)
    edited = RosterTree(leaves).edited(added, removed)
    assert edited.root == RosterTree((set(leaves) - set(removed)) | set(added)).root


@given(LEAVES, st.data())
def test_a_range_proof_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    assume(leaves)
    tree = RosterTree(leaves)
    first = data.draw(st.integers(0, tree.count - 1))
    count = data.draw(st.integers(1, tree.count - first))
    shown = list(tree.leaves[first : first + count])
    proof = tree.range_proof(first, count)
    assert range_root(first, shown, tree.count, proof) == tree.root
    # Neither another leaf, another place, another hash nor another length leads there.
    lies: list[tuple[int, list[bytes], int, bytes]] = [
        (first, [*shown[:-1], bytes(47) + b"\1"], tree.count, proof),
        (first + 1, shown, tree.count, proof),
        (first, shown[:-1], tree.count, proof),
        (first, shown, tree.count, proof + bytes(32)),
        (first, shown, tree.count, proof[:-32]),
        (first, shown, tree.count, proof[:-1]),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
        lies.append((first, shown, tree.count, bent))
    for lie in lies:
        if lie == (first, shown, tree.count, proof):
            continue
        try:
            root = range_root(*lie)
        except MalformedProof:
            continue
        assert root != tree.root, lie


def root_of(shown: dict[int, bytes], count: int, proof: bytes) -> bytes:
    """The root that a proof of leaves by index leads to, slowly, by RFC 6962's recursion."""
    hashes = [proof[at : at + 32] for at in range(0, len(proof), 32)]
    needed: list[tuple[int, int]] = []  # (level, index), as the proof orders them.
    level, width, known = 0, count, set(shown)
    while width > 1:
        beside = [at ^ 1 for at in sorted(known) if at ^ 1 not in known and at ^ 1 < width]
        needed += [(level, at) for at in beside]
        level, width, known = level + 1, (width + 1) // 2, {at // 2 for at in known}
    assert len(needed) == len(hashes)
    given_hashes = dict(zip(needed, hashes, strict=True))

    def node(level: int, at: int) -> bytes:
        if (level, at) in given_hashes:
            return given_hashes[level, at]
        if level == 0:
            return hashlib.sha256(b"\0" + shown[at]).digest()
        wide = count
        for _ in range(level - 1):
            wide = (wide + 1) // 2
        left = node(level - 1, 2 * at)
        if 2 * at + 1 >= wide:
            return left
        return hashlib.sha256(b"\1" + left + node(level - 1, 2 * at + 1)).digest()

    return node(level, 0)


@given(LEAVES, st.data())
def test_a_proof_of_leaves_here_and_there_leads_to_the_root(
    leaves: list[bytes], data: st.DataObject
) -> None:
    assume(leaves)
    tree = RosterTree(leaves)
    indexes = data.draw(st.sets(st.integers(0, tree.count - 1), min_size=1))
    proof = tree.leaves_proof(indexes)
    assert root_of({at: tree.leaves[at] for at in indexes}, tree.count, proof) == tree.root
    first, last = min(indexes), max(indexes)
    assert tree.leaves_proof(range(first, last + 1)) == tree.range_proof(first, last - first + 1)


def test_the_cells_stand_one_after_another() -> None:
    tree = RosterTree(roster([3, 1, 4]))
    cells = tree.cells()
    assert [cell_id for cell_id, _, _ in cells] == sorted({one[:16].hex() for one in tree.leaves})
    assert cells == [(cell_id, *tree.cell(cell_id)) for cell_id, _, _ in cells]
    assert sum(count for _, _, count in cells) == tree.count
    assert RosterTree([]).cells() == []


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_an_inclusion_proof_names_the_cell(cells: list[int], data: st.DataObject) -> None:
    tree = RosterTree(roster(cells))
    one = data.draw(st.sampled_from(tree.leaves))
    proof = tree.inclusion_proof(one)
    cell_id, name = one[:16].hex(), one[16:].hex()
    assert proven_cell(proof, name, tree.count, tree.root) == cell_id
    assert leaf(cell_id, name) == one
    first, count = tree.cell(cell_id)
    assert {other[:16].hex() for other in tree.leaves[first : first + count]} == {cell_id}
    assert count == sum(other[:16].hex() == cell_id for other in tree.leaves)
    with pytest.raises(MalformedProof):
        proven_cell(bytes(16) + proof[16:], name, tree.count, tree.root)
    with pytest.raises(MalformedProof):
        proven_cell(proof, "00" * 32, tree.count, tree.root)
    with pytest.raises(ValueError, match="no such leaf"):
        tree.inclusion_proof(one[:47] + bytes([one[47] ^ 1]))


@given(st.binary(max_size=300), st.integers(0, 2**64))
def test_junk_is_no_proof(data: bytes, count: int) -> None:
    with pytest.raises(MalformedProof):
        proven_cell(data, "00" * 32, count, bytes(32))


def test_a_cell_that_is_not_there_has_no_leaves() -> None:
    tree = RosterTree(roster([3, 4]))
    for cell_id in ("00" * 16, "ff" * 16):
        assert tree.cell(cell_id)[1] == 0
    with pytest.raises(ValueError, match="no such leaves"):
        tree.range_proof(0, 0)


if __name__ == "__main__":
    SPEC.write_text(json.dumps(vectors(), indent=1) + "\n")
