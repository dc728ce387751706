"""The words by which people are found, and what a search asks of them. Pure.

A person's words are those of the names, the post and the unit in every language, the number and
the code. Beside them stand, each with its own mark, whole names (``ravi_kumar_``), how words
sound (``~rvi``), their consonants alone (``=rv``, for searches in Urdu), and what filters ask for:
the unit (``@``), each unit above it and itself (``<``), the rank (``^``) and the roles (``#``). The
number has a mark too (``$``), so that only a search for digits finds it. A
search finds the people who have, for each of its words, one that begins with it, or that sounds as
it does.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from copconnect import wire
from copconnect.directory import names, rules
from copconnect.directory.finding import sounds

MAX_WORDS = 8  # A search's further words do not count.
_SOUND, _CONSONANTS = "~", "="
_UNIT, _WITHIN, _RANK, _ROLE = "@", "<", "^", "#"
_NUMBER = "$"
_HEARD_LETTERS = 3  # Shorter words are abbreviations.
_HEARD_WHOLE = 2  # A key of two sounds finds only what sounds like it as a whole.
_CODE = re.compile(r"[A-Za-z0-9._-]+")
_FEWEST_DIGITS, _MOST_DIGITS = 4, 15  # A number's; E.164 has no more.
_WHOLE_DIGITS = 10  # An Indian number without the country's code; shorter ones are parts.
_LAST_DIGITS = 5  # As Indian numbers are written: 98480 12345.
_INDIA = "91"


class Word(NamedTuple):
    """The beginning of a word to find, or the whole one."""

    text: str
    whole: bool = False


class _CharacterMap(dict[int, str]):
    """Characters of words as they are, all others as a space, each looked up once."""

    def __missing__(self, code: int) -> str:
        # SQLite's tokenizer knows later letters only where the library is new.
        kept = unicodedata.ucd_3_2_0.category(chr(code))[0] in "LMN"
        self[code] = chr(code) if kept else " "
        return self[code]


_KEPT = _CharacterMap()


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """A text as questions: each group asks for one of its words. ``heard`` is ``spelled`` and,
    beside each word, the words that sound like it. A search without groups finds no person.
    ``digits``: a part of a number, if that is what the text is, and ``number`` a whole one."""

    name: Word
    spelled: tuple[tuple[Word, ...], ...]
    heard: tuple[tuple[Word, ...], ...]
    digits: str = ""
    number: str = ""


def words_of(text: str) -> list[str]:
    """Return the folded words of a text; a character that is no letter, mark or digit separates
    them."""
    return [word for part in text.split() for word in _folded(part)]


@lru_cache(maxsize=65_536)  # A force shares a few thousand parts of names.
def _folded(part: str) -> tuple[str, ...]:
    return tuple(rules.fold(part).translate(_KEPT).split())


@dataclass(frozen=True, slots=True)
class UnitRankRoles:
    """A person's unit, its path from the top as stored, the rank and the roles."""

    unit_id: str
    path: str
    rank: str
    roles: Iterable[str]


def person_words(
    name: wire.Names, others: Iterable[wire.Names], number: str, code: str, place: UnitRankRoles
) -> str:
    """Return the words by which a person is found, between single spaces. ``others`` are the names
    of post and unit; ``number`` is E.164."""
    spellings = names.spellings(name)
    found = [_whole(words_of(spelling)) for spelling in spellings if spelling]
    for spelling in spellings:
        for part in spelling.split():
            found += _sounding(part)
    for named in others:
        found += _said(named)
    digits = number.removeprefix("+")
    for text in (digits, digits.removeprefix(_INDIA), digits[-_LAST_DIGITS:]):
        found.append(_NUMBER + text)
    found += words_of(code)
    found += words_of(place.rank)
    found.append(_coded(_UNIT, place.unit_id))
    found += _within(place.path)
    found.append(_coded(_RANK, place.rank))
    found += [_coded(_ROLE, role) for role in place.roles]
    return " ".join(dict.fromkeys(found))


