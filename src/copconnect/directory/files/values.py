"""Values as departments type them, in the form that the data bank takes. Pure.

Nothing is guessed here: a value that has no certain meaning stays as it is, and the judge of rows
refuses it.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

from copconnect.directory import rules
from copconnect.directory.files.matching.vocabularies import Vocabularies, Vocabulary

YES = frozenset({"y", "yes", "true", "1", "t", "✓", "✔", "అవును", "हाँ", "हां", "ہاں"})
NO = frozenset({"n", "no", "false", "0", "f", "కాదు", "లేదు", "नहीं", "نہیں", "✗", "✘"})
STATUSES = {
    "active": {
        "active", "working", "on duty", "in service", "serving", "on roll", "yes", "y",
        "true", "1", "విధుల్లో", "సర్వీసులో", "कार्यरत", "सेवारत", "فعال", "برسرکار",
    },
    "suspended": {
        "suspended", "under suspension", "u/s", "susp", "on suspension",
        "సస్పెండ్", "సస్పెన్షన్", "निलंबित", "معطل",
    },
    "removed": {
        "removed", "retired", "resigned", "dismissed", "expired", "deceased", "died", "dead",
        "vrs", "terminated", "relieved", "left", "left service", "compulsorily retired", "death",
        "superannuated", "పదవీ విరమణ", "మరణించారు", "సేవానివృత్తి", "सेवानिवृत्त", "मृत", "ریٹائرڈ",
    },
}  # fmt: skip
STATUS_OF = {word: status for status, words in STATUSES.items() for word in words}
NOTHING = frozenset(
    {"-", "--", "---", "–", "—", ".", "..", "*", "na", "n/a", "n.a", "n.a.", "nil", "null",
     "none", "#n/a", "nan", "not available", "not applicable", "లేదు", "नहीं", "निल"}
)  # fmt: skip
_LONGEST_NOTHING = max(map(len, NOTHING))
KEEPS_TEXT = re.compile(r'^=\s*"((?:[^"]|"")*)"$')  # A spreadsheet's way to keep digits as text.
EXPONENT = re.compile(r"^([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})$")
FRACTION = re.compile(r"^([0-9]+)[.,]0+$")
SEPARATORS = re.compile(r"[,;|&+\n]|\s/\s|/(?=\S)|\band\b", re.IGNORECASE)
DAY_FIRST = re.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$")
DIGITS = frozenset("0123456789")


def text(value: str) -> str:
    """Return a cell's text: NFC, one space between words, without a spreadsheet's marks that keep
    digits as text. "" for the words that stand for nothing, such as ``-`` and ``N/A``."""
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    elif value.isalnum() and len(value) > 4:
        return value
    plain = " ".join(value.split())
    if plain.startswith("="):
        kept = KEEPS_TEXT.match(plain)
        if kept is not None:
            plain = " ".join(kept[1].replace('""', '"').split())
    if plain.startswith("'") and len(plain) > 1:
        plain = plain[1:].lstrip()
    return "" if len(plain) <= _LONGEST_NOTHING and plain.casefold() in NOTHING else plain


def digits(value: str) -> str:
    """Return a number without what a spreadsheet made of it: ``12345.0`` is ``12345``, and
    ``9.848012345E+09`` is ``9848012345``. ``9.848E+09`` stays: its last digits are lost."""
    fraction = FRACTION.match(value)
    if fraction is not None:
        return fraction[1]
    found = EXPONENT.match(value)
    if found is None:
        return value
    behind, exponent = found[2] or "", int(found[3])
    return f"{found[1]}{behind}" if len(behind) == exponent else value


def code(value: str) -> str:
    """Return a code. Spaces and slashes in it are hyphens: ``PC 1234/HYD`` is ``PC-1234-HYD``."""
    plain = digits(value)
    if plain.isascii() and plain.isalnum():
        return plain
    return re.sub(r"\s*[/\\]\s*|\s+", "-", plain)


def yes_or_no(value: str) -> str:
    """Return ``yes`` or ``no`` for the words that say so."""
    folded = rules.fold(value)
    return "yes" if folded in YES else "no" if folded in NO else value


def status(value: str) -> str:
    """Return ``active``, ``suspended`` or ``removed`` for the words that say so."""
    return STATUS_OF.get(rules.fold(value).rstrip("."), value)


def day(value: str) -> str:
    """Return a date as ``2026-01-31``; days come before months, as in India."""
    found = DAY_FIRST.match(value)
    return f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}" if found else value


def roles(value: str, vocabulary: Vocabulary) -> str:
    """Return the codes of roles, separated by spaces. A role that is unknown stays, its words
    joined by ``_``."""
    if not value:
        return ""
    whole = vocabulary.match(value)
    if whole.code:
        return whole.code
    found: list[str] = []
    for part in SEPARATORS.split(value):
        named = (part or "").strip()
        if not named:
            continue
        match = vocabulary.match(named)
        if match.code:
            found.append(match.code)
            continue
        words = [vocabulary.match(word).code for word in named.split()]
        found += words if all(words) else ["_".join(named.split())]
    return " ".join(dict.fromkeys(found))


_READ: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("code", "post_code", "person"), code),
    "number": digits,
    "head": yes_or_no,
    "status": status,
    **dict.fromkeys(("from", "until"), day),
}


def typed(
    column: str, value: str, known: Vocabularies, within: tuple[str, ...] = (), kind: str = ""
) -> str:
    """Return a cell as the data bank takes it in a column. ``within`` and ``kind``: as for
    :meth:`Vocabulary.match`."""
    plain = text(value)
    if not plain:
        return ""
    read = _READ.get(column)
    if read is not None:
        return read(plain)
    if column == "roles":
        return roles(plain, known.roles)
    vocabulary = known.of(column)
    if vocabulary is None:
        return plain
    found = vocabulary.match(plain, within, kind)
    return found.code or plain
