"""Refuse a type name that more than two places define.

A reader who searches for `Place` wants one answer, or two where the server and the app each define
a thing. The check counts the classes and type aliases at the top of Python files, and those and the
interfaces of TypeScript and Svelte files, with or without a leading underscore. Tests and generated
files do not count, nor does `Props`, Svelte's word for what a component takes.
Run it as a module: `python -m make.names`.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from make.structure import GENERATED, is_test
from make.tracked_files import ROOT, tracked

SOURCES = ("src/", "client/src/", "web/src/", "web/admin/")
MOST_PLACES = 2
EXEMPT = frozenset({"Props"})

SCRIPT_TYPE = re.compile(
    r"""^\s* (?:export\s+)? (?:default\s+)? (?:declare\s+)?
    (?: (?:abstract\s+)? (?:class|interface) \s+ (\w+) (?=\s*[{<]|\s+(?:extends|implements)\b)
      | type \s+ (\w+) (?=\s*[=<]) )""",
    re.VERBOSE | re.MULTILINE,
)


def main() -> int:
    """Print each name with too many places; return 1 if there is any."""
    sources = {
        path: (ROOT / path).read_text("utf-8")
        for path in tracked()
        if path.startswith(SOURCES)
        and path.endswith((".py", ".ts", ".svelte"))
        and path not in GENERATED
        and (ROOT / path).is_file()
        and not is_test(Path(path))
    }
    found = crowded(sources)
    for name, places in found.items():
        print(f"{name}: {len(places)} places (at most {MOST_PLACES}): {', '.join(places)}")
    return 1 if found else 0


def crowded(sources: dict[str, str]) -> dict[str, list[str]]:
    """Return the names that too many places define, and those places."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, text in sources.items():
        for name in defined(path, text):
            places[name.lstrip("_")].append(path)
    return {
        name: found
        for name, found in sorted(places.items())
        if len(found) > MOST_PLACES and name not in EXEMPT
    }


def defined(path: str, text: str) -> Iterable[str]:
    """Return the types that a file defines."""
    if path.endswith(".py"):
        return python_types(text)
    return (found[1] or found[2] for found in SCRIPT_TYPE.finditer(text))


def python_types(text: str) -> Iterator[str]:
    """Yield the classes, type aliases and new types at the top of a Python file."""
    for node in ast.parse(text).body:
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias"))
            ):
                yield name
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="NewType"))
            ):
                yield name


if __name__ == "__main__":
    sys.exit(main())
