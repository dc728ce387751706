"""The floor of a load over HTTP: a server that reads each request and answers at once."""

import asyncio
import sys
from typing import cast

import uvloop

from bench.machine.children import Answer, answer_lines

_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class _Answering(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.find(b"Content-Length: ")
        length = int(self._buffer[at + 16 : end].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) >= end + 4 + length:
            self._buffer = b""
            self._transport.write(_ANSWER)


async def _nothing(_: Answer) -> Answer:
    return {}


async def _main(host: str, port: str) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(_Answering, host, int(port), backlog=1024):
        await answer_lines(_nothing)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
