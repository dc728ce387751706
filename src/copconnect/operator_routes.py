"""Routes that belong to no role: health, metrics, public configuration."""

import os
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from copconnect import errors
from copconnect.http.gate import HttpRequest
from copconnect.settings import Settings

LOOPBACK = ("127.0.0.1", "::1")


def _registry() -> CollectorRegistry:
    """Return the metrics of this process, or of all workers together."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def origin(url: str) -> str:
    """Return scheme and host of a tile URL template; empty for an empty one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def routes(settings: Settings) -> list[Any]:
    """Return the handlers."""

    @get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/config.json")
    async def config() -> Any:
        public = {"mapTilesUrl": settings.map_tiles_url, "department": settings.department}
        return Response(
            msgspec.json.encode(public),
            media_type="application/json",
            headers={"cache-control": "no-cache"},
        )

    @get("/metrics", include_in_schema=False)
    async def metrics(request: HttpRequest) -> Any:
        peer = request.client.host if request.client else ""
        # A proxy on this machine is a loopback peer too, but says that it forwards.
        forwarded = {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers.keys())
        if peer not in LOOPBACK or forwarded:
            raise errors.NotFound
        return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)

    return [healthz, config, metrics]
