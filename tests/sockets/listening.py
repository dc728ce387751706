"""A node's live connections on a port of this machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn
from litestar import Litestar

from copconnect.sockets.endpoint import Sockets
from tests.harness.waiting import PATIENCE_S


@contextlib.asynccontextmanager
async def listening(sockets: Sockets) -> AsyncIterator[int]:
    """Serve until the block ends, which closes all connections; give the port."""
    config = uvicorn.Config(
        Litestar([], openapi_config=None, logging_config=None),
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
