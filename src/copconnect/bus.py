"""Wake-ups between nodes: hints that something is there. They may be lost; the log is the truth.

A role publishes after its transaction has committed; every node's :mod:`copconnect.sockets`
receives every wake-up and passes it to its own live connections. In process by default; NATS
core pub/sub where ``bus_url`` is set.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from copconnect.ids import CellId, ClientId, ConversationId, PersonId


class Wakeup(msgspec.Struct, frozen=True, kw_only=True, tag_field="w"):
    """Base of every wake-up."""


class EntryWakeup(Wakeup, frozen=True, kw_only=True, tag="entry"):
    """A log entry was committed. ``frame`` is the encoded wire.EntryFrame, framed once; empty
    when it is too large for the bus: the receiver reads the entry from the log."""

    conversation_id: ConversationId
    cell_id: CellId | None  # None: for every cell.
    seq: int
    kind: str  # As in wire.EntryKind.
    frame: bytes


class ConversationWakeup(Wakeup, frozen=True, kw_only=True, tag="conversation"):
    """The conversation is new to these people or changed for them."""

    conversation_id: ConversationId
    person_ids: list[PersonId]


class GoneWakeup(Wakeup, frozen=True, kw_only=True, tag="gone"):
    """These clients lost their place: nothing more of the conversation goes to them."""

    conversation_id: ConversationId
    client_ids: list[ClientId]


class ReceiptsWakeup(Wakeup, frozen=True, kw_only=True, tag="receipts"):
    """``frame`` is the encoded wire.Receipts."""

    conversation_id: ConversationId
    frame: bytes


class DutyWakeup(Wakeup, frozen=True, kw_only=True, tag="duty"):
    """The cell has Removes to commit; a node with an online member asks one."""

    conversation_id: ConversationId
    cell_id: CellId


class AccountWakeup(Wakeup, frozen=True, kw_only=True, tag="account"):
    """Something about accounts changed. Empty lists mean everybody."""

    event: str  # As in wire.AccountFrame.
    person_ids: list[PersonId]
    client_ids: list[ClientId]


AnyWakeup = (
    EntryWakeup | ConversationWakeup | GoneWakeup | ReceiptsWakeup | DutyWakeup | AccountWakeup
)
Receiver = Callable[[AnyWakeup], Awaitable[None]]


class Bus(Protocol):
    """Publishes wake-ups to every node, this one included."""

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Send wake-ups in order. Never raises for a lost connection."""
        ...

    def subscribe(self, receiver: Receiver) -> None:
        """Call ``receiver`` for every wake-up, one at a time."""
        ...

    async def start(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class LocalBus:
    """The bus of a single node: a direct call."""

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass each wake-up to every receiver."""
        for wakeup in wakeups:
            for receiver in self._receivers:
                await receiver(wakeup)

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver."""
        self._receivers.append(receiver)

    async def start(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing to disconnect."""
