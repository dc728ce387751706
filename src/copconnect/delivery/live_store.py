"""Statements for live connections."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.tables import CELLS, CONVERSATIONS, ROSTER_LEAVES
from copconnect.ids import ClientId
from copconnect.sockets.feed import Place


async def places_of(connection: AsyncConnection, client_id: ClientId) -> list[Place]:
    """Return each place for which a roster names the client, with where it stands."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(
            r.conversation_id,
            r.cell_id,
            r.certificate_hash,
            CONVERSATIONS.c.last_seq,
            CELLS.c.removals,
        )
        .join(CONVERSATIONS, CONVERSATIONS.c.conversation_id == r.conversation_id)
        .join(CELLS, CELLS.c.cell_id == r.cell_id)
        .where(r.client_id == client_id)
    )
    return [
        Place(
            conversation_id=row.conversation_id,
            cell_id=row.cell_id,
            certificate_hash=row.certificate_hash,
            last_seq=row.last_seq,
            removal_pending=row.removals > 0,
        )
        for row in rows
    ]
