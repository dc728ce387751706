"""Cell key records: a cell's public key of one epoch, signed by the member that committed."""

import hashlib
from dataclasses import dataclass

from copconnect.delivery.sealed.format import (
    KEM_BYTES,
    SIGNATURE_BYTES,
    Fields,
    SealedRefused,
    require_signature,
    tag,
)
from copconnect.ids import CellId, ConversationId, Epoch

KEY_ID_BYTES = 16
_FIXED_BYTES = 125  # All but the public key and the signature.
_TO_BE_SIGNED = tag("CELLS-v1 cell-key")
_KEY_ID = tag("CELLS-v1 key-id")


@dataclass(frozen=True, slots=True)
class CellKeyRecord:
    """The fields of a record, and the key id by which seals refer to it."""

    kem: int
    conversation_id: ConversationId
    cell_id: CellId
    epoch: Epoch
    tree_hash: bytes  # SHA-256 of the MLS tree hash.
    roster_epoch: Epoch
    created_ms: int
    public_key: bytes
    signer: str  # SHA-256 of the signer's certificate, hex.
    signature: bytes
    unsigned: bytes  # All before the signature.
    key_id: bytes


def read_record(record: bytes) -> CellKeyRecord:
    """Return the fields of a record with its signature. Raises SealedRefused."""
    if len(record) < 3:
        raise SealedRefused("malformed", "record is truncated")
    fields = Fields(record)
    kem = fields.kem()
    size = KEM_BYTES[kem].public_key
    if len(record) != _FIXED_BYTES + size + SIGNATURE_BYTES:
        raise SealedRefused("malformed", "record has the wrong length")
    conversation_id = ConversationId(fields.hex(16))
    cell_id = CellId(fields.hex(16))
    epoch = Epoch(fields.number())
    tree_hash = fields.take(32)
    roster_epoch = Epoch(fields.number())
    created_ms = fields.number()
    if int.from_bytes(fields.take(2), "big") != size:
        raise SealedRefused("malformed", "public key has the wrong length")
    unsigned = record[:-SIGNATURE_BYTES]
    return CellKeyRecord(
        kem=kem,
        conversation_id=conversation_id,
        cell_id=cell_id,
        epoch=epoch,
        tree_hash=tree_hash,
        roster_epoch=roster_epoch,
        created_ms=created_ms,
        public_key=fields.take(size),
        signer=fields.hex(32),
        signature=record[-SIGNATURE_BYTES:],
        unsigned=unsigned,
        key_id=hashlib.sha256(_KEY_ID + unsigned).digest()[:KEY_ID_BYTES],
    )


def verify_record(record: CellKeyRecord, certificate: bytes) -> None:
    """Check that the signer's certificate (DER) is the named one and signed the record.

    Raises SealedRefused: ``signer_refused`` or ``bad_signature``.
    """
    signed = _TO_BE_SIGNED + record.unsigned
    require_signature(signed, record.signature, certificate, record.signer, "signer_refused")
