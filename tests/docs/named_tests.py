"""Tests that a document names: `file`: “beginning of its name”, “another”; `file`: “…”.

A file is named without its suffix, and with folders where its name alone is ambiguous.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_AND_TITLES = re.compile(r"`([\w/-]+)`: ((?:“[^”]+”(?:, )?)+)")


def named_tests(text: str) -> list[tuple[str, str]]:
    """Return each file and beginning of a test's name in a cell."""
    return [
        (file, title)
        for file, titles in FILE_AND_TITLES.findall(text)
        for title in re.findall(r"“([^”]+)”", titles)
    ]


def is_there(file: str, title: str) -> bool:
    """Say whether the one file of that name has a test that begins so."""
    before = r"def " if _is_python(file) else r"[\"`]"
    return re.search(before + re.escape(title), _text(file)) is not None


def _is_python(file: str) -> bool:
    return file.rpartition("/")[2].startswith("test_")


def _text(file: str) -> str:
    if _is_python(file):
        found = [*(ROOT / "tests").glob(f"**/{file}.py"), *(ROOT / "src").glob(f"**/{file}.py")]
    else:
        found = list((ROOT / "client").glob(f"[st]*/**/{file}.test.ts"))
        found = found or list((ROOT / "web").glob(f"src/**/{file}.test.ts"))
    (path,) = found
    return path.read_text(encoding="utf-8")
