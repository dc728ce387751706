"""Each line of what a lying Delivery Service can do names tests of the client that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = re.compile(
    r"^\| the DS … \| what happens \| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE
)
FILE = re.compile(r"`([\w-]+)`: ((?:“[^”]+”(?:, )?)+)")
# Ticks are the server's word, and mean nothing for security.
WITHOUT_TEST = {"answers wrong receipts"}

LINES = [
    line.strip("| ").split(" | ")
    for table in TABLE.findall((ROOT / "docs" / "threat-model.md").read_text())
    for line in table.strip().splitlines()
]


def _titles(file: str) -> str:
    (path,) = (ROOT / "client").glob(f"[st]*/**/{file}.test.ts")
    return path.read_text()


def test_both_tables_are_found() -> None:
    assert len(LINES) == 32


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_every_line_names_tests_that_are_there(line: list[str]) -> None:
    lie, _, shown = line
    named = [
        (file, title)
        for file, titles in FILE.findall(shown)
        for title in re.findall(r"“([^”]+)”", titles)
    ]
    assert bool(named) != (lie in WITHOUT_TEST)
    for file, title in named:
        assert f'("{title}' in _titles(file) or f' "{title}' in _titles(file), (file, title)
