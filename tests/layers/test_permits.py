"""Nothing writes people, posts, units, codes or what imports remember without a permit."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src" / "copconnect"
# Tables as modules call them, by the folder in which they may be written.
TABLES = {
    "directory": {
        "people",
        "posts",
        "units",
        "POSTINGS",
        "VOCABULARIES",
        "aliases",
        "mappings",
        "PLANNED",
    },
    "auth_service": {"enrolment_codes"},
}
VERBS = {"insert", "update", "delete", "upsert_for"}
# Writers without a permit, and why that changes nothing of a person.
WITHOUT = {
    "use_enrolment_code": "registration uses up the person's own code",
    "_end": "a planned transfer comes to its end",
}


def writers(tree: ast.Module, tables: set[str]) -> dict[str, tuple[bool, set[str]]]:
    """Return the functions that write one of the tables, with whether each takes a permit, and
    the functions that it calls."""
    found: dict[str, tuple[bool, set[str]]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
        names = {_name(one.func) for one in calls}
        written = {
            _name(each.value if isinstance(each, ast.Subscript) else each)
            for one in calls
            if _name(one.func) in VERBS
            for each in one.args
        }
        local = {
            _name(target)
            for one in ast.walk(function)
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Subscript)
            for target in one.targets
            if _name(one.value.value) in tables
        }
        if written & (tables | local):
            permits = {
                one.arg
                for one in (*function.args.args, *function.args.kwonlyargs)
                if one.annotation is not None and ast.unparse(one.annotation) == "Permit"
            }
            found[function.name] = (bool(permits), names)
    return found


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case _:
            return ""


_parsed = cache(ast.parse)


@cache
def _sources() -> list[tuple[Path, str]]:
    return [(path, path.read_text()) for path in sorted(SOURCES.rglob("*.py"))]


def _naming(words: set[str]) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the product's files that contain one of these words, parsed: parsing all takes 20 s."""
    for path, code in _sources():
        if any(word in code for word in words):
            yield path, _parsed(code)


def _all() -> list[tuple[Path, str, bool, set[str]]]:
    return [
        (path, name, permit, calls)
        for folder, tables in TABLES.items()
        for path, tree in _naming(VERBS)
        if path.is_relative_to(SOURCES / folder) and not path.name.startswith("test_")
        for name, (permit, calls) in writers(tree, tables).items()
    ]


def test_every_statement_that_changes_people_takes_a_permit_and_asks_it() -> None:
    found = _all()
    assert len(found) > 20
    lacking = {
        f"{path.name}: {name}"
        for path, name, permit, _ in found
        if not permit and name not in WITHOUT
    }
    assert lacking == set()
    asks = {"require_people", "require_codes", "require_units", "require_whole", "require_part"}
    idle = {
        f"{path.name}: {name}"
        for path, name, permit, calls in found
        if permit and not calls & (asks | {"_require_posts"})
    }
    assert idle == set()


def test_no_other_part_writes_these_tables() -> None:
    names = {"people", "posts", "POSTINGS", "enrolment_codes"}
    elsewhere = {
        f"{path.relative_to(SOURCES)}: {name}"
        for path, tree in _naming(VERBS)
        if path.relative_to(SOURCES).parts[0] not in TABLES and not path.name.startswith("test_")
        for name in writers(tree, names)
    }
    assert elsewhere == set()


def test_decide_alone_makes_permits() -> None:
    made = {
        (path.name, _enclosing(tree, call))
        for path, tree in _naming({"Decided"})
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _name(call.func) == "Decided"
    }
    assert made == {("rights.py", "decide"), ("rights.py", "decide_for_system")}
    keys = {
        path.name
        for path, code in _sources()
        if "_DECIDED" in code and not path.name.startswith("test_")
    }
    assert keys == {"rights.py"}


def _enclosing(tree: ast.Module, call: ast.Call) -> str:
    return next(
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(one is call for one in ast.walk(function))
    )


@pytest.mark.parametrize(
    "body",
    ["update(store.people).values(rank='DGP')", "insert(posts)", "delete(enrolment_codes)"],
)
def test_a_writer_without_a_permit_is_found(body: str) -> None:
    source = f"async def write(connection, permit):\n    await connection.execute({body})\n"
    tables = {name for names in TABLES.values() for name in names}
    assert writers(ast.parse(source), tables)["write"][0] is False
