"""Generate ``client/src/wire.ts`` from :mod:`copconnect.wire`, and ``limits.ts`` from
:mod:`copconnect.limits`.

``python -m copconnect.wire.typescript`` writes the files; ``--check`` exits 1 when one is stale.
The limits have their own file because the client's records know nothing of the wire. The ids
that wire structs name are branded strings of ``client/src/ids.ts``, under the same names.
"""

import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from copconnect import limits, wire

FOLDER = Path(__file__).parents[3] / "client" / "src"
HEADER = (
    "// Generated from src/copconnect/{source} by `python -m copconnect.wire.typescript`.\n"
    "// Do not edit: change {source} and run `make types`.\n"
)
SCALARS: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "Uint8Array",
    type(None): "null",
}


def typescript_type(hint: Any) -> str:
    """Return the TypeScript spelling of a wire type. Raises TypeError for anything else."""
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, str | typing.ForwardRef):
        return hint if isinstance(hint, str) else hint.__forward_arg__
    if isinstance(hint, typing.NewType):
        return str(hint.__name__)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint.__name__
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return typescript_type(arguments[0])
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in arguments)
    if origin is list:
        inner = typescript_type(arguments[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if origin is tuple:
        return f"[{', '.join(typescript_type(one) for one in arguments)}]"
    if origin is dict:
        return f"Record<{typescript_type(arguments[0])}, {typescript_type(arguments[1])}>"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(typescript_type(argument) for argument in arguments)
    raise TypeError(f"no TypeScript type for {hint!r}")


def _comment(text: str | None, indent: str = "") -> str:
    if not text:
        return ""
    lines = inspect.cleandoc(text).splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} *{' ' + line if line else ''}\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _structs() -> Iterator[type[msgspec.Struct]]:
    for value in vars(wire).values():
        if (
            isinstance(value, type)
            and issubclass(value, msgspec.Struct)
            and value.__module__.startswith(f"{wire.__name__}.")
            and value
            not in (
                wire.Wire,
                wire.Frame,
                wire.AdminAct,
                wire.MessageTerms,
                wire.LessonBlock,
                wire.ReorganisationStep,
            )
        ):
            yield value


def _constants(values: Mapping[str, Any]) -> list[str]:
    return [
        f"export const {name} = {value};\n"
        for name, value in values.items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    ] + [
        f"export const {name} = {json.dumps(value)} as const;\n"
        for name, value in values.items()
        if name.isupper() and isinstance(value, tuple)
    ]


def generate_limits() -> str:
    """Return the text of ``limits.ts``."""
    return "\n".join([HEADER.format(source="limits.py"), *_constants(vars(limits))])


def generate() -> str:
    """Return the text of ``wire.ts``."""
    parts = [HEADER.format(source="wire/"), 'export * from "./limits.ts";\n']
    hints = {cls: typing.get_type_hints(cls, include_extras=True) for cls in _structs()}
    named = {
        name: SCALARS[value.__supertype__]
        for name, value in sorted(vars(wire).items())
        if isinstance(value, typing.NewType) and value.__module__ == "copconnect.ids"
    }
    ids = "".join(f"  {name},\n" for name, base in named.items() if base == "string")
    parts += [f'import type {{\n{ids}}} from "./ids.ts";\n', 'export type * from "./ids.ts";\n']
    parts += [
        f'export type {name} = {base} & {{ readonly __brand?: "{name}" }};\n'
        for name, base in named.items()
        if base != "string"
    ]
    parts += _constants({n: v for n, v in vars(wire).items() if n not in vars(limits)})
    for name, value in vars(wire).items():
        if get_origin(value) is Literal:
            parts.append(f"export type {name} = {typescript_type(value)};\n")
    for cls, fields in hints.items():
        text = _comment(cls.__doc__) + f"export interface {cls.__name__} {{\n"
        tag_field, tag = cls.__struct_config__.tag_field, cls.__struct_config__.tag
        if tag_field is not None:
            text += f'  readonly {tag_field}: "{tag}";\n'
        for field in msgspec.structs.fields(cls):
            spelling = typescript_type(fields[field.name])
            if field.encode_name.endswith(("Id", "Ids")) and "string" in spelling:
                raise TypeError(
                    f"{cls.__name__}.{field.name} is a plain string: give it its type of ids.py, "
                    "such as Annotated[PersonId, HEX16]"
                )
            text += f"  readonly {field.encode_name}: {spelling};\n"
        parts.append(text + "}\n")
    for name in ("ClientFrame", "ServerFrame", "Step", "Act"):
        parts.append(f"export type {name} = {typescript_type(getattr(wire, name))};\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` compare them. Returns the exit status."""
    texts = {
        FOLDER / "wire.ts": generate(),
        FOLDER / "limits.ts": generate_limits(),
    }
    if "--check" in arguments:
        stale = [
            path for path, text in texts.items() if not path.exists() or path.read_text() != text
        ]
        for path in stale:
            print(
                f"client/src/{path.relative_to(FOLDER)} is stale: run `make types`.",
                file=sys.stderr,
            )
        return 1 if stale else 0
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
