"""What records, headers and seals share: KEMs and their sizes, tags, a reader of fixed-size fields.

Exact: integers are big-endian, nothing is optional, trailing bytes are refused. Ids and certificate
hashes are hex, as everywhere; other hashes are bytes.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_der_x509_certificate

X25519 = 0x0020
XWING = 0x647A
SIGNATURE_BYTES = 64
_VERSION = 1
_MAX_NUMBER = 2**53 - 1  # What a client's number can hold.

Refusal = Literal[
    "malformed",
    "wrong_kem",
    "sender_refused",
    "signer_refused",
    "bad_signature",
    "body_mismatch",
    "wrong_cells",
]


class SealedRefused(ValueError):
    """The bytes are not what they should be; ``reason`` is the code that clients use as well."""

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class KemBytes:
    """Sizes that a KEM fixes."""

    public_key: int
    seal: int  # Cell id, key id, enc, ciphertext of a 32-byte key.


KEM_BYTES = {
    X25519: KemBytes(public_key=32, seal=16 + 16 + 32 + 48),
    XWING: KemBytes(public_key=1216, seal=16 + 16 + 1120 + 48),
}


def tag(text: str) -> bytes:
    """Return T(text): what separates one signed or hashed thing from another."""
    return text.encode("ascii") + b"\0"


class Fields:
    """Reads fixed-size fields front to back. The caller has checked the length."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        self._at += size
        return self._data[self._at - size : self._at]

    def hex(self, size: int) -> str:
        """Return the next ``size`` bytes as hex."""
        return self.take(size).hex()

    def number(self) -> int:
        """Return the next 8-byte integer."""
        value = int.from_bytes(self.take(8), "big")
        if value > _MAX_NUMBER:
            raise SealedRefused("malformed", "number out of range")
        return value

    def kem(self) -> int:
        """Pass the version, return the KEM."""
        if self.take(1)[0] != _VERSION:
            raise SealedRefused("malformed", "unknown version")
        kem = int.from_bytes(self.take(2), "big")
        if kem not in KEM_BYTES:
            raise SealedRefused("wrong_kem", "this KEM is not spoken here")
        return kem


def expires_ms(certificate: bytes) -> int:
    """Return when a certificate (DER) that can be read expires."""
    until = load_der_x509_certificate(certificate).not_valid_after_utc
    return int(until.timestamp()) * 1000


def require_signature(
    signed: bytes,
    signature: bytes,
    certificate: bytes,
    certificate_hash: str,
    refusal: Literal["sender_refused", "signer_refused"],
) -> None:
    """Check that a certificate (DER) has this hash, and that its Ed25519 key made this signature.

    Whom the certificate names and whether it is good is not judged here.
    """
    if hashlib.sha256(certificate).hexdigest() != certificate_hash:
        raise SealedRefused(refusal, "another certificate")
    try:
        key = load_der_x509_certificate(certificate).public_key()
    except ValueError as error:
        raise SealedRefused(refusal, "certificate cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SealedRefused(refusal, "not an Ed25519 certificate")
    try:
        key.verify(signature, signed)
    except InvalidSignature as error:
        raise SealedRefused("bad_signature", "signature does not verify") from error
