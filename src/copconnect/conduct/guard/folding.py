"""Folds a message into words, so that spellings of one word become alike. Pure.

The steps are those of ``docs/guard-model.md``, section Folding; ``client/src/guard/folding.ts`` has
the same. Both work on code points and use no category of Unicode that differs between versions.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

MOST_START = 1_024
MOST_END = 256
"""Code points that are read from the beginning and from the end of a message."""

_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t"}
_LEET_WORD = re.compile(r"[a-z]+(?:[013457]{1,2}[a-z]+)+")
_URL = re.compile(r"(?:https?://|www\.)[^ \n\r\t]+")

_DROPPED = (
    (0xAD, 0xAD),
    (0x300, 0x36F),
    (0x610, 0x61A),
    (0x640, 0x640),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x6D6, 0x6ED),
    (0x93C, 0x93C),
    (0x180B, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0x1F3FB, 0x1F3FF),
    (0xE0000, 0xE01EF),
)
_EMOJI = (
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x2600, 0x27BF),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1FAFF),
)
_SPACES = (
    (0x80, 0xBF),
    (0x60C, 0x60D),
    (0x61B, 0x61F),
    (0x66A, 0x66D),
    (0x6D4, 0x6D4),
    (0x964, 0x965),
    (0x970, 0x970),
    (0x2000, 0x206F),
    (0x20A0, 0x20CF),
    (0x2100, 0x218F),
    (0x2200, 0x22FF),
    (0x2400, 0x25FF),
    (0x2E00, 0x2E7F),
    (0x3000, 0x303F),
    (0xFE10, 0xFE6F),
)
_DIGITS = ((0x660, 0x669), (0x6F0, 0x6F9), (0x966, 0x96F), (0xC66, 0xC6F))
_BONES = {
    letter: bone
    for bone, letters in {
        "b": "b\u092c\u092d\u0c2c\u0c2d\u0628",
        "c": "c\u091a\u091b\u0c1a\u0c1b\u0686",
        "d": "d\u0921\u0922\u0926\u0927\u0c21\u0c22\u0c26\u0c27\u062f\u0688",
        "g": "g\u0917\u0918\u0c17\u0c18\u063a\u06af",
        "j": "jz\u091c\u091d\u0c1c\u0c1d\u062c\u0630\u0632\u0636\u0638\u0698",
        "k": "kqx\u0915\u0916\u0c15\u0c16\u062e\u0642\u0643\u06a9",
        "l": "l\u0932\u0933\u0c32\u0c33\u0644",
        "m": "m\u092e\u0c2e\u0645",
        "n": "n\u0919\u091e\u0923\u0928\u0c19\u0c1e\u0c23\u0c28\u0646\u06ba",
        "p": "pf\u092a\u092b\u0c2a\u0c2b\u067e\u0641",
        "r": "r\u0930\u0c30\u0c31\u0631\u0691",
        "s": "s\u0936\u0937\u0938\u0c36\u0c37\u0c38\u062b\u0633\u0634\u0635",
        "t": "t\u091f\u0920\u0924\u0925\u0c1f\u0c20\u0c24\u0c25\u062a\u0637\u0679",
    }.items()
    for letter in letters
}
"""Consonants of every script by the Latin letter that they sound like; aspiration is dropped."""
_ANUSVARAS = "\u0901\u0902\u0c02"
_VIRAMAS = "\u094d\u0c4d"
_APOSTROPHES = frozenset("'’‘`´")


@dataclass(frozen=True, slots=True)
class Folded:
    """A message's words, and the counts of the text around them."""

    words: list[str]
    """Without emojis, in order; every digit is 0, a run of a letter has at most two."""
    emojis: list[str]
    urls: int
    questions: int
    exclamations: int
    colons: int
    newlines: int
    money: int


