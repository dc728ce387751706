"""docs/architecture.md says of every source file what it is for, and of no file that is gone.

A heading names the folder or folders of its section in backticks. The first column of a row names
files or folders of it; a name without a folder lies where the one before it in the row does. A
folder stands for all that is in it, `*` and `NN` for any characters.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "architecture.md"
FOLDERS = ("src/copconnect", "client/src", "web/src", "web/admin", "demo")
ALSO_NAMED = ("tests/faults",)  # Not every file of these needs a line.
SUFFIXES = {".py", ".ts", ".svelte", ".css"}
BACKTICKED = re.compile(r"`([^`]+)`")


def source_files() -> set[str]:
    """Return every file that needs a line: no tests, nothing that is built, no empty package."""
    return {
        str(file.relative_to(ROOT))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.suffix in SUFFIXES
        and not file.name.startswith("test_")
        and ".test." not in file.name
        and file.name != "__init__.py"
        and not {"web_app", "__pycache__"} & set(file.parts)
    }


def named(text: str) -> list[tuple[str, list[str]]]:
    """Return each name of the document with the patterns that it may stand for."""
    found: list[tuple[str, list[str]]] = []
    folders: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            folders = [name.rstrip("/") for name in BACKTICKED.findall(line) if "/" in name]
        if not line.startswith("| `"):
            continue
        beside = ""
        for name in BACKTICKED.findall(line.split("|")[1]):
            places = [f"{folder}/{name}" for folder in folders]
            places += [f"{folder}/{beside}/{name}" for folder in folders if beside]
            places += [f"{folder.rpartition('/')[0]}/{name}" for folder in folders]
            patterns = [place.replace("NN", "*") for place in places]
            found.append((name, [p + "*" if p.endswith("/") else p for p in patterns]))
            beside = name.rpartition("/")[0] or beside
    return found


def test_every_source_file_is_named() -> None:
    files = source_files()
    assert len(files) > 200
    patterns = [pattern for _, patterns in named(DOCUMENT.read_text()) for pattern in patterns]
    unnamed = {file for file in files if not any(fnmatch(file, pattern) for pattern in patterns)}
    assert sorted(unnamed) == []


def test_nothing_is_named_that_is_gone() -> None:
    every = {
        str(file.relative_to(ROOT))
        for folder in (*FOLDERS, *ALSO_NAMED)
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
    }
    gone = [
        name
        for name, patterns in named(DOCUMENT.read_text())
        if not any(fnmatch(file, pattern) for file in every for pattern in patterns)
    ]
    assert gone == []


def test_a_row_names_what_it_says() -> None:
    text = (
        "## X (`a/b/`)\n| `c/one.ts`, `two.ts` | x `no.ts` |\n| `d/` | y |\n| `rule-NN-*.ts` | z |"
    )
    patterns = [pattern for _, patterns in named(text) for pattern in patterns]
    for file in ("a/b/c/one.ts", "a/b/c/two.ts", "a/b/d/deep/x.ts", "a/b/rule-01-x.ts"):
        assert any(fnmatch(file, pattern) for pattern in patterns), file
    for file in ("a/b/no.ts", "a/b/c/three.ts", "a/e/d2/x.ts"):
        assert not any(fnmatch(file, pattern) for pattern in patterns), file
