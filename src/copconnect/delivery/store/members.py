"""Statements on the people of conversations. Former members keep a row with ``removed_ms``."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import BULK, chunks, narrowed, upsert_for
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


async def admins_by_person(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    only: Collection[PersonId] | None = None,
) -> dict[PersonId, bool]:
    """Return every member with whether they are an admin; ``only``: of these people."""
    query = select(_M.person_id, _M.admin).where(
        _M.conversation_id == conversation_id, _M.removed_ms.is_(None)
    )
    found: dict[PersonId, bool] = {}
    for asked in narrowed(query, _M.person_id, only):
        found |= {row.person_id: row.admin for row in await connection.execute(asked)}
    return found


async def former(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> set[PersonId]:
    """Return which of these people belonged before and do not now."""
    found: set[PersonId] = set()
    for some in chunks(people):
        found |= set(
            await connection.scalars(
                select(_M.person_id).where(
                    _M.conversation_id == conversation_id,
                    _M.person_id.in_(some),
                    _M.removed_ms.is_not(None),
                )
            )
        )
    return found


async def places_of(
    connection: AsyncConnection, people: Collection[PersonId]
) -> dict[tuple[ConversationId, PersonId], tuple[bool, int]]:
    """Return where these people belong: whether as an admin, and from when each may read."""
    rows = await connection.execute(
        select(_M.conversation_id, _M.person_id, _M.admin, _M.history_from_ms).where(
            _M.person_id.in_(people), _M.removed_ms.is_(None)
        )
    )
    return {(row.conversation_id, row.person_id): (row.admin, row.history_from_ms) for row in rows}


async def members_at(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> dict[PersonId, tuple[bool, int]]:
    """Return those of these people that belong to a conversation, as :func:`places_of`."""
    found: dict[PersonId, tuple[bool, int]] = {}
    for some in chunks(people):
        rows = await connection.execute(
            select(_M.person_id, _M.admin, _M.history_from_ms).where(
                _M.conversation_id == conversation_id,
                _M.person_id.in_(some),
                _M.removed_ms.is_(None),
            )
        )
        found |= {row.person_id: (row.admin, row.history_from_ms) for row in rows}
    return found


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
    conversation_id: ConversationId,
    people: Iterable[NewMember],
    now_ms: int,
) -> None:
    """Insert members; one who returns begins anew, but keeps their own settings."""
    statement = upsert_for(connection.dialect.name, MEMBERS)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[_M.conversation_id, _M.person_id],
        set_={
            "admin": new.admin,
            "added_ms": new.added_ms,
            "history_from_ms": new.history_from_ms,
            "removed_ms": None,
        },
    )
    rows = [
        {
            "conversation_id": conversation_id,
            "person_id": one.person_id,
            "admin": one.admin,
            "added_ms": now_ms,
            "history_from_ms": one.history_from_ms,
            "removed_ms": None,
            "muted_until_ms": None,
            "pinned": False,
        }
        for one in people
    ]
    for some in chunks(rows, BULK):
        await connection.execute(statement, some)


async def remove(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Collection[PersonId],
    now_ms: int,
) -> None:
    """End the membership of these people."""
    for some in chunks(sorted(people)):
        await connection.execute(
            update(MEMBERS)
            .where(
                _M.conversation_id == conversation_id,
                _M.person_id.in_(some),
                _M.removed_ms.is_(None),
            )
            .values(removed_ms=now_ms, admin=False)
        )


async def set_admin(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Collection[PersonId],
    *,
    admin: bool,
) -> None:
    """Make members admins, or no longer."""
    for some in chunks(people):
        await connection.execute(
            update(MEMBERS)
            .where(_M.conversation_id == conversation_id, _M.person_id.in_(some))
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
        .where(_M.conversation_id == conversation_id, _M.person_id == person_id)
        .values(muted_until_ms=preferences.muted_until_ms, pinned=preferences.pinned)
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
