"""Operations of the whole server: health, metrics, public configuration, and the request as the
server sees it, for ``copconnect doctor``."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from copconnect import addresses, errors
from copconnect.clock import Clock
from copconnect.http.operations import Body, FileAnswer, Operation, get, post
from copconnect.http.requests import MAX_BODY_BYTES, Incoming
from copconnect.operator import proof as operator_proof
from copconnect.settings import Settings

LOOPBACK = ("127.0.0.1", "::1")
_FORWARDED = {b"x-forwarded-for", b"forwarded", b"x-real-ip"}


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


def operations(settings: Settings, department: str, secret: bytes, clock: Clock) -> list[Operation]:
    """Return the rows of the table. ``department`` is the name that officers read; a caller who
    knows the server's ``secret`` is an operator."""

    def healthz() -> FileAnswer:
        return _json({"status": "ok"})

    def config() -> FileAnswer:
        public = {
            "mapTilesUrl": settings.map_tiles_url,
            "department": department,
            "conversationExports": settings.conversation_exports,
            "linkPreviews": settings.link_previews == "yes",
        }
        return _json(public, {"cache-control": "no-cache"})

    def metrics(request: Incoming) -> FileAnswer:
        # A proxy on this machine is a loopback peer too, but says that it forwards.
        forwarded = _FORWARDED & {name for name, _ in request.scope["headers"]}
        if addresses.peer_of(request.scope) not in LOOPBACK or forwarded:
            raise errors.NotFound
        return FileAnswer(generate_latest(_registry()), CONTENT_TYPE_LATEST)

    async def seen(request: Incoming, body: Body) -> FileAnswer:
        proof = request.headers.get("authorization", "")
        if not operator_proof.holds(secret, proof, clock.now_ms()):
            raise errors.NotFound
        sent = await body.read(MAX_BODY_BYTES)
        peer = addresses.peer_of(request.scope)
        forwarded = addresses.forwarded_for(request.scope)
        return _json(
            {
                "peer": peer,
                "forwardedFor": [hop.strip() for hop in forwarded.split(",") if hop.strip()],
                "counted": addresses.caller_address(peer, forwarded, settings.trusted_proxies),
                "trustedProxies": settings.trusted_proxies,
                "host": request.headers.get("host", ""),
                "bytes": len(sent),
            }
        )

    return [
        get("/healthz", healthz, public=True),
        get("/config.json", config, public=True),
        get("/metrics", metrics, public=True),
        post("/v1/operator/request", seen, public=True),
    ]


def _json(value: object, headers: Mapping[str, str] | None = None) -> FileAnswer:
    return FileAnswer(msgspec.json.encode(value), "application/json", headers=headers or {})
