"""Statements on conversations and members as one of their people sees them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import padded
from copconnect.database.rows import of_row
from copconnect.delivery.rules.versions import info_version
from copconnect.delivery.store import leaves, receipts
from copconnect.delivery.store.audiences import read_rule, read_standing
from copconnect.delivery.store.rosters import KeptHead
from copconnect.delivery.store.tables import (
    AUDIENCES,
    CONVERSATIONS,
    CURSORS,
    LEAVES,
    MEMBERS,
    RECEIPT_VERSIONS,
)
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.principals import Caller

_MOST_ADMINS = 200
_C, _M, _L = CONVERSATIONS.c, MEMBERS.c, LEAVES.c


@dataclass(frozen=True, slots=True)
class StoredView:
    """A conversation but for what its caller adds: roster, state and admins."""

    conversation: wire.Conversation
    head: KeptHead
    log_hash: bytes  # L of last_seq.
    listed: bool  # The calling device.


async def conversations_of(
    connection: AsyncConnection,
    caller: Caller,
    only: ConversationId | None = None,
    *,
    even_if_left: bool = False,
) -> list[StoredView]:
    """Return the conversations that the caller's person belongs to, or one of them. One statement.

    ``even_if_left`` (with ``only``) answers for a person who no longer belongs.
    """
    mine = and_(
        _M.conversation_id == _C.conversation_id,
        _M.person_id == caller.person_id,
    )
    listed = and_(
        _L.conversation_id == _C.conversation_id,
        _L.device == caller.device,
        _L.to_epoch.is_(None),
    )
    own = and_(
        CURSORS.c.conversation_id == _C.conversation_id, CURSORS.c.client_id == caller.client_id
    )
    query = (
        _columns(caller.person_id)
        .select_from(
            CONVERSATIONS.join(MEMBERS, mine, isouter=even_if_left)
            .outerjoin(LEAVES, listed)
            .outerjoin(CURSORS, own)
            .outerjoin(AUDIENCES, AUDIENCES.c.conversation_id == _C.conversation_id)
        )
        .order_by(_C.conversation_id)
    )
    if not even_if_left:
        query = query.where(_M.removed_ms.is_(None))
    if only is not None:
        query = query.where(_C.conversation_id == only)
    rows = await connection.execute(query)
    return [_view(row, caller.person_id) for row in rows]


async def of_devices(
    connection: AsyncConnection, places: Collection[tuple[ConversationId, bytes]]
) -> dict[tuple[ConversationId, bytes], StoredView]:
    """Return conversations as listed devices in them see them. One statement for each 500."""
    found: dict[tuple[ConversationId, bytes], StoredView] = {}
    mine = and_(_M.conversation_id == _C.conversation_id, _M.person_id == _L.person_id)
    own = and_(CURSORS.c.conversation_id == _C.conversation_id, CURSORS.c.client_id == _L.client_id)
    for some in padded(places):
        query = (
            _columns(_L.person_id)
            .add_columns(_L.person_id)
            .select_from(
                LEAVES.join(CONVERSATIONS, _C.conversation_id == _L.conversation_id)
                .join(MEMBERS, mine)
                .outerjoin(CURSORS, own)
                .outerjoin(AUDIENCES, AUDIENCES.c.conversation_id == _C.conversation_id)
            )
            .where(tuple_(_L.conversation_id, _L.device).in_(some), _L.to_epoch.is_(None))
            .where(_M.removed_ms.is_(None))
        )
        for row in await connection.execute(query):
            found[row.conversation_id, row.device] = _view(row, row.person_id)
    return found


def _columns(person_id: Any) -> Select[Any]:
    """Select what a view is made of. ``person_id``: whose, or the column of it."""
    persons = CURSORS.alias().c  # Cursors of all clients of the person.
    read = (
        select(func.max(persons.read_seq))
        .where(persons.conversation_id == _C.conversation_id, persons.person_id == person_id)
        .scalar_subquery()
    )
    return select(
        CONVERSATIONS,
        _M.admin,
        _M.removed_ms,
        _M.history_from_ms,
        _M.muted_until_ms,
        CURSORS.c.delivered_seq,
        read.label("read_seq"),
        _L.device,
        AUDIENCES.c.rule,
        AUDIENCES.c.standing,
    )


def _view(row: Row[Any], person_id: PersonId) -> StoredView:
    other: PersonId | None = None
    if row.direct_people is not None:
        one, two = row.direct_people.split(":")
        other = PersonId(two if one == person_id else one)
    belongs = row.admin is not None and row.removed_ms is None
    head = KeptHead(row.conversation_id, row.roster_epoch, row.head, row.head_hash, row.head_ms)
    found = of_row(
        wire.Conversation,
        row,
        unregistered=row.members - row.listed_people,
        admin=belongs and row.admin,
        admins=None,
        audience=read_rule(row.rule),
        standing=read_standing(row.standing),
        direct_person_id=other,
        history_from_ms=row.history_from_ms or 0,
        roster=None,
        state=None,
        delivered_seq=row.delivered_seq or Seq(0),
        read_seq=row.read_seq or Seq(0),
        preferences=wire.Preferences(muted_until_ms=row.muted_until_ms),
        info_version=info_version(row.info_number, row.muted_until_ms),
    )
    return StoredView(found, head, row.log_hash, belongs and row.device is not None)


async def admins_of(connection: AsyncConnection, conversation_id: ConversationId) -> list[PersonId]:
    """Return the admins of a conversation, 200 at most."""
    found = await connection.scalars(
        select(_M.person_id)
        .where(_M.conversation_id == conversation_id, _M.admin, _M.removed_ms.is_(None))
        .order_by(_M.person_id)
        .limit(_MOST_ADMINS)
    )
    return [PersonId(one) for one in found]


async def receipts_version(
    connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId
) -> int | None:
    """Return the version of a conversation's cursors, 0 for none; None unless the person belongs.

    Read it before the cursors."""
    found = await connection.execute(
        select(func.coalesce(RECEIPT_VERSIONS.c.version, 0))
        .select_from(
            MEMBERS.outerjoin(
                RECEIPT_VERSIONS, RECEIPT_VERSIONS.c.conversation_id == _M.conversation_id
            )
        )
        .where(
            _M.conversation_id == conversation_id,
            _M.person_id == person_id,
            _M.removed_ms.is_(None),
        )
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
    after a person's place in it. Three statements.

    A conversation that is small enough to have receipts adds each person's cursors over all their
    clients; ``registered``: people who have a listed device.
    """
    found = people.subquery()
    conditions = [_M.conversation_id == conversation_id, _M.removed_ms.is_(None)]
    if after:
        place = select(found.c.sort_key).where(found.c.person_id == after).scalar_subquery()
        conditions.append(found.c.sort_key > place)
    size = select(_C.members).where(_C.conversation_id == conversation_id)
    rows = list(
        await connection.execute(
            select(MEMBERS, size.scalar_subquery().label("people"))
            .join(found, found.c.person_id == _M.person_id)
            .where(*conditions)
            .order_by(found.c.sort_key)
            .limit(limit)
        )
    )
    come: dict[tuple[ConversationId, PersonId], wire.Receipt] = {}
    if rows and rows[0].people <= wire.RECEIPT_PEOPLE:
        here = CURSORS.c.conversation_id == conversation_id
        come = await receipts.reached(connection, here)
    shown = {conversation_id: [row.person_id for row in rows]}
    devices = await leaves.devices_by_person(connection, shown)
    return [
        of_row(
            wire.Member,
            row,
            devices=count,
            registered=count > 0,
            delivered_seq=Seq(0) if receipt is None else receipt.delivered_seq,
            read_seq=Seq(0) if receipt is None else receipt.read_seq,
            lacks=[] if receipt is None else receipt.lacks,
        )
        for row in rows
        for receipt in (come.get((conversation_id, row.person_id)),)
        for count in (devices.get((conversation_id, row.person_id), 0),)
    ]
