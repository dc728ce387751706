"""The interface of every bus, and the bus of a single node."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from copconnect.bus.wakeups import AnyWakeup, Receiver

log = structlog.get_logger()


class Bus(Protocol):
    """Publishes wake-ups to every node, this one included."""

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Send wake-ups in order. Never raises for a lost connection."""

    def subscribe(self, receiver: Receiver) -> None:
        """Call ``receiver`` for every wake-up, one at a time."""

    @property
    def hears(self) -> bool:
        """Whether wake-ups of other nodes arrive, as far as this node knows."""

    async def start(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Disconnect."""


class LocalBus:
    """The bus of a single node: a direct call."""

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass each wake-up to every receiver. One that fails does not keep it from the others: the
        change that a wake-up announces is committed, and its caller must learn that."""
        for wakeup in wakeups:
            for receiver in self._receivers:
                try:
                    await receiver(wakeup)
                except Exception:
                    log.exception("wakeup_receiver_failed")

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver."""
        self._receivers.append(receiver)

    @property
    def hears(self) -> bool:
        """There is no other node."""
        return True

    async def start(self) -> None:
        """A single node has no connection to open."""

    async def close(self) -> None:
        """A single node has no connection to close."""
