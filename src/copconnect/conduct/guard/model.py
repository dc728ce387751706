"""The file of weights, and the verdict on a message. Pure.

``docs/guard-model.md``, section Weights, has the bytes. Invariants: a file is read whole or
refused; scores are sums of integers, multiplied and added in one order, so that every device
computes the same bits; a message that no class claims is fine.
"""

import json
import math
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from copconnect.conduct.guard.features import features
from copconnect.conduct.guard.folding import fold

MAGIC = b"copconnect guard\x00"
FINE = "fine"
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
class Block:
    """A block's sum counts by ``factor`` / sqrt(features + ``spread``)."""

    factor: float
    spread: float


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of each class for the kept buckets; 0 is a message without evidence."""

    number: int
    classes: tuple[str, ...]
    buckets: int
    blocks: tuple[Block, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    thresholds: tuple[float, ...]
    lookalikes: dict[str, str]
    kept: bytes
    """A bit for each bucket, the lowest first; 0: training dropped it, and it counts nothing."""
    before: "array[int]"
    """How many buckets before each byte of ``kept`` are kept: the row of the first one in it."""
    levels: tuple[int, ...]
    halves: bytes
    """Row by row, half a byte for each class, the lower first: the place of its level."""

    def row(self, bucket: int) -> list[int]:
        """Return the weights of a bucket, one for each class; none of one that was dropped. Decoded
        when a message has it: a server that judges nothing need not decode a million."""
        byte, bit = self.kept[bucket >> 3], bucket & 7
        if not byte >> bit & 1:
            return []
        number = self.before[bucket >> 3] + (byte & (1 << bit) - 1).bit_count()
        width = len(self.classes)
        return [
            self.levels[self.halves[at >> 1] >> 4 if at & 1 else self.halves[at >> 1] & 15]
            for at in range(number * width, (number + 1) * width)
        ]

    def scores(self, text: str) -> list[float]:
        """Return how far each class lies above its threshold, in the order of ``classes``."""
        found = features(fold(text, self.lookalikes), self.buckets)
        width = len(self.classes)
        totals = [0.0] * width
        for block, members in zip(
            self.blocks, (found.chars, found.words, found.shape), strict=True
        ):
            sums = [0] * width
            for bucket in members:
                for index, weight in enumerate(self.row(bucket)):
                    sums[index] += weight
            norm = block.factor / math.sqrt(len(members) + block.spread) if members else 0.0
            for index in range(width):
                totals[index] += sums[index] * norm
        return [
            totals[index] * self.scales[index] + self.biases[index] - self.thresholds[index]
            for index in range(width)
        ]

    def classify(self, text: str) -> str:
        """Return the class that claims a message most, or :data:`FINE`."""
        scores = self.scores(text)
        best = max(range(len(scores)), key=scores.__getitem__)
        return self.classes[best] if scores[best] > 0 else FINE


def read(data: bytes) -> Model:
    """Return the model of a file of weights. Raises Malformed."""
    if len(data) > MOST_BYTES or data[: len(MAGIC)] != MAGIC or len(data) < len(MAGIC) + 4:
        raise Malformed("not a file of weights")
    start = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : start], "big")
    try:
        head = json.loads(data[start : start + length].decode())
        return _model(head, _inflated(data[start + length :]))
    except Malformed:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"the head of the weights is not readable: {error}") from error


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


def _model(head: dict[str, Any], body: bytes) -> Model:
    classes = tuple(_texts(head["classes"]))
    buckets, number = int(head["buckets"]), int(head["number"])
    if not 8 <= buckets <= MOST_BUCKETS or buckets & (buckets - 1) or not 0 < number < 2**53:
        raise Malformed("buckets or number are out of range")
    kept, halves = body[: buckets // 8], body[buckets // 8 :]
    before = array("i", accumulate((byte.bit_count() for byte in kept), initial=0))
    count = before[-1] * len(classes)
    if len(kept) != buckets // 8 or len(halves) != (count + 1) // 2 or not 0 < len(classes) <= 32:
        raise Malformed("the weights are truncated or too long")
    levels = [int(level) for level in _floats(head["levels"], LEVELS)]
    if any(abs(level) > MOST_LEVEL for level in levels):
        raise Malformed("a level is out of range")
    lookalikes = {str(key): str(value) for key, value in head["lookalikes"].items()}
    return Model(
        number=number,
        classes=classes,
        buckets=buckets,
        blocks=tuple(
            Block(_finite(factor), _finite(spread))
            for factor, spread in (head["blocks"][name] for name in BLOCKS)
        ),
        scales=_floats(head["scales"], len(classes)),
        biases=_floats(head["biases"], len(classes)),
        thresholds=_floats(head["thresholds"], len(classes)),
        lookalikes=lookalikes,
        kept=kept,
        before=before,
        levels=tuple(levels),
        halves=halves,
    )


def _texts(values: Iterable[Any]) -> list[str]:
    texts = [str(value) for value in values]
    if FINE in texts or len(set(texts)) != len(texts):
        raise Malformed("classes repeat")
    return texts


def _floats(values: Iterable[Any], count: int) -> tuple[float, ...]:
    floats = tuple(_finite(value) for value in values)
    if len(floats) != count:
        raise Malformed("a number for each class is expected")
    return floats


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise Malformed("a number is not finite")
    return number
