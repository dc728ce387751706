"""Every rule of cells has a test that bears its id, in the files that docs/protocol.md names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]\d+) \| .+ \| (`[^|]+`) \|$", re.MULTILINE)
ID = r"(?:M|T|K|S|D|R|E)\d+"
TITLE = re.compile(r"\b(?:describe|test|it)(?:\.\w+)*(?:<.*>)?\(\s*\"((?:" + ID + r"(?:, )?)+): ")
# `it.each([...])("title")`: the title stands on a line of its own call.
EACH = re.compile(r"^ *\]\)\(\s*\"((?:" + ID + r"(?:, )?)+): ", re.MULTILINE)
NAME = re.compile(r"^(?:async def |def |)[Tt]est_?((?:[A-Za-z]\d+_?)+)\w*(?:\(| = )", re.MULTILINE)

RULES = {
    rule: re.findall(r"`([^`]+)`", files)
    for rule, files in ROW.findall((ROOT / "docs" / "protocol.md").read_text())
}


def _borne(path: Path) -> set[str]:
    """Return the ids that the names or titles of a file's tests bear."""
    text = path.read_text()
    if path.suffix == ".py":
        return {
            one.upper() for names in NAME.findall(text) for one in re.findall(r"[a-zA-Z]\d+", names)
        }
    return {
        one for titles in TITLE.findall(text) + EACH.findall(text) for one in titles.split(", ")
    }


def _path(file: str) -> Path:
    return ROOT / ("tests" if file.endswith(".py") else "client/test") / file


def _test_files() -> list[Path]:
    return sorted([*(ROOT / "client" / "test").glob("*.ts"), *(ROOT / "tests").rglob("test_*.py")])


def test_the_table_has_every_kind_of_rule() -> None:
    for kind, count in {"M": 13, "T": 13, "K": 10, "S": 9, "D": 8, "R": 9, "E": 5}.items():
        assert [f"{kind}{n}" for n in range(1, count + 1)] == [r for r in RULES if r[0] == kind]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_that_bears_its_id(rule: str) -> None:
    for file in RULES[rule]:
        assert rule in _borne(_path(file)), f"no test of {file} bears {rule}"


def test_every_id_that_a_test_bears_is_a_rule_of_that_file() -> None:
    for path in _test_files():
        for rule in _borne(path):
            listed = [_path(file) for file in RULES.get(rule, [])]
            assert path in listed, f"{path.name} bears {rule}, which the table does not say"
