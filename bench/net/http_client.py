"""A few keep-alive HTTP/1.1 connections for many simulated devices: one request each at a time."""

import asyncio
from dataclasses import dataclass
from typing import cast

import msgspec

from copconnect import wire

_END = b"\r\n\r\n"
MSGPACK_HEADERS = "Content-Type: application/msgpack\r\nAccept: application/msgpack\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. ``status`` 0: the connection was lost."""

    status: int
    body: bytes


def answer_in(buffer: bytes) -> Answer | None:
    """Return the answer that a connection has received; None while some of it is missing."""
    end = buffer.find(_END)
    if end < 0:
        return None
    head = buffer[:end].lower()
    at = head.find(b"content-length: ")
    length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    body = buffer[end + 4 :]
    return Answer(int(head[9:12]), body[:length]) if len(body) >= length else None


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = False
        self._buffer = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = answer_in(self._buffer)
        if answer is not None:
            self._buffer = b""
            self._settle(answer)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True
        self._settle(Answer(0, b""))

    def close(self) -> None:
        self._transport.abort()

    def _settle(self, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)


class HttpPool:
    """Connections to one server, opened when they are needed, at most ``most``."""

    def __init__(self, host: str, port: int, most: int = 16) -> None:
        self._address = (host, port)
        self._free: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._slots = asyncio.Semaphore(most)

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request; return the answer, status 0 when the server is away."""
        async with self._slots:
            while self._free:
                connection = self._free.pop()
                if not connection.lost:
                    break
            else:
                try:
                    _, connection = await asyncio.get_running_loop().create_connection(
                        _Connection, *self._address
                    )
                except OSError:
                    return Answer(0, b"")
                self._all.add(connection)
            answer = await connection.ask(request)
            if answer.status:
                self._free.append(connection)
            else:
                self._all.discard(connection)
            return answer

    def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._free.clear()


def refusal_code(answer: Answer) -> str:
    """Return the code of a refusal, or its status."""
    try:
        return msgspec.msgpack.decode(answer.body, type=wire.ErrorBody).code
    except msgspec.MsgspecError:
        return str(answer.status)


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """Return a request with MessagePack bodies."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{MSGPACK_HEADERS}"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
