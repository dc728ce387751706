"""HTTP with MessagePack bodies: every refusal is a ServerRefused with the server's stable code,
whatever keeps an answer from arriving is Unreachable. A repeat sends identical bytes.

The access token goes only to the server of registration, over TLS; plain HTTP is for this machine.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from copconnect.bot.failures import BotFailure, ServerRefused, Unreachable, has_code
from copconnect.wire.base import ErrorBody

T = TypeVar("T")

MSGPACK = "application/msgpack"
TIMEOUT_S = 15.0
_REPEATS = 2
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.3, 4.0
_LOCAL = {"localhost", "127.0.0.1", "::1"}


def pause_s(attempt: int, first_s: float, most_s: float) -> float:
    """Return how long to wait before another attempt: doubling, with jitter."""
    return float(min(most_s, first_s * 2**attempt)) * (0.5 + random.random() / 2)  # noqa: S311


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return TLS that trusts the system's CAs, or those of a file alone."""
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def require_safe(server: str) -> str:
    """Return a server's address without a slash at its end. Raises BotFailure for plain HTTP to
    another machine."""
    parts = urlsplit(server)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not safe or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BotFailure(f"{server} is not an https:// address of a server")
    return server.rstrip("/")


class Http:
    """Requests of one bot. ``token``: the access token, or None before registration."""

    def __init__(
        self, server: str, token: Callable[[], str | None], ca_file: Path | None = None
    ) -> None:
        self.server = require_safe(server)
        self._token = token
        self._client = httpx.AsyncClient(
            base_url=self.server, timeout=TIMEOUT_S, verify=tls_context(ca_file)
        )

    async def close(self) -> None:
        """End all connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: msgspec.Struct | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
    ) -> T:
        """Return the answer. Raises ServerRefused, Unreachable."""
        content = None if body is None else msgspec.msgpack.encode(body)
        found = await self.raw(method, path, content, MSGPACK, query)
        return _decoded(path, found, answer)

    async def tell(self, method: str, path: str, body: msgspec.Struct) -> None:
        """Send what is answered without a body."""
        await self.raw(method, path, msgspec.msgpack.encode(body), MSGPACK)

    async def send(self, path: str, answer: type[T], content: bytes) -> T:
        """POST MessagePack that was encoded before, byte for byte."""
        return _decoded(path, await self.raw("POST", path, content, MSGPACK), answer)

    async def raw(
        self,
        method: str,
        path: str,
        content: bytes | None,
        kind: str = "application/octet-stream",
        query: Mapping[str, str | int] | None = None,
    ) -> bytes:
        """Return the answer's bytes; what a repeat may mend is repeated twice."""
        attempt = 0
        while True:
            try:
                return await self._once(method, path, content, kind, query)
            except (Unreachable, ServerRefused) as error:
                mendable = isinstance(error, Unreachable) or has_code(error, "overloaded")
                if not mendable or attempt >= _REPEATS:
                    raise
                asked = error.retry_after_s if isinstance(error, ServerRefused) else None
                wait = pause_s(attempt, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                await asyncio.sleep(min(asked or wait, _LONGEST_PAUSE_S))
            attempt += 1

    async def _once(
        self,
        method: str,
        path: str,
        content: bytes | None,
        kind: str,
        query: Mapping[str, str | int] | None,
    ) -> bytes:
        headers = {"accept": MSGPACK}
        token = self._token()
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if content is not None:
            headers["content-type"] = kind
        try:
            response = await self._client.request(
                method, path, content=content, headers=headers, params=query
            )
        except httpx.HTTPError as error:
            raise Unreachable(f"{method} {path}: {error or type(error).__name__}") from error
        if response.is_success:
            return response.content
        try:
            refusal = msgspec.msgpack.decode(response.content, type=ErrorBody)
        except msgspec.MsgspecError as error:
            # A proxy or a captive portal stands between.
            raise Unreachable(f"{method} {path}: status {response.status_code}") from error
        raise ServerRefused(response.status_code, refusal)


def _decoded(path: str, content: bytes, answer: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(content, type=answer)
    except msgspec.MsgspecError as error:
        raise Unreachable(f"{path}: the answer is malformed") from error
