"""Statements on two things that rounds of rosters read: pending people, whose membership or devices
the next head of a conversation must include or drop, and the version of the data bank that all
rosters include.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import HeadsDueWakeup
from copconnect.database.among import among
from copconnect.database.engine import Transaction
from copconnect.database.upserts import put
from copconnect.delivery.store.tables import CONVERSATIONS, HEADS, ROSTER_PENDING, ROSTER_ROUNDS
from copconnect.ids import ConversationId, PersonId, new_id

_R = ROSTER_PENDING.c


@dataclass(frozen=True, slots=True)
class PendingConversation:
    """A conversation with pending people."""

    conversation_id: ConversationId
    since_ms: int  # The time of the oldest change.
    devices: int
    head_ms: int  # When its newest head was made.
    nth_head_ms: int | None  # When its n-th newest head was made. None: it has fewer heads.
    shut: bool  # The server takes nothing there until the next head (D6).


async def add(
    connection: Transaction,
    people: Iterable[tuple[ConversationId, PersonId]],
    now_ms: int,
) -> None:
    """Add people, and wake the process that draws heads; a person who is pending already waits no
    longer for it."""
    rows = [
        {"conversation_id": c, "person_id": person, "change": new_id(), "since_ms": now_ms}
        for c, person in sorted(set(people))
    ]
    if rows:
        await put(connection, ROSTER_PENDING, rows, "change")
        connection.after_commit(HeadsDueWakeup())


async def waiting(connection: AsyncConnection, n: int) -> list[PendingConversation]:
    """Return the conversations with pending people. An epoch that was skipped
    (rosters/incarnation.py) hides older heads: ``nth_head_ms`` is None then."""
    c, nth = CONVERSATIONS.c, HEADS.c
    rows = await connection.execute(
        select(
            _R.conversation_id,
            func.min(_R.since_ms),
            c.devices,
            c.head_ms,
            nth.created_ms,
            c.rekey_epoch > c.roster_epoch,
        )
        .join(CONVERSATIONS, c.conversation_id == _R.conversation_id)
        .outerjoin(
            HEADS,
            and_(nth.conversation_id == c.conversation_id, nth.epoch == c.roster_epoch - n + 1),
        )
        .group_by(
            *(_R.conversation_id, c.devices, c.head_ms, nth.created_ms),
            *(c.rekey_epoch, c.roster_epoch),
        )
    )
    return [PendingConversation(*row) for row in rows]


async def people(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], limit: int
) -> dict[ConversationId, dict[PersonId, str]]:
    """Return pending people of these conversations, the oldest first, with their latest change."""
    rows = await connection.execute(
        select(_R.conversation_id, _R.person_id, _R.change)
        .where(among(_R.conversation_id, conversation_ids))
        .order_by(_R.since_ms, _R.conversation_id, _R.person_id)
        .limit(limit)
    )
    found: dict[ConversationId, dict[PersonId, str]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, {})[row.person_id] = row.change
    return found


async def forget(
    connection: AsyncConnection, changes: Mapping[ConversationId, Mapping[PersonId, str]]
) -> None:
    """Delete people whose changes are applied; one with a later change stays."""
    rows = [
        {"p_conversation": c, "p_person": person, "p_change": change}
        for c, own in sorted(changes.items())
        for person, change in sorted(own.items())
    ]
    if rows:
        await connection.execute(
            delete(ROSTER_PENDING).where(
                _R.conversation_id == bindparam("p_conversation"),
                _R.person_id == bindparam("p_person"),
                _R.change == bindparam("p_change"),
            ),
            rows,
        )


async def followed(connection: AsyncConnection) -> int | None:
    """Return up to which version of the data bank rosters are up to date; None: never compared."""
    found: int | None = await connection.scalar(select(ROSTER_ROUNDS.c.people_version))
    return found


async def set_followed(connection: AsyncConnection, version: int) -> None:
    """Store up to which version of the data bank rosters are up to date."""
    row = {"id": 1, "people_version": version}
    await put(connection, ROSTER_ROUNDS, row, "people_version")
