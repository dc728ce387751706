"""Statements for live connections."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.standing import info_version
from copconnect.delivery.tables import (
    CELLS,
    CONVERSATIONS,
    CURSORS,
    MEMBERS,
    RECEIPT_VERSIONS,
    ROSTER_LEAVES,
)
from copconnect.ids import CellId, ClientId, ConversationId, Seq
from copconnect.sockets.feed import Place, Seat


async def places_of(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, list[Place]]:
    """Return each place for which a roster names these clients, with where it stands."""
    r, m, own = ROSTER_LEAVES.c, MEMBERS.c, CURSORS.c
    persons = CURSORS.alias().c  # Of all clients of the person.
    read_seq = (
        select(func.max(persons.read_seq))
        .where(persons.conversation_id == r.conversation_id, persons.person_id == r.person_id)
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(
            r.client_id,
            r.conversation_id,
            r.cell_id,
            r.certificate_hash,
            CONVERSATIONS.c.last_seq,
            _head().label("own_seq"),
            CELLS.c.removals,
            CONVERSATIONS.c.roster_epoch,
            CONVERSATIONS.c.who_may_post,
            m.muted_until_ms,
            m.pinned,
            RECEIPT_VERSIONS.c.version,
            own.delivered_seq,
            read_seq.label("read_seq"),
        )
        .join(CONVERSATIONS, CONVERSATIONS.c.conversation_id == r.conversation_id)
        .join(CELLS, CELLS.c.cell_id == r.cell_id)
        .outerjoin(
            MEMBERS, and_(m.conversation_id == r.conversation_id, m.person_id == r.person_id)
        )
        .outerjoin(
            CURSORS, and_(own.conversation_id == r.conversation_id, own.client_id == r.client_id)
        )
        .outerjoin(RECEIPT_VERSIONS, RECEIPT_VERSIONS.c.conversation_id == r.conversation_id)
        .where(r.client_id.in_(client_ids))
    )
    places: dict[ClientId, list[Place]] = {}
    for (
        client_id,
        conversation_id,
        cell_id,
        certificate_hash,
        last,
        own_seq,
        removals,
        *rest,
    ) in rows:
        epoch, who_may_post, muted_until_ms, pinned, version, delivered, read = rest
        place = Place(
            conversation_id,
            cell_id,
            certificate_hash,
            last,
            own_seq,
            removals > 0,
            info_version(epoch, who_may_post, muted_until_ms, pinned),
            version or 0,
            delivered or Seq(0),
            read or Seq(0),
        )
        places.setdefault(client_id, []).append(place)
    return places


async def seats_in(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_ids: Collection[CellId] | None,
) -> dict[ClientId, list[Seat]]:
    """Return who sits in these cells of a conversation (None: in any)."""
    r = ROSTER_LEAVES.c
    asked = select(r.client_id, r.cell_id, r.certificate_hash).where(
        r.conversation_id == conversation_id
    )
    rows = await connection.execute(
        asked if cell_ids is None else asked.where(r.cell_id.in_(cell_ids))
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
