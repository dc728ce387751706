"""Trains the guard: ``make train-guard``. The same corpus and packages give the same bytes.

One linear classifier for each class against the rest (LinearSVC), over the features that the app's
own code makes of the messages. A class's weights are those of its classifier less those of fine,
so that 0 means as likely as duty talk. Held-out messages choose nothing.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from confusable_homoglyphs import confusables
from sklearn.svm import LinearSVC

from copconnect.conduct.guard import model
from guard import corpus, variants
from guard.features import features

NUMBER = 9
"""Devices take weights of a higher number alone: raise it with every change that is shipped."""

BUCKETS = 1 << 18
KEPT = 102_000
"""So many buckets keep their weights: the buckets that move the scores most."""
BLOCKS = {"chars": (1.0, 60.0), "words": (1.5, 10.0), "shape": (0.5, 0.0)}
SHORT = 3
SHORT_GREETING = 4.0
"""A greeting of at most :data:`SHORT` words counts so many times: most greetings that people send
are of this kind, and few seeds."""
STRENGTH = 2.0
"""The C of LinearSVC."""
CLOSE_ENOUGH = 0.01
"""The solver's tolerance. A smaller one takes longer and finds no more."""
ROUNDS = 40
"""Steps of Lloyd's algorithm, after which the levels do not change."""
THRESHOLD = 0.42
GREETING_THRESHOLD = 0.17
"""The score above which a class claims a message. Greetings are most of what is to be found, and
claim duty talk seldom."""

ALIKE = (
    (0x250, 0x2FF),
    (0x370, 0x5FF),
    (0x10A0, 0x10FF),
    (0x13A0, 0x13FF),
    (0x1C80, 0x1DBF),
    (0xA640, 0xAB8F),
)
"""Code points that stand for the Latin letter that they resemble."""

NAMES = (corpus.FINE, *corpus.CLASSES)
WEIGHTS = Path(__file__).parents[1] / "src/copconnect/conduct/guard/weights.bin"


def main(arguments: Sequence[str]) -> int:
    """Train and write the weights to a file, the shipped one unless another is named; ``--check``:
    compare them with the shipped ones. Machines deflate the same weights to different bytes."""
    messages = corpus.training()
    looks = lookalikes()
    made = variants.variants(messages)
    found = matrix([one.text for one in messages], looks)
    more = matrix([one.text for one in made], looks)
    per_seed = Counter(one.seed for one in messages)
    weight = np.array([per_seed[one.seed] ** -0.5 * emphasis(one) for one in messages])
    label = np.array([NAMES.index(one.label) for one in messages])
    of = np.array([one.of for one in made])
    more_weight = variants.WEIGHT * weight[of]

    fitted, biases = fit(
        sparse.vstack([found, more]),
        np.concatenate([label, label[of]]),
        np.concatenate([weight, more_weight]),
    )
    kept, counts = most_telling(found, fitted)
    levels, scales, halves = in_levels(fitted[:, kept], counts)
    head = {
        "number": NUMBER,
        "corpus": corpus.fingerprint(),
        "classes": corpus.CLASSES,
        "buckets": BUCKETS,
        "blocks": BLOCKS,
        "levels": levels,
        "scales": rounded(scales),
        "biases": rounded(biases),
        "thresholds": [
            GREETING_THRESHOLD if one == "greeting" else THRESHOLD for one in corpus.CLASSES
        ],
        "lookalikes": looks,
    }
    bits = np.zeros(BUCKETS, np.uint8)
    bits[kept] = 1
    data = model.encode(head, np.packbits(bits, bitorder="little").tobytes() + packed(halves))
    if arguments == ["--check"]:
        same = model.read(data) == model.read(WEIGHTS.read_bytes())
        print("the shipped weights come out" if same else f"other weights than in {WEIGHTS}")
        return 0 if same else 1
    target = Path(arguments[0]) if arguments else WEIGHTS
    target.write_bytes(data)
    print(json.dumps({"messages": len(messages), "variants": len(made), "model_bytes": len(data)}))
    return 0


def emphasis(one: corpus.Message) -> float:
    """Return how many times a message counts."""
    short = one.label == "greeting" and len(one.text.split()) <= SHORT
    return SHORT_GREETING if short else 1.0


