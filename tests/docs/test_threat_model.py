"""Each line of the threat model's tables names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = re.compile(r"^\| .+ \| what happens \| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
NAMED = re.compile(r"`([\w/-]+)`: ((?:“[^”]+”(?:, )?)+)")

LINES = [
    line.strip("| ").split(" | ")
    for table in TABLE.findall((ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8"))
    for line in table.strip().splitlines()
]


def _is_python(file: str) -> bool:
    return file.rpartition("/")[2].startswith("test_")


def _text(file: str) -> str:
    """Return the tests of a file that is named without its suffix, with a folder if need be."""
    if _is_python(file):
        found = [*(ROOT / "tests").glob(f"**/{file}.py"), *(ROOT / "src").glob(f"**/{file}.py")]
    else:
        found = list((ROOT / "client").glob(f"[st]*/**/{file}.test.ts"))
        found = found or list((ROOT / "web").glob(f"src/**/{file}.test.ts"))
    (path,) = found
    return path.read_text(encoding="utf-8")


def test_the_tables_are_found() -> None:
    assert len(LINES) > 50


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0][:60])
def test_every_line_names_tests_that_are_there(line: list[str]) -> None:
    _, _, shown = line
    named = [
        (file, title)
        for file, titles in NAMED.findall(shown)
        for title in re.findall(r"“([^”]+)”", titles)
    ]
    assert named
    for file, title in named:
        before = r"def " if _is_python(file) else r"[\"`]"
        assert re.search(before + re.escape(title), _text(file)), (file, title)
