"""Generate the client's transport and the routes of docs/protocol.md from the rows of operations,
and the client's list of acts from the acts of the audit log.

``python -m make.operations`` writes ``client/src/transport/operations.ts``, the table between the
marks in ``docs/protocol.md`` and ``client/src/admin/outcomes.ts``; ``--check`` exits 1 when one is
stale. The last column of the table is written by hand and stays with its route. The acts have their
own file because the console alone loads them.
"""

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, get_args, get_origin, get_type_hints

import msgspec

from copconnect import wire
from copconnect.app import Container, operations
from copconnect.audit.acts import Act
from copconnect.auth_service.keys import authority
from copconnect.http.operations import Body, FileAnswer, Given, Operation
from copconnect.http.requests import Incoming
from copconnect.records.primitives.kem import X25519
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings
from copconnect.wire.typescript import typescript_type

ROOT = Path(__file__).resolve().parents[1]
TRANSPORT = ROOT / "client" / "src" / "transport" / "operations.ts"
PROTOCOL = ROOT / "docs" / "protocol.md"
OUTCOMES = ROOT / "client" / "src" / "admin" / "outcomes.ts"
HEADER = """\
// Generated from the rows of src/copconnect/*/operations.py by `python -m make.operations`.
// Do not edit: change the row or the types of its function, and run `make types`.
/** The server's operations, a method for each (docs/protocol.md, "Routes"). No state. */
import type { Bytes } from "../octets.ts";
import type * as wire from "../wire.ts";
import { type OptionalParameters, Calling, at } from "./http.ts";

export class Operations extends Calling {
"""
DEFAULT_WAIT_S = next(field.default for field in fields(Operation) if field.name == "wait_s")
LITERALS = {value: name for name, value in vars(wire).items() if get_origin(value) is Literal}


def rows() -> list[Operation]:
    """Return the rows of a server that nobody uses."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        authority.create(settings.data_dir / "keys", "Department", 0, Policy.APPROVAL, X25519)
        return operations(Container(settings, serving=False), settings)


# --- The client's transport -----------------------------------------------------------------------


def transport(rows: Iterable[Operation]) -> str:
    """Return the text of ``operations.ts``. Raises ValueError for two operations of one name."""
    rows = list(rows)
    for name, count in Counter(row.name for row in rows).items():
        if count > 1:
            raise ValueError(f"{count} operations are {name}: give their rows other names")
    return HEADER + "\n".join(map(_method, filter(_for_devices, rows))) + "}\n"


def _for_devices(row: Operation) -> bool:
    """Return whether devices call this: neither a page nor a program's interface, nor a function
    that reads the request, for which the client has one by hand."""
    given, answer = Given.of(row), _answer(row)
    reads_request = any(kind is Incoming for _, kind in given.special)
    typed = given.body is not None or _is_struct(answer)
    return not reads_request and (typed or not row.public)


def _method(row: Operation) -> str:
    given, answer = Given.of(row), _answer(row)
    hints = get_type_hints(row.function, include_extras=True)
    parameters = [f"{camel(one)}: {_placed(one, hints[one], row)}" for one, _ in given.placed]
    options: list[str] = []
    if given.body is not None:
        parameters.append(f"body: wire.{given.body[1].__name__}")
        options.append("body")
    if any(kind is Body for _, kind in given.special):
        parameters.append("raw: Bytes")
        options.append("raw")
    if given.asked:
        parameters.append(_asked(given, hints))
        options.append("search: asked" if row.searches else "query: asked")
    if row.once:
        options.append("repeats: 0")
    if row.wait_s != DEFAULT_WAIT_S:
        options.append(f"timeoutMs: {row.wait_s}_000")
    if row.public:
        options.append("public: true")
    path = re.sub(r"\{(\w+)\}", lambda found: f"${{{camel(found[1])}}}", row.path)
    spelt_path = f"at`{path}`" if given.placed else f'"{path}"'
    passed = ", ".join(
        [f'"{row.method}"', spelt_path, *([f"{{ {', '.join(options)} }}"] if options else [])]
    )
    kind = "Bytes" if answer is FileAnswer else "void" if answer is type(None) else spelt(answer)
    how = "file" if answer is FileAnswer else "call"
    return (
        f"  {camel(row.name)}({', '.join(parameters)}): Promise<{kind}> {{\n"
        f"    return this.{how}({passed});\n"
        "  }\n"
    )


def _placed(name: str, hint: Any, row: Operation) -> str:
    text = spelt(hint)
    if name.endswith("_id") and text == "string":
        raise TypeError(f"{row.path}: give {name} its type of ids.py")
    return text


def _asked(given: Given, hints: dict[str, Any]) -> str:
    """Return the parameter of the client's method that takes the query or the search."""
    fixed, free = (
        "; ".join(
            f"{one.short}: {spelt(hints[one.name])}"
            for one in given.asked
            if one.required is required
        )
        for required in (True, False)
    )
    kinds = [f"{{ {fixed} }}"] if fixed else []
    kinds += [f"OptionalParameters<{{ {free} }}>"] if free else []
    return f"asked{'' if fixed else '?'}: {' & '.join(kinds)}"


