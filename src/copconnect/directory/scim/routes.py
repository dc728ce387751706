"""HTTP routes of SCIM 2.0. The protocol is scim2-server's; it is loaded with the first request of a
system that is known."""

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from litestar import Response, route
from litestar.params import FromPath

from copconnect import errors
from copconnect.directory.scim import NOT_INSTALLED, installed
from copconnect.directory.scim.provisioning import Provisioner
from copconnect.directory.scim.tokens import ScimTokens
from copconnect.http.requests import HttpRequest, read_bytes

ROOT = "/scim/v2"
MAX_BODY_BYTES = 1 << 20
PROTOCOL = "copconnect.directory.scim.protocol"
Answer = Response[bytes]


def routes(tokens: ScimTokens, provisioner: Provisioner) -> list[Any]:
    """Return the handlers."""

    @route(
        [ROOT, f"{ROOT}/{{path:path}}"],
        http_method=["GET", "POST", "PUT", "PATCH", "DELETE"],
        include_in_schema=False,
    )
    async def scim(request: HttpRequest, path: FromPath[str] = "") -> Answer:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        system = await tokens.system(token) if scheme.lower() == "bearer" and token else None
        if system is None:
            return _refused(401, "The bearer token is missing, unknown or expired.")
        reads = request.method == "GET" or (request.method == "POST" and path.endswith("/.search"))
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
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
        base = f"{request.base_url}".rstrip("/") + ROOT
        status, headers, answer = await serve(
            provisioner,
            system.name,
            method=request.method,
            base_url=base,
            path=f"/{path.strip('/')}",
            query=query,
            headers=dict(request.headers.items()),
            body=body,
        )
        return _response(status, headers, answer)

    return [scim]


def _response(status: int, headers: dict[str, str], body: dict[str, Any] | None) -> Answer:
    media_type = headers.pop("Content-Type", "application/scim+json")
    content = b"" if body is None else json.dumps(body).encode()
    return Response(content, status_code=status, headers=headers, media_type=media_type)


def _refused(status: int, detail: str) -> Answer:
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
    }
    headers = {"WWW-Authenticate": 'Bearer realm="SCIM"'} if status == 401 else {}
    return _response(status, headers, body)
