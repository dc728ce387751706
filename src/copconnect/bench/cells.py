"""The receiver's side of sealed messages (docs/protocol.md, "Cells"), for the load simulator: opens
seals and bodies with ``cryptography``'s HPKE. A second implementation beside client/src/cells.

A :class:`CellKey` is made once for each cell and epoch and shared by all devices of the cell; it
holds the parsed private key, as parsing costs as much as opening. Nothing here is for the server.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from copconnect.delivery.sealed.format import X25519, XWING, tag
from copconnect.delivery.sealed.message import SignedHeader

_SUITES = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    XWING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
BODY = tag("CELLS-v1 body")
_SEAL = tag("CELLS-v1 seal")
COMMIT, BODY_KEY = b"CELLS-v1 commit", b"CELLS-v1 body"  # What is derived from a message key.


class NotOpened(ValueError):
    """A step of receiving failed; ``code`` is the client's for that step."""

    def __init__(self, code: Literal["seal_broken", "key_commit_mismatch", "body_broken"]) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class CellKey:
    """The private key of one cell at one epoch."""

    kem: int
    private_key: X25519PrivateKey | MLKEM768X25519PrivateKey

    @property
    def suite(self) -> Suite:
        """HPKE with its KEM."""
        return _SUITES[self.kem]

    @classmethod
    def from_seed(cls, kem: int, seed: bytes) -> "CellKey":
        """Return the key of a cell's 32-byte seed (from the MLS exporter)."""
        if kem == X25519:
            return cls(kem, X25519PrivateKey.from_private_bytes(seed))
        return cls(kem, MLKEM768X25519PrivateKey(*_xwing_keys(seed)))


def public_key_of(kem: int, seed: bytes) -> bytes:
    """Return the public key that a cell's seed gives, as records carry it."""
    if kem == X25519:
        return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    mlkem, curve = _xwing_keys(seed)
    return mlkem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def _xwing_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def seal_info(header: SignedHeader, ids: bytes) -> bytes:
    """Return the HPKE info of a seal; ``ids``: its cell id ‖ key id."""
    return _SEAL + header.unsigned[3:67] + ids


def open_seal(header: SignedHeader, seal: bytes, key: CellKey) -> bytes:
    """Return the message key K that a seal holds, checked against the key commitment (steps 6 and
    7). Raises NotOpened."""
    try:
        opened = key.suite.decrypt(seal[32:], key.private_key, seal_info(header, seal[:32]))
    except (InvalidTag, ValueError) as error:
        raise NotOpened("seal_broken") from error
    if not hmac.compare_digest(derived(opened, _salt(header), COMMIT), header.key_commit):
        raise NotOpened("key_commit_mismatch")
    return opened


def open_body(header: SignedHeader, body: bytes, message_key: bytes) -> bytes:
    """Return the plaintext (step 8). Raises NotOpened."""
    try:
        cipher = AESGCM(derived(message_key, _salt(header), BODY_KEY))
        return cipher.decrypt(header.iv, body, BODY + header.unsigned[3:75])
    except InvalidTag as error:
        raise NotOpened("body_broken") from error


def derived(message_key: bytes, message_id: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes derived from a message key: HKDF-SHA256 (RFC 5869), one block."""
    extracted = hmac.digest(message_id, message_key, "sha256")
    return hmac.digest(extracted, purpose + b"\1", "sha256")


def _salt(header: SignedHeader) -> bytes:
    return header.unsigned[19:35]