def camel(name: str) -> str:
    """Return a name of Python as TypeScript spells it."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def spelt(hint: Any) -> str:
    """Return the TypeScript spelling of a parameter's or an answer's type."""
    if type(None) in get_args(hint):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Annotated:
        return spelt(get_args(hint)[0])
    if hint in LITERALS:
        return f"wire.{LITERALS[hint]}"
    named = isinstance(hint, NewType) or _is_struct(hint)
    return f"wire.{hint.__name__}" if named else typescript_type(hint)


def _answer(row: Operation) -> Any:
    return get_type_hints(row.function).get("return")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


# --- The table of the protocol --------------------------------------------------------------------

BEGIN, END = "<!-- The rows of operations: `make types` -->\n", "<!-- The end of the rows -->\n"
HEAD = "| route | body → answer | for | meaning |\n|---|---|---|---|\n"
_ROW = re.compile(r"^\| `([A-Z]+ [^`?]+)[^`]*` \|.*\| (.*) ?\|$", re.MULTILINE)


def protocol(rows: Sequence[Operation], text: str) -> str:
    """Return the text of the protocol with its table as the rows say."""
    before, marked, others = text.partition(BEGIN)
    table, ended, after = others.partition(END)
    if not marked or not ended:
        raise ValueError("docs/protocol.md has no marks for the table of routes")
    meanings = dict(_ROW.findall(table))
    lines = [_line(row, meanings) for row in rows]
    return before + BEGIN + HEAD + "".join(lines) + END + after


def _line(row: Operation, meanings: dict[str, str]) -> str:
    route = f"{row.method} {row.path}"
    meaning = meanings.get(route, "").strip()
    asked = "" if row.searches else "&".join(f"{one.short}=" for one in Given.of(row).asked)
    cells = [f"`{route}{'?' if asked else ''}{asked}`", _carries(row), _asks(row), meaning]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|\n"


def _carries(row: Operation) -> str:
    given, answer = Given.of(row), _answer(row)
    raw = "raw bytes" if any(kind is Body for _, kind in given.special) else ""
    taken = "Search" if row.searches else given.body[1].__name__ if given.body else raw
    answered = (
        "204" if answer is type(None) else "bytes" if answer is FileAnswer else answer.__name__
    )
    return f"{taken} → {answered}".strip()


def _asks(row: Operation) -> str:
    """Return which devices may ask: by default confirmed ones whose account owes nothing."""
    if row.public:
        return "anybody"
    kind = "confirmed devices" if row.confirmed else "any device"
    owes = ", ".join(sorted(one.name.lower() for one in row.tolerates))
    if owes:
        return f"{kind}, owing {owes}"
    return "" if row.confirmed else kind


# --- Acts -----------------------------------------------------------------------------------------


def outcomes() -> str:
    """Return the text of ``admin/outcomes.ts``."""
    entries = [str(one.__struct_config__.tag) for one in Act.__subclasses__()]
    second = json.dumps(sorted(wire.ALWAYS_SECOND))
    return f"""\
// Generated from the acts of src/copconnect/wire/ and src/copconnect/audit/acts.py by
// `python -m make.operations`. Do not edit: change those and run `make types`.
/** The outcome of each act: the tag that the server writes into the audit log. */
export const OUTCOMES = {json.dumps(wire.OUTCOMES, indent=2)} as const;
/** The kinds of the audit log's entries. */
export const ENTRY_KINDS = {json.dumps(entries, indent=2)} as const;
/** Acts that a second admin approves, however few they touch. */
export const ALWAYS_SECOND: ReadonlySet<string> = new Set({second});
"""


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` compare them. Returns the exit status."""
    there = rows()
    texts = {
        TRANSPORT: transport(there),
        PROTOCOL: protocol(there, PROTOCOL.read_text("utf-8")),
        OUTCOMES: outcomes(),
    }
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is stale: run `make types`.", file=sys.stderr)
        else:
            path.write_text(texts[path], encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
