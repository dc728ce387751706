"""Each line of the threat model's tables names tests that are there."""

import re

import pytest

from tests.docs.named_tests import ROOT, is_there, named_tests

TABLE = re.compile(r"^\| .+ \| what happens \| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)

LINES = [
    line.strip("| ").split(" | ")
    for table in TABLE.findall((ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8"))
    for line in table.strip().splitlines()
]


def test_the_tables_are_found() -> None:
    assert len(LINES) > 50


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0][:60])
def test_every_line_names_tests_that_are_there(line: list[str]) -> None:
    _, _, shown = line
    named = named_tests(shown)
    assert named
    for file, title in named:
        assert is_there(file, title), (file, title)
