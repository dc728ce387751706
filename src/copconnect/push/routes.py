"""HTTP routes of Web Push (docs/protocol.md). Every one needs a confirmed device."""

from typing import Any

from litestar import delete, get, put

from copconnect import wire
from copconnect.http.gate import Gate, HttpRequest, answer, nothing, read
from copconnect.push.service import PushService

_SMALL_BODY = 8 * 1024


def routes(service: PushService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/push/key")
    async def key(request: HttpRequest) -> Any:
        await gate.caller(request)
        return answer(request, service.key())

    @put("/v1/push/subscription")
    async def subscribe(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PutPushSubscription, _SMALL_BODY)
        await service.subscribe(caller, body)
        return nothing()

    @delete("/v1/push/subscription", status_code=200)
    async def unsubscribe(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        await service.unsubscribe(caller)
        return nothing()

    return [key, subscribe, unsubscribe]
