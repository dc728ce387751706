"""Merkle trees of RFC 6962: an odd last node moves up as it is; no leaf: H of no bytes."""

from spec.keys.reference.basics import H, Reader, require, u


def merkle_levels(level: list[bytes]) -> list[list[bytes]]:
    levels = [level]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [H(b"\1" + b"".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
        levels.append(level)
    return levels


def merkle_root(hashes: list[bytes]) -> bytes:
    return merkle_levels(hashes)[-1][0] if hashes else H(b"")


def merkle_path(hashes: list[bytes], index: int) -> bytes:
    """Return depth (1) ‖ sides (2) ‖ depth × 32 bytes. Convention: bit i of the sides is 1 where
    the i-th hash from below is left; a level where the node moves up alone takes no hash."""
    path, sides = list[bytes](), 0
    for level in merkle_levels(hashes)[:-1]:
        if (beside := index ^ 1) < len(level):
            sides |= (index & 1) << len(path)
            path.append(level[beside])
        index //= 2
    return u(len(path), 1) + u(sides, 2) + b"".join(path)


def climb(node: bytes, reader: Reader) -> bytes:
    """Return the root to which the path at the reader's place leads from a leaf's hash."""
    depth, sides = reader.uint(1), reader.uint(2)
    require(depth <= 16 and sides >> depth == 0, reader.rule, "malformed path")
    for at in range(depth):
        beside = reader.take(32)
        node = H(b"\1" + (beside + node if sides >> at & 1 else node + beside))
    return node
