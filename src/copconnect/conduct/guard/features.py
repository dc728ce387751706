"""Turns a folded message into hashed features in three blocks. Pure.

The features are those of ``docs/guard-model.md``, section Features;
``client/src/guard/features.ts`` computes the same buckets.
"""

from dataclasses import dataclass
from itertools import pairwise

from copconnect.conduct.guard.folding import Folded, collapsed, skeleton

SHORTEST, LONGEST = 2, 5
"""Code points of a character n-gram."""

_PRIME = 16_777_619
_MASK = 0xFFFFFFFF
_CHARS, _WORDS, _SHAPE = 0x811C9DC5, 0x01234567, 0x89ABCDEF
"""The value from which the hashes of each block begin."""


@dataclass(frozen=True, slots=True)
class Features:
    """Distinct buckets of each block, each from 0 to ``buckets`` - 1."""

    chars: set[int]
    words: set[int]
    shape: set[int]


def features(folded: Folded, buckets: int) -> Features:
    """Return the features of a message. ``buckets`` is a power of two."""
    mask = buckets - 1
    return Features(
        chars=_chars(folded.words, mask),
        words={_bucket(name, _WORDS, mask) for name in _words(folded)},
        shape={_bucket(name, _SHAPE, mask) for name in _shape(folded)},
    )


def _chars(words: list[str], mask: int) -> set[int]:
    found: set[int] = set()
    for word in words:
        points = [32, *map(ord, word), 32]
        for start in range(len(points)):
            value = _CHARS
            for length in range(1, min(LONGEST, len(points) - start) + 1):
                value = ((value ^ points[start + length - 1]) * _PRIME) & _MASK
                if length >= SHORTEST:
                    found.add(_mixed(value) & mask)
    return found


def _words(folded: Folded) -> list[str]:
    words = [collapsed(word) for word in folded.words]
    names = [f"w {word}" for word in words]
    names += [f"b {one} {two}" for one, two in pairwise(words)]
    bones = [skeleton(word) for word in folded.words]
    names += [f"k {bone}" for bone in bones if bone]
    names += [f"l {one} {two}" for one, two in pairwise(bones) if one and two]
    names += [f"s {piece}" for bone in bones if len(bone) > 2 for piece in _pieces(f" {bone} ")]
    if words:
        names += [f"f {words[0]}", f"e {words[-1]}"]
    names += [f"m {emoji}" for emoji in folded.emojis]
    return names


def _pieces(text: str) -> list[str]:
    """Return every four letters in a row."""
    return [text[at : at + 4] for at in range(len(text) - 3)]


def _shape(folded: Folded) -> list[str]:
    count, emojis = len(folded.words), len(folded.emojis)
    digits = sum(word[0] == "0" for word in folded.words)
    long_numbers = sum(word.startswith("00") for word in folded.words)
    mixed = sum("0" in word and word.strip("0") != "" for word in folded.words)
    scripts = sorted({_script(word) for word in folded.words})
    return [
        f"words {_step(count)}",
        f"emojis {_step(emojis)}",
        f"emojis of words {_step(8 * emojis // (count + 1))}",
        f"digits {_step(digits)}",
        f"numbers {_step(long_numbers)}",
        f"codes {_step(mixed)}",
        f"urls {_step(folded.urls)}",
        f"questions {_step(folded.questions)}",
        f"exclamations {_step(folded.exclamations)}",
        f"colons {_step(folded.colons)}",
        f"lines {_step(folded.newlines)}",
        f"money {_step(folded.money)}",
        f"scripts {' '.join(scripts)}",
    ]


def _step(count: int) -> int:
    """Return 0, 1, 2, 3 for themselves, then one step more for about half as many again."""
    step = 0
    for least in (1, 2, 3, 4, 6, 9, 13, 20, 40, 80):
        if count >= least:
            step += 1
    return step


def _script(word: str) -> str:
    point = ord(word[0])
    if point < 0x250:
        return "0" if word[0] == "0" else "a"
    if 0x600 <= point <= 0x8FF:
        return "u"
    if 0x900 <= point <= 0x97F:
        return "h"
    if 0xC00 <= point <= 0xC7F:
        return "t"
    return "x"


def _bucket(name: str, start: int, mask: int) -> int:
    value = start
    for ch in name:
        value = ((value ^ ord(ch)) * _PRIME) & _MASK
    return _mixed(value) & mask


def _mixed(value: int) -> int:
    """Spread all bits over the low ones (the end of MurmurHash3)."""
    value ^= value >> 16
    value = (value * 0x85EBCA6B) & _MASK
    value ^= value >> 13
    value = (value * 0xC2B2AE35) & _MASK
    return value ^ (value >> 16)
