"""The description of all operations as OpenAPI 3.1, made from their rows."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard, get_type_hints

import msgspec

from copconnect.http.operations import FileAnswer, Given, Operation, get

_REFERENCE = "#/components/schemas/{name}"
PATH = "/v1/schema/openapi.json"


def described(rows: Iterable[Operation], version: str) -> list[Operation]:
    """Return these rows and one that answers with their description."""
    rows = list(rows)

    def schema() -> FileAnswer:
        return FileAnswer(description(rows, version), "application/json")

    return [*rows, get(PATH, schema, public=True)]


def description(rows: Sequence[Operation], version: str) -> bytes:
    """Return the document, in JSON."""
    given = {(row.method, row.path): Given.of(row) for row in rows}
    structs = [one.body[1] for one in given.values() if one.body is not None]
    answers = {(row.method, row.path): get_type_hints(row.function).get("return") for row in rows}
    structs += [kind for kind in answers.values() if kind is not None and _is_struct(kind)]
    _, components = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = row.method, row.path
        paths.setdefault(row.path, {})[row.method.lower()] = _row(row, given[key], answers[key])
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Cop Connect", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _row(row: Operation, given: Given, answer: Any) -> dict[str, Any]:
    text = {"type": "string"}
    named = [
        {"name": name, "in": "path", "required": True, "schema": text} for name, _ in given.placed
    ]
    body: dict[str, Any] = {}
    if row.searches:
        properties = {one.short: text for one in given.asked}
        asked = {"type": "object", "properties": properties}
        body = {"type": "object", "properties": {"asked": asked}, "required": ["asked"]}
    else:
        named += [
            {"name": one.short, "in": "query", "required": one.required, "schema": text}
            for one in given.asked
        ]
        if given.body is not None:
            body = _reference(given.body[1])
    told: dict[str, Any] = {
        "operationId": row.name,
        "parameters": named,
        "responses": {"200": _answer(answer)} if answer is not type(None) else {"204": _NOTHING},
        "security": [] if row.public else [{"token": []}],
    }
    if body:
        told["requestBody"] = {"required": True, "content": _either(body)}
    return told


_NOTHING = {"description": "Done."}


def _answer(kind: Any) -> dict[str, Any]:
    if not _is_struct(kind):
        kinds: dict[str, Any] = {"*/*": {}} if kind is FileAnswer else {}
        return {"description": "The answer.", "content": kinds}
    return {"description": "The answer.", "content": _either(_reference(kind))}


def _either(schema: dict[str, Any]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind in ("application/msgpack", "application/json")}


def _reference(kind: Any) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
