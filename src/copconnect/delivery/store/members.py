"""Statements on the people of conversations. Former members keep a row with ``removed_ms``."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.among import among
from copconnect.database.engine import BULK, chunks
from copconnect.database.upserts import put
from copconnect.delivery.rules.limits import HOUR_MS
from copconnect.delivery.store.tables import MEMBER_CHANGES, MEMBERS
from copconnect.ids import ConversationId, PersonId

_M = MEMBERS.c


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person who comes to belong."""

    person_id: PersonId
    admin: bool
    history_from_ms: int


def is_muted(now_ms: int | BindParameter[int]) -> ColumnElement[bool]:
    """Return the condition that a member has muted the conversation; -1 is for always."""
    return and_(
        _M.muted_until_ms.is_not(None), or_(_M.muted_until_ms < 0, _M.muted_until_ms > now_ms)
    )


def muted(
    conversation_id: ConversationId,
    without: PersonId,
    now_ms: int,
    named: Collection[PersonId],
) -> Select[Any]:
    """Return a statement of those ``named`` members who muted a conversation, as ``person_id``,
    without one of them."""
    return select(_M.person_id).where(
        _M.conversation_id == conversation_id,
        _M.removed_ms.is_(None),
        _M.person_id != without,
        is_muted(now_ms),
        among(_M.person_id, named),
    )


async def admins_by_person(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    only: Collection[PersonId] | None = None,
) -> dict[PersonId, bool]:
    """Return every member with whether they are an admin; ``only``: of these people."""
    query = select(_M.person_id, _M.admin).where(
        _M.conversation_id == conversation_id, _M.removed_ms.is_(None)
    )
    if only is not None:
        query = query.where(among(_M.person_id, only))
    return {row.person_id: row.admin for row in await connection.execute(query)}


async def former(
    connection: AsyncConnection, people: Mapping[ConversationId, Collection[PersonId]]
) -> set[tuple[ConversationId, PersonId]]:
    """Return which of these people belonged to these conversations before and do not now."""
    wanted = {(c, person) for c, own in people.items() for person in own}
    rows = await connection.execute(
        select(_M.conversation_id, _M.person_id).where(
            among(_M.conversation_id, people),
            among(_M.person_id, {person for _, person in wanted}),
            _M.removed_ms.is_not(None),
        )
    )
    return wanted.intersection((row.conversation_id, row.person_id) for row in rows)


async def places_of(
    connection: AsyncConnection,
    people: Collection[PersonId],
    only: Collection[ConversationId] | None = None,
) -> dict[tuple[ConversationId, PersonId], tuple[bool, int]]:
    """Return where these people belong: whether as an admin, and from when each may read. ``only``:
    in these conversations."""
    query = select(_M.conversation_id, _M.person_id, _M.admin, _M.history_from_ms).where(
        _M.removed_ms.is_(None), among(_M.person_id, people)
    )
    if only is not None:
        query = query.where(among(_M.conversation_id, only))
    return {
        (row.conversation_id, row.person_id): (row.admin, row.history_from_ms)
        for row in await connection.execute(query)
    }


async def members_at(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> dict[PersonId, tuple[bool, int]]:
    """Return those of these people that belong to a conversation, as :func:`places_of`."""
    rows = await connection.execute(
        select(_M.person_id, _M.admin, _M.history_from_ms).where(
            _M.conversation_id == conversation_id,
            among(_M.person_id, people),
            _M.removed_ms.is_(None),
        )
    )
    return {row.person_id: (row.admin, row.history_from_ms) for row in rows}


async def belongs_to_any(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], person_id: PersonId
) -> bool:
    """Return whether the person belongs to any of these conversations."""
    mine = and_(
        _M.conversation_id.in_(conversation_ids),
        _M.person_id == person_id,
        _M.removed_ms.is_(None),
    )
    return bool(await connection.scalar(select(exists(select(literal(1)).where(mine)))))


