"""Reads the corpus: seeds written by hand, and the messages that each of them generates.

``corpus/<class>.txt`` holds one seed a line under the language in brackets. ``{a|b}`` is a choice,
``@place`` one of a list in ``slots.txt``, ``\\n`` a new line. Invariants: a seed gives the same
messages on every machine; a seed's messages are all in one split; no held-out message resembles a
training message by more than :data:`MOST_ALIKE`.
"""

import hashlib
import math
import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
FINE = "fine"
CLASSES = (
    *("greeting", "festival", "chain", "joke", "devotional"),
    *("political", "motivational", "selling", "emoji"),
)
"""Classes that are not duty talk, in the order of the weights."""
LANGUAGES = ("en", "te", "ur", "hi", "te-latn", "ur-latn", "hi-latn", "mix", "none")

MOST_OF_A_SEED = 10
HELD_OUT = 6
"""One seed of so many is held out."""
MOST_ALIKE = 0.6
"""Jaccard index of the sets of three letters in a row."""

UNSEEN = ("unseen", *(f"unseen-{number}" for number in range(2, 10)))
"""Files of messages that are in no split, in the order in which they were written."""

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"@([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the corpus. ``seed`` is the line that it was made from."""

    label: str
    language: str
    text: str
    seed: str


@cache
def training() -> tuple[Message, ...]:
    """Return the messages that training may see."""
    return tuple(one for one in everything() if not is_held_out(one))


@cache
def held_out() -> tuple[Message, ...]:
    """Return the messages of held-out seeds that resemble no training message."""
    known = near_training()
    return tuple(one for one in everything() if is_held_out(one) and not known.resembles(one))


@cache
def near_training() -> "Near":
    """Return what finds the messages that resemble a training message."""
    return Near(training())


class Near:
    """Finds whether a message resembles one of some others, by an index of their rarest letters."""

    def __init__(self, others: Iterable[Message]) -> None:
        self._known = sorted((_shingles(one.text) for one in others), key=len)
        often = Counter(gram for grams in self._known for gram in grams)
        rarest_first = sorted(often, key=lambda gram: (often[gram], gram))
        self._rank = {gram: number for number, gram in enumerate(rarest_first)}
        self._index: dict[str, list[int]] = {}
        for number, grams in enumerate(self._known):
            for gram in _rarest(grams, self._rank):
                self._index.setdefault(gram, []).append(number)

    def resembles(self, one: Message) -> bool:
        """Return whether a message resembles one of them by more than :data:`MOST_ALIKE`."""
        grams = _shingles(one.text)
        # Sets of very different sizes are not alike.
        first = bisect_left(self._known, MOST_ALIKE * len(grams), key=len)
        end = bisect_right(self._known, len(grams) / MOST_ALIKE, key=len)
        near: set[int] = set()
        for gram in _rarest(grams, self._rank):
            numbers = self._index.get(gram, [])
            near.update(numbers[bisect_left(numbers, first) : bisect_left(numbers, end)])
        return any(_alike(grams, self._known[number]) > MOST_ALIKE for number in near)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard index of two sets."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _rarest(grams: frozenset[str], rank: Mapping[str, int]) -> list[str]:
    """Return so many of the rarest that any two sets that are alike share one of them.

    Alike means more than :data:`MOST_ALIKE`: they share that part of each, so at least one of
    the ones that are left when the most frequent are taken away.
    """
    least = math.ceil(MOST_ALIKE * len(grams))
    return sorted(grams, key=lambda gram: rank.get(gram, -1))[: len(grams) - least + 1]


def unseen(name: str) -> list[Message]:
    """Return the messages of one of :data:`UNSEEN`. ``\\n`` in the file is a new line.

    Never trained on, and never a reason to change the corpus: they show the gap to other writers.
    """
    lines = (FOLDER.parent / f"{name}.tsv").read_text("utf-8").splitlines()
    fields = [line.replace("\\n", "\n").split("\t") for line in lines]
    return [Message(label, language, text, text) for label, language, text in fields]


def fingerprint() -> str:
    """Return the SHA-256 of all training messages in order, by which weights name their corpus."""
    hashed = hashlib.sha256()
    for one in training():
        hashed.update(f"{one.label}\t{one.language}\t{one.text}\0".encode())
    return hashed.hexdigest()


def is_held_out(message: Message) -> bool:
    """Say whether a message's seed is held out: one in :data:`HELD_OUT`, by its hash."""
    return digest(f"{message.label} {message.seed}") % HELD_OUT == 0


@cache
def everything() -> tuple[Message, ...]:
    """Return all messages, each once. Raises ValueError for a malformed line."""
    slots = _slots()
    found: dict[str, Message] = {}
    for label in (FINE, *CLASSES):
        language = ""
        for line in (FOLDER / f"{label}.txt").read_text("utf-8").splitlines():
            heading = re.fullmatch(r"\[([a-z-]+)\]", line)
            if heading:
                language = heading[1]
                if language not in LANGUAGES:
                    raise ValueError(f"{label}.txt: no such language: {language}")
            elif line.strip():
                for text in _messages(line, slots):
                    known = found.setdefault(text, Message(label, language, text, line))
                    if known.label != label:
                        raise ValueError(f"{text!r} is {known.label} and {label}")
    return tuple(found.values())


def _messages(seed: str, slots: dict[str, list[str]]) -> list[str]:
    """Return up to :data:`MOST_OF_A_SEED` distinct messages of a seed, chosen by its hash."""
    choose = random.Random(digest(seed))  # noqa: S311
    line = seed.replace("\\n", "\n")
    most = 1
    for choice in _CHOICE.findall(line):
        most *= 1 + choice.count("|")
    for slot in _SLOT.findall(line):
        most *= len(slots[slot])
    found: dict[str, None] = {}
    for _ in range(4 * min(most, MOST_OF_A_SEED)):
        if len(found) == min(most, MOST_OF_A_SEED):
            break
        text = _CHOICE.sub(lambda one: choose.choice(one[1].split("|")), line)
        text = _SLOT.sub(lambda one: choose.choice(slots[one[1]]), text)
        if "{" in text or "}" in text:
            raise ValueError(f"braces do not match: {seed}")
        found[text.strip()] = None
    return list(found)


@cache
def _slots() -> dict[str, list[str]]:
    lines = (FOLDER / "slots.txt").read_text("utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("@"): words.split("|") for name, words in pairs}


def _shingles(text: str) -> frozenset[str]:
    """Return every three letters in a row of a message, its digits alike."""
    plain = f" {' '.join(re.sub(r'[0-9]', '0', text.lower()).split())} "
    return frozenset(plain[at : at + 3] for at in range(len(plain) - 2))


def digest(text: str) -> int:
    """Return a hash of 64 bits of a text, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
