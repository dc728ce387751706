"""Statements on conversations, members and preferences.

Every function takes the caller's connection, so that a service composes one transaction. A write
to a conversation first holds its row (:func:`advance` or :func:`hold`): operations on one
conversation run one after another, which is what makes ``seq`` gap-free.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database import upsert_for
from copconnect.delivery.standing import Held, KnownEntry, Lease, Standing
from copconnect.delivery.tables import (
    CELLS,
    CONVERSATIONS,
    CURSORS,
    LOG_ENTRIES,
    MEMBERS,
    ROSTER_HEADS,
    ROSTER_LEAVES,
)
from copconnect.ids import CellId, ConversationId, EntryId, PersonId, Seq
from copconnect.principals import Caller


def _bind(name: str, kind: Any = None) -> Any:
    return bindparam(f"p_{name}", type_=kind)


def upsert(connection: AsyncConnection, table: Any) -> Any:
    """Return an INSERT that can say ON CONFLICT in this connection's dialect."""
    return upsert_for(connection.dialect.name, table)


# --- Conversations ----------------------------------------------------------------------------


async def add_conversation(
    connection: AsyncConnection,
    held: Held,
    created_by: PersonId,
    now_ms: int,
    direct_key: str | None = None,
) -> bool:
    """Insert a conversation; return False when its id or direct key is taken.

    Waits for a concurrent insert of the same key to commit or roll back.
    """
    values = {
        "conversation_id": held.conversation_id,
        "kind": held.kind,
        "suite": held.suite,
        "created_by": created_by,
        "created_ms": now_ms,
        "last_seq": held.last_seq,
        "last_message_ms": None,
        "who_may_post": held.who_may_post,
        "members": held.members,
        "direct_key": direct_key,
        "roster_epoch": held.roster_epoch,
        "roster_head": held.roster_head,
        "cells": held.cells,
        "shared_seq": 0,
        "key_version": 0,
    }
    statement = upsert(connection, CONVERSATIONS).values(values).on_conflict_do_nothing()
    added = await connection.execute(statement.returning(CONVERSATIONS.c.conversation_id))
    return added.first() is not None


async def find_direct(connection: AsyncConnection, direct_key: str) -> ConversationId | None:
    """Return the direct conversation with this key."""
    found = select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.direct_key == direct_key)
    conversation_id: str | None = await connection.scalar(found)
    return None if conversation_id is None else ConversationId(conversation_id)


async def created_by(connection: AsyncConnection, conversation_id: ConversationId) -> str | None:
    """Return who created a conversation, or None."""
    return await connection.scalar(
        select(CONVERSATIONS.c.created_by).where(CONVERSATIONS.c.conversation_id == conversation_id)
    )


