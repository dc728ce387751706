"""Signed roster heads (docs/protocol.md, "Roster head"): encoding and verification. Pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect.delivery.roster_tree import RosterTree

HEAD_BYTES = 169
_VERSION = 1
_SIGNED_PREFIX = b"CELLS-v1 roster\0"
_SIGNATURE_BYTES = 64
FIRST_PREV = bytes(32)


class MalformedHead(ValueError):
    """The bytes are not a roster head, or its signature does not verify."""


@dataclass(frozen=True, slots=True)
class RosterHead:
    """The signed fields of a head."""

    conversation_id: bytes  # 16 bytes.
    roster_epoch: int
    prev: bytes
    leaf_count: int
    root: bytes
    created_ms: int


def roster_hash(head: bytes) -> bytes:
    """Return the roster hash: SHA-256 of a head with its signature."""
    return hashlib.sha256(head).digest()


def next_head(
    conversation_id: str,
    previous: bytes | None,
    tree: RosterTree,
    created_ms: int,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """Return the signed head that follows ``previous`` (None: the first one)."""
    if previous is None:
        epoch, prev = 1, FIRST_PREV
    else:
        epoch = int.from_bytes(previous[17:25], "big") + 1
        prev = roster_hash(previous)
    body = (
        bytes([_VERSION])
        + bytes.fromhex(conversation_id)
        + epoch.to_bytes(8, "big")
        + prev
        + tree.count.to_bytes(8, "big")
        + tree.root
        + created_ms.to_bytes(8, "big")
    )
    return body + sign(_SIGNED_PREFIX + body)


def root_of(head: bytes) -> bytes:
    """Return the Merkle root that one of our own heads signs."""
    return head[65:97]


def count_and_root(head: bytes) -> tuple[int, bytes]:
    """Return the leaf count and the root that one of our own heads signs."""
    return int.from_bytes(head[57:65], "big"), root_of(head)


def read_head(head: bytes, public_key: bytes) -> RosterHead:
    """Return the fields of a head whose signature by ``public_key`` verifies.

    Raises MalformedHead otherwise.
    """
    if len(head) != HEAD_BYTES or head[0] != _VERSION:
        raise MalformedHead("wrong length or version")
    body, signature = head[:-_SIGNATURE_BYTES], head[-_SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _SIGNED_PREFIX + body)
    except (InvalidSignature, ValueError) as error:
        raise MalformedHead("signature does not verify") from error
    return RosterHead(
        conversation_id=head[1:17],
        roster_epoch=int.from_bytes(head[17:25], "big"),
        prev=head[25:57],
        leaf_count=int.from_bytes(head[57:65], "big"),
        root=head[65:97],
        created_ms=int.from_bytes(head[97:105], "big"),
    )
