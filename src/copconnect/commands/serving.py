"""Starts the web server."""

import logging
import socket
from collections.abc import Awaitable, Callable

import structlog
import uvicorn

from copconnect.app import Container, create_app
from copconnect.commands.patience import PatientProtocol
from copconnect.settings import Settings

GRACE_S = 5


def configure_logging() -> None:
    """Log JSON lines to standard output. Nothing logs names, numbers or content."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


class Server(uvicorn.Server):
    """Calls ``ready`` once it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then report."""
        await super().startup(sockets)
        if self.started and self._ready is not None:
            await self._ready()


def run(settings: Settings, ready: Callable[[], Awaitable[None]] | None = None) -> bool:
    """Serve until a signal. Returns whether it ever served.

    Raises AuthorityMissing, NoGateway.
    """
    configure_logging()
    container = Container(settings)
    config = uvicorn.Config(
        create_app(settings, container),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=PatientProtocol,
        ws=container.sockets.handover,  # type: ignore[arg-type]  # It makes protocols, as a class does.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # Addresses of proxies are read where they are needed, and counted.
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config, ready)
    server.run()
    return server.started
