"""Statements on sealed messages: chains, seals, and cells that messages were not sealed for."""

from collections.abc import Collection

from sqlalchemy import exists, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.tables import MISSING_SEALS, ROSTER_LEAVES
from copconnect.ids import CellId, ClientId, ConversationId


async def with_missing_seals(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations have messages that lack a cell's seal, while their
    senders still belong and may bring it."""
    m, r = MISSING_SEALS.c, ROSTER_LEAVES.c
    sender_belongs = exists(
        select(literal(1)).where(r.client_id == m.sender, r.conversation_id == m.conversation_id)
    )
    asked = select(m.conversation_id).where(m.conversation_id.in_(conversation_ids))
    return set(await connection.scalars(asked.where(sender_belongs).distinct()))


async def senders_missing(connection: AsyncConnection, cell_id: CellId) -> set[ClientId]:
    """Return the clients whose messages lack a cell's seal."""
    m = MISSING_SEALS.c
    return set(await connection.scalars(select(m.sender).where(m.cell_id == cell_id).distinct()))
