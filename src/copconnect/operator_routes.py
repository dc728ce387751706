"""Routes that belong to no role: health, metrics, public configuration, and the demo outbox."""

import html
import os
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from copconnect import errors, phone_number
from copconnect.http import HttpRequest
from copconnect.settings import Settings

LOOPBACK = ("127.0.0.1", "::1")


class Outbox(Protocol):
    """The store that texts go to in demo mode."""

    async def newest(self, number: str | None) -> list[dict[str, str | int]]:
        """Return the newest texts, of one number if given."""
        ...


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


def routes(settings: Settings, outbox: Outbox | None) -> list[Any]:
    """Return the handlers. ``outbox`` is None outside demo mode: its routes do not exist then."""

    @get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/config.json")
    async def config() -> Any:
        public = {
            "mapTilesUrl": settings.map_tiles_url,
            "department": settings.department,
            "demo": settings.demo,
        }
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

    handlers: list[Any] = [healthz, config, metrics]
    return handlers if outbox is None else [*handlers, *_demo_routes(outbox)]


def _demo_routes(outbox: Outbox) -> list[Any]:
    @get("/v1/demo/outbox")
    async def texts(request: HttpRequest) -> Any:
        number = request.query_params.get("number")
        # A plus sign that was not escaped arrives as a space.
        found = await outbox.newest(number and phone_number.normalise(number.replace(" ", "+")))
        return Response(msgspec.json.encode(found), media_type="application/json")

    @get("/demo/outbox", include_in_schema=False)
    async def page() -> Any:
        rows = "".join(
            f"<li><b>{html.escape(str(text['number']))}</b><p>{html.escape(str(text['text']))}</p>"
            for text in await outbox.newest(None)
        )
        return Response(
            _PAGE.replace("@ROWS@", rows or "<li>Nothing was sent yet."), media_type="text/html"
        )

    return [texts, page]


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">
<title>SMS outbox (demo)</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem }
body { background: Canvas; color: CanvasText; color-scheme: light dark }
ul { list-style: none; padding: 0 } li { border: 1px solid #8886; border-radius: 8px }
li { padding: .5rem 1rem; margin: .5rem 0 } p { margin: .25rem 0; font-size: 1.1em }
</style>
<h1>SMS outbox</h1><p>Demo mode: what the gateway would have sent, newest first.</p>
<ul>@ROWS@</ul></html>
"""
