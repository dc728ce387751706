"""The floor of pushes: a bare client that writes ready requests and counts answers.

No database, no queue, no retry, no checks of addresses: the time above this is the price of the
program. Arguments: port and the certificate's file. Command ``run``: ``requests``, ``connections``
and the ``authorization`` header.
"""

import asyncio
import functools
import ssl
import sys
import time
from collections.abc import Iterator
from typing import cast

import uvloop

from bench.machine.children import Answer, answer_lines
from copconnect.commands import descriptors

_END = b"\r\n\r\n"


class _Bare(asyncio.Protocol):
    """One connection: the next request as soon as the answer ended."""

    def __init__(self, requests: Iterator[bytes], ended: "asyncio.Future[None]") -> None:
        self._requests = requests
        self._ended = ended
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        if data.endswith(_END):
            self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._ended.done():
            self._ended.set_result(None)
            self._transport.abort()


async def run(port: int, context: ssl.SSLContext, asked: Answer) -> Answer:
    """Send the requests; return seconds and processor time."""
    loop = asyncio.get_running_loop()
    heads = (
        f"POST /floor/{number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: {asked['authorization']}\r\nTTL: 259200\r\nUrgency: high\r\n"
        f"Topic: {number:032d}\r\nContent-Length: 0\r\n\r\n".encode()
        for number in range(asked["requests"])
    )
    began, cpu = time.monotonic(), time.process_time()
    ended = [loop.create_future() for _ in range(asked["connections"])]
    for one in ended:
        await loop.create_connection(
            functools.partial(_Bare, heads, one), "127.0.0.1", port, ssl=context
        )
    await asyncio.gather(*ended)
    return {"seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu}


async def _main(port: str, certificate: str) -> None:
    descriptors.raise_limit()
    context = ssl.create_default_context(cafile=certificate)

    async def answer(asked: Answer) -> Answer:
        return await run(int(port), context, asked)

    await answer_lines(answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
