"""A web of this machine: names with addresses of the public internet, all of which are one real
HTTPS server on another port, and a record of the addresses that were dialled."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore

from copconnect.bus import LocalBus
from copconnect.clock import SystemClock
from copconnect.links.fetching import PublicNetwork, PublicWeb
from copconnect.links.service import LinkService
from copconnect.rates import SharedRates
from copconnect.settings import Settings

HOSTS = ("page.example", "other.example", "pictures.example", "inside.example")
PAGE = "<html><head><title>Bail rules</title></head><body></body></html>"
PICTURE = b"\xff\xd8\xff the bytes of a picture"


@dataclass
class Reply:
    """``raw``: bytes in place of HTTP; ``delay_s``: before each piece of the body."""

    body: bytes | str = PAGE
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    type: str = "text/html; charset=utf-8"
    delay_s: float = 0
    pieces: int = 1


Answer = Callable[[str, str], Reply]


class Web:
    """``names``: the addresses of each host; ``answer``: the reply to a host and a path."""

    def __init__(self, files: tuple[Path, Path]) -> None:
        self.names: dict[str, list[str]] = {host: ["93.184.216.34"] for host in HOSTS}
        self.answer: Answer = lambda *_: Reply()
        self.requests: list[str] = []
        self.dialled: list[tuple[str, int]] = []
        self.tunnels: list[bytes] = []
        self.look_ups: list[str] = []
        self._files = files
        self._servers: list[asyncio.Server] = []
        self._port = 0

    async def start(self) -> None:
        """Listen."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._files)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._servers.append(server)
        self._port = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End."""
        for one in self._servers:
            one.close()
            await one.wait_closed()

    def reading(self, proxy_url: str = "") -> PublicWeb:
        """Return what fetches from this web."""
        context = ssl.create_default_context(cafile=str(self._files[0]))
        return PublicWeb(PublicNetwork(proxy_url, self._look_up, self._dial), context)

    def service(self, proxy_url: str = "", allowed: str = "yes") -> LinkService:
        """Return a server's part."""
        settings = Settings(link_previews="yes" if allowed == "yes" else "no")
        rates = SharedRates(LocalBus(), SystemClock().now_ms)
        return LinkService(settings, rates, self.reading(proxy_url))

    async def proxy(self, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> str:
        """Start a proxy, whatever address it is asked for; return its address."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(65_536):
                    writer.write(data)
            writer.close()

        async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.tunnels.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            if b" 200 " not in answer:
                writer.close()
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(carry(reader, back), carry(there, writer))

        server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        self._servers.append(server)
        return f"http://name:pass%21@127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _look_up(self, host: str, _port: int) -> list[str]:
        self.look_ups.append(host)
        return self.names[host]

    async def _dial(self, host: str, port: int, **limit: Any) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        there = ("127.0.0.1", self._port) if port == 443 else (host, port)
        return await httpcore.AnyIOBackend().connect_tcp(*there, **limit)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            lines = head.split("\r\n")
            host = next(one for one in lines if one.lower().startswith("host: "))[6:]
            reply = self.answer(host, lines[0].split(" ")[1])
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            headers = {"Content-Type": reply.type, **reply.headers}
            said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"HTTP/1.1 {reply.status} X\r\n{said}Connection: close\r\n\r\n".encode())
            for _ in range(reply.pieces):
                await asyncio.sleep(reply.delay_s)
                writer.write(body)
                await writer.drain()
        writer.close()
