"""Interfaces that pushes need of other roles; ``app.py`` passes them in."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import FromClause, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.principals import News


class PushConversations(Protocol):
    """The Delivery Service's part."""

    async def moved_since(
        self, connection: AsyncConnection, since_ms: int
    ) -> Sequence[tuple[ConversationId, Seq]]:
        """Return the conversations with a message since a time, and their newest seq."""

    async def news(
        self, connection: AsyncConnection, after: Mapping[ConversationId, int], until_ms: int
    ) -> Mapping[ConversationId, News]:
        """Return what came after a seq of each of these conversations, until a time. Two
        statements, however many conversations."""

    def behind(
        self, asked: FromClause, *, calls_all: bool
    ) -> Select[tuple[ConversationId, ClientId, PersonId, int]]:
        """Return a statement of the listed devices that have not received a message: their
        ``conversation_id``, ``client_id``, ``person_id`` and ``delivered_seq``. ``asked``: rows of
        messages, with ``conversation_id``, ``seq`` and ``sender`` (NULL: several people). The
        statement leaves out devices of the sender and, unless the messages call everybody, of
        people who muted the conversation. Parameters: ``p_from`` and ``p_to``, the least client
        id and the first one beyond the range; ``p_now_ms``."""

    def received(self) -> Select[tuple[ConversationId, ClientId, int]]:
        """Return a statement of ``conversation_id``, ``client_id`` and ``delivered_seq``."""


class UnrevokedDevices(Protocol):
    """The Authentication Service's part."""

    def unrevoked_clients(self) -> Select[Any]:
        """Return a statement of the ``client_id`` of the devices that are not revoked; locked ones
        are among them."""