def post_words(others: Iterable[wire.Names], roles: Iterable[str], path: str) -> str:
    """Return the words by which a post is found. ``others`` are its title and the names of its unit
    and roles; ``path`` is the unit's."""
    found: list[str] = []
    for named in others:
        found += _said(named)
    for role in roles:
        found += words_of(role)
    found += _within(path)
    return " ".join(dict.fromkeys(found))


def filters(
    unit_id: str | None = None,
    *,
    deep: bool = False,
    rank: str | None = None,
    role: str | None = None,
) -> tuple[tuple[Word, ...], ...] | None:
    """Return what filters ask for, as groups beside those of a search; ``deep``: in the unit or
    below it. None where a filter is no code, so that nobody passes."""
    asked = ((_WITHIN if deep else _UNIT, unit_id), (_RANK, rank), (_ROLE, role))
    given = [(mark, code) for mark, code in asked if code is not None]
    if not all(_CODE.fullmatch(code) for _, code in given):
        return None
    return tuple((Word(_coded(mark, code), whole=True),) for mark, code in given)


@lru_cache(maxsize=65_536)
def _coded(mark: str, code: str) -> str:
    # SQLite's index knows no case, codes do.
    return mark + "".join(f"+{c.lower()}" if c.isupper() else c for c in code)


def search(text: str) -> SearchTerms | None:
    """Return what a text asks for; None if it is empty, which asks for everybody."""
    if not text.strip():
        return None
    words = words_of(text)[:MAX_WORDS]
    digits = "".join(words)[:_MOST_DIGITS]
    if len(digits) >= _FEWEST_DIGITS and digits.isdecimal():
        # A number may be typed with spaces, signs and a leading zero, which a code may have.
        number = digits.lstrip("0") or digits
        part = len(number) < _WHOLE_DIGITS
        marked = [Word(_NUMBER + one, whole=not part) for one in dict.fromkeys((digits, number))]
        asked = (Word(digits), *marked)
        name = Word(_whole(words), whole=True)
        found = (digits, "") if part else ("", number)
        return SearchTerms(name, (asked,), (asked,), *found)
    spelled = tuple((Word(word, whole=len(word) == 1),) for word in words)
    heard = tuple((*group, *_asked(group[0].text)) for group in spelled)
    return SearchTerms(Word(_whole(words), whole=True), spelled, heard)


@lru_cache(maxsize=65_536)
def _said(name: wire.Names) -> tuple[str, ...]:
    """Return the words of a name with how they sound; many people share the names of posts."""
    found: list[str] = []
    for spelling in names.spellings(name):
        for part in spelling.split():
            found += _sounding(part)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=65_536)
def _sounding(part: str) -> tuple[str, ...]:
    """Return the words of a part of a name, each with how it sounds."""
    return tuple(one for word in _folded(part) for one in (word, *_heard(word)))


@lru_cache(maxsize=65_536)
def _within(path: str) -> tuple[str, ...]:
    return tuple(_coded(_WITHIN, unit) for unit in rules.units_above(path))


def _whole(words: list[str]) -> str:
    return "_".join([*words, ""])


@lru_cache(maxsize=65_536)
def _heard(word: str) -> tuple[str, ...]:
    if len(word) < _HEARD_LETTERS:
        return ()
    keys = [_SOUND + key for key in sounds.keys(word) if len(key) >= _HEARD_WHOLE]
    alone = sounds.skeletons(word)
    return (*keys, *(_CONSONANTS + one for one in alone if len(one) >= _HEARD_WHOLE))


def _asked(word: str) -> list[Word]:
    if len(word) < _HEARD_LETTERS:
        return []
    mark = _CONSONANTS if sounds.is_urdu(word) else _SOUND
    found = sounds.skeletons(word) if sounds.is_urdu(word) else sounds.keys(word)
    return [
        Word(mark + one, whole=len(one) == _HEARD_WHOLE)
        for one in found
        if len(one) >= _HEARD_WHOLE
    ]
