"""Tests reach the product by its public names: ruff's SLF001 refuses `thing._name`, this file the
same by a string, as in `monkeypatch.setattr(thing, "_name", …)`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A string that may be a private name. Few files have one, and to parse a file takes 10 ms.
MAYBE = re.compile(r"""(?<=["'.])_\w*(?=["'])""")
BY_NAME = ("setattr", "getattr", "delattr", "hasattr", "wrap", "object")


def private_names(code: str) -> Iterator[tuple[int, str]]:
    """Yield line and name where code gets or sets a private attribute by a string."""
    if not MAYBE.search(code):
        return
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = getattr(function, "attr", None) or getattr(function, "id", None)
        if called not in BY_NAME:
            continue
        for argument in node.args[:2]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                name = argument.value.rpartition(".")[2]
                if name.startswith("_") and not name.endswith("__"):
                    yield node.lineno, name


def test_no_test_names_a_private_attribute() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "src").rglob("test_*.py")]
    found = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in files
        for line, name in private_names(file.read_text("utf-8"))
    ]
    assert found == []


def test_the_check_finds_them() -> None:
    code = (
        'monkeypatch.setattr(thing, "_one", 1)\n'
        'monkeypatch.setattr("package.module._two", 2)\n'
        'getattr(thing, "_three")\n'
        'monkeypatch.setattr(thing, "four", "_five")\n'
        'wrap(thing, "__init__")\n'
    )
    assert list(private_names(code)) == [(1, "_one"), (2, "_two"), (3, "_three")]
