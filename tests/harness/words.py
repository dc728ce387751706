"""The words of the app, read from the files that it ships, so that tests press what people see."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

WEB = Path(__file__).parents[2] / "web"
LOCALES = WEB / "src" / "i18n" / "locales"
CONSOLE = WEB / "admin" / "src" / "locales"
BARE, NON_JOINER = ("\u094d", "\u0c4d"), "\u200c"  # As in web/src/i18n/index.svelte.ts.
NAMES = {"en": "English", "te": "తెలుగు", "ur": "اردو", "hi": "हिन्दी"}


@cache
def _section(language: str, section: str) -> dict[str, Any]:
    first: dict[str, Any] = json.loads((LOCALES / language / "first.json").read_text())
    file = LOCALES / language / f"{section}.json"
    return _joined(json.loads(file.read_text()), first.get(section, {}))


def _joined(texts: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """Return the texts of a section with its own texts that come with the first screen."""
    deep = {
        key: _joined(texts[key], one)
        for key, one in first.items()
        if isinstance(one, dict) and key in texts
    }
    return texts | first | deep


@cache
def _console(language: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("console", "pages"):
        found |= json.loads((CONSOLE / language / f"{name}.json").read_text())
    rest = {file.stem: file for file in (CONSOLE / language).glob("*.json")}
    for name in ("console", "pages"):
        del rest[name]
    return found | {name: json.loads(file.read_text()) for name, file in rest.items()}


def words(language: str, key: str, **values: object) -> str:
    """Return a text, such as ``firstRun.number.next``, with its ``{{placeholders}}`` filled in;
    the console's words begin with ``@``, such as ``@nav.people``.

    Raises KeyError for one that does not exist.
    """
    section, *path = key.removeprefix("@").split(".")
    found: object = (
        _console(language).get(section) if key.startswith("@") else _section(language, section)
    )
    for part in path:
        found = found[part] if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise KeyError(key)
    for name, value in values.items():
        said = str(value)
        if said.endswith(BARE):
            found = re.sub(r"(?<=\{\{" + name + r"\}\})(?=[^\W\d_])", NON_JOINER, found)
        found = found.replace("{{" + name + "}}", said)
    return found
