"""Sealed messages that the Delivery Service accepts and nobody can open: real headers and
signatures around noise in the place of bodies and seals. For measuring the server alone."""

import hashlib
import os
import time
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.delivery import roster_head
from copconnect.delivery.sealed.format import KEM_BYTES, X25519, tag
from copconnect.ids import CellId, ConversationId

BODY_BYTES = 416
_IDS = 32  # Cell id and key id.


def sealed_with_noise(
    conversation_id: ConversationId,
    keys: Mapping[CellId, bytes],
    key: Ed25519PrivateKey,
    certificate: bytes,
    chain: wire.SenderChain,
    head: bytes,
    proof: bytes,
) -> wire.PostSealed:
    """Return a sender's next message for these cells' keys (by key id)."""
    size = KEM_BYTES[X25519].seal
    ids = [bytes.fromhex(cell_id) + key_id for cell_id, key_id in sorted(keys.items())]
    body = os.urandom(BODY_BYTES)
    header = (
        b"\1"
        + X25519.to_bytes(2, "big")
        + bytes.fromhex(conversation_id)
        + os.urandom(16)
        + hashlib.sha256(certificate).digest()
        + (chain.seq + 1).to_bytes(8, "big")
        + chain.prev
        + head[17:25]
        + roster_head.roster_hash(head)
        + round(time.time() * 1000).to_bytes(8, "big")
        + hashlib.sha256(tag("CELLS-v1 cells") + b"".join(ids)).digest()
        + os.urandom(32)
        + os.urandom(12)
        + hashlib.sha256(body).digest()
    )
    return wire.PostSealed(
        sealed=header + key.sign(tag("CELLS-v1 message") + header),
        body=body,
        seals=b"".join(one + os.urandom(size - _IDS) for one in ids),
        certificate=certificate,
        sender_proof=proof,
        attachment_ids=[],
    )
