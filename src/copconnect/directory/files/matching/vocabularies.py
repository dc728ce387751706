"""Codes by the names that people type: exact, by another name, folded. Pure.

A close match is only suggested: a wrong unit or rank gives a person the wrong conversations.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rapidfuzz import fuzz, process

from copconnect.directory.files.matching.words import canonical

HowMatched = Literal["exact", "alias", "folded", "none"]
CLOSE = 78  # The likeness of two names, of 100, from which on one is suggested for the other.
SUGGESTIONS = 3
# The words for kinds of units: a column that is headed PS says "Charminar" for "Charminar PS".
KINDS = (
    "station",
    "outpost",
    "circle",
    "sub division",
    "division",
    "zone",
    "multi zone",
    "district",
    "commissionerate",
    "wing",
    "range",
)
_BRACKETS = re.compile(r"\(([^()]*)\)")


class Match(NamedTuple):
    """The code that a text means, "" for none; how it was found; codes that are close."""

    code: str
    how: HowMatched
    suggestions: tuple[str, ...] = ()


class VocabularyEntry(NamedTuple):
    """A unit or term: its code, its names in any language, and for a unit the codes above it."""

    code: str
    names: tuple[str, ...]
    above: frozenset[str] = frozenset()


@dataclass(slots=True)
class Vocabulary:
    """Units, ranks, roles or levels by what people type. ``aliases``: texts that an administrator
    matched by hand, by their canonical form."""

    entries: dict[str, VocabularyEntry] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)
    _memory: dict[tuple[str, tuple[str, ...], str], Match] = field(default_factory=dict)

    @classmethod
    def of(
        cls, entries: Iterable[VocabularyEntry], aliases: Mapping[str, str] | None = None
    ) -> "Vocabulary":
        """Return the vocabulary of these entries; ``aliases`` gives codes by text as typed."""
        made = cls()
        for entry in entries:
            made.entries[entry.code] = entry
            made._codes[entry.code.casefold()] = entry.code
            for key in {key for name in entry.names for key in _keys(name)}:
                made._names.setdefault(key, set()).add(entry.code)
        known = made.entries
        made.aliases = {
            canonical(text): code for text, code in (aliases or {}).items() if code in known
        }
        return made

    def match(self, text: str, within: tuple[str, ...] = (), kind: str = "") -> Match:
        """Return the entry that a text means. ``within``: names of units above it, which tell
        units of one name apart; ``kind``: the kind of unit that the column's heading names."""
        asked = (text, within, kind)
        found = self._memory.get(asked)
        if found is None:
            found = self._memory[asked] = self._match(text, within, kind)
        return found

    def _match(self, text: str, within: tuple[str, ...], kind: str) -> Match:
        if not text:
            return Match("", "none")
        if text in self.entries:
            return Match(text, "exact")
        by_code = self._codes.get(text.casefold())
        if by_code is not None:
            return Match(by_code, "exact")
        key = canonical(text)
        if key in self.aliases:
            return Match(self.aliases[key], "alias")
        several: set[str] = set()
        for tried in dict.fromkeys((key, f"{key} {kind}".strip() if kind else key)):
            codes = self._within(self._names.get(tried, set()), within)
            if len(codes) == 1:
                return Match(next(iter(codes)), "folded")
            several |= codes
        if several:
            return Match("", "none", tuple(sorted(several)[:SUGGESTIONS]))
        return Match("", "none", self._close(f"{key} {kind}".strip()))

    def _within(self, codes: set[str], within: tuple[str, ...]) -> set[str]:
        """Return those of the codes that lie in the named units, as far as names tell."""
        for name in within:
            if len(codes) < 2:
                break
            above = self._names.get(canonical(name), set()) | {name}
            inside = {code for code in codes if self.entries[code].above & above}
            codes = inside or codes
        return codes

    def _close(self, key: str) -> tuple[str, ...]:
        """Return codes whose names are close to a canonical text, the closest first."""
        scorer: Callable[..., float] = fuzz.token_sort_ratio
        found = process.extract(
            key, self._names.keys(), scorer=scorer, score_cutoff=CLOSE, limit=SUGGESTIONS
        )
        codes = [code for name, _, _ in found for code in sorted(self._names[name])]
        return tuple(dict.fromkeys(codes))[:SUGGESTIONS]


def _keys(name: str) -> set[str]:
    """Return the canonical forms under which a name is found: whole, without the words in
    brackets, and those words alone."""
    keys = {canonical(name)}
    inside = _BRACKETS.findall(name)
    if inside:
        keys.add(canonical(_BRACKETS.sub(" ", name)))
        keys |= {canonical(one) for one in inside}
    return keys - {""}


@dataclass(slots=True)
class Vocabularies:
    """The vocabularies that values of a file may come from."""

    units: Vocabulary = field(default_factory=Vocabulary)
    ranks: Vocabulary = field(default_factory=Vocabulary)
    roles: Vocabulary = field(default_factory=Vocabulary)
    levels: Vocabulary = field(default_factory=Vocabulary)

    def of(self, column: str) -> Vocabulary | None:
        """Return the vocabulary of a column, None for a column of free text."""
        match column:
            case "unit" | "parent":
                return self.units
            case "rank":
                return self.ranks
            case "roles":
                return self.roles
            case "level":
                return self.levels
        return None


def kind_in(header: str) -> str:
    """Return the kind of unit that a heading names, "" for none: ``Name of PS`` says station."""
    words = f" {canonical(header)} "
    named = [kind for kind in KINDS if f" {kind} " in words]
    return max(named, key=len, default="")