def fit(table: Any, label: Any, weight: Any) -> tuple[Any, Any]:
    """Return weights and biases of each class against fine."""
    machine = LinearSVC(C=STRENGTH, class_weight="balanced", random_state=0, tol=CLOSE_ENOUGH)
    machine.fit(table, label, sample_weight=weight)
    coefficients, intercepts = machine.coef_, machine.intercept_
    return coefficients[1:] - coefficients[0], intercepts[1:] - intercepts[0]


def most_telling(found: Any, fitted: Any) -> tuple[Any, Any]:
    """Return the buckets to keep, in order, and how many messages have each of them.

    A bucket counts by its largest weight and by the root of its messages. A bucket of one message
    is never kept: it knows that message alone.
    """
    counts = np.bincount(found.indices, minlength=BUCKETS)
    telling = np.abs(fitted).max(axis=0) * np.sqrt(counts) * (counts > 1)
    kept = np.sort(np.argsort(-telling, kind="stable")[:KEPT])
    return kept, counts[kept]


def in_levels(fitted: Any, counts: Any) -> tuple[list[int], Any, Any]:
    """Return the levels, the scale of each class and the number of the level of each weight.

    Lloyd's algorithm places the levels where the weights are, so that many small weights and few
    large ones are both told apart. ``counts``: the messages that have each bucket.
    """
    often = np.sqrt(counts)
    scales = np.sqrt((fitted**2 * often).sum(axis=1) / often.sum())
    values = fitted / scales[:, None]
    order = np.argsort(values.ravel(), kind="stable")
    flat, shares = values.ravel()[order], np.tile(often, len(fitted))[order]
    total = np.concatenate([[0.0], np.cumsum(shares)])
    moment = np.concatenate([[0.0], np.cumsum(shares * flat)])
    even = np.linspace(-1, 1, model.LEVELS)
    levels = np.sign(even) * np.abs(even) ** 2.5 * np.abs(flat).max()
    for _ in range(ROUNDS):
        edges = np.searchsorted(flat, (levels[1:] + levels[:-1]) / 2)
        edges = np.concatenate([[0], edges, [len(flat)]])
        inside = total[edges[1:]] - total[edges[:-1]]
        middle = (moment[edges[1:]] - moment[edges[:-1]]) / np.maximum(inside, 1e-9)
        levels = np.sort(np.where(inside > 0, middle, levels))
    unit = np.abs(levels).max() / model.MOST_LEVEL
    whole = np.rint(levels / unit)
    halves = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
    return [int(level) for level in whole], scales * unit, halves


def packed(halves: Any) -> bytes:
    """Return numbers of four bits, one for each class, bucket by bucket, two in a byte."""
    flat = halves.T.ravel().astype(np.uint8)
    flat = np.append(flat, np.zeros(len(flat) % 2, np.uint8))
    return bytes(flat[::2] | flat[1::2] << 4)


def matrix(texts: Sequence[str], looks: dict[str, str]) -> Any:
    """Return the features of texts, as the model counts them."""
    rows, columns, values = [], [], []
    for number, blocks in enumerate(features(texts, looks, BUCKETS)):
        for bucket, value in counted(blocks).items():
            rows.append(number)
            columns.append(bucket)
            values.append(value)
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(texts), BUCKETS))


def counted(blocks: list[list[int]]) -> dict[int, float]:
    """Return the value of each bucket of a message."""
    row: dict[int, float] = {}
    for (factor, spread), members in zip(BLOCKS.values(), blocks, strict=True):
        for bucket in members:
            row[bucket] = row.get(bucket, 0.0) + factor / (len(members) + spread) ** 0.5
    return row


def lookalikes() -> dict[str, str]:
    """Return letters of scripts that officers do not write, by the Latin letter they resemble.

    From Unicode's confusables: phonetic letters, Greek, Cyrillic, Armenian, Georgian, Cherokee and
    their extensions. Letters of India and Arabic are meant, and NFKD knows mathematical letters.
    """
    table = json.loads((files(confusables.__package__) / "confusables.json").read_text("utf-8"))
    found: dict[str, str] = {}
    for letter, alike in table.items():
        lower = letter.lower()
        if len(lower) != 1 or not any(first <= ord(lower) <= last for first, last in ALIKE):
            continue
        for one in alike:
            if len(one["c"]) == 1 and one["c"].isascii() and one["c"].isalpha():
                found[lower] = one["c"].lower()
                break
    return dict(sorted(found.items()))


def rounded(values: Any) -> list[float]:
    """Return numbers with nine digits, which every language reads as the same double."""
    return [float(f"{value:.9g}") for value in values]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
