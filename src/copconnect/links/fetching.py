"""Fetches from the public web for people whom nobody has to believe.

The attack is a link that makes this server ask a machine which only it can reach. Invariants: each
name, also one that a redirect leads to, is looked up here once, every address that it has must be
one of the public internet, and the connection goes to an address that was checked, also where a
proxy opens it; only TLS with a certificate of the name, port 443; no cookie, no credentials, no
header that tells who asks; answers are bounded in bytes and in time, and never decompressed.
Connections are not used again, so that no answer can be another's.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from copconnect.addresses import is_public, tunnel_request
from copconnect.links.rules import page_url

MOST_REDIRECTS = 3
AT_ONCE = 32  # Connections of one process.
CONNECT_S = 2.0
_MOST_PROXY_ANSWER = 16 * 1024
_LOOK_UPS = 8  # Names at once: a slow nameserver may hold one for half a minute.
_PIECES_IN_TURN = 32  # Pieces of an answer until other tasks have their turn.
_MOST_PIECES = 4_096
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    (b"User-Agent", b"Mozilla/5.0 (compatible; LinkPreview)"),
    (b"Accept-Encoding", b"identity"),
)

LookUp = Callable[[str, int], Awaitable[list[str]]]
Dial = Callable[..., Awaitable[httpcore.AsyncNetworkStream]]


class Unfetched(Exception):
    """Nothing was fetched. The argument says why, without the link."""


class Names:
    """Looks up names in its own threads: pushes and the database's connections look up theirs
    elsewhere, however long these take."""

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(_LOOK_UPS, "names")
        self._running = 0

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises Unfetched where too many lookups run: one counts
        until its thread has ended, whether or not anybody still waits."""
        if self._running >= _LOOK_UPS:
            raise Unfetched("too many lookups of names")
        self._running += 1
        kind, protocol = socket.SOCK_STREAM, socket.IPPROTO_TCP
        asked = self._threads.submit(self._look_up, host, port, 0, kind, protocol)
        loop = asyncio.get_running_loop()
        asked.add_done_callback(lambda _: loop.call_soon_threadsafe(self._ended))
        found = await asyncio.wrap_future(asked)
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    def _ended(self) -> None:
        self._running -= 1


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects to hosts of the public internet alone."""

    def __init__(
        self, proxy_url: str, look_up: LookUp | None = None, dial: Dial | None = None
    ) -> None:
        """``look_up`` and ``dial`` are for tests; ``dial`` connects to an IP address, or to the
        proxy."""
        self._proxy = urlsplit(proxy_url) if proxy_url else None
        self._look_up = look_up or Names().addresses_of
        self._dial = dial or httpcore.AnyIOBackend().connect_tcp

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's name.
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises Unfetched, httpcore.ConnectError."""
        del local_address, socket_options
        addresses = await self._look_up(host, port)
        if not addresses or not all(is_public(one) for one in addresses):
            raise Unfetched("no address of the public internet")
        error: Exception = Unfetched("no answer")
        for address in addresses:
            try:
                return await self._open(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    async def _open(
        self, address: str, port: int, limit_s: float | None
    ) -> httpcore.AsyncNetworkStream:
        if self._proxy is None:
            return await self._dial(address, port, timeout=limit_s)
        stream = await self._dial(
            self._proxy.hostname or "", self._proxy.port or 3128, timeout=limit_s
        )
        try:
            await stream.write(tunnel_request(self._proxy, address, port), limit_s)
            answer = b""
            while b"\r\n\r\n" not in answer:
                piece = await stream.read(4_096, limit_s)
                answer += piece
                if not piece or len(answer) > _MOST_PROXY_ANSWER:
                    raise Unfetched("the proxy gives no answer")
            if not answer.partition(b" ")[2].startswith(b"2"):
                raise Unfetched("the proxy refuses")
        except BaseException:
            await stream.aclose()
            raise
        return stream


@dataclass(frozen=True, slots=True)
class Fetched:
    """``url``: where redirects led; ``charset``: as the header says, or empty; ``whole``: whether
    ``content`` is all of it."""

    url: httpx.URL
    charset: str
    content: bytes
    whole: bool


class PublicWeb:
    """Fetches over TLS."""

    def __init__(self, network: PublicNetwork, context: ssl.SSLContext | None = None) -> None:
        """``context``: whom TLS believes; None: the system's authorities."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or ssl.create_default_context(),
            max_connections=AT_ONCE,
            max_keepalive_connections=0,
            network_backend=network,
        )

    async def close(self) -> None:
        """Release what it holds."""
        await self._pool.aclose()

    async def fetch(self, url: httpx.URL, types: Collection[str], most: int) -> Fetched:
        """Return the first ``most`` bytes of one of these media types. The caller sets a time
        limit. Raises Unfetched, LinkWithoutPreview."""
        try:
            for _ in range(1 + MOST_REDIRECTS):
                found = await self._ask(url, types, most)
                if isinstance(found, Fetched):
                    return found
                url = page_url(found, url)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise Unfetched(type(error).__name__) from error
        except OSError as error:  # Those of names among them.
            raise Unfetched(type(error).__name__) from error
        raise Unfetched("too many redirects")

    async def _ask(self, url: httpx.URL, types: Collection[str], most: int) -> Fetched | str:
        """Return the content, or where it has moved to."""
        address = httpcore.URL(scheme=b"https", host=url.raw_host, target=url.raw_path)
        headers = [*_HEADERS, (b"Accept", ", ".join(types).encode())]
        timeouts: dict[str, Any] = {"connect": CONNECT_S}
        async with self._pool.stream(
            "GET", address, headers=headers, extensions={"timeout": timeouts}
        ) as response:
            given = httpx.Headers(response.headers)
            if response.status in _REDIRECTS:
                return str(given.get("location", ""))
            media_type, _, more = given.get("content-type", "").partition(";")
            if response.status != 200:
                raise Unfetched(f"status {response.status}")
            if media_type.strip().lower() not in types:
                raise Unfetched("another media type")
            if given.get("content-encoding", "identity") != "identity":
                raise Unfetched("an encoding that was not asked for")
            content, pieces = bytearray(), 0
            async for piece in response.aiter_stream():
                content += piece
                pieces += 1
                if len(content) > most:
                    break
                if pieces > _MOST_PIECES:
                    raise Unfetched("an answer in too many pieces")
                if pieces % _PIECES_IN_TURN == 0:
                    await asyncio.sleep(0)
        return Fetched(url, _charset(more), bytes(content[:most]), len(content) <= most)


def _charset(parameters: str) -> str:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""
