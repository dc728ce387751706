"""Statements on conversations and members as a member sees them."""

from typing import Any

from sqlalchemy import Row, Select, and_, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.audience_store import read_rule
from copconnect.delivery.rules import RECEIPT_PEOPLE
from copconnect.delivery.standing import info_version
from copconnect.delivery.tables import (
    AUDIENCES,
    CELLS,
    CONVERSATIONS,
    CURSORS,
    MEMBERS,
    RECEIPT_VERSIONS,
    ROSTER_LEAVES,
)
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.principals import Caller

_MOST_ADMINS = 200


async def conversations_of(
    connection: AsyncConnection,
    caller: Caller,
    only: ConversationId | None = None,
    *,
    even_if_left: bool = False,
) -> list[wire.Conversation]:
    """Return the conversations the caller's person belongs to, or one of them, with its
    admins. Two statements, or three.

    ``even_if_left`` (with ``only``) answers for somebody who no longer belongs.
    """
    read = (
        select(func.max(CURSORS.c.read_seq))
        .where(
            CURSORS.c.conversation_id == CONVERSATIONS.c.conversation_id,
            CURSORS.c.person_id == caller.person_id,
        )
        .scalar_subquery()
    )
    delivered = (
        select(CURSORS.c.delivered_seq)
        .where(
            CURSORS.c.conversation_id == CONVERSATIONS.c.conversation_id,
            CURSORS.c.client_id == caller.client_id,
        )
        .scalar_subquery()
    )
    mine = and_(
        MEMBERS.c.conversation_id == CONVERSATIONS.c.conversation_id,
        MEMBERS.c.person_id == caller.person_id,
    )
    ready = (
        select(func.count())
        .where(
            CELLS.c.conversation_id == CONVERSATIONS.c.conversation_id,
            CELLS.c.epoch.is_not(None),
            or_(CONVERSATIONS.c.cells == 1, CELLS.c.key_id.is_not(None)),
        )
        .scalar_subquery()
    )
    asked = select(CONVERSATIONS.c.conversation_id)
    if not even_if_left:
        asked = asked.join(MEMBERS, mine)
    if only is not None:
        asked = asked.where(CONVERSATIONS.c.conversation_id == only)
    rows = (
        await connection.execute(
            select(
                CONVERSATIONS,
                MEMBERS.c.admin,
                MEMBERS.c.muted_until_ms,
                MEMBERS.c.pinned,
                delivered.label("delivered_seq"),
                read.label("read_seq"),
                ready.label("cells_ready"),
                AUDIENCES.c.rule,
            )
            .select_from(
                CONVERSATIONS.outerjoin(MEMBERS, mine).outerjoin(
                    AUDIENCES, AUDIENCES.c.conversation_id == CONVERSATIONS.c.conversation_id
                )
            )
            .where(CONVERSATIONS.c.conversation_id.in_(asked))
            .order_by(CONVERSATIONS.c.conversation_id)
        )
    ).all()
    cells = await _cells_of(connection, caller, asked)
    admins = None if only is None else await _admins_of(connection, only)
    return [_conversation(row, caller, cells.get(row.conversation_id, []), admins) for row in rows]


async def _admins_of(
    connection: AsyncConnection, conversation_id: ConversationId
) -> list[PersonId]:
    found = await connection.scalars(
        select(MEMBERS.c.person_id)
        .where(MEMBERS.c.conversation_id == conversation_id, MEMBERS.c.admin)
        .order_by(MEMBERS.c.person_id)
        .limit(_MOST_ADMINS)
    )
    return [PersonId(one) for one in found]


async def _cells_of(
    connection: AsyncConnection, caller: Caller, conversations: Select[Any]
) -> dict[str, list[wire.CellInfo]]:
    own = exists(
        select(literal(1)).where(
            ROSTER_LEAVES.c.conversation_id == CELLS.c.conversation_id,
            ROSTER_LEAVES.c.cell_id == CELLS.c.cell_id,
            ROSTER_LEAVES.c.client_id == caller.client_id,
        )
    )
    named = (
        select(func.max(ROSTER_LEAVES.c.named_epoch))
        .where(
            ROSTER_LEAVES.c.conversation_id == CELLS.c.conversation_id,
            ROSTER_LEAVES.c.cell_id == CELLS.c.cell_id,
            ROSTER_LEAVES.c.client_id == caller.client_id,
        )
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(CELLS, named.label("named_epoch"))
        .join(CONVERSATIONS, CONVERSATIONS.c.conversation_id == CELLS.c.conversation_id)
        .where(CELLS.c.conversation_id.in_(conversations), or_(CONVERSATIONS.c.cells == 1, own))
        .order_by(CELLS.c.cell_id)
    )
    cells: dict[str, list[wire.CellInfo]] = {}
    for row in rows:
        cells.setdefault(row.conversation_id, []).append(
            wire.CellInfo(
                cell_id=row.cell_id,
                epoch=row.epoch,
                removal_pending=row.removals > 0,
                clients=row.clients,
                named_epoch=row.named_epoch,
            )
        )
    return cells


