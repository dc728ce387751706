"""Roster heads chain, and bent bytes are none."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from copconnect.delivery import roster_head
from copconnect.delivery.roster_tree import RosterTree

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
LEAVES = st.lists(st.binary(min_size=48, max_size=48), max_size=40)
C = "ab" * 16


@given(st.lists(LEAVES, min_size=1, max_size=5), st.integers(0, 2**63 - 1))
def test_heads_chain(rosters: list[list[bytes]], created_ms: int) -> None:
    head: bytes | None = None
    for epoch, leaves in enumerate(rosters, start=1):
        made = roster_head.next_head(C, head, RosterTree(leaves), created_ms, KEY.sign)
        assert len(made) == roster_head.HEAD_BYTES
        read = roster_head.read_head(made, PUBLIC)
        assert read.conversation_id.hex() == C
        assert read.roster_epoch == epoch
        assert read.prev == (
            roster_head.FIRST_PREV if head is None else roster_head.roster_hash(head)
        )
        assert (read.leaf_count, read.root) == (len(set(leaves)), RosterTree(leaves).root)
        assert read.created_ms == created_ms
        head = made


@given(st.integers(0, roster_head.HEAD_BYTES - 1), st.integers(1, 255))
def test_a_bent_head_does_not_verify(at: int, xor: int) -> None:
    head = bytearray(roster_head.next_head(C, None, RosterTree([bytes(48)]), 5, KEY.sign))
    head[at] ^= xor
    with pytest.raises(roster_head.MalformedHead):
        roster_head.read_head(bytes(head), PUBLIC)


@given(st.binary(max_size=200))
def test_junk_is_no_head(data: bytes) -> None:
    with pytest.raises(roster_head.MalformedHead):
        roster_head.read_head(data, PUBLIC)
