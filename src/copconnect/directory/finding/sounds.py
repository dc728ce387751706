"""How names sound, whatever script they are written in. Pure.

:func:`keys` spells a word of English, Telugu or Hindi letters in a small alphabet: consonants
without aspiration, length or place of the tongue (``th``, ``ట``, ``థ`` are ``t``; ``v`` and ``w``,
``z`` and ``j``, ``f`` and ``p`` are one), and the vowels ``i`` and ``u``; ``a`` and ``e`` count at
the beginning alone, because spellings disagree about them most (Ahmed, Ahmad; Narsimha,
Narasimha). Urdu writes few vowels: :func:`skeletons` gives the consonants alone, of any script.

A word has several keys where its letters can be read in several ways; two words sound alike if
they share one. The first letters of a word give the first letters of its key, with few exceptions,
so that a search finds a name while somebody still types it. ``client/src/people/sounds.ts`` is the
same in TypeScript; ``spec/sounds.json`` has words for both. Libraries were looked at and passed
over: Soundex and Metaphone (jellyfish) hear English, libindic-soundex keeps a word's first letter
in its script, and transliterators leave the hearing to be done.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import product

# Offsets in the blocks of Telugu (U+0C00) and Devanagari (U+0900), which agree.
_CONSONANTS = dict(
    zip(range(0x15, 0x3A), "kkggnccjjnttddnttddnnppbbmyrrlllvsssh", strict=True)
) | dict(zip(range(0x58, 0x60), "kkgjddpy", strict=True))
_TELUGU_LATER = {0x58: "c", 0x59: "j", 0x5A: "r"}
_VOWELS = {
    **dict.fromkeys((0x05, 0x06), "a"),
    **dict.fromkeys((0x07, 0x08), "i"),
    **dict.fromkeys((0x09, 0x0A), "u"),
    0x0B: "ri",
    **dict.fromkeys((0x0D, 0x0E, 0x0F), "e"),
    0x10: "E",
    **dict.fromkeys((0x11, 0x12, 0x13), "u"),
    0x14: "u",
}
_SIGNS = {
    0x3E: "a",
    **dict.fromkeys((0x3F, 0x40), "i"),
    **dict.fromkeys((0x41, 0x42), "u"),
    **dict.fromkeys((0x43, 0x44), "ri"),
    **dict.fromkeys((0x45, 0x46, 0x47), "e"),
    0x48: "E",
    **dict.fromkeys((0x49, 0x4A, 0x4B, 0x4C), "u"),
}
_NASALS, _VIRAMA, _NUKTA = (0x01, 0x02), 0x4D, 0x3C
_SHORT_U = "ు"  # Telugu ends words with it that other languages end with their last consonant.

# Latin letters, the longest match first. E is a diphthong that Telugu writes as a long e.
_LATIN = (
    ("khw", "k"), ("chh", "c"), ("ksh", "ks"), ("sch", "s"),
    ("ch", "c"), ("ck", "k"), ("sh", "s"), ("zh", "j"), ("jh", "j"), ("gh", "g"), ("kh", "k"),
    ("ph", "p"), ("th", "t"), ("dh", "d"), ("bh", "b"), ("wh", "v"), ("vh", "v"), ("rh", "r"),
    ("aa", "a"), ("ee", "i"), ("ii", "i"), ("ea", "i"), ("ie", "i"), ("oo", "u"), ("uu", "u"),
    ("ao", "av"), ("ou", "u"), ("au", "u"), ("ai", "E"), ("ei", "E"),
    ("a", "a"), ("b", "b"), ("c", "k"), ("d", "d"), ("e", "e"), ("f", "p"), ("g", "g"), ("h", "h"),
    ("i", "i"), ("j", "j"), ("k", "k"), ("l", "l"), ("m", "m"), ("n", "n"), ("o", "u"), ("p", "p"),
    ("q", "k"), ("r", "r"), ("s", "s"), ("t", "t"), ("u", "u"), ("v", "v"), ("w", "v"), ("x", "ks"),
    ("y", "y"), ("z", "j"),
)  # fmt: skip
_LATIN_SOUNDS = dict(_LATIN)
# Before these come the letters that depend on what follows them.
_LATIN_CONTEXT = re.compile(
    r"(?P<s>c(?=[eiy]))|(?P<k>qu(?=[aeiou]))|(?P<E>[ae]y(?![aeiou]))|(?P<u>[ao]w(?![aeiou]|$))|"
    r"(?P<U>u(?=[mn](?:[^aeiouy]|$)))|" + "|".join(written for written, _ in _LATIN)
)

_ARABIC = {
    **dict.fromkeys("ب", "b"),
    **dict.fromkeys("پف", "p"),
    **dict.fromkeys("تٹطة", "t"),
    **dict.fromkeys("ثسصش", "s"),
    **dict.fromkeys("جذزژضظ", "j"),
    **dict.fromkeys("چ", "c"),
    **dict.fromkeys("حہه", "h"),
    **dict.fromkeys("خقکك", "k"),
    **dict.fromkeys("دڈڑ", "d"),
    **dict.fromkeys("ر", "r"),
    **dict.fromkeys("غگ", "g"),
    **dict.fromkeys("ل", "l"),
    **dict.fromkeys("م", "m"),
    **dict.fromkeys("نں", "n"),
    **dict.fromkeys("وؤ", "V"),  # A consonant or a vowel.
    **dict.fromkeys("اآأإعیيےئىءھ", ""),  # A vowel, or the breath of the letter before.
}
_ARABIC_FIRST = "اآأإعیيےئىء"
_WAYS = {"E": ("i", "e"), "U": ("u", "e"), "N": ("m", "n")}
_NASAL_STAYS = "yrlv"
_MOST = 8  # Keys of one word.


@lru_cache(maxsize=65_536)
def keys(word: str) -> tuple[str, ...]:
    """Return how a folded word sounds; nothing for one with digits or in another script."""
    sounds = _sounds(word)
    return tuple(sorted({key for one in sounds if (key := _key(one))}))


@lru_cache(maxsize=65_536)
def skeletons(word: str) -> tuple[str, ...]:
    """Return the consonants of a folded word of any of the four scripts, a first vowel as ``a``."""
    if word and all(letter in _ARABIC for letter in word):
        found = {_consonants(one) for one in _arabic(word)}
    else:
        found = {_consonants(key) for key in keys(word)}
    return tuple(sorted(found - {""}))


def is_urdu(word: str) -> bool:
    """Return whether a word has letters of the Arabic script."""
    return any("\u0600" <= letter <= "\u06ff" for letter in word)


def _sounds(word: str) -> list[str]:
    """Return the ways to read a word, before vowels are dropped: small letters are sounds, ``E`` is
    a diphthong, ``U`` an English u that may be a (Begum, Gunj), ``N`` a nasal at the end."""
    if not word:
        return []
    block = ord(word[0]) & ~0x7F
    if block in (0x0900, 0x0C00):
        return _indic(word, block)
    latin = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if not latin.isascii() or not latin.isalpha():
        return []
    sounds = "".join(
        match.lastgroup or _LATIN_SOUNDS[match[0]] for match in _LATIN_CONTEXT.finditer(latin)
    )
    return _readings(sounds)


def _indic(word: str, block: int) -> list[str]:
    out: list[str] = []
    for at, letter in enumerate(word):
        offset = ord(letter) - block
        following = ord(word[at + 1]) - block if at + 1 < len(word) else -1
        if following == _NUKTA:
            following = ord(word[at + 2]) - block if at + 2 < len(word) else -1
        later = _TELUGU_LATER.get(offset) if block == 0x0C00 else None
        consonant = later or _CONSONANTS.get(offset)
        if consonant is not None:
            vowel_follows = following in _SIGNS or following == _VIRAMA
            out.append(consonant if vowel_follows else consonant + "a")
        elif offset in _VOWELS or offset in _SIGNS:
            out.append(_VOWELS.get(offset) or _SIGNS[offset])
        elif offset in _NASALS:
            stop = _CONSONANTS.get(following)
            out.append("N" if stop is None else "m" if stop in _NASAL_STAYS else "n")
        elif not 0 <= offset < 0x80 or letter.isdecimal():
            return []
    found = _readings("".join(out))
    if word.endswith(_SHORT_U) and len(word) > 2:
        found += [one[:-1] for one in found]
    return found


def _readings(sounds: str) -> list[str]:
    """Return sounds with each diphthong read as ``i`` and as a vowel that is not written, and so
    on."""
    if sounds.startswith("E"):
        sounds = "ai" + sounds[1:]
    ways = [_WAYS.get(sound, (sound,)) for sound in sounds]
    return ["".join(one) for one, _ in zip(product(*ways), range(_MOST), strict=False)]


def _key(sounds: str) -> str:
    """Return the key of one reading."""
    sounds = re.sub(r"([^aeiuy])\1+", r"\1", sounds)
    sounds = re.sub(r"m(?=[pbsh])", "n", sounds)
    sounds = re.sub(r"u(?=h[aeiuy])", "a", sounds)  # Mohammed, Muhammad, Mahammad.
    sounds = re.sub(r"(?<!^)h$", "", sounds)
    sounds = re.sub(r"^y", "i", re.sub(r"^e", "i", sounds)).replace("y", "i")
    first, rest = sounds[:1], sounds[1:].replace("a", "").replace("e", "")
    # The first of several vowels counts: Naidu, Nayudu.
    return re.sub(r"([iu])[iu]+", r"\1", first + rest)


def _consonants(key: str) -> str:
    first = "a" if key[:1] in ("a", "i", "u") else key[:1]
    return first + re.sub("[aiu]", "", key[1:])


def _arabic(word: str) -> list[str]:
    """Return the ways to read the consonants of an Urdu word; a vowel at the beginning is ``a``."""
    first = "a" if word[0] in _ARABIC_FIRST else ""
    # He at the end is a vowel; a noun's last he that is heard is dropped in other scripts too.
    body = word[:-1] if len(word) > 1 and word[-1] in "ہهةھ" else word
    sounds = first + "".join(_ARABIC[letter] for letter in body)
    ways = [("v", "") if sound == "V" and at else (sound,) for at, sound in enumerate(sounds)]
    found = ("".join(one) for one, _ in zip(product(*ways), range(_MOST), strict=False))
    # No vowel says whether the m and what follows it are one syllable.
    read = {way for one in found for way in (one, re.sub(r"m(?=[sh])", "n", one))}
    return [re.sub(r"m(?=[pb])", "n", one.replace("V", "v")) for one in read]
