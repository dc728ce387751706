"""HPKE (RFC 9180) base mode with X25519 or X-Wing, HKDF-SHA256 and AES-256-GCM; empty AAD.

Private keys are 32 bytes: X25519's private key, or X-Wing's decapsulation key (draft-connolly-cfrg-
xwing-kem), which expands to both halves.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey as XWingPrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey as XWingPublicKey

from copconnect.records.primitives.fields import SECRET_BYTES, Refused, exact, uint
from copconnect.records.primitives.kem import X25519, XWING, check_public_key

PrivateKey = X25519PrivateKey | XWingPrivateKey
_SUITES = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    XWING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


def private_key(kem: int, seed: bytes) -> PrivateKey:
    """Return the key of 32 bytes."""
    if kem == X25519:
        return X25519PrivateKey.from_private_bytes(exact(seed, SECRET_BYTES))
    return XWingPrivateKey(*_xwing_parts(seed))


def public_bytes(kem: int, seed: bytes) -> bytes:
    """Return the public key of :func:`private_key`, as records carry it."""
    if kem == X25519:
        key = X25519PrivateKey.from_private_bytes(exact(seed, SECRET_BYTES))
        return key.public_key().public_bytes_raw()
    mlkem, curve = _xwing_parts(seed)
    return mlkem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def _xwing_parts(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(exact(seed, SECRET_BYTES)).digest(96)
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), curve


def derived_seed(kem: int, secret: bytes) -> bytes:
    """Return the private key of a cell's secret C: for X25519 by DeriveKeyPair (RFC 9180 section
    7.1.3), for X-Wing C itself."""
    if kem == XWING:
        return secret
    suite = b"HPKE-v1KEM" + uint(kem, 2)
    prk = hmac.digest(b"", suite + b"dkp_prk" + secret, "sha256")
    return hmac.digest(prk, uint(SECRET_BYTES, 2) + suite + b"sk" + b"\1", "sha256")


def seal(kem: int, pk: bytes, info: bytes, plaintext: bytes, rule: str) -> bytes:
    """Return enc ‖ ct. Raises Refused for a public key that is not valid."""
    check_public_key(kem, pk, rule)
    key: X25519PublicKey | XWingPublicKey
    try:
        key = X25519PublicKey.from_public_bytes(pk[-32:])
        if kem == XWING:
            key = XWingPublicKey(MLKEM768PublicKey.from_public_bytes(pk[:-32]), key)
        return _SUITES[kem].encrypt(plaintext, key, info)
    except ValueError as error:
        raise Refused(rule, "public key is not valid for its KEM") from error


def open_sealed(kem: int, key: PrivateKey, info: bytes, sealed: bytes, rule: str) -> bytes:
    """Return the plaintext of enc ‖ ct. Raises Refused."""
    try:
        return _SUITES[kem].decrypt(sealed, key, info)
    except (InvalidTag, ValueError) as error:
        raise Refused(rule, "the seal does not open") from error
