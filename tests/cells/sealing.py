"""Seals messages in Python, a second implementation beside client/src/cells: HPKE base mode written
from RFC 9180 for X25519, with given ephemerals; ``cryptography``'s own for X-Wing.

``python -m tests.cells.sealing`` writes spec/cells_from_python.json, which the client opens.
"""

import datetime
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from copconnect.delivery.sealed.format import X25519, XWING

SPEC = Path(__file__).parents[2] / "spec"
SENT_MS = 1_764_000_000_000


def fixed(name: str, size: int = 32) -> bytes:
    """Return bytes that depend on their name only."""
    return hashlib.shake_256(name.encode()).digest(size)


# --- HPKE base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM ----------

_KEM_SUITE = b"KEM" + X25519.to_bytes(2, "big")
_HPKE_SUITE = b"HPKE" + X25519.to_bytes(2, "big") + b"\0\1" + b"\0\2"


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\1", "sha256")[:size]


def hpke_seal_x25519(public_key: bytes, info: bytes, plaintext: bytes, ikm: bytes) -> bytes:
    """Return enc ‖ ciphertext, with the ephemeral key from ``ikm`` by DeriveKeyPair."""
    prk = _extract(_KEM_SUITE, b"", b"dkp_prk", ikm)
    ephemeral = X25519PrivateKey.from_private_bytes(_expand(_KEM_SUITE, prk, b"sk", b"", 32))
    enc = ephemeral.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    eae = _extract(_KEM_SUITE, b"", b"eae_prk", shared)
    secret = _expand(_KEM_SUITE, eae, b"shared_secret", enc + public_key, 32)
    context = (
        b"\0"
        + _extract(_HPKE_SUITE, b"", b"psk_id_hash", b"")
        + _extract(_HPKE_SUITE, b"", b"info_hash", info)
    )
    scheduled = _extract(_HPKE_SUITE, secret, b"secret", b"")
    key = _expand(_HPKE_SUITE, scheduled, b"key", context, 32)
    nonce = _expand(_HPKE_SUITE, scheduled, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def _hpke_seal_xwing(seed: bytes, info: bytes, plaintext: bytes) -> bytes:
    mlkem, curve = _xwing_keys(seed)
    public_key = MLKEM768X25519PublicKey(mlkem.public_key(), curve.public_key())
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return suite.encrypt(plaintext, public_key, info)


def _xwing_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def public_key_of(kem: int, seed: bytes) -> bytes:
    """Return the public key of a cell's seed."""
    raw = (Encoding.Raw, PublicFormat.Raw)
    if kem == X25519:
        return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(*raw)
    mlkem, curve = _xwing_keys(seed)
    return mlkem.public_key().public_bytes_raw() + curve.public_key().public_bytes(*raw)


def certificate_of(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, days: int = 90) -> bytes:
    """Return a certificate (DER) that a key issued to itself: nothing here judges chains."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sender")])
    at = datetime.datetime.fromtimestamp(SENT_MS / 1000, datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=7,
        not_valid_before=at,
        not_valid_after=at + datetime.timedelta(days=days),
    )
    elliptic = isinstance(key, ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA256() if elliptic else None).public_bytes(Encoding.DER)


# --- Cells and messages ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell at one epoch with its record."""

    cell_id: bytes
    seed: bytes
    record: bytes
    key_id: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """An uploaded message."""

    header: bytes  # With the signature.
    body: bytes
    seals: list[bytes]  # Ascending by cell.
    key: bytes


@dataclass(slots=True)
class Sender:
    """A device with a certificate, and the end of its chain."""

    kem: int
    conversation_id: bytes = field(default_factory=lambda: fixed("conversation", 16))
    key: Ed25519PrivateKey = field(
        default_factory=lambda: Ed25519PrivateKey.from_private_bytes(fixed("sender's key"))
    )
    seq: int = 0
    prev: bytes = bytes(32)
    certificate: bytes = b""
    certificate_hash: bytes = b""
    roster_hash: bytes = field(default_factory=lambda: fixed("roster head 7"))

    def __post_init__(self) -> None:
        """Make the certificate."""
        self.certificate = certificate_of(self.key)
        self.certificate_hash = hashlib.sha256(self.certificate).digest()

    def cell(self, name: str, epoch: int) -> Cell:
        """Return a cell's key at an epoch, its record signed by this device."""
        cell_id, seed = fixed(name, 16), fixed(f"{name} seed {epoch}")
        public_key = public_key_of(self.kem, seed)
        unsigned = (
            b"\1"
            + self.kem.to_bytes(2, "big")
            + self.conversation_id
            + cell_id
            + epoch.to_bytes(8, "big")
            + fixed(f"{name} tree {epoch}")
            + (7).to_bytes(8, "big")
            + (SENT_MS - 60_000).to_bytes(8, "big")
            + len(public_key).to_bytes(2, "big")
            + public_key
            + self.certificate_hash
        )
        signature = self.key.sign(b"CELLS-v1 cell-key\0" + unsigned)
        key_id = hashlib.sha256(b"CELLS-v1 key-id\0" + unsigned).digest()[:16]
        return Cell(cell_id, seed, unsigned + signature, key_id)

    def seal(self, plaintext: bytes, cells: Sequence[Cell], name: str) -> Sealed:
        """Return the next message of the chain; ``name`` gives its randomness."""
        self.seq += 1
        message_id, key, iv = fixed(f"{name} id", 16), fixed(f"{name} key"), fixed(f"{name} iv", 12)
        place = self.conversation_id + message_id + self.certificate_hash
        body = AESGCM(_hkdf(key, message_id, b"CELLS-v1 body")).encrypt(
            iv, plaintext, b"CELLS-v1 body\0" + place + self.seq.to_bytes(8, "big")
        )
        seals = []
        for cell in sorted(cells, key=lambda one: one.cell_id):
            ids = cell.cell_id + cell.key_id
            info = b"CELLS-v1 seal\0" + place + ids
            seals.append(ids + self._hpke(cell, info, key, fixed(f"{name} {ids.hex()}")))
        unsigned = (
            b"\1"
            + self.kem.to_bytes(2, "big")
            + place
            + self.seq.to_bytes(8, "big")
            + self.prev
            + (7).to_bytes(8, "big")
            + self.roster_hash
            + SENT_MS.to_bytes(8, "big")
            + hashlib.sha256(b"CELLS-v1 cells\0" + b"".join(one[:32] for one in seals)).digest()
            + _hkdf(key, message_id, b"CELLS-v1 commit")
            + iv
            + hashlib.sha256(body).digest()
        )
        header = unsigned + self.key.sign(b"CELLS-v1 message\0" + unsigned)
        self.prev = hashlib.sha256(header).digest()
        return Sealed(header, body, seals, key)

    def _hpke(self, cell: Cell, info: bytes, key: bytes, ikm: bytes) -> bytes:
        if self.kem == X25519:
            return hpke_seal_x25519(public_key_of(self.kem, cell.seed), info, key, ikm)
        return _hpke_seal_xwing(cell.seed, info, key)


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\1", "sha256")


def vector(kem: int) -> dict[str, Any]:
    """Return two messages to three cells with everything that a receiver needs."""
    sender = Sender(kem)
    cells = [sender.cell(f"cell {number}", 4) for number in range(3)]
    plaintexts = ["from Python", "తెలుగు, اردو, हिन्दी"]
    messages = [(text, sender.seal(text.encode(), cells, text)) for text in plaintexts]
    return {
        "kem": kem,
        "sentMs": SENT_MS,
        "conversationId": sender.conversation_id.hex(),
        "rosterHash": sender.roster_hash.hex(),
        "certificate": sender.certificate.hex(),
        "cells": [
            {
                "cellId": cell.cell_id.hex(),
                "seed": cell.seed.hex(),
                "keyId": cell.key_id.hex(),
                "record": cell.record.hex(),
            }
            for cell in cells
        ],
        "messages": [
            {
                "plaintext": text,
                "header": one.header.hex(),
                "body": one.body.hex(),
                "seals": [seal.hex() for seal in one.seals],
            }
            for text, one in messages
        ],
    }


if __name__ == "__main__":
    whole = {
        "made": "python -m tests.cells.sealing",
        "suites": [vector(X25519), vector(XWING)],
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    (SPEC / "cells_from_python.json").write_text(text + "\n")
