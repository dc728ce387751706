"""Web Push."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.wire.base import Wire


class PushKey(Wire, frozen=True, kw_only=True):
    """The server's key for ``PushManager.subscribe``: an uncompressed point of P-256."""

    key: bytes


class PutPushSubscription(Wire, frozen=True, kw_only=True):
    """The place at which this device is to be woken. Its ``p256dh`` and ``auth`` stay on the
    device: pushes have no body, so there is nothing to encrypt."""

    endpoint: Annotated[str, Meta(max_length=2048)]


PushState = Literal["new", "works", "failing", "unreached"]


class PushReach(Wire, frozen=True, kw_only=True):
    """How pushes reach a device. new: none was sent yet; works: the last one was taken; failing:
    the push service takes none at present; unreached: it has taken none for a day or longer.
    ``success_ms``: when it took the last one."""

    state: PushState
    success_ms: int | None
