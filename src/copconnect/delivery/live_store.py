"""Statements for live connections."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.tables import CELLS, CONVERSATIONS, ROSTER_LEAVES
from copconnect.ids import CellId, ClientId, ConversationId
from copconnect.sockets.feed import Place, Seat


async def places_of(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, list[Place]]:
    """Return each place for which a roster names these clients, with where it stands."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(
            r.client_id,
            r.conversation_id,
            r.cell_id,
            r.certificate_hash,
            CONVERSATIONS.c.last_seq,
            _head().label("own_seq"),
            CELLS.c.removals,
        )
        .join(CONVERSATIONS, CONVERSATIONS.c.conversation_id == r.conversation_id)
        .join(CELLS, CELLS.c.cell_id == r.cell_id)
        .where(r.client_id.in_(client_ids))
    )
    places: dict[ClientId, list[Place]] = {}
    for client_id, conversation_id, cell_id, certificate_hash, last_seq, own_seq, removals in rows:
        place = Place(conversation_id, cell_id, certificate_hash, last_seq, own_seq, removals > 0)
        places.setdefault(client_id, []).append(place)
    return places


async def seats_in(
    connection: AsyncConnection, conversation_id: ConversationId, cell_ids: Collection[CellId]
) -> dict[ClientId, list[Seat]]:
    """Return who sits in these cells of a conversation."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(r.client_id, r.cell_id, r.certificate_hash).where(
            r.conversation_id == conversation_id, r.cell_id.in_(cell_ids)
        )
    )
    seats: dict[ClientId, list[Seat]] = {}
    for client_id, cell_id, certificate_hash in rows:
        seats.setdefault(client_id, []).append((cell_id, certificate_hash))
    return seats


def _head() -> ColumnElement[Any]:
    """The newest seq that concerns the cell: of several each has entries of its own."""
    c = CONVERSATIONS.c
    return case(
        (c.cells == 1, c.last_seq),
        (c.shared_seq > CELLS.c.last_seq, c.shared_seq),
        else_=CELLS.c.last_seq,
    )