def fold(text: str, lookalikes: Mapping[str, str]) -> Folded:
    """Return the words of a text. ``lookalikes`` maps a code point to the letter that it resembles.

    Takes a time that grows with :data:`MOST_START` and :data:`MOST_END` alone.
    """
    if len(text) > MOST_START + MOST_END:
        text = f"{text[:MOST_START]} {text[-MOST_END:]}"
    text, urls = _URL.subn(" ", "".join(ch.lower() for ch in text))
    emojis: list[str] = []
    letters: list[str] = []
    for raw in unicodedata.normalize("NFKD", text):
        for ch in raw.lower():
            point = ord(ch)
            if ch in _APOSTROPHES or _within(point, _DROPPED):
                continue
            if _within(point, _EMOJI):
                emojis.append(ch)
                letters.append(" ")
            elif _within(point, _DIGITS):
                letters.append(str(_digit(point)))
            else:
                letters.append(lookalikes.get(ch, ch))
    plain = "".join(letters)
    return Folded(
        words=[_word(word) for word in _joined(plain)],
        emojis=emojis,
        urls=urls,
        questions=plain.count("?") + plain.count("؟"),
        exclamations=plain.count("!"),
        colons=plain.count(":"),
        newlines=plain.count("\n"),
        money=plain.count("₹") + plain.count("%"),
    )


def collapsed(word: str) -> str:
    """Return a word with each run of a letter as one."""
    return re.sub(r"(.)\1+", r"\1", word, flags=re.DOTALL)


def skeleton(word: str) -> str:
    """Return a word's consonants in Latin letters, alike in every script and spelling.

    ``shubhodayam``, ``subodayam`` and its Telugu letters give ``sbdm``. Empty for fewer than two.
    """
    bones = []
    for at, ch in enumerate(word):
        bone = _BONES.get(ch, "")
        if ch == "c" and word[at + 1 : at + 2] != "h":
            bone = "k"
        elif ch in _ANUSVARAS:
            bone = "m" if _BONES.get(word[at + 1 : at + 2], "m") in "pbm" else "n"
        bones.append(bone)
    short = collapsed("".join(bones))
    return short if len(short) > 1 else ""


@lru_cache(8_192)
def _within(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)


def _digit(point: int) -> int:
    return next(point - first for first, last in _DIGITS if first <= point <= last)


@lru_cache(8_192)
def _is_letter(ch: str) -> bool:
    point = ord(ch)
    if point < 0x80:
        return ch.isalnum()
    return not _within(point, _SPACES)


def _is_mark(point: int) -> bool:
    """Say whether it is a vowel sign or the like of Devanagari or Telugu."""
    return (
        0x900 <= point <= 0x903
        or 0x93A <= point <= 0x94F
        or 0x955 <= point <= 0x957
        or 0xC00 <= point <= 0xC04
        or 0xC3C <= point <= 0xC56
    )


def _joined(plain: str) -> list[str]:
    """Split into words, joining letters that stand one by one: ``g o o d  d a y`` has two words.

    At least three in a row; two spaces or a line's end part two words.
    """
    words: list[str] = []
    single: list[str] = []
    gap = 0
    word = ""

    def flush() -> None:
        if len(single) >= 3:
            words.append("".join(single))
        else:
            words.extend(single)
        single.clear()

    def close() -> None:
        nonlocal word
        if not word:
            return
        if _is_single(word):
            single.append(word)
        else:
            flush()
            words.append(word)
        word = ""

    for ch in plain:
        if _is_letter(ch):
            if not word and gap >= 2:
                flush()
            word += ch
            gap = 0
        else:
            close()
            gap += 2 if ch == "\n" else 1
    close()
    flush()
    return words


def _is_single(word: str) -> bool:
    """Say whether a word is one letter with its signs, or letters that a virama joins."""
    return word[0] not in "0123456789" and all(
        _is_mark(ord(ch)) or before in _VIRAMAS for before, ch in pairwise(word)
    )


def _word(word: str) -> str:
    if _LEET_WORD.fullmatch(word):
        word = "".join(_LEET.get(ch, ch) for ch in word)
    word = re.sub(r"[0-9]", "0", word)
    return re.sub(r"(.)\1{2,}", r"\1\1", word, flags=re.DOTALL)