def _conversation(
    row: Row[Any],
    caller: Caller,
    cells: list[wire.CellInfo],
    admins: list[PersonId] | None,
) -> wire.Conversation:
    other: PersonId | None = None
    if row.direct_key is not None:
        one, two = row.direct_key.split(":")
        other = PersonId(two if one == caller.person_id else one)
    return wire.Conversation(
        conversation_id=row.conversation_id,
        kind=row.kind,
        suite=row.suite,
        created_by=row.created_by,
        created_ms=row.created_ms,
        last_seq=row.last_seq,
        last_message_ms=row.last_message_ms,
        members=row.members,
        who_may_post=row.who_may_post,
        admin=bool(row.admin),
        admins=admins,
        cells=cells,
        cells_total=row.cells,
        cells_ready=row.cells_ready,
        roster_epoch=row.roster_epoch,
        audience=read_rule(row.rule),
        direct_person_id=other,
        delivered_seq=row.delivered_seq or Seq(0),
        read_seq=row.read_seq or Seq(0),
        preferences=wire.Preferences(muted_until_ms=row.muted_until_ms, pinned=bool(row.pinned)),
        info_version=info_version(
            row.roster_epoch, row.who_may_post, row.muted_until_ms, row.pinned
        ),
    )


async def receipts_version(
    connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId
) -> int | None:
    """Return the version of a conversation's cursors, 0 for none; None unless the person belongs.

    Read it before the cursors."""
    m = MEMBERS.c
    found = await connection.execute(
        select(func.coalesce(RECEIPT_VERSIONS.c.version, 0))
        .select_from(
            MEMBERS.outerjoin(
                RECEIPT_VERSIONS, RECEIPT_VERSIONS.c.conversation_id == m.conversation_id
            )
        )
        .where(m.conversation_id == conversation_id, m.person_id == person_id)
    )
    version: int | None = found.scalar()
    return version


async def members_page(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Select[tuple[str, str]],
    after: str,
    limit: int,
) -> list[wire.Member]:
    """Return those members that ``people`` (ids and sort keys) names, in its order, beginning
    after a person's place in it. Two statements.

    With how far each has come over all their clients, where that is told at all.
    """
    found = people.subquery()
    conditions = [MEMBERS.c.conversation_id == conversation_id]
    if after:
        place = select(found.c.sort_key).where(found.c.person_id == after).scalar_subquery()
        conditions.append(found.c.sort_key > place)
    size = select(CONVERSATIONS.c.members).where(CONVERSATIONS.c.conversation_id == conversation_id)
    rows = list(
        await connection.execute(
            select(MEMBERS, size.scalar_subquery().label("people"))
            .join(found, found.c.person_id == MEMBERS.c.person_id)
            .where(*conditions)
            .order_by(found.c.sort_key)
            .limit(limit)
        )
    )
    cursors: dict[str, tuple[Seq, Seq]] = {}
    if rows and rows[0].people <= RECEIPT_PEOPLE:
        cursors = await _cursors(connection, conversation_id)
    return [
        wire.Member(
            person_id=row.person_id,
            admin=row.admin,
            added_ms=row.added_ms,
            delivered_seq=delivered,
            read_seq=read,
        )
        for row in rows
        for delivered, read in (cursors.get(row.person_id, (Seq(0), Seq(0))),)
    ]


async def _cursors(
    connection: AsyncConnection, conversation_id: ConversationId
) -> dict[str, tuple[Seq, Seq]]:
    """Return how far each person has come over all their clients: delivered, read."""
    rows = await connection.execute(
        select(
            CURSORS.c.person_id,
            func.max(CURSORS.c.delivered_seq).label("delivered_seq"),
            func.max(CURSORS.c.read_seq).label("read_seq"),
        )
        .where(CURSORS.c.conversation_id == conversation_id)
        .group_by(CURSORS.c.person_id)
    )
    return {row.person_id: (row.delivered_seq, row.read_seq) for row in rows}
