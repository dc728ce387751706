"""Every rule of docs/keys.md has a test that bears its number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]\d+) \| ", re.MULTILINE)
# describe("E4 …"), it("R5, R8: …"), it.each([…])("S3 …"), also with the title on a new line.
TITLE = re.compile(r"\(\s*[\"`]((?:[A-Z]\d+[ ,:]+)+)")
NAME = re.compile(r"^(?:async )?def test_((?:[a-z]\d+_)+)", re.MULTILINE)

RULES = ROW.findall((ROOT / "docs" / "keys.md").read_text(encoding="utf-8"))
KINDS = {"E": 7, "S": 9, "R": 11, "H": 6, "C": 3, "D": 7, "T": 1, "K": 1, "O": 3, "F": 4, "G": 1}


def _borne() -> dict[str, set[str]]:
    """Return the names of the test files that bear each number."""
    found: dict[str, set[str]] = {}
    for path in [
        *(ROOT / "client").glob("[st]*/**/*.ts"),
        *(ROOT / "tests").rglob("test_*.py"),
        *(ROOT / "spec").rglob("test_*.py"),
        *(ROOT / "src").rglob("test_*.py"),
    ]:
        text = path.read_text(encoding="utf-8")
        names = TITLE.findall(text) if path.suffix == ".ts" else NAME.findall(text)
        for rule in re.findall(r"[a-zA-Z]\d+", " ".join(names)):
            found.setdefault(rule.upper(), set()).add(path.name)
    return found


BORNE = _borne()


def test_the_table_has_every_rule() -> None:
    for kind, count in KINDS.items():
        first = 0 if kind == "E" else 1
        expected = [f"{kind}{n}" for n in range(first, first + count)]
        assert [rule for rule in RULES if rule[0] == kind] == expected


@pytest.mark.parametrize("rule", RULES)
def test_a_test_bears_the_number_of_each_rule(rule: str) -> None:
    assert BORNE.get(rule), f"no test bears {rule}"
