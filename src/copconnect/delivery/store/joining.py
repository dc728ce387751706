"""Statements on listed groups and on requests to join them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Select,
    String,
    Table,
    and_,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.database.engine import METADATA
from copconnect.database.upserts import put
from copconnect.delivery.store.tables import CONVERSATIONS, MEMBERS
from copconnect.ids import ConversationId, PersonId, UnitId
from copconnect.limits import LISTED_GROUPS, LISTING_PURPOSE, LISTING_TITLE

LISTINGS = Table(
    "group_listings",
    METADATA,
    Column("conversation_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),  # The admin who listed it last.
    Column("unit_id", String(64), nullable=False),
    Column("title", String(LISTING_TITLE), nullable=False),
    Column("purpose", String(LISTING_PURPOSE), nullable=False),
    Index(None, "unit_id"),
    Index(None, "person_id"),
)

JOIN_REQUESTS = Table(
    "join_requests",
    METADATA,
    Column("conversation_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("asked_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("refused_ms", BigInteger),
    # Kept, so that a person who asks and withdraws by turns meets the same limits. None, and not
    # refused: it is open.
    Column("withdrawn_ms", BigInteger),
    Index(None, "person_id"),
    Index(None, "asked_ms"),
)

_L, _R, _C, _M = LISTINGS.c, JOIN_REQUESTS.c, CONVERSATIONS.c, MEMBERS.c
_OPEN = and_(_R.refused_ms.is_(None), _R.withdrawn_ms.is_(None))


async def list_group(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    listing: wire.GroupListing,
) -> None:
    """List a group, or change its listing."""
    row = {
        "conversation_id": conversation_id,
        "person_id": person_id,
        "unit_id": listing.unit_id,
        "title": listing.title,
        "purpose": listing.purpose,
    }
    await put(connection, LISTINGS, row, "person_id", "unit_id", "title", "purpose")


async def unlist(
    connection: AsyncConnection, conversation_id: ConversationId
) -> Sequence[PersonId]:
    """Take a group off the list; drop the open requests to join it, and return whose they were.
    Refusals are kept, so that nobody asks again at once when the group is listed again."""
    await connection.execute(delete(LISTINGS).where(_L.conversation_id == conversation_id))
    dropped = (
        delete(JOIN_REQUESTS)
        .where(_R.conversation_id == conversation_id, _OPEN)
        .returning(_R.person_id)
    )
    return (await connection.scalars(dropped)).all()


async def hold_listing(
    connection: AsyncConnection, conversation_id: ConversationId
) -> UnitId | None:
    """Lock a group's listing; return the unit to whose people it is listed, or None."""
    query = select(_L.unit_id).where(_L.conversation_id == conversation_id).with_for_update()
    return await connection.scalar(query)


async def listed_by(connection: AsyncConnection, person_id: PersonId) -> Sequence[Any]:
    """Return every listed group of which a person is an admin."""
    query = _listed(person_id, since_ms=0).where(_M.admin.is_(True))
    query = query.order_by(_L.title, _L.conversation_id)
    rows: Sequence[Any] = (await connection.execute(query)).all()
    return rows


async def listed_to(
    connection: AsyncConnection, person_id: PersonId, units: Sequence[UnitId], since_ms: int
) -> Sequence[Any]:
    """Return groups with admins that are listed to these units and to which the person does not
    belong, with the person's request of since then. The limit keeps the groups of the lowest units,
    which come last in ``units``."""
    if not units:
        return []
    admins = MEMBERS.alias("admins")
    has_admin = (
        select(admins.c.person_id)
        .where(
            admins.c.conversation_id == _L.conversation_id,
            admins.c.admin,
            admins.c.removed_ms.is_(None),
        )
        .exists()
    )
    depth = case({unit: at for at, unit in enumerate(units)}, value=_L.unit_id)
    query = (
        _listed(person_id, since_ms)
        .where(_M.person_id.is_(None), among(_L.unit_id, units), has_admin)
        .order_by(depth.desc(), _L.title, _L.conversation_id)
        .limit(LISTED_GROUPS)
    )
    rows: Sequence[Any] = (await connection.execute(query)).all()
    return rows


def _listed(person_id: PersonId, since_ms: int) -> Select[tuple[Any, ...]]:
    """Select listed groups with a person's place and request of since then."""
    own = and_(
        _M.conversation_id == _L.conversation_id,
        _M.person_id == person_id,
        _M.removed_ms.is_(None),
    )
    asked = and_(
        _R.conversation_id == _L.conversation_id,
        _R.person_id == person_id,
        _R.asked_ms > since_ms,
        _R.withdrawn_ms.is_(None),
    )
    return (
        select(LISTINGS, _C.members, _M.admin, _R.asked_ms, _R.refused_ms)
        .join(CONVERSATIONS, _C.conversation_id == _L.conversation_id)
        .outerjoin(MEMBERS, own)
        .outerjoin(JOIN_REQUESTS, asked)
    )


