"""Reads and judges the text of the code of conduct. Pure.

A file that is shipped is: ``# Title`` on a line, and one ``- rule`` a line.
"""

from collections.abc import Sequence

from copconnect import errors, wire
from copconnect.limits import CONDUCT_RULE_CHARACTERS, CONDUCT_RULES, CONDUCT_TITLE_CHARACTERS


def parse(text: str, language: wire.Language) -> wire.ConductText:
    """Return the code in one language. Raises ValueError for a malformed file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    titles = [line[2:] for line in lines if line.startswith("# ")]
    rules = [line[2:] for line in lines if line.startswith("- ")]
    if len(titles) != 1 or not rules or len(titles) + len(rules) != len(lines):
        raise ValueError("expected one title and a list of rules")
    return wire.ConductText(language=language, title=titles[0], rules=rules)


def check(texts: Sequence[wire.ConductText]) -> None:
    """Check that every language says the same number of rules, none of them empty.

    Raises ConductIncomplete, ConductTooLong.
    """
    given = [text.language for text in texts]
    for language in wire.LANGUAGES:
        if given.count(language) != 1:
            reason = "twice" if language in given else "missing"
            raise errors.ConductIncomplete(language=language, reason=reason)
    for text in texts:
        _check_lengths(text)
    count = len(in_language(texts, "en").rules)
    for text in texts:
        if not text.title.strip():
            raise errors.ConductIncomplete(language=text.language, reason="title")
        for number, rule in enumerate(text.rules, 1):
            if not rule.strip():
                raise errors.ConductIncomplete(language=text.language, reason="rule", rule=number)
        if len(text.rules) != count or not count:
            raise errors.ConductIncomplete(language=text.language, reason="rules", rules=count)


def _check_lengths(text: wire.ConductText) -> None:
    for what, length, limit in (
        ("rules", len(text.rules), CONDUCT_RULES),
        ("rule", max(map(len, text.rules), default=0), CONDUCT_RULE_CHARACTERS),
        ("title", len(text.title), CONDUCT_TITLE_CHARACTERS),
    ):
        if length > limit:
            raise errors.ConductTooLong(language=text.language, what=what, limit=limit)


def in_language(texts: Sequence[wire.ConductText], language: str) -> wire.ConductText:
    """Return the text in a language, in English for one that it does not exist in."""
    by_language: dict[str, wire.ConductText] = {text.language: text for text in texts}
    found = by_language.get(language)
    return found or by_language["en"]
