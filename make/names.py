"""Refuse a type name that more than two places define.

A reader who searches for `Place` wants one answer, or two where the server and the app each define
a thing. The check counts the classes and type aliases at the top of Python files, plain ones too
(`Place = tuple[int, int]`), and those, the interfaces and the enums of TypeScript and Svelte files.
A leading underscore makes no difference: a reader who meets `_Place` asks the same question. Names
in capitals are values, and parameters of generic types are nobody's definition. Tests and generated
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
    (?: (?:abstract\s+|const\s+)? (?:class|interface|enum) \s+ (\w+)
        (?=\s*[{<]|\s+(?:extends|implements)\b)
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
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if (
                name.lstrip("_")[:1].isupper() and not name.isupper() and is_type(name, value)
            ):
                yield name


def is_type(name: str, value: ast.expr) -> bool:
    """Return whether a name in capitals and small letters that is given this value is a type."""
    match value:
        case ast.Subscript() | ast.BinOp(op=ast.BitOr()):
            return True
        # NewType, NamedTuple, TypedDict and Enum repeat the name; type parameters do too.
        case ast.Call(func=ast.Name(id=maker), args=[ast.Constant(value=said), *_]):
            return said == name and maker not in {"TypeVar", "ParamSpec"}
        case ast.Name(id=other) | ast.Attribute(attr=other):
            return other[:1].isupper() and not other.isupper()
    return False


if __name__ == "__main__":
    sys.exit(main())