async def count_listings(
    connection: AsyncConnection, person_id: PersonId, other_than: ConversationId
) -> int:
    """Return how many other groups a person has listed."""
    query = (
        select(func.count())
        .select_from(LISTINGS)
        .where(_L.person_id == person_id, _L.conversation_id != other_than)
    )
    return int(await connection.scalar(query) or 0)


async def admins(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> Sequence[Any]:
    """Return the admins of these conversations, as ``conversation_id`` and ``person_id``."""
    query = (
        select(_M.conversation_id, _M.person_id)
        .where(among(_M.conversation_id, conversation_ids), _M.admin, _M.removed_ms.is_(None))
        .order_by(_M.conversation_id, _M.person_id)
    )
    return (await connection.execute(query)).all()


async def open_requests(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId], since_ms: int
) -> Sequence[Any]:
    """Return the open requests of since then, the oldest first."""
    query = (
        select(JOIN_REQUESTS)
        .where(
            among(_R.conversation_id, conversation_ids),
            _OPEN,
            _R.asked_ms > since_ms,
        )
        .order_by(_R.asked_ms, _R.person_id)
        .limit(LISTED_GROUPS)
    )
    return (await connection.execute(query)).all()


async def count_open(connection: AsyncConnection, since_ms: int, *, column: str, value: str) -> int:
    """Return how many open requests of since then a person has made, or a group has."""
    # Requests whose listing is gone, as that of an erased admin, are seen and answered by nobody.
    listed = _R.conversation_id.in_(select(_L.conversation_id))
    return await _count(connection, _R[column] == value, _OPEN, listed, _R.asked_ms > since_ms)


async def count_asked(connection: AsyncConnection, since_ms: int, person_id: PersonId) -> int:
    """Return how many groups a person has asked since then, also where the request has ended."""
    return await _count(connection, _R.person_id == person_id, _R.asked_ms > since_ms)


async def _count(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(JOIN_REQUESTS).where(*conditions)
    return int(await connection.scalar(query) or 0)


async def own_request(
    connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId
) -> Any:
    """Return a person's request to join a group."""
    query = select(JOIN_REQUESTS).where(
        _R.conversation_id == conversation_id, _R.person_id == person_id
    )
    return (await connection.execute(query)).first()


async def ask(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    sealed: bytes,
    asked_ms: int,
) -> None:
    """Store a request; it is open."""
    row = {
        "conversation_id": conversation_id,
        "person_id": person_id,
        "asked_ms": asked_ms,
        "sealed": sealed,
        "refused_ms": None,
        "withdrawn_ms": None,
    }
    changing = ("asked_ms", "sealed", "refused_ms", "withdrawn_ms")
    await put(connection, JOIN_REQUESTS, row, *changing)


async def refuse(
    connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId, now_ms: int
) -> bool:
    """Refuse an open request; False: there is none."""
    return await _change(connection, conversation_id, person_id, refused_ms=now_ms, sealed=b"")


async def withdraw(
    connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId, now_ms: int
) -> bool:
    """Take an open request back; False: there is none."""
    return await _change(connection, conversation_id, person_id, withdrawn_ms=now_ms, sealed=b"")


async def reseal(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    sealed: bytes,
) -> bool:
    """Give an open request another reason; False: there is none."""
    return await _change(connection, conversation_id, person_id, sealed=sealed)


async def _change(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    person_id: PersonId,
    **values: int | bytes,
) -> bool:
    done = await connection.execute(
        update(JOIN_REQUESTS)
        .where(_R.conversation_id == conversation_id, _R.person_id == person_id, _OPEN)
        .values(**values)
    )
    return bool(done.rowcount)


async def drop(
    connection: AsyncConnection, conversation_id: ConversationId, people: Collection[PersonId]
) -> None:
    """Drop the requests of people who belong now."""
    await connection.execute(
        delete(JOIN_REQUESTS).where(
            _R.conversation_id == conversation_id, among(_R.person_id, people)
        )
    )


async def open_of(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    people: Collection[PersonId],
    since_ms: int,
) -> Sequence[PersonId]:
    """Return which of these people have an open request of since then."""
    query = select(_R.person_id).where(
        _R.conversation_id == conversation_id,
        among(_R.person_id, people),
        _OPEN,
        _R.asked_ms > since_ms,
    )
    return (await connection.scalars(query)).all()


async def forget(connection: AsyncConnection, before_ms: int) -> None:
    """Forget the requests from before."""
    await connection.execute(delete(JOIN_REQUESTS).where(_R.asked_ms <= before_ms))
