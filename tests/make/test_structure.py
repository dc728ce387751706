"""The check of sizes and circles finds what it is for."""

from pathlib import Path
from types import ModuleType

import pytest

from make import structure as checks


@pytest.fixture
def structure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The check, over its own folder."""
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return checks


def test_folders_count_all_but_tests_beside_sources(structure: ModuleType) -> None:
    sources = [f"web/src/a/{n}.ts" for n in range(20)]
    beside = [f"web/src/a/{n}.test.ts" for n in range(5)]
    assert list(structure.crowded([*sources, *beside])) == []
    assert len(list(structure.crowded([*sources, "web/src/a/x.ts"]))) == 1
    tests = [f"client/test/a/{n}.test.ts" for n in range(21)]
    assert len(list(structure.crowded(tests))) == 1


def test_files_have_so_many_lines_at_most(structure: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("x\n" * 450)
    (tmp_path / "long.py").write_text("x\n" * 451)
    (found,) = structure.long_files(["short.py", "long.py"])
    assert found.startswith("long.py: 451 lines")


def test_circles_are_found_though_for_types_alone(
    structure: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "circling"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("import circling.two\n")
    (package / "two.py").write_text("")
    monkeypatch.setattr(structure, "PACKAGES", ("circling",))
    assert list(structure.import_circles()) == []
    (package / "two.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import circling.one\n"
    )
    (found,) = structure.import_circles()
    assert found.startswith("import circle: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", '"""Pure rules."""\n'),
        ("a.ts", "/** Pure rules. */\n"),
        ("a.ts", '/// <reference lib="webworker" />\n/**\n * Pure rules.\n */\n'),
        ("a.svelte", "<!-- Pure rules. -->\n"),
    ],
)
def test_files_begin_with_their_purpose(
    structure: ModuleType, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert list(structure.without_purpose([name])) == []
    (tmp_path / name).write_text("// first\n" + text if name != "a.py" else "x = 1\n")
    assert len(list(structure.without_purpose([name]))) == 1
