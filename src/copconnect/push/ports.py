"""Interfaces that pushes need of other roles; ``app.py`` passes them in."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.principals import Loud, News


class Conversations(Protocol):
    """The Delivery Service's part."""

    async def moved_since(
        self, connection: AsyncConnection, since_ms: int
    ) -> Sequence[tuple[ConversationId, Seq]]:
        """Return the conversations with a message since a time, and their newest seq."""
        ...

    async def news(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        after: int,
        until_ms: int,
    ) -> News | None:
        """Return what came after a seq and until a time; None for nothing. Two statements."""
        ...

    def behind(
        self, conversation_id: ConversationId, loud: Loud, now_ms: int, within: tuple[str, str]
    ) -> Select[tuple[ClientId, PersonId, int]]:
        """Return a statement of the listed devices that have not received the newest of messages:
        ``client_id``, ``person_id``, ``delivered_seq``. Neither those of the sender nor, but for
        flash orders, of people who muted the conversation are among them. ``within``: the least
        client id, and the first that is beyond."""
        ...

    def received(self) -> Select[tuple[ConversationId, ClientId, int]]:
        """Return a statement of ``conversation_id``, ``client_id`` and ``delivered_seq``."""
        ...


class Devices(Protocol):
    """The Authentication Service's part."""

    def open_clients(self) -> Select[Any]:
        """Return a statement of the ``client_id`` of the devices that are not revoked."""
        ...


class Presence(Protocol):
    """The live connections of this node."""

    def is_here(self, client_id: ClientId) -> bool:
        """Return whether a device has a connection to this node."""
        ...
