"""The words of the app, read from the files that it ships, so that tests press what people see."""

import json
from functools import cache
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).parents[2] / "web" / "src" / "i18n" / "locales"
NAMES = {"en": "English", "te": "తెలుగు", "ur": "اردو", "hi": "हिन्दी"}


@cache
def _section(language: str, section: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((LOCALES / language / f"{section}.json").read_text())
    return found


def words(language: str, key: str, **values: object) -> str:
    """Return a text, such as ``firstRun.number.next``, with its ``{{placeholders}}`` filled in.

    Raises KeyError for one that does not exist.
    """
    section, *path = key.split(".")
    found: object = _section(language, section)
    for part in path:
        found = found[part] if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise KeyError(key)
    for name, value in values.items():
        found = found.replace("{{" + name + "}}", str(value))
    return found