async def hold(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[Held]:
    """Lock conversations in ascending id order (so that two never wait for each other)."""
    return await _read_held(connection, _by_id(conversation_ids).with_for_update())


async def read(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> list[Held]:
    """Return conversations without locking them."""
    return await _read_held(connection, _by_id(conversation_ids))


def _by_id(conversation_ids: Collection[ConversationId]) -> Select[Any]:
    return (
        select(CONVERSATIONS)
        .where(CONVERSATIONS.c.conversation_id.in_(conversation_ids))
        .order_by(CONVERSATIONS.c.conversation_id)
    )


async def _read_held(connection: AsyncConnection, query: Select[Any]) -> list[Held]:
    return [
        Held(
            conversation_id=row.conversation_id,
            kind=row.kind,
            suite=row.suite,
            who_may_post=row.who_may_post,
            last_seq=row.last_seq,
            members=row.members,
            roster_epoch=row.roster_epoch,
            roster_head=row.roster_head,
            cells=row.cells,
        )
        for row in await connection.execute(query)
    ]


async def advance(
    connection: AsyncConnection, conversation_id: ConversationId, message_ms: int | None
) -> Seq | None:
    """Take the conversation's next seq, holding its row; None when there is no such one."""
    return await connection.run_sync(advance_at_once, conversation_id, message_ms)


def advance_at_once(
    connection: Connection, conversation_id: ConversationId, message_ms: int | None
) -> Seq | None:
    """Do what :func:`advance` does, in Database.write_at_once."""
    values = {"p_conversation_id": conversation_id, "p_message_ms": message_ms}
    seq: int | None = connection.scalar(_ADVANCE, values)
    return None if seq is None else Seq(seq)


async def change_conversations(
    connection: AsyncConnection, changes: Sequence[dict[str, Any]]
) -> None:
    """Update conversations; each change has ``id`` and the same columns as the others."""
    if not changes:
        return
    columns = {name: CONVERSATIONS.c[name] for name in changes[0] if name != "id"}
    statement = update(CONVERSATIONS).where(CONVERSATIONS.c.conversation_id == _bind("id"))
    statement = statement.values({name: _bind(name) for name in columns})
    await connection.execute(
        statement, [{f"p_{k}": v for k, v in change.items()} for change in changes]
    )


async def last_seq(connection: AsyncConnection, conversation_id: ConversationId) -> int | None:
    """Return the newest seq of a conversation."""
    seq: int | None = await connection.scalar(
        select(CONVERSATIONS.c.last_seq).where(CONVERSATIONS.c.conversation_id == conversation_id)
    )
    return seq


async def newest_roster(
    connection: AsyncConnection, conversation_id: ConversationId
) -> tuple[bytes, int] | None:
    """Return the newest signed roster head and the number of cells."""
    row = (
        await connection.execute(
            select(CONVERSATIONS.c.roster_head, CONVERSATIONS.c.cells).where(
                CONVERSATIONS.c.conversation_id == conversation_id
            )
        )
    ).first()
    return None if row is None else (row.roster_head, row.cells)


async def roster_heads(
    connection: AsyncConnection, conversation_id: ConversationId, first: int, last: int
) -> list[bytes]:
    """Return the kept heads of these roster epochs, ascending."""
    h = ROSTER_HEADS.c
    found = await connection.scalars(
        select(h.head)
        .where(h.conversation_id == conversation_id, h.roster_epoch.between(first, last))
        .order_by(h.roster_epoch)
    )
    return list(found)


async def add_roster_heads(
    connection: AsyncConnection, heads: Iterable[tuple[ConversationId, int, bytes]], now_ms: int
) -> None:
    """Keep signed heads, as (conversation, roster epoch, head)."""
    await connection.execute(
        insert(ROSTER_HEADS),
        [
            {"conversation_id": c, "roster_epoch": epoch, "head": head, "created_ms": now_ms}
            for c, epoch, head in heads
        ],
    )


async def forget_roster_heads(connection: AsyncConnection, before_ms: int) -> None:
    """Delete heads older than a time, but never a conversation's newest."""
    h = ROSTER_HEADS.c
    newest = exists(
        select(literal(1)).where(
            CONVERSATIONS.c.conversation_id == h.conversation_id,
            CONVERSATIONS.c.roster_epoch == h.roster_epoch,
        )
    )
    await connection.execute(delete(ROSTER_HEADS).where(h.created_ms < before_ms, ~newest))


# --- Names held while rosters are made --------------------------------------------------------
#
# A conversation that is being made reads who its people's clients are, while one of these people
# may be registering a client that reads which conversations there are: each would miss the other.
# Whoever makes a roster shares the names it builds on; whoever changes a person's clients claims
# them. SQLite has one writer at a time and needs none of it.


async def share_names(connection: AsyncConnection, names: Collection[str]) -> bool:
    """Keep others from claiming these names until commit; return whether it may have waited."""
    return await _lock_names(connection, names, "pg_advisory_xact_lock_shared")


async def claim_names(connection: AsyncConnection, names: Collection[str]) -> bool:
    """Keep others from sharing or claiming these names until commit."""
    return await _lock_names(connection, names, "pg_advisory_xact_lock")


async def _lock_names(connection: AsyncConnection, names: Collection[str], lock: str) -> bool:
    if connection.dialect.name == "sqlite":
        return False
    # In one order, so that two never wait for each other.
    keys = sorted(
        int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        for name in set(names)
    )
    statement = text(f"SELECT {lock}(k) FROM unnest(CAST(:keys AS bigint[])) AS k")  # noqa: S608
    await connection.execute(statement, {"keys": keys})
    return True


# --- Standing ---------------------------------------------------------------------------------
#
# The statements of every message are built once: building costs more than executing.

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
    AskedColumns(*(_bind(field.name, String()) for field in fields(AskedColumns))), CONVERSATIONS
)
_ADVANCE = (
    update(CONVERSATIONS)
    .where(_C.conversation_id == _bind("conversation_id"))
    .values(
        last_seq=_C.last_seq + 1,
        last_message_ms=func.coalesce(_bind("message_ms", BigInteger), _C.last_message_ms),
    )
    .returning(_C.last_seq)
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


# --- Members ----------------------------------------------------------------------------------


async def member_flags(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    only: Collection[PersonId] | None = None,
) -> dict[PersonId, bool]:
    """Return every member with whether they are an admin; ``only``: of these people."""
    query = select(MEMBERS.c.person_id, MEMBERS.c.admin).where(
        MEMBERS.c.conversation_id == conversation_id
    )
    if only is not None:
        query = query.where(MEMBERS.c.person_id.in_(only))
    return {row.person_id: row.admin for row in await connection.execute(query)}


async def conversations_with_person(
    connection: AsyncConnection, person_id: PersonId
) -> list[ConversationId]:
    """Return the conversations a person belongs to."""
    rows = await connection.execute(
        select(MEMBERS.c.conversation_id).where(MEMBERS.c.person_id == person_id)
    )
    return [row.conversation_id for row in rows]


async def is_member(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    person_id: PersonId,
) -> bool:
    """Return whether the person belongs to any of these conversations."""
    found = select(
        exists(
            select(literal(1)).where(
                MEMBERS.c.conversation_id.in_(conversation_ids), MEMBERS.c.person_id == person_id
            )
        )
    )
    return bool(await connection.scalar(found))


async def add_members(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Iterable[tuple[PersonId, bool]],
    now_ms: int,
) -> None:
    """Insert members as (person, admin)."""
    rows = [
        {
            "conversation_id": conversation_id,
            "person_id": person_id,
            "admin": admin,
            "added_ms": now_ms,
            "muted_until_ms": None,
            "pinned": False,
        }
        for person_id, admin in people
    ]
    if rows:
        await connection.execute(insert(MEMBERS), rows)


async def remove_members(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> None:
    """Delete members and their cursors."""
    for table in (MEMBERS, CURSORS):
        await connection.execute(
            delete(table).where(
                table.c.conversation_id == conversation_id, table.c.person_id.in_(people)
            )
        )


async def set_admin(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Collection[PersonId],
    admin: bool,
) -> None:
    """Make members admins, or no longer."""
    await connection.execute(
        update(MEMBERS)
        .where(MEMBERS.c.conversation_id == conversation_id, MEMBERS.c.person_id.in_(people))
        .values(admin=admin)
    )


async def set_preferences(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    preferences: wire.SetPreferences,
) -> None:
    """Store a member's own settings."""
    await connection.execute(
        update(MEMBERS)
        .where(MEMBERS.c.conversation_id == conversation_id, MEMBERS.c.person_id == person_id)
        .values(muted_until_ms=preferences.muted_until_ms, pinned=preferences.pinned)
    )
