"""Varies messages for training: spellings, greetings before duty talk, parts of duty talk.

A training message brings its variants along; a held-out message has none. Invariants: the same
messages give the same variants; a variant has the class of its message, except that it may carry a
greeting in front, which changes no class.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guard.corpus import FINE, Message

SPELLINGS = (
    *(("sh", "s"), ("th", "t"), ("dh", "d"), ("bh", "b"), ("kh", "k"), ("ee", "i"), ("oo", "u")),
    *(("aa", "a"), ("v", "w"), ("w", "v"), ("ph", "f"), ("you", "u"), ("are", "r"), ("and", "n")),
    *(("ing", "ng"), ("good", "gud"), ("for", "4"), ("to", "2"), ("please", "plz"), ("z", "j")),
)
JOINS = ("\n", " ", ". ", "\n\n", ", ")
QUIET = ("👍", "🙏", "✅", "🫡", "🙏🏻")
LOUD = ("🙏", "🌹", "💐", "😊", "🎉", "❤️", "🔥", "👍", "🙏🙏", "🌹🌹")
LONGER = 0.2
"""The share of messages that are also trained with one or two others of their kind behind them,
because forwards are long."""
WEIGHT = 0.5
"""A variant counts so much of its message."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A text, its class, the number of the message that it comes from."""

    text: str
    label: str
    of: int


def variants(messages: Sequence[Message]) -> list[Variant]:
    """Return the variants of messages, in order."""
    choose = random.Random(12)  # noqa: S311
    greetings: dict[str, list[str]] = {}
    for one in messages:
        if one.label == "greeting" and len(one.text.split()) <= 4:
            greetings.setdefault(one.language, []).append(one.text)
    alike: dict[tuple[str, str], list[str]] = {}
    for one in messages:
        alike.setdefault((one.label, one.language), []).append(one.text)
    made: list[Variant] = []
    for number, one in enumerate(messages):
        for text in _texts(one, greetings, choose):
            made.append(Variant(text, one.label, number))
        if one.label != "emoji" and choose.random() < LONGER:
            others = choose.sample(alike[one.label, one.language], k=choose.randrange(1, 3))
            text = choose.choice(JOINS).join((one.text, *others))
            made.append(Variant(text, one.label, number))
    return made


def _texts(one: Message, greetings: dict[str, list[str]], choose: random.Random) -> Iterator[str]:
    words = one.text.split()
    if one.label == FINE and len(words) >= 6:
        start = choose.randrange(3, len(words) - 1)
        yield " ".join(words[start : start + choose.randrange(1, 4)])
    greeted = {FINE: 0.5, "greeting": 0.0, "emoji": 0.0}.get(one.label, 0.3)
    if choose.random() < greeted and len(words) >= 2:
        greeting = choose.choice(greetings.get(one.language, greetings["en"]))
        yield greeting + choose.choice((", ", ". ", " ", "\n")) + one.text
    if choose.random() < 0.5 and re.search("[a-z]", one.text):
        yield misspelt(one.text, choose)
    if choose.random() < 0.25 and one.label != "emoji":
        emoji = choose.choice(QUIET if one.label == FINE else LOUD)
        yield f"{one.text} {emoji}" if choose.random() < 0.7 else f"{emoji} {one.text}"


def misspelt(text: str, choose: random.Random) -> str:
    """Return a text of Latin letters as somebody types it in a hurry."""
    return " ".join(
        _mistyped(word, choose)
        if choose.random() < 0.5 and re.fullmatch("[A-Za-z]{3,}[,.!]?", word)
        else word
        for word in text.split(" ")
    )


def _mistyped(word: str, choose: random.Random) -> str:
    match choose.randrange(4):
        case 0:
            found = [pair for pair in SPELLINGS if pair[0] in word.lower()]
            return word.lower().replace(*choose.choice(found), 1) if found else word
        case 1:
            return word[0] + re.sub("[aeiou]", "", word[1:], count=choose.randrange(1, 3))
        case 2:
            at = choose.randrange(len(word) - 1)
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            at = choose.randrange(len(word))
            return word[:at] + word[at] * choose.randrange(1, 5) + word[at + 1 :]
