"""HPKE (RFC 9180), base mode, with the KEMs X25519 and X-Wing.

Opening is the library's. Sealing is written out here, because the randomness of its encapsulation
is a hash of everything that goes in: who makes the vectors again gets the same bytes. For vectors
alone: a caller that seals one secret to one key for one purpose twice gets the same seal.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey as XWingPrivateKey

from spec.keys.reference import mlkem
from spec.keys.reference.basics import Refused, require, u

X25519, XWING = 0x0020, 0x647A
PK_BYTES, ENC_BYTES = {X25519: 32, XWING: 1216}, {X25519: 32, XWING: 1120}

PrivateKey = X25519PrivateKey | XWingPrivateKey
_SUITES = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    XWING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
_PROBE = X25519PrivateKey.from_private_bytes(b"\x40" * 32)
_XWING_LABEL = rb"\.//^" + b"\\"


# --- Keys -----------------------------------------------------------------------------------------


def private_key(kem: int, seed: bytes) -> PrivateKey:
    """Return the key of 32 bytes: X25519's private key, or X-Wing's decapsulation key."""
    if kem == X25519:
        return X25519PrivateKey.from_private_bytes(seed)
    return XWingPrivateKey(*_xwing_parts(seed))


def public_bytes(kem: int, seed: bytes) -> bytes:
    """Return the public key of :func:`private_key`, as records carry it."""
    if kem == X25519:
        return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    lattice, curve = _xwing_parts(seed)
    return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def _xwing_parts(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), curve


def derived_seed(kem: int, secret: bytes) -> bytes:
    """Return the private key of a cell's secret C: for X25519 by DeriveKeyPair (RFC 9180 section
    7.1.3), for X-Wing C itself."""
    if kem == XWING:
        return secret
    suite = b"KEM" + u(kem, 2)
    return _expand(suite, _extract(suite, b"", b"dkp_prk", secret), b"sk", b"", 32)


def check_public_key(kem: int, pk: bytes, rule: str) -> None:
    """Refuse a public key that is not valid for its KEM: the right length, no X25519 point of low
    order (X-Wing's too), and every ML-KEM coefficient below 3329 (FIPS 203 section 7.2)."""
    require(len(pk) == PK_BYTES[kem], rule, "public key has the wrong length")
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(pk[-32:]))  # Refuses the all-zero result.
        if kem == XWING:
            MLKEM768PublicKey.from_public_bytes(pk[:-32])
    except ValueError as error:
        raise Refused(rule, "public key is not valid for its KEM") from error


# --- Opening and sealing --------------------------------------------------------------------------


def hpke_open(kem: int, key: PrivateKey, info: bytes, sealed: bytes, rule: str) -> bytes:
    """Return the plaintext of enc ‖ ct."""
    try:
        return _SUITES[kem].decrypt(sealed, key, info)
    except (InvalidTag, ValueError) as error:
        raise Refused(rule, "the seal does not open") from error


def hpke_seal(kem: int, pk: bytes, info: bytes, plaintext: bytes, rule: str) -> bytes:
    """Return enc ‖ ct, the same for the same arguments."""
    check_public_key(kem, pk, rule)
    drawn = b"".join(u(len(one)) + one for one in (u(kem, 2), pk, info, plaintext))
    randomness = hashlib.shake_256(b"copconnect vector encapsulation" + drawn).digest(64)
    enc, shared = _encapsulate(kem, pk, randomness)
    suite = b"HPKE" + u(kem, 2) + u(1, 2) + u(2, 2)
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"")
    context += _extract(suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, 32)
    nonce = _expand(suite, secret, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def _encapsulate(kem: int, pk: bytes, randomness: bytes) -> tuple[bytes, bytes]:
    ephemeral = X25519PrivateKey.from_private_bytes(randomness[32:])
    enc = ephemeral.public_key().public_bytes_raw()
    curve = ephemeral.exchange(X25519PublicKey.from_public_bytes(pk[-32:]))
    if kem == X25519:
        suite = b"KEM" + u(kem, 2)
        prk = _extract(suite, b"", b"eae_prk", curve)
        return enc, _expand(suite, prk, b"shared_secret", enc + pk, 32)
    lattice, ciphertext = mlkem.encapsulate(pk[:-32], randomness[:32])
    joined = lattice + curve + enc + pk[-32:] + _XWING_LABEL
    return ciphertext + enc, hashlib.sha3_256(joined).digest()


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """Return at most 32 bytes: one block of HKDF-Expand."""
    labeled = u(size, 2) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labeled + b"\1", "sha256")[:size]
