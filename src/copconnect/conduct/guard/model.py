"""The file of weights as the server serves it. Pure.

``docs/guard-model.md``, section Weights, has the bytes; ``client/src/guard/model.ts`` judges by
them. Invariant: a file is read whole or refused.
"""

import json
import math
import zlib
from dataclasses import dataclass
from typing import Any

MAGIC = b"copconnect guard\x00"
MOST_BYTES = 307_200
"""A file of weights is at most so long (300 KB)."""
MOST_INFLATED = 1 << 20
"""Its weights are at most so long once they are inflated."""
MOST_BUCKETS = 1 << 18
LEVELS = 16
"""A weight is one of so many whole numbers: half a byte."""
MOST_LEVEL = (1 << 15) - 1
BLOCKS = ("chars", "words", "shape")


class Malformed(ValueError):
    """A file of weights that is truncated, too long or not one."""


@dataclass(frozen=True, slots=True)
class Model:
    """The content of a file of weights: the JSON of its head, and its weights, decompressed."""

    number: int
    classes: tuple[str, ...]
    head: dict[str, Any]
    weights: bytes


def read(data: bytes) -> Model:
    """Return the model of a file of weights. Raises Malformed."""
    if len(data) > MOST_BYTES or data[: len(MAGIC)] != MAGIC or len(data) < len(MAGIC) + 4:
        raise Malformed("not a file of weights")
    start = len(MAGIC) + 4
    end = start + int.from_bytes(data[len(MAGIC) : start], "big")
    try:
        head = json.loads(data[start:end].decode())
        found = Model(int(head["number"]), tuple(head["classes"]), head, _inflated(data[end:]))
        whole = _is_whole(found)
    except Malformed:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"the head of the weights is not readable: {error}") from error
    if not whole:
        raise Malformed("the weights are truncated or too long, or a number is out of range")
    return found


def encode(head: dict[str, Any], weights: bytes) -> bytes:
    """Return a file with these weights, which are not deflated yet. Raises Malformed for one that
    :func:`read` would refuse."""
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    data = MAGIC + len(text).to_bytes(4, "big") + text + zlib.compress(weights, 9)
    read(data)
    return data


def _inflated(body: bytes) -> bytes:
    inflating = zlib.decompressobj()
    try:
        found = inflating.decompress(body, MOST_INFLATED)
    except zlib.error as error:
        raise Malformed(f"the weights cannot be inflated: {error}") from error
    if not inflating.eof or inflating.unused_data:
        raise Malformed("the weights are truncated or too long")
    return found


def _is_whole(found: Model) -> bool:
    """Say whether a file has as many numbers as its classes and buckets need, all in range."""
    head, width, buckets = found.head, len(found.classes), int(found.head["buckets"])
    kept = sum(byte.bit_count() for byte in found.weights[: buckets // 8])
    return (
        0 < found.number < 2**53
        and 0 < width <= 32
        and len({"fine", *found.classes}) == width + 1
        and 8 <= buckets <= MOST_BUCKETS
        and buckets & (buckets - 1) == 0
        and len(found.weights) == buckets // 8 + (kept * width + 1) // 2
        and len(head["levels"]) == LEVELS
        and all(abs(level) <= MOST_LEVEL for level in head["levels"])
        and all(isinstance(one, str) for one in head["lookalikes"].values())
        and all(
            len(head["blocks"][name]) == 2 and all(map(math.isfinite, head["blocks"][name]))
            for name in BLOCKS
        )
        and all(
            len(head[name]) == width and all(map(math.isfinite, head[name]))
            for name in ("scales", "biases", "thresholds")
        )
    )
