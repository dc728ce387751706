"""The corpus covers every class and language, and nothing held out resembles what training sees."""

import json
from collections import Counter
from functools import cache
from itertools import islice, product

from copconnect.conduct.guard import serving
from guard import corpus

LANGUAGES = ("en", "te", "ur", "hi", "te-latn", "ur-latn", "hi-latn", "mix")


def pieces(text: str) -> set[str]:
    letters = "".join("0" if ch in "0123456789" else ch for ch in text.lower()).split()
    plain = " ".join(["", *letters, ""])
    return {plain[at : at + 3] for at in range(len(plain) - 2)}


def test_every_class_is_written_in_every_language() -> None:
    counts = Counter((one.label, one.language) for one in corpus.everything())
    assert sum(counts.values()) > 4_000
    for pair in product((corpus.FINE, *corpus.CLASSES), LANGUAGES):
        if pair != ("emoji", "mix"):
            assert counts[pair] >= 3, pair
    assert sum(number for (label, _), number in counts.items() if label == corpus.FINE) > 1_500


@cache
def kept_apart() -> list[corpus.Message]:
    return [one for one in corpus.everything() if corpus.is_held_out(one)]


@cache
def resembles(one: corpus.Message) -> bool:
    """Ask the index, which two tests do of the same messages: each answer takes 20 ms."""
    return corpus.near_training().resembles(one)


def resembles_one(mine: set[str], known: list[set[str]]) -> bool:
    """Return whether one of all has too much in common. Pairs that cannot by their sizes alone are
    passed over."""
    least, most = corpus.MOST_ALIKE * len(mine), len(mine) / corpus.MOST_ALIKE
    for other in known:
        if least < len(other) < most:
            common = len(mine & other)
            if common / (len(mine) + len(other) - common) > corpus.MOST_ALIKE:
                return True
    return False


def test_no_near_duplicate_is_held_out() -> None:
    training = corpus.training()
    assert {one.seed for one in training}.isdisjoint(one.seed for one in kept_apart())
    # Some of them, compared with all: the rule itself uses an index, this does not.
    known = [pieces(one.text) for one in training]
    alike = islice((one for one in kept_apart() if resembles(one)), 3)
    for one in (*alike, *kept_apart()[::600]):
        assert resembles(one) == resembles_one(pieces(one.text), known), one


def test_enough_of_every_class_is_held_out() -> None:
    for label in (corpus.FINE, *corpus.CLASSES):
        enough = 250 if label == corpus.FINE else 15
        own = (one for one in kept_apart() if one.label == label)
        unlike = (one for one in own if not resembles(one))
        assert len(list(islice(unlike, enough))) == enough, label


def test_the_shipped_weights_were_trained_on_this_corpus() -> None:
    data = serving.shipped_weights()
    start = data.index(b"{")
    head, _ = json.JSONDecoder().raw_decode(data[start:].decode("utf-8", "replace"))
    assert head["corpus"] == corpus.fingerprint()


def test_nothing_unseen_is_in_the_corpus() -> None:
    known = {one.text for one in corpus.everything()}
    unseen = [one for name in corpus.UNSEEN for one in corpus.unseen(name)]
    counts = Counter(one.label for one in unseen)
    assert counts[corpus.FINE] >= 300
    assert all(counts[label] >= 8 for label in corpus.CLASSES)
    assert known.isdisjoint(one.text for one in unseen)
