"""Check that folders and files of the sources stay small, imports have no circles, files a purpose.

A folder holds at most 20 files, without the tests beside them, and a file at most 450
lines. Python modules import each other in no circle; the client's own tests check its modules.
Each file of a program begins with what it is for (see make/files.py). Generated files are left out.
Run it as a module: `python -m make.structure`.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from make.files import purpose

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    *("src/", "bench/", "demo/", "guard/", "spec/"),
    *(
        "client/src/",
        "client/test/",
        "client/bench/",
        "web/src/",
        "web/admin/",
        "web/dev/",
        "web/test/",
    ),
)
SUFFIXES = (".py", ".ts", ".mjs", ".svelte", ".css")
GENERATED = (
    "client/src/limits.ts",
    "client/src/admin/outcomes.ts",
    "client/src/transport/operations.ts",
    "client/src/wire.ts",
)
PACKAGES = ("copconnect", "bench", "demo", "guard")
MOST_FILES = 20
MOST_LINES = 450


def main() -> int:
    """Print what is wrong; return 1 if anything is."""
    tracked = subprocess.run(
        ("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    sources = [
        name
        for name in tracked
        if name.startswith(SOURCES) and name.endswith(SUFFIXES) and (ROOT / name).exists()
    ]
    found = [
        *crowded(sources),
        *long_files(name for name in sources if name not in GENERATED),
        *without_purpose(name for name in sources if name not in GENERATED),
        *import_circles(),
    ]
    for line in found:
        print(line)
    return 1 if found else 0


def is_beside(path: Path) -> bool:
    """Return whether a file is a test beside the source that it tests."""
    return "src" in path.parts and is_test(path)


def crowded(names: Iterable[str]) -> Iterator[str]:
    """Yield folders with too many files."""
    counts = Counter(str(Path(name).parent) for name in names if not is_beside(Path(name)))
    for folder, count in sorted(counts.items()):
        if count > MOST_FILES:
            yield f"{folder}: {count} files (at most {MOST_FILES}): group them by what they do"


def long_files(names: Iterable[str]) -> Iterator[str]:
    """Yield files with too many lines."""
    for name in names:
        lines = (ROOT / name).read_text("utf-8").count("\n")
        if lines > MOST_LINES:
            yield f"{name}: {lines} lines (at most {MOST_LINES}): split it by subject"


def without_purpose(names: Iterable[str]) -> Iterator[str]:
    """Yield files of programs that do not begin with what they are for."""
    for name in names:
        path = Path(name)
        if path.suffix not in {".py", ".ts", ".svelte"} or name.endswith(".d.ts"):
            continue
        if path.name == "__init__.py" or is_test(path):
            continue
        if purpose(ROOT / name) is None:
            yield f"{name}: begin it with a sentence that says what it is for"


def is_test(path: Path) -> bool:
    """Return whether a file is a test or lies among the tests."""
    return path.name.startswith("test_") or ".test." in path.name or "test" in path.parts


def import_circles() -> Iterator[str]:
    """Yield a circle of imports of each Python package that has one, type checking included."""
    sys.path.insert(0, str(ROOT))
    for package in PACKAGES:
        if not any((ROOT / base / package).is_dir() for base in (".", "src")):
            continue
        graph = grimp.build_graph(package, exclude_type_checking_imports=False)
        imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            yield f"import circle: {' <- '.join(error.args[1])}"


if __name__ == "__main__":
    sys.exit(main())
