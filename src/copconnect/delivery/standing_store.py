"""How somebody stands to a cell, read in one statement.

The statement is that of every message, so it is built once: building costs more than executing.
"""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    exists,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.standing import KnownEntry, Lease, Standing
from copconnect.delivery.tables import CELLS, CONVERSATIONS, LOG_ENTRIES, MEMBERS, ROSTER_LEAVES
from copconnect.ids import CellId, ConversationId, EntryId, Seq
from copconnect.principals import Caller

_E, _C = LOG_ENTRIES.c, CONVERSATIONS.c


@dataclass(frozen=True, slots=True)
class AskedColumns:
    """Whose standing is asked: parameters of a statement, or columns of a table of many."""

    conversation_id: ColumnElement[str]
    cell_id: ColumnElement[str]
    client_id: ColumnElement[str]
    person_id: ColumnElement[str]
    entry_id: ColumnElement[str]


def standing_of(asked: AskedColumns, conversations: FromClause) -> Select[Any]:
    """Return the statement; ``conversations`` is CONVERSATIONS, or a join that holds it."""
    placed = exists(
        select(literal(1)).where(
            ROSTER_LEAVES.c.conversation_id == asked.conversation_id,
            ROSTER_LEAVES.c.cell_id == asked.cell_id,
            ROSTER_LEAVES.c.client_id == asked.client_id,
        )
    )
    statement = select(
        _C.kind,
        _C.suite,
        _C.who_may_post,
        _C.last_seq,
        _C.cells,
        MEMBERS.c.admin,
        placed.label("placed"),
        CELLS.c.epoch,
        CELLS.c.removals,
        CELLS.c.lease_client,
        CELLS.c.lease_until_ms,
        CELLS.c.lease_since_ms,
        CELLS.c.lease_asked_ms,
        _E.seq.label("known_seq"),
        _E.sent_ms.label("known_sent_ms"),
        _E.epoch.label("known_epoch"),
        _E.kind.label("known_kind"),
        _E.sender.label("known_sender"),
    )
    return (
        statement.select_from(conversations)
        .join(
            CELLS,
            and_(CELLS.c.conversation_id == _C.conversation_id, CELLS.c.cell_id == asked.cell_id),
        )
        .outerjoin(
            MEMBERS,
            and_(
                MEMBERS.c.conversation_id == _C.conversation_id,
                MEMBERS.c.person_id == asked.person_id,
            ),
        )
        .outerjoin(
            LOG_ENTRIES,
            and_(_E.conversation_id == _C.conversation_id, _E.entry_id == asked.entry_id),
        )
        .where(_C.conversation_id == asked.conversation_id)
    )


_STANDING = standing_of(
    AskedColumns(*(bindparam(f"p_{field.name}", type_=String()) for field in fields(AskedColumns))),
    CONVERSATIONS,
)
FoundStanding = tuple[Standing, KnownEntry | None, int]


async def standing(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_id: CellId,
    caller: Caller,
    entry_id: EntryId | None = None,
    *,
    advanced: bool = False,
) -> FoundStanding | None:
    """Return how the caller stands to a cell, the entry known by ``entry_id``, and the suite.

    One statement. None when there is no such cell in this conversation. ``advanced``: this
    transaction took the newest seq, which nobody else has seen.
    """
    return await connection.run_sync(
        standing_at_once, conversation_id, cell_id, caller, entry_id, advanced=advanced
    )


def standing_at_once(
    connection: Connection,
    conversation_id: ConversationId,
    cell_id: CellId,
    caller: Caller,
    entry_id: EntryId | None = None,
    *,
    advanced: bool = False,
) -> FoundStanding | None:
    """Do what :func:`standing` does, in Database.write_at_once."""
    row = connection.execute(
        _STANDING,
        {
            "p_conversation_id": conversation_id,
            "p_cell_id": cell_id,
            "p_client_id": caller.client_id,
            "p_person_id": caller.person_id,
            "p_entry_id": entry_id or "",
        },
    ).first()
    return None if row is None else read_standing(row, advanced=advanced)


def read_standing(row: Any, *, advanced: bool = False) -> FoundStanding:
    """Return a row of :func:`standing_of` as values."""
    known = None
    if row.known_seq is not None:
        known = KnownEntry(
            seq=row.known_seq,
            sent_ms=row.known_sent_ms,
            epoch=row.known_epoch,
            kind=row.known_kind,
            sender=row.known_sender,
        )
    found = Standing(
        member=row.admin is not None,
        admin=bool(row.admin),
        placed=bool(row.placed),
        kind=row.kind,
        who_may_post=row.who_may_post,
        epoch=row.epoch,
        removals=row.removals,
        last_seq=Seq(row.last_seq - advanced),
        cells=row.cells,
        lease=Lease(row.lease_client, row.lease_until_ms, row.lease_since_ms, row.lease_asked_ms),
    )
    return found, known, row.suite
