"""Trains the guard: ``make train-guard``. The same corpus and packages give the same bytes.

One linear classifier for each class against the rest (LinearSVC), over the features that
``docs/guard-model.md`` specifies. A class's weights are those of its classifier less those of fine,
so that 0 means as likely as duty talk. The thresholds, one for each class, are chosen by
cross-validation over seeds, never on what is held out, so that little duty talk lies above them.
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
from copconnect.conduct.guard.features import Features, features
from copconnect.conduct.guard.folding import fold
from guard import corpus, variants

NUMBER = 6
"""Devices take weights of a higher number alone: raise it with every change that is shipped."""

BUCKETS = 1 << 18
KEPT = 60_000
"""So many buckets keep their weights: those that move the scores most."""
BLOCKS = {"chars": (1.0, 60.0), "words": (1.5, 10.0), "shape": (0.5, 0.0)}
STRENGTH = 2.0
"""The C of LinearSVC."""
CLOSE_ENOUGH = 0.01
"""The solver's tolerance. A smaller one takes longer and finds no more."""
ROUNDS = 40
"""Steps of Lloyd's algorithm, after which the levels stand still."""
FOLDS = 5
FALSE_ALARMS = 0.013
"""The share of duty talk that may lie above the thresholds in cross-validation, which knows less
duty talk than the weights that are shipped, and in a corpus that is rich in hard cases."""
LOWEST, HIGHEST = 0.35, 0.42
"""No threshold lies outside: no class is given up for the sake of the others."""

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


def main() -> int:
    """Train and write the file of weights."""
    messages = corpus.training()
    looks = lookalikes()
    made = variants.variants(messages)
    found = matrix([one.text for one in messages], looks)
    more = matrix([one.text for one in made], looks)
    per_seed = Counter(one.seed for one in messages)
    weight = np.array([per_seed[one.seed] ** -0.5 for one in messages])
    label = np.array([NAMES.index(one.label) for one in messages])
    of = np.array([one.of for one in made])
    more_weight = variants.WEIGHT * weight[of]
    folds = np.array([fold_of(one.seed) for one in messages])

    scores = np.zeros((len(messages), len(corpus.CLASSES)))
    for part in range(FOLDS):
        known, known_more = folds != part, folds[of] != part
        fitted, biases = fit(
            sparse.vstack([found[known], more[known_more]]),
            np.concatenate([label[known], label[of][known_more]]),
            np.concatenate([weight[known], more_weight[known_more]]),
        )
        scores[~known] = found[~known] @ fitted.T + biases
    limits = thresholds(scores, label, weight**2)

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
        "thresholds": rounded(limits),
        "lookalikes": looks,
    }
    bits = np.zeros(BUCKETS, np.uint8)
    bits[kept] = 1
    data = model.encode(head, np.packbits(bits, bitorder="little").tobytes() + packed(halves))
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS
    target.write_bytes(data)
    caught = claimed(scores, limits)
    print(
        json.dumps(
            {
                "messages": len(messages),
                "variants": len(made),
                "model_bytes": len(data),
                "cross_validated_recall": round(float(caught[label > 0].mean()), 4),
                "cross_validated_false_alarms": round(float(caught[label == 0].mean()), 4),
                "thresholds": dict(zip(corpus.CLASSES, rounded(limits), strict=True)),
            }
        )
    )
    return 0


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
    unit = np.abs(levels).max() / (model.MOST_LEVEL - 1)
    whole = np.rint(levels / unit)
    halves = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
    return [int(level) for level in whole], scales * unit, halves


def packed(halves: Any) -> bytes:
    """Return numbers of four bits, one for each class, bucket by bucket, two in a byte."""
    flat = halves.T.ravel().astype(np.uint8)
    flat = np.append(flat, np.zeros(len(flat) % 2, np.uint8))
    return bytes(flat[::2] | flat[1::2] << 4)


def thresholds(scores: Any, label: Any, counts: Any) -> Any:
    """Return the score of each class above which it claims a message.

    The choice finds about the most that it can while the allowed share of duty talk is claimed: one
    price for a false alarm holds for every class, and is raised until few enough remain.
    ``counts``: how much each message counts.
    """
    fine = label == 0
    low, high = 0.0, 1e6
    for _ in range(60):
        price = (low + high) / 2
        limits = [
            _cheapest(scores, label, counts, index, price) for index in range(len(corpus.CLASSES))
        ]
        alarms = (claimed(scores, limits) * counts)[fine].sum() / counts[fine].sum()
        low, high = (price, high) if alarms > FALSE_ALARMS else (low, price)
    return np.array(
        [_cheapest(scores, label, counts, index, high) for index in range(len(corpus.CLASSES))]
    )


def _cheapest(scores: Any, label: Any, counts: Any, index: int, price: float) -> float:
    """Return the threshold of a class where recall less the price of its false alarms is most."""
    mine = scores.argmax(axis=1) == index
    fine, wanted = mine & (label == 0), mine & (label > 0)
    values = scores[:, index]
    gain = np.where(wanted, counts, 0.0) - price * np.where(fine, counts, 0.0)
    order = np.argsort(-values[mine], kind="stable")
    total = np.concatenate([[0.0], np.cumsum(gain[mine][order])])
    sorted_values = values[mine][order]
    edges = np.concatenate([[np.inf], sorted_values])
    best = int(np.argmax(total))
    below = sorted_values[best] if best < len(sorted_values) else LOWEST
    middle = (edges[best] + below) / 2 if np.isfinite(edges[best]) else below
    return min(max(LOWEST, float(middle)), HIGHEST)


def claimed(scores: Any, limits: Any) -> Any:
    """Say of each message whether any class claims it."""
    return (scores > np.asarray(limits)).any(axis=1)


def matrix(texts: Sequence[str], looks: dict[str, str]) -> Any:
    """Return the features of texts, as the model counts them."""
    rows, columns, values = [], [], []
    for number, text in enumerate(texts):
        for bucket, value in counted(features(fold(text, looks), BUCKETS)).items():
            rows.append(number)
            columns.append(bucket)
            values.append(value)
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(texts), BUCKETS))


def counted(found: Features) -> dict[int, float]:
    """Return the value of each bucket of a message."""
    row: dict[int, float] = {}
    for (factor, spread), members in zip(
        BLOCKS.values(), (found.chars, found.words, found.shape), strict=True
    ):
        for bucket in sorted(members):
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


def fold_of(seed: str) -> int:
    """Return the part of the cross-validation that a seed belongs to."""
    return corpus.digest(f"fold {seed}") % FOLDS


def rounded(values: Any) -> list[float]:
    """Return numbers with nine digits, which every language reads as the same double."""
    return [float(f"{value:.9g}") for value in values]


if __name__ == "__main__":
    sys.exit(main())
