"""Sealed messages: the signed header, which is the same for everybody, and the seals."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from copconnect.delivery.sealed.format import (
    KEM_BYTES,
    SIGNATURE_BYTES,
    Fields,
    SealedRefused,
    require_signature,
    tag,
)
from copconnect.ids import CellId, ConversationId, EntryId, Epoch

HEADER_BYTES = 263
FIRST_PREV = bytes(32)
_TO_BE_SIGNED = tag("CELLS-v1 message")
_CELLS = tag("CELLS-v1 cells")


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """The fields of a header, its signature, and what the sender's next header refers to."""

    kem: int
    conversation_id: ConversationId
    message_id: EntryId
    sender: str  # SHA-256 of the sender's certificate, hex.
    seq: int  # Of the sender's device in the conversation, from 1.
    prev: bytes
    roster_epoch: Epoch
    roster_hash: bytes
    sent_ms: int
    cells_digest: bytes
    key_commit: bytes
    iv: bytes
    body_hash: bytes
    signature: bytes
    unsigned: bytes  # All before the signature.
    hash: bytes  # SHA-256 of header and signature.


@dataclass(frozen=True, slots=True)
class Seal:
    """One cell's seal; ``data`` is all of it, the ids included."""

    cell_id: CellId
    key_id: bytes
    data: bytes


def read_header(sealed: bytes) -> SignedHeader:
    """Return the fields of a header with its signature, 327 bytes. Raises SealedRefused."""
    if len(sealed) != HEADER_BYTES + SIGNATURE_BYTES:
        raise SealedRefused("malformed", "header has the wrong length")
    fields = Fields(sealed)
    header = SignedHeader(
        kem=fields.kem(),
        conversation_id=ConversationId(fields.hex(16)),
        message_id=EntryId(fields.hex(16)),
        sender=fields.hex(32),
        seq=fields.number(),
        prev=fields.take(32),
        roster_epoch=Epoch(fields.number()),
        roster_hash=fields.take(32),
        sent_ms=fields.number(),
        cells_digest=fields.take(32),
        key_commit=fields.take(32),
        iv=fields.take(12),
        body_hash=fields.take(32),
        signature=fields.take(SIGNATURE_BYTES),
        unsigned=sealed[:HEADER_BYTES],
        hash=hashlib.sha256(sealed).digest(),
    )
    if header.seq < 1:
        raise SealedRefused("malformed", "seq starts at 1")
    if (header.seq == 1) != (header.prev == FIRST_PREV):
        raise SealedRefused("malformed", "only the first header has no predecessor")
    return header


def read_seals(seals: bytes, kem: int) -> list[Seal]:
    """Return the seals that stand one after another: ascending by cell, each cell once.

    Raises SealedRefused.
    """
    size = KEM_BYTES[kem].seal
    if len(seals) % size:
        raise SealedRefused("malformed", "seals have the wrong length")
    found = [_seal(seals[at : at + size]) for at in range(0, len(seals), size)]
    if any(one.cell_id >= following.cell_id for one, following in pairwise(found)):
        raise SealedRefused("malformed", "cells are not in ascending order, each once")
    return found


def _seal(data: bytes) -> Seal:
    return Seal(CellId(data[:16].hex()), data[16:32], data)


def kem_of(sealed: bytes) -> int:
    """Return the KEM of a header that was accepted."""
    return int.from_bytes(sealed[1:3], "big")


def find_seal(seals: bytes, kem: int, cell_id: CellId) -> bytes | None:
    """Return one cell's seal of those that :func:`read_seals` accepted, or None."""
    size, wanted = KEM_BYTES[kem].seal, bytes.fromhex(cell_id)
    count = len(seals) // size
    at = bisect_left(range(count), wanted, key=lambda i: seals[i * size : i * size + 16])
    found = seals[at * size : (at + 1) * size]
    return found if found[:16] == wanted else None


def cells_digest(seals: Iterable[Seal]) -> bytes:
    """Return H(T("CELLS-v1 cells") ‖ (cell id ‖ key id)…) of seals in ascending order."""
    return hashlib.sha256(_CELLS + b"".join(one.data[:32] for one in seals)).digest()


def verify_message(
    header: SignedHeader, body: bytes, seals: Sequence[Seal], certificate: bytes
) -> None:
    """Check everything about an uploaded message that its own bytes and the sender's certificate
    (DER) say. What the conversation says (member, seq, prev, roster, keys, cells) is the caller's.

    Raises SealedRefused: ``sender_refused``, ``bad_signature``, ``body_mismatch``, ``wrong_cells``.
    """
    signed = _TO_BE_SIGNED + header.unsigned
    require_signature(signed, header.signature, certificate, header.sender, "sender_refused")
    if hashlib.sha256(body).digest() != header.body_hash:
        raise SealedRefused("body_mismatch", "not the body that was signed")
    if cells_digest(seals) != header.cells_digest:
        raise SealedRefused("wrong_cells", "not the seals that were signed")
