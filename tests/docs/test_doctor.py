"""docs/operations.md explains every check of ``copconnect doctor``, and none that is gone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECK = re.compile(r"\b(?:ok|warning|failure)\(\s*\"([a-z ]+)\"")
ROWS = re.compile(r"^\| check \| looks at \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


def test_every_check_is_in_the_table() -> None:
    sources = (ROOT / "src" / "copconnect" / "doctor").glob("*.py")
    checks = {name for file in sources for name in CHECK.findall(file.read_text("utf-8"))}
    assert len(checks) > 20
    (rows,) = ROWS.findall((ROOT / "docs" / "operations.md").read_text("utf-8"))
    documented = {
        name for row in rows.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    assert documented == checks
