"""Reads the text of the code of conduct. Pure.

A file is: ``version: 1`` on the first line, ``# Title`` on another, and one ``- rule`` a line.
"""

from copconnect import wire


def parse(text: str, language: wire.Language) -> wire.ConductCode:
    """Return the code in one language. Raises ValueError for a malformed file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("version:"):
        raise ValueError("the first line must be `version: …`")
    titles = [line[2:] for line in lines if line.startswith("# ")]
    rules = [line[2:] for line in lines if line.startswith("- ")]
    if len(titles) != 1 or not rules or len(titles) + len(rules) + 1 != len(lines):
        raise ValueError("expected one title and a list of rules")
    version = lines[0].removeprefix("version:").strip()
    return wire.ConductCode(version=version, language=language, title=titles[0], rules=rules)
