"""Which Ed25519 public keys are good (D3). Pure."""

from spec.keys.reference.basics import require

_P, _ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_NEUTRAL = (0, 1)


def add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Add two points of Ed25519's curve (RFC 8032 section 5.1.4, affine)."""
    (x1, y1), (x2, y2) = one, other
    product = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, _P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, _P)
    return x % _P, y % _P


def signing_point(key: bytes, rule: str) -> tuple[int, int]:
    """Return the point of a canonical encoding (RFC 8032 section 5.1.3)."""
    require(len(key) == 32, rule, "signature key has the wrong length")
    sign, y = divmod(int.from_bytes(key, "little"), 2**255)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    right = y < _P and x * x % _P == square and (x, sign) != (0, 1)
    require(right, rule, "signature key is not a point")
    return (x if x & 1 == sign else _P - x), y


def check_signing_key(key: bytes, rule: str) -> None:
    """Refuse a key whose order is not the large prime: with one of small or mixed order, verifiers
    disagree about signatures."""
    power = signing_point(key, rule)
    result, small = _NEUTRAL, power == _NEUTRAL
    for bit in bin(_ORDER)[:1:-1]:
        result = add(result, power) if bit == "1" else result
        power = add(power, power)
    require(result == _NEUTRAL and not small, rule, "signature key has another order")
