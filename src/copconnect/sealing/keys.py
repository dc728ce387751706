"""Making and opening keys: device keys, conversation keys (S), cell keys (C), and their seals.

Secrets come from the caller, who draws them from the system's random numbers (``new_secret``).
"""

import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.records.conversation import cell_key, conversation_key
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.conversation.seals import Seal
from copconnect.records.primitives.fields import SECRET_BYTES, require
from copconnect.records.primitives.signed import SealableRecord
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke


def new_secret() -> bytes:
    """Return 32 random bytes: an S, a C, or a device key's private key."""
    return secrets.token_bytes(SECRET_BYTES)


def make_device_key(
    kem: int, seed: bytes, signer: Ed25519PrivateKey, *, device: bytes, generation: int, now: int
) -> DeviceKey:
    """Return the signed record of a device's HPKE key pair."""
    pk = hpke.public_bytes(kem, seed)
    draft = DeviceKey(kem=kem, device=device, generation=generation, created=now, pk=pk)
    return draft.signed(signer)


def make_conversation_key(
    secret: bytes, signer: Ed25519PrivateKey, *, head: RosterHead, author: bytes, now: int
) -> ConversationKey:
    """Return the signed record of an S; ``created`` is never before the head's."""
    return ConversationKey(
        conversation_id=head.conversation_id,
        author=author,
        epoch=head.epoch,
        head=head.hash(),
        created=max(now, head.created),
        commit=conversation_key.commit_to(secret, head.conversation_id),
    ).signed(signer)


def make_cell_key(
    secret: bytes,
    signer: Ed25519PrivateKey,
    *,
    head: RosterHead,
    cell_id: bytes,
    generation: int,
    author: bytes,
    now: int,
) -> CellKey:
    """Return the signed record of a C and the key pair that comes from it."""
    return CellKey(
        kem=head.kem,
        conversation_id=head.conversation_id,
        cell_id=cell_id,
        epoch=head.epoch,
        generation=generation,
        head=head.hash(),
        author=author,
        created=max(now, head.created),
        commit=cell_key.commit_to(secret, head.conversation_id, cell_id),
        pk=hpke.public_bytes(head.kem, hpke.derived_seed(head.kem, secret)),
    ).signed(signer)


def seal_secret(record: ConversationKey | CellKey, secret: bytes, to: SealableRecord) -> Seal:
    """Return a record's secret sealed to a device key or cell key. Raises Refused (S3)."""
    key_id = to.key_id()
    return Seal(key_id, hpke.seal(to.kem, to.pk, record.seal_info(key_id), secret, "S3"))


def open_conversation_key(
    record: ConversationKey, seal: Seal, kem: int, key_id: bytes, key: hpke.PrivateKey
) -> bytes:
    """Return S from a seal to this device's or cell's key. Raises Refused (R6)."""
    require(seal.key_id == key_id, "R6", "sealed to another key")
    secret = hpke.open_sealed(kem, key, record.seal_info(key_id), seal.sealed, "R6")
    require(len(secret) == SECRET_BYTES, "R6", "not a secret")
    record.check_secret(secret)
    return secret


def open_cell_key(record: CellKey, seal: Seal, key_id: bytes, key: hpke.PrivateKey) -> bytes:
    """Return C from a seal to this device's key. Raises Refused (C2)."""
    require(seal.key_id == key_id, "C2", "sealed to another key")
    secret = hpke.open_sealed(record.kem, key, record.seal_info(key_id), seal.sealed, "C2")
    check_cell_secret(record, secret)
    return secret


def check_cell_secret(record: CellKey, secret: bytes) -> None:
    """Check C against commitment and public key (C2). If the key pair did not come from C, whatever
    is sealed to the cell would open for the record's author alone. Raises Refused."""
    require(len(secret) == SECRET_BYTES, "C2", "not a secret")
    record.check_commitment(secret)
    pk = hpke.public_bytes(record.kem, hpke.derived_seed(record.kem, secret))
    require(pk == record.pk, "C2", "public key is not the secret's")


def cell_private_key(record: CellKey, secret: bytes) -> hpke.PrivateKey:
    """Return the private key to open what is sealed to a cell."""
    return hpke.private_key(record.kem, hpke.derived_seed(record.kem, secret))
