"""A node's live connections on a port of this machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from copconnect.sockets.endpoint import Sockets
from tests.harness.waiting import PATIENCE_S


async def _no_request(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("only upgrades come here")


@contextlib.asynccontextmanager
async def listening(sockets: Sockets) -> AsyncIterator[int]:
    """Serve until the block ends, which closes all connections; give the port."""
    config = uvicorn.Config(
        _no_request,
        host="127.0.0.1",
        port=0,
        ws=sockets.handover,  # type: ignore[arg-type]
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it.
            await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await sockets.close()
        server.should_exit = True
        await task
