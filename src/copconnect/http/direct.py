"""Answers the few hottest routes beside the web framework, and passes all else on to it.

Invariants: an answer is byte for byte the framework's (tests/contract/test_direct.py): callers,
bodies, errors and headers are those of :mod:`copconnect.http.gate` on both ways, and both call the
same handler. Only what is unmistakably a request of such a route is answered here, its path
spelled as documented and its host plain; the framework judges everything else. Why:
docs/decisions/0011.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from litestar.exceptions import InternalServerException
from litestar.types import ASGIApp, Receive, Send

from copconnect.http.gate import Headers, Incoming, Secured, encode, refuse

Handler = Callable[[Incoming, str], Awaitable[Any]]  # The request, the id in its path.
_ID, _HEX16 = re.escape("{c}"), "([0-9a-f]{32})"
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.:\-]*")


class _Headers:
    """See http.Named."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Headers) -> None:
        self._values = dict(reversed(list(pairs)))  # The first of each name stays.

    def get(self, key: str, default: str, /) -> str:
        """Return a value, or ``default``."""
        value = self._values.get(key.encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class _Request:
    """See http.Incoming."""

    __slots__ = ("_receive", "headers", "scope")

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self.scope = scope
        self.headers = _Headers(scope["headers"])
        self._receive = receive

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        more = True
        while more:
            event = await self._receive()
            if event["type"] != "http.request":
                raise InternalServerException("client disconnected prematurely")
            more = event.get("more_body", False)
            yield event["body"]


class Direct:
    """An ASGI application in front of another. ``routes``: handlers of POST by their path, in which
    ``{c}`` stands for an id."""

    def __init__(self, rest: ASGIApp, routes: Mapping[str, Handler], secured: Secured) -> None:
        self.rest = rest
        self._routes = [
            (re.compile(re.escape(path).replace(_ID, _HEX16)).fullmatch, handler)
            for path, handler in routes.items()
        ]
        self._secured = secured

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer, or let the framework answer."""
        if scope["type"] == "http" and scope["method"] == "POST":
            for matches, handler in self._routes:
                found = matches(scope["path"])
                if found:
                    request = _Request(scope, receive)
                    if _PLAIN_HOST.fullmatch(request.headers.get("host", "")):
                        await self._answer(handler, found[1], request, send)
                        return
        await self.rest(scope, receive, send)

    async def _answer(self, handler: Handler, found: str, request: _Request, send: Send) -> None:
        try:
            encoded = encode(request, await handler(request, found))
        except Exception as error:
            encoded = refuse(request, error)
        headers = [
            (b"content-type", encoded.media_type.encode()),
            (b"content-length", str(len(encoded.body)).encode()),
        ]
        if encoded.retry_after:
            headers.insert(0, (b"retry-after", encoded.retry_after.encode()))
        await send(
            {
                "type": "http.response.start",
                "status": encoded.status,
                "headers": self._secured(headers, request.scope["headers"]),
            }
        )
        await send({"type": "http.response.body", "body": encoded.body, "more_body": False})
