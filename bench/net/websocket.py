"""The client's end of one WebSocket, as little as a receiver can do (RFC 6455).

Frames of a server are unmasked and never fragmented here; what a client sends is masked with zeros,
because masking protects proxies and here are none.
"""

import asyncio
from typing import cast

_BINARY, _CLOSE, _PING = 0x82, 0x88, 0x89
_PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])
_PORTS_OF_ADDRESS = 1_000
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def upgrade_request(host: str, port: int, path: str = "/v1/socket") -> bytes:
    """Return the request that opens a WebSocket."""
    return _REQUEST.format(host=host, port=port, path=path).encode()


def masked(payload: bytes) -> bytes:
    """Frame a client's payload."""
    size = len(payload)
    if size < 126:
        head = bytes([_BINARY, 0x80 | size])
    elif size < 65536:
        head = bytes([_BINARY, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([_BINARY, 0xFF]) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


def local_address(network: str | None, number: int) -> tuple[str, int] | None:
    """Return where client ``number`` of a process connects from: ``network`` is two numbers of an
    address of the loopback interface, which belong to the process. The system looks long for a free
    port where many of an address are taken."""
    return None if network is None else (f"{network}.{1 + number // _PORTS_OF_ADDRESS}.1", 0)


class WebSocketClient(asyncio.Protocol):
    """One connection. Subclasses say what to do once it is open, with a frame, at its end."""

    __slots__ = ("_rest", "_upgraded", "close_code", "transport")

    def __init__(self, request: bytes) -> None:
        self._rest: bytes = request  # Until it is sent.
        self._upgraded = False
        self.close_code: int | None = None
        self.transport: asyncio.Transport

    def opened(self) -> None:
        """The upgrade was accepted."""

    def received(self, data: bytes, start: int, end: int) -> None:
        """A binary message came: ``data[start:end]``, copied by whom it is of use to."""

    def ended(self) -> None:
        """The connection is gone; ``close_code`` if the server gave one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._rest)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what came."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.transport.abort()  # A server that is going down; clients may come again.
                return
            self._upgraded = True
            at = end + 4
            self.opened()
        size = len(data)
        while size - at >= 2:
            length, head = data[at + 1], 2
            if length > 125:
                head = 4 if length == 126 else 10
                if size - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + head], "big")
            if size - at < head + length:
                break
            start, end = at + head, at + head + length
            if data[at] == _BINARY:
                self.received(data, start, end)
            else:
                self._control(data[at], data[start:end])
            at = end
        if at < size:
            self._rest = data[at:]

    def _control(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self.transport.write(_PONG)
        elif first == _CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell the subclass."""
        self.ended()
