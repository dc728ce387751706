"""The comparison says yes of Cop Connect only where a test shows it, and has a source for each
word about the others, or says that there is none.
"""

import re
from dataclasses import dataclass

import pytest

from tests.docs.named_tests import ROOT, is_there, named_tests

PAGE = (ROOT / "docs" / "compared.md").read_text(encoding="utf-8")
TABLE = re.compile(r"^\| feature \| .+ \| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
SOURCE = re.compile(r"^\| ([A-Z]\d+) \|", re.MULTILINE)
OURS = re.compile(r"(?:yes|partly)(?:: .+)?")
THEIRS = re.compile(r"\?|(?:yes|partly|no)(?:: .+?)?(?: †|(?: [A-Z]\d+)+)")


@dataclass(frozen=True)
class Row:
    """A feature: what Cop Connect does, what each of the others does, the tests that show it."""

    feature: str
    ours: str
    theirs: tuple[str, ...]
    shown: str


def _row(line: str) -> Row:
    feature, ours, *theirs, shown = (cell.strip() for cell in line.split("|")[1:-1])
    return Row(feature, ours, tuple(theirs), shown)


ROWS = [_row(line) for table in TABLE.findall(PAGE) for line in table.splitlines()]


def test_seventy_features_are_compared_once() -> None:
    features = [row.feature for row in ROWS]
    assert len(set(features)) == len(features) >= 70


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature)
def test_tests_show_what_cop_connect_does(row: Row) -> None:
    named = named_tests(row.shown)
    assert OURS.fullmatch(row.ours) if named else (row.ours, row.shown) == ("no", "")
    for file, title in named:
        assert is_there(file, title), (file, title)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature)
def test_every_word_about_the_others_says_how_it_is_known(row: Row) -> None:
    assert [cell for cell in row.theirs if THEIRS.fullmatch(cell)] == list(row.theirs)
    assert len(row.theirs) == 5


def test_sources_are_listed_once_and_used() -> None:
    listed = SOURCE.findall(PAGE)
    used = {code for row in ROWS for cell in row.theirs for code in re.findall(r"[A-Z]\d+", cell)}
    assert len(set(listed)) == len(listed)
    assert set(listed) == used
