"""Operations of SCIM 2.0. The protocol is scim2-server's; it is loaded with the first request of a
system that is known."""

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from copconnect import errors
from copconnect.directory.scim import NOT_INSTALLED, installed
from copconnect.directory.scim.provisioning import Provisioner
from copconnect.directory.scim.tokens import ScimTokens
from copconnect.http.operations import FileAnswer, Operation
from copconnect.http.requests import Incoming, read_bytes

ROOT = "/scim/v2"
MAX_BODY_BYTES = 1 << 20
PROTOCOL = "copconnect.directory.scim.protocol"


def operations(tokens: ScimTokens, provisioner: Provisioner) -> list[Operation]:
    """Return the rows."""

    async def scim(request: Incoming) -> FileAnswer:
        scope = request.scope
        method, path = scope["method"], scope["path"].removeprefix(ROOT).strip("/")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        system = await tokens.system(token) if scheme.lower() == "bearer" and token else None
        if system is None:
            return _refused(401, "The bearer token is missing, unknown or expired.")
        reads = method == "GET" or (method == "POST" and f"/{path}".endswith("/.search"))
        if system.scope == "read" and not reads:
            return _refused(403, "The bearer token is for reading alone.")
        if not installed():
            return _refused(501, NOT_INSTALLED)
        try:
            body = await read_bytes(request, MAX_BODY_BYTES)
        except errors.TooLarge:
            return _refused(413, "The request is too large.")
        protocol = await asyncio.to_thread(import_module, PROTOCOL)
        serve: Callable[..., Any] = protocol.serve
        status, headers, answer = await serve(
            provisioner,
            system.name,
            method=method,
            base_url=f"{scope['scheme']}://{request.headers.get('host', 'localhost')}{ROOT}",
            path=f"/{path}",
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            headers={
                key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
            },
            body=body,
        )
        return _response(status, headers, answer)

    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return [Operation(method, f"{ROOT}/*", scim, public=True) for method in methods]


def _response(status: int, headers: dict[str, str], body: dict[str, Any] | None) -> FileAnswer:
    media_type = headers.pop("Content-Type", "application/scim+json")
    content = b"" if body is None else json.dumps(body).encode()
    return FileAnswer(content, media_type, headers=headers, status=status)


def _refused(status: int, detail: str) -> FileAnswer:
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
    }
    headers = {"WWW-Authenticate": 'Bearer realm="SCIM"'} if status == 401 else {}
    return _response(status, headers, body)
