"""Roster heads: the Merkle tree against RFC 6962's own recursion, heads against bent bytes."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from copconnect.delivery import roster_head

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
LEAVES = st.lists(st.binary(min_size=48, max_size=48), max_size=40)
C = "ab" * 16


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


@given(LEAVES)
def test_root_is_the_rfcs_over_sorted_distinct_leaves(leaves: list[bytes]) -> None:
    distinct = sorted(set(leaves))
    expected = (len(distinct), recursion(distinct))
    assert roster_head.merkle_root(leaves) == expected
    assert roster_head.merkle_root(reversed(leaves + leaves)) == expected


@given(LEAVES, st.binary(min_size=48, max_size=48))
def test_any_other_leaf_changes_the_root(leaves: list[bytes], more: bytes) -> None:
    changed = roster_head.merkle_root([*leaves, more]) != roster_head.merkle_root(leaves)
    assert changed == (more not in leaves)


@given(st.lists(LEAVES, min_size=1, max_size=5), st.integers(0, 2**63 - 1))
def test_heads_chain(rosters: list[list[bytes]], created_ms: int) -> None:
    head: bytes | None = None
    for epoch, leaves in enumerate(rosters, start=1):
        made = roster_head.next_head(C, head, leaves, created_ms, KEY.sign)
        assert len(made) == roster_head.HEAD_BYTES
        read = roster_head.read_head(made, PUBLIC)
        assert read.conversation_id.hex() == C
        assert read.roster_epoch == epoch
        assert read.prev == (
            roster_head.FIRST_PREV if head is None else roster_head.roster_hash(head)
        )
        assert (read.leaf_count, read.root) == roster_head.merkle_root(leaves)
        assert read.created_ms == created_ms
        head = made


@given(st.integers(0, roster_head.HEAD_BYTES - 1), st.integers(1, 255))
def test_a_bent_head_does_not_verify(at: int, xor: int) -> None:
    head = bytearray(roster_head.next_head(C, None, [bytes(48)], 5, KEY.sign))
    head[at] ^= xor
    with pytest.raises(roster_head.MalformedHead):
        roster_head.read_head(bytes(head), PUBLIC)


@given(st.binary(max_size=200))
def test_junk_is_no_head(data: bytes) -> None:
    with pytest.raises(roster_head.MalformedHead):
        roster_head.read_head(data, PUBLIC)
