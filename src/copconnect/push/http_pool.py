"""Connections to one push service: HTTP/1.1 over TLS, kept open, one request at a time on each.

A push is a request without a body and an answer that is not read; 63,000 of them are one message to
the force. httpx, which serves elsewhere, takes 3 ms of processor for one over 32 connections, which
is three minutes for all; this takes 0.05 ms. Invariants: a connection goes only to an address of
the public internet, which is looked up here and then connected to, so that a name cannot change in
between; an answer is bounded in bytes; a request is repeated only when a connection that had been
idle ended before a byte of the answer.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools

from copconnect.addresses import is_public, tunnel_request
from copconnect.push.rules import Endpoint

CONNECT_S = 10.0
LOOKED_UP_S = 60.0
MOST_ANSWER = 64 * 1024  # Bytes of one answer, with its headers.


class PushFailed(Exception):
    """No answer that can be read. The argument says why, without the endpoint."""


@dataclass(frozen=True, slots=True)
class PushResponse:
    """The answer of a push service."""

    status: int
    retry_after: str


class Pool:
    """Connections to one origin, as many as requests are under way."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext,
        proxy_url: str,
        private: bool,
    ) -> None:
        self._endpoint = endpoint
        self._context = context
        self._proxy = urlsplit(proxy_url) if proxy_url else None
        self._private = private
        self._idle: list[_PushConnection] = []
        self._addresses: list[str] = []
        self._looked_up = 0.0

    async def post(self, head: bytes, timeout_s: float) -> PushResponse:
        """Send a request, given as its whole head. Raises PushFailed."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._idle:
                    connection = self._idle.pop()
                    if not connection.closed:
                        try:
                            return await self._ask(connection, head)
                        except _Unheard:
                            continue
                return await self._ask(await self._connect(), head)
        except TimeoutError as error:
            raise PushFailed("timeout") from error
        except _Unheard as error:
            raise PushFailed("the connection ended") from error
        except OSError as error:  # Those of TLS among them.
            raise PushFailed(type(error).__name__) from error

    async def _ask(self, connection: "_PushConnection", head: bytes) -> PushResponse:
        try:
            answer = await connection.ask(head)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def reach(self, timeout_s: float) -> None:
        """Connect, and send nothing. Raises PushFailed."""
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connect()
        except OSError as error:  # A timeout is one.
            raise PushFailed(type(error).__name__) from error
        connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        for one in self._idle:
            one.close()
        self._idle.clear()

    # --- Connecting ---------------------------------------------------------------------------

    async def _connect(self) -> "_PushConnection":
        loop = asyncio.get_running_loop()
        if self._proxy is not None:
            return await self._through(self._proxy)
        error: Exception = PushFailed("no address of the public internet")
        for address in await self._look_up():
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, protocol = await loop.create_connection(
                        _PushConnection,
                        address,
                        self._endpoint.port,
                        ssl=self._context,
                        server_hostname=self._endpoint.host,
                    )
            except OSError as failed:  # A timeout is one.
                error = failed
            else:
                return protocol
        self._looked_up = 0.0
        raise error

    async def _look_up(self) -> list[str]:
        if not self._addresses or time.monotonic() - self._looked_up > LOOKED_UP_S:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._endpoint.host, self._endpoint.port, type=1, proto=6
            )
            addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
            self._addresses = [one for one in addresses if self._private or is_public(one)]
            self._looked_up = time.monotonic()
        return self._addresses

    async def _through(self, proxy: SplitResult) -> "_PushConnection":
        """Open a tunnel, then TLS in it."""
        loop = asyncio.get_running_loop()
        transport, tunnel = await loop.create_connection(
            _Tunnel, str(proxy.hostname), proxy.port or 3128
        )
        try:
            transport.write(tunnel_request(proxy, self._endpoint.host, self._endpoint.port))
            async with asyncio.timeout(CONNECT_S):
                await tunnel.opened
            connection = _PushConnection()
            inner = await loop.start_tls(
                transport, connection, self._context, server_hostname=self._endpoint.host
            )
        except BaseException:
            transport.close()
            raise
        if inner is None:
            raise PushFailed("the proxy ended the connection")
        connection.connection_made(inner)
        return connection


class _Unheard(Exception):
    """The connection ended before a byte of the answer."""


class _Tunnel(asyncio.Protocol):
    """Reads a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self.opened.done():
            return
        head, end, _ = self._read.partition(b"\r\n\r\n")
        if end:
            status = head.split(b" ", 2)[1:2]
            if status and status[0].startswith(b"2"):
                self.opened.set_result(None)
            else:
                shown = status[0][:3].decode("latin-1") if status else "?"
                self.opened.set_exception(PushFailed(f"the proxy answers {shown}"))
        elif len(self._read) > MOST_ANSWER:
            self.opened.set_exception(PushFailed("the proxy answers too much"))

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(PushFailed("the proxy ended the connection"))
            self.opened.exception()


class _PushConnection(asyncio.Protocol):
    """One connection, on which one request is under way at most."""

    def __init__(self) -> None:
        self.closed = False
        self.reusable = False
        self._transport: Any = None
        self._answer: asyncio.Future[PushResponse] | None = None
        self._parser: Any = None
        self._heard = 0
        self._status = 0
        self._retry_after = ""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, head: bytes) -> "asyncio.Future[PushResponse]":
        """Send a request; its answer comes, or _Unheard or PushFailed."""
        answer = asyncio.get_running_loop().create_future()
        if self.closed:
            answer.set_exception(_Unheard())
            return answer
        self._answer = answer
        self._heard, self._status, self._retry_after, self.reusable = 0, 0, "", False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(head)
        return answer

    def close(self) -> None:
        """End it, without the farewell of TLS: nothing of it is wanted any more."""
        self.closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard += len(data)
        if self._answer is None or self._answer.done():
            self.close()  # Nobody asked.
            return
        if self._heard > MOST_ANSWER:
            self._fail(PushFailed("too long an answer"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(PushFailed("no HTTP"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        if self._answer is None or self._answer.done() or self._status < 200:
            return  # 100 Continue and the like: the answer follows.
        self.reusable = self._parser.should_keep_alive()
        self._answer.set_result(PushResponse(self._status, self._retry_after))

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            if self._status >= 200:  # An answer without a length ends with the connection.
                self._answer.set_result(PushResponse(self._status, self._retry_after))
            else:
                unheard = _Unheard() if not self._heard else PushFailed("half an answer")
                self._answer.set_exception(unheard)


Pools = Callable[[Endpoint], Pool]


def pools(proxy_url: str, ca_file: str, private: bool) -> Pools:
    """Return what opens a pool for an origin. ``ca_file``: certificates beside the system's."""

    @cache
    def context() -> ssl.SSLContext:
        made = ssl.create_default_context()
        if ca_file:
            made.load_verify_locations(ca_file)
        return made

    if ca_file:
        context()  # A file that cannot be read refuses the start.
    # To read the system's certificates takes 15 ms, and most commands push nothing.
    return lambda endpoint: Pool(endpoint, context(), proxy_url, private)
