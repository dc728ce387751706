"""Statements on sealed messages: chains, seals, and cells that messages were not sealed for."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.tables import MISSING_SEALS
from copconnect.ids import ConversationId


async def with_missing_seals(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations have messages that lack a cell's seal."""
    m = MISSING_SEALS.c
    asked = select(m.conversation_id).where(m.conversation_id.in_(conversation_ids)).distinct()
    return set(await connection.scalars(asked))
