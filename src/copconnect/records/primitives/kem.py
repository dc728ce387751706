"""The HPKE suites' ids, sizes and public-key checks. Pure; cannot seal or open.

The checks do their own arithmetic, because the server validates public keys (D3) and must not
import a module that could decrypt.
"""

from typing import Annotated

from copconnect.records.primitives.fields import (
    ID_BYTES,
    SECRET_BYTES,
    TAG_BYTES,
    Codec,
    Reader,
    require,
    sized,
    uint,
)

X25519, XWING = 0x0020, 0x647A
PUBLIC_KEY_BYTES = {X25519: 32, XWING: 1216}
ENC_BYTES = {X25519: 32, XWING: 1120}

_P = 2**255 - 19
# All u-coordinates of small order on the curve and its twist, not reduced ones too.
_SMALL_ORDER = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _P - 1,
        _P,
        _P + 1,
    }
)
_MLKEM_MODULUS, _MLKEM_VECTOR = 3329, 1152  # FIPS 203: q; 3 × 256 coefficients of 12 bits.


def seal_bytes(kem: int) -> int:
    """Return the size of a seal: recipient key id, enc, ct."""
    return ID_BYTES + ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES


def _read_kem(reader: Reader) -> int:
    kem = reader.uint(2)
    require(kem in PUBLIC_KEY_BYTES, reader.rule, "unknown KEM")
    return kem


Kem = Annotated[int, Codec(_read_kem, lambda value: uint(value, 2))]
PublicKey = Annotated[bytes, sized(max(PUBLIC_KEY_BYTES.values()))]


def check_public_key(kem: int, pk: bytes, rule: str) -> None:
    """Refuse a key of the wrong length, an X25519 point of small order (X-Wing's too), and an
    ML-KEM coefficient that is not below 3329 (FIPS 203 section 7.2)."""
    require(len(pk) == PUBLIC_KEY_BYTES[kem], rule, "public key has the wrong length")
    point = int.from_bytes(pk[-32:], "little") & (1 << 255) - 1
    require(point not in _SMALL_ORDER, rule, "public key has small order")
    if kem == XWING:
        vector = pk[:_MLKEM_VECTOR]
        triples = zip(vector[::3], vector[1::3], vector[2::3], strict=True)
        right = all(
            low | (middle & 15) << 8 < _MLKEM_MODULUS and middle >> 4 | high << 4 < _MLKEM_MODULUS
            for low, middle, high in triples
        )
        require(right, rule, "public key is not reduced")
