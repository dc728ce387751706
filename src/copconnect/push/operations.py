"""Operations of Web Push (docs/protocol.md). Every one needs a confirmed device."""

from copconnect.http.operations import Operation, delete, get, put
from copconnect.push.service import PushService

_BODY = 8 * 1024


def operations(service: PushService) -> list[Operation]:
    """Return the rows."""
    return [
        get("/v1/push/key", service.key, "push_key"),
        put("/v1/push/subscription", service.subscribe, "subscribe_pushes", most=_BODY),
        delete("/v1/push/subscription", service.unsubscribe, "unsubscribe_pushes"),
    ]
