"""Ed25519 (RFC 8032): labelled signatures, verified by public keys of prime order. Pure.

Invariants: a signature covers ``T(label)`` and every byte before it. A public key that is not
canonical or has small order never verifies; :func:`check_public_key` also refuses mixed order and
costs about a millisecond, so the CA runs it once for each key, and verification need not.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from copconnect.records.primitives.fields import KEY_BYTES, Refused, require

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ORDER_8 = int.from_bytes(
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
)
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})  # y of points of order 1 to 8.
_KEYS_CACHED = 1 << 18  # More than a force has devices; an object takes about 200 bytes.

Point = tuple[int, int, int, int]  # Extended coordinates X, Y, Z, T (RFC 8032 section 5.1.4).


@lru_cache(maxsize=_KEYS_CACHED)
def _loaded(public_key: bytes) -> Ed25519PublicKey:
    """Return a key that is canonical and not of small order. Raises ValueError."""
    y = int.from_bytes(public_key, "little") & (1 << 255) - 1
    if len(public_key) != KEY_BYTES or y >= _P or y in _SMALL_ORDER:
        raise ValueError("not a public key of large order")
    return Ed25519PublicKey.from_public_bytes(public_key)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of a private key's public key."""
    return key.public_key().public_bytes_raw()


def verify(public_key: bytes, signature: bytes, signed: bytes, rule: str) -> None:
    """Check a signature over ``signed``. Raises Refused."""
    try:
        _loaded(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError) as error:
        raise Refused(rule, "signature does not verify") from error


@lru_cache(maxsize=4096)
def _has_prime_order(public_key: bytes) -> bool:
    x, y = _decoded(public_key)
    power: Point = (x, y, 1, x * y % _P)
    result: Point = (0, 1, 1, 0)
    for bit in bin(_ORDER)[:1:-1]:
        if bit == "1":
            result = _add(result, power)
        power = _add(power, power)
    return result[0] % _P == 0 and (result[1] - result[2]) % _P == 0


def _decoded(public_key: bytes) -> tuple[int, int]:
    """Return a canonical encoding's point (RFC 8032 section 5.1.3). Raises ValueError."""
    sign, y = divmod(int.from_bytes(public_key, "little"), 1 << 255)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if x * x % _P != square:
        raise ValueError("not a point")
    return (x if x & 1 == sign else _P - x), y


def _add(one: Point, other: Point) -> Point:
    """Add two points; also doubles (RFC 8032 section 5.1.4)."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def check_public_key(public_key: bytes, rule: str = "D3") -> None:
    """Refuse a key that is not canonical, not a point, or of small or mixed order."""
    try:
        _loaded(public_key)
        right = _has_prime_order(public_key)
    except ValueError as error:
        raise Refused(rule, "signature key is not valid") from error
    require(right, rule, "signature key has mixed order")