async def add(
    connection: AsyncConnection,
    people: Mapping[ConversationId, Iterable[NewMember]],
    now_ms: int,
    added_by: PersonId | None,
) -> None:
    """Insert members; one who returns starts over, but keeps their own settings. ``added_by``: the
    person who chose them; None: a rule."""
    rows = [
        {
            "conversation_id": conversation_id,
            "person_id": one.person_id,
            "admin": one.admin,
            "added_ms": now_ms,
            "added_by": added_by,
            "history_from_ms": one.history_from_ms,
            "removed_ms": None,
            "removed_by": None,
            "muted_until_ms": None,
        }
        for conversation_id, own in people.items()
        for one in own
    ]
    settled = ("admin", "added_ms", "added_by", "history_from_ms", "removed_ms", "removed_by")
    for some in chunks(rows, BULK):
        await put(connection, MEMBERS, some, *settled)


_REMOVE = (
    update(MEMBERS)
    .where(
        _M.conversation_id == bindparam("p_conversation_id"),
        _M.person_id == bindparam("p_person_id"),
        _M.removed_ms.is_(None),
    )
    .values(removed_ms=bindparam("p_now_ms"), removed_by=bindparam("p_by"), admin=False)
)


async def remove(
    connection: AsyncConnection,
    people: Mapping[ConversationId, Collection[PersonId]],
    now_ms: int,
    removed_by: PersonId | None,
) -> None:
    """End the membership of these people. ``removed_by``: themselves where they left, an admin, or
    None where a rule takes them no longer."""
    rows = [
        {"p_conversation_id": c, "p_person_id": person, "p_now_ms": now_ms, "p_by": removed_by}
        for c, own in sorted(people.items())
        for person in sorted(own)
    ]
    if rows:
        await connection.execute(_REMOVE, rows)


_SET_ADMIN = (
    update(MEMBERS)
    .where(
        _M.conversation_id == bindparam("p_conversation_id"),
        _M.person_id == bindparam("p_person_id"),
    )
    .values(admin=bindparam("p_admin"))
)


async def set_admin(
    connection: AsyncConnection, people: Mapping[ConversationId, Mapping[PersonId, bool]]
) -> None:
    """Make members admins, or no longer."""
    rows = [
        {"p_conversation_id": c, "p_person_id": person, "p_admin": admin}
        for c, own in sorted(people.items())
        for person, admin in sorted(own.items())
    ]
    if rows:
        await connection.execute(_SET_ADMIN, rows)


async def set_preferences(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    preferences: wire.SetPreferences,
) -> None:
    """Store a member's own settings."""
    await connection.execute(
        update(MEMBERS)
        .where(_M.conversation_id == conversation_id, _M.person_id == person_id)
        .values(muted_until_ms=preferences.muted_until_ms)
    )


# --- Changes by members -----------------------------------------------------------------------

_CHANGES = MEMBER_CHANGES.c


@dataclass(frozen=True, slots=True)
class KnownChange:
    """A change of members that was made."""

    person_id: PersonId
    changed_ms: int
    left: bool


async def find_change(
    connection: AsyncConnection, conversation_id: ConversationId, change_id: str
) -> KnownChange | None:
    """Return the change with this id."""
    row = (
        await connection.execute(
            select(_CHANGES.person_id, _CHANGES.changed_ms, _CHANGES.left).where(
                _CHANGES.conversation_id == conversation_id, _CHANGES.change_id == change_id
            )
        )
    ).first()
    return None if row is None else KnownChange(*row)


async def add_change(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    change_id: str,
    change: KnownChange,
    most_per_hour: int,
) -> None:
    """Remember a change. Raises RateLimited when its person made more than that within an hour."""
    since = change.changed_ms - HOUR_MS
    made, oldest_ms = (
        await connection.execute(
            select(func.count(), func.min(_CHANGES.changed_ms)).where(
                _CHANGES.person_id == change.person_id, _CHANGES.changed_ms > since
            )
        )
    ).one()
    if made >= most_per_hour:
        raise errors.RateLimited(
            retry_after_ms=max(1, oldest_ms - since), limit="member_changes_per_hour"
        )
    await connection.execute(
        MEMBER_CHANGES.insert().values(
            conversation_id=conversation_id,
            change_id=change_id,
            person_id=change.person_id,
            changed_ms=change.changed_ms,
            left=change.left,
        )
    )
