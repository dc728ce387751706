"""ML-KEM-768 encapsulation with given randomness (FIPS 203, algorithms 14 and 17).

Libraries draw the randomness themselves, so that nobody could make the same vectors twice. Not in
constant time: for vectors alone.
"""

import hashlib

Q, N, RANK = 3329, 256, 3
DU, DV = 10, 4  # Bits of a compressed coefficient of u and of v.

Poly = list[int]


def encapsulate(ek: bytes, message: bytes) -> tuple[bytes, bytes]:
    """Return the shared secret and the ciphertext. ``message``: 32 bytes, FIPS 203's m."""
    joined = hashlib.sha3_512(message + hashlib.sha3_256(ek).digest()).digest()
    return joined[:32], _encrypt(ek, message, joined[32:])


def _encrypt(ek: bytes, message: bytes, randomness: bytes) -> bytes:
    t = [_decode(ek[384 * at : 384 * (at + 1)], 12) for at in range(RANK)]
    rho = ek[384 * RANK :]
    noise = [_sample_cbd(randomness, at) for at in range(2 * RANK + 1)]
    y = [_ntt(one) for one in noise[:RANK]]
    u = [
        _add(_product([_sample_ntt(rho, i, j) for j in range(RANK)], y), noise[RANK + i])
        for i in range(RANK)
    ]
    half = [(Q + 1) // 2 * bit for bit in _decode(message, 1)]
    v = _add(_add(_product(t, y), noise[2 * RANK]), half)
    return b"".join(_encode(_compress(one, DU), DU) for one in u) + _encode(_compress(v, DV), DV)


def _add(one: Poly, other: Poly) -> Poly:
    return [(a + b) % Q for a, b in zip(one, other, strict=True)]


def _compress(poly: Poly, bits: int) -> Poly:
    return [((a << bits) + Q // 2) // Q % (1 << bits) for a in poly]


def _encode(poly: Poly, bits: int) -> bytes:
    packed = sum(a << bits * at for at, a in enumerate(poly))
    return packed.to_bytes(N * bits // 8, "little")


def _decode(data: bytes, bits: int) -> Poly:
    packed = int.from_bytes(data, "little")
    return [packed >> bits * at & (1 << bits) - 1 for at in range(N)]


def _sample_ntt(rho: bytes, i: int, j: int) -> Poly:
    """Return entry (j, i) of the matrix, which is entry (i, j) of its transpose."""
    stream = hashlib.shake_128(rho + bytes([i, j])).digest(3 * 512)
    found = Poly()
    for at in range(0, len(stream), 3):
        a, b, c = stream[at : at + 3]
        found += [one for one in (a + 256 * (b % 16), b // 16 + 16 * c) if one < Q]
    return found[:N]


def _sample_cbd(randomness: bytes, counter: int) -> Poly:
    bits = _decode(hashlib.shake_256(randomness + bytes([counter])).digest(2 * N // 4), 4)
    return [((a & 1) + (a >> 1 & 1) - (a >> 2 & 1) - (a >> 3)) % Q for a in bits]


def _bit_reversed(value: int) -> int:
    return int(f"{value:07b}"[::-1], 2)


ZETAS = [pow(17, _bit_reversed(at), Q) for at in range(128)]
GAMMAS = [pow(17, 2 * _bit_reversed(at) + 1, Q) for at in range(128)]


def _ntt(poly: Poly) -> Poly:
    f, k, size = list(poly), 1, 128
    while size >= 2:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                t = ZETAS[k] * f[j + size]
                f[j], f[j + size] = (f[j] + t) % Q, (f[j] - t) % Q
            k += 1
        size //= 2
    return f


def _inverse_ntt(poly: Poly) -> Poly:
    f, k, size = list(poly), 127, 2
    while size <= 128:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                a, b = f[j], f[j + size]
                f[j], f[j + size] = (a + b) % Q, ZETAS[k] * (b - a) % Q
            k -= 1
        size *= 2
    return [3303 * a % Q for a in f]


def _product(row: list[Poly], column: list[Poly]) -> Poly:
    """Return the inner product of vectors in the NTT domain, out of it."""
    total = [0] * N
    for one, other in zip(row, column, strict=True):
        for at, gamma in enumerate(GAMMAS):
            a0, a1 = one[2 * at : 2 * at + 2]
            b0, b1 = other[2 * at : 2 * at + 2]
            total[2 * at] += a0 * b0 + a1 * b1 * gamma
            total[2 * at + 1] += a0 * b1 + a1 * b0
    return _inverse_ntt([a % Q for a in total])
