"""A connection that does not send its request is closed, whatever it sent before."""

import asyncio
from typing import Any

import pytest
import uvicorn

from copconnect.commands.patience import PatientProtocol
from tests.harness.waiting import PATIENCE_S


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


class Hasty(PatientProtocol):
    head_s = 0.3


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("sent", [b"", REQUEST, REQUEST + b"\r\n" + REQUEST])
async def test_a_head_that_never_ends(sent: bytes) -> None:
    config = uvicorn.Config(answer, port=0, http=Hasty, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it.
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(PATIENCE_S):
            try:
                got = await reader.read()
            except ConnectionResetError:
                got = b""
        assert got == b"" or b"here" in got
    finally:
        writer.close()
        server.should_exit = True
        await serving
