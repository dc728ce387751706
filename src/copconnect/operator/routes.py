"""Routes that belong to no role: health, metrics, public configuration, and the request as the
server sees it, for ``copconnect doctor``."""

import os
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from copconnect import addresses, errors
from copconnect.clock import Clock
from copconnect.http.gate import MAX_BODY_BYTES, HttpRequest, read_bytes
from copconnect.operator import proof as operator_proof
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


def routes(settings: Settings, department: str, secret: bytes, clock: Clock) -> list[Any]:
    """Return the handlers; ``department``: its name, as officers read it; ``secret``: the server's,
    which proves that a caller is an operator."""

    @get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/config.json")
    async def config() -> Any:
        public = {"mapTilesUrl": settings.map_tiles_url, "department": department}
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

    @post("/v1/operator/request", include_in_schema=False)
    async def seen(request: HttpRequest) -> Any:
        proof = request.headers.get("authorization", "")
        if not operator_proof.holds(secret, proof, clock.now_ms()):
            raise errors.NotFound
        body = await read_bytes(request, MAX_BODY_BYTES)
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getall("x-forwarded-for", []))
        answer = {
            "peer": peer,
            "forwardedFor": [hop.strip() for hop in forwarded.split(",") if hop.strip()],
            "counted": addresses.caller_address(peer, forwarded, settings.trusted_proxies),
            "trustedProxies": settings.trusted_proxies,
            "host": request.headers.get("host", ""),
            "bytes": len(body),
        }
        return Response(msgspec.json.encode(answer), media_type="application/json", status_code=200)

    return [healthz, config, metrics, seen]
