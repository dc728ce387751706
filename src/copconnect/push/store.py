"""Tables of pushes: where devices are woken, the queue, and how far conversations are planned.

A row of ``push_queue`` is about one device and conversation. ``due_ms``: when it is to be pushed;
NULL: it was, at ``sent_ms``. Later messages leave the row as it is until the device has received
``seq``: a device that wakes fetches them too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, upsert_for
from copconnect.ids import ClientId, ConversationId, PersonId
from copconnect.push.rules import REMINDER

SUBSCRIPTIONS = Table(
    "push_subscriptions",
    METADATA,
    Column("client_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("origin", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("success_ms", BigInteger),  # When a push service took the last push.
    Column("failing_since_ms", BigInteger),  # No push was taken since; NULL: the last one was.
    Column("status", Integer),  # The last refusal; 0: no answer that can be read.
)
QUEUE = Table(
    "push_queue",
    METADATA,
    Column("conversation_id", String(32), primary_key=True),
    Column("client_id", String(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # The conversation's, or rules.REMINDER.
    Column("origin", String(255), nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger),
    Column("sent_ms", BigInteger),
    Column("attempts", Integer, nullable=False),
    Index(None, "client_id"),
    Index(None, "sent_ms"),
    Index(
        "ix_push_queue_due",
        "origin",
        "due_ms",
        sqlite_where=text("due_ms IS NOT NULL"),
        postgresql_where=text("due_ms IS NOT NULL"),
    ),
)
PLANNED = Table(
    "push_planned",
    METADATA,
    Column("conversation_id", String(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
_S, _Q, _P = SUBSCRIPTIONS.c, QUEUE.c, PLANNED.c
QUEUED = (
    "conversation_id",
    "client_id",
    "seq",
    "kind",
    "origin",
    "queued_ms",
    "due_ms",
    "attempts",
)


# --- Subscriptions ----------------------------------------------------------------------------


async def subscribe(
    connection: AsyncConnection,
    client_id: ClientId,
    person_id: PersonId,
    endpoint: str,
    origin: str,
    now_ms: int,
) -> None:
    """Store a device's subscription. Another endpoint than before starts over: the queue for
    the old one goes, for the device that says so is awake."""
    known = await connection.scalar(select(_S.endpoint).where(_S.client_id == client_id))
    if known == endpoint:
        return
    await unsubscribe(connection, [client_id])
    await connection.execute(
        SUBSCRIPTIONS.insert().values(
            client_id=client_id,
            person_id=person_id,
            endpoint=endpoint,
            origin=origin,
            created_ms=now_ms,
            success_ms=None,
            failing_since_ms=None,
            status=None,
        )
    )


async def unsubscribe(connection: AsyncConnection, client_ids: Collection[ClientId]) -> None:
    """Forget the subscriptions of these devices and the pushes queued for them."""
    await connection.execute(delete(SUBSCRIPTIONS).where(among(_S.client_id, client_ids)))
    await connection.execute(delete(QUEUE).where(among(_Q.client_id, client_ids)))


async def unsubscribe_without(connection: AsyncConnection, clients: Select[Any]) -> None:
    """Forget the subscriptions of devices that a statement does not name."""
    await connection.execute(delete(SUBSCRIPTIONS).where(_S.client_id.not_in(clients)))
    await connection.execute(delete(QUEUE).where(_Q.client_id.not_in(select(_S.client_id))))


async def states(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, Any]:
    """Return the subscriptions of these devices."""
    rows = await connection.execute(select(SUBSCRIPTIONS).where(among(_S.client_id, client_ids)))
    return {ClientId(row.client_id): row for row in rows}


def failing_before(before_ms: int) -> Select[tuple[ClientId]]:
    """Return a statement of the devices whose push service has taken no push since a time."""
    return select(_S.client_id).where(_S.failing_since_ms <= before_ms)


# --- Queueing ---------------------------------------------------------------------------------


def _queued(
    conversation_id: ConversationId, seq: int, kind: str, now_ms: int, due_ms: int | None = None
) -> Select[Any]:
    """Return a statement of a new row for each subscription, in the order of ``QUEUED``."""
    return select(
        literal(conversation_id),
        _S.client_id,
        literal(seq, BigInteger),
        literal(kind),
        _S.origin,
        literal(now_ms, BigInteger),
        literal(now_ms if due_ms is None else due_ms, BigInteger),
        literal(0),
    )


def of_people(people: Select[Any]) -> ColumnElement[bool]:
    """Return the WHERE condition that selects push subscriptions of the people whom a statement
    finds (its column ``person_id``)."""
    found = people.subquery()
    return _S.person_id.in_(select(found.c.person_id))


def of_clients(client_ids: Collection[ClientId]) -> ColumnElement[bool]:
    """Return the WHERE condition that selects push subscriptions of these devices."""
    return among(_S.client_id, client_ids)


async def queue_for(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    seq: int,
    whom: ColumnElement[bool],
    kind: str,
    now_ms: int,
    due_ms: int,
) -> int:
    """Queue a push of a kind about a message for each subscribed device that a condition chooses;
    return how many. A push that is due already becomes one. One statement."""
    rows = _queued(conversation_id, seq, kind, now_ms, due_ms).where(whom)
    statement = upsert_for(connection.dialect.name, QUEUE).from_select(QUEUED, rows)
    new = statement.excluded
    done = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_Q.conversation_id, _Q.client_id],
            set_={
                "kind": new.kind,
                "seq": case((new.seq > _Q.seq, new.seq), else_=_Q.seq),
                "origin": new.origin,
                "queued_ms": new.queued_ms,
                "attempts": new.attempts,
                "due_ms": func.coalesce(_Q.due_ms, new.due_ms),
            },
        )
    )
    return done.rowcount


# --- Sending ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A push that is to be sent. ``received``: whether the device has the message by now."""

    conversation_id: ConversationId
    client_id: ClientId
    seq: int
    kind: str
    queued_ms: int
    attempts: int
    endpoint: str
    received: bool


async def due_origins(connection: AsyncConnection, now_ms: int) -> tuple[set[str], int | None]:
    """Return the origins with pushes that are due, and when the next one is."""
    rows = (
        await connection.execute(
            select(_Q.origin, func.min(_Q.due_ms)).where(_Q.due_ms.is_not(None)).group_by(_Q.origin)
        )
    ).all()
    later = [at for _, at in rows if at > now_ms]
    return {origin for origin, at in rows if at <= now_ms}, min(later, default=None)


async def due(
    connection: AsyncConnection, origin: str, received: Select[Any], now_ms: int, limit: int
) -> list[Due]:
    """Return the first pushes that are due at an origin."""
    has = received.subquery()
    rows = await connection.execute(
        select(QUEUE, _S.endpoint, func.coalesce(has.c.delivered_seq, 0).label("delivered_seq"))
        .join(SUBSCRIPTIONS, and_(_S.client_id == _Q.client_id, _S.origin == _Q.origin))
        .outerjoin(
            has,
            and_(has.c.conversation_id == _Q.conversation_id, has.c.client_id == _Q.client_id),
        )
        .where(_Q.origin == origin, _Q.due_ms.is_not(None), _Q.due_ms <= now_ms)
        .order_by(_Q.due_ms)
        .limit(limit)
    )
    return [
        Due(
            row.conversation_id,
            row.client_id,
            row.seq,
            row.kind,
            row.queued_ms,
            row.attempts,
            row.endpoint,
            row.kind != REMINDER and row.delivered_seq >= row.seq,
        )
        for row in rows
    ]


_KEY = and_(
    _Q.conversation_id == bindparam("p_conversation_id"), _Q.client_id == bindparam("p_client_id")
)
# A row that has a newer seq by now stays due: the device had fetched before that message came.
_UNCHANGED = and_(_KEY, _Q.seq == bindparam("p_seq"))
_SENT = update(QUEUE).where(_UNCHANGED).values(due_ms=None, sent_ms=bindparam("p_now_ms"))
_LATER = (
    update(QUEUE).where(_KEY).values(due_ms=bindparam("p_due_ms"), attempts=bindparam("p_attempts"))
)


def _keyed(rows: Iterable[Due]) -> Iterator[tuple[Due, dict[str, Any]]]:
    """Yield rows with their keys as parameters, all in one order, so that transactions which write
    some of the same rows do not wait for each other in a circle."""
    for one in sorted(rows, key=lambda row: (row.conversation_id, row.client_id)):
        yield one, {"p_conversation_id": one.conversation_id, "p_client_id": one.client_id}


async def mark_sent(connection: AsyncConnection, rows: Collection[Due], now_ms: int) -> None:
    """Remember that these were taken by a push service."""
    if rows:
        await connection.execute(
            _SENT, [key | {"p_seq": one.seq, "p_now_ms": now_ms} for one, key in _keyed(rows)]
        )
        taken = {one.client_id for one in rows}
        await connection.execute(
            update(SUBSCRIPTIONS)
            .where(among(_S.client_id, taken))
            .values(success_ms=now_ms, failing_since_ms=None, status=None)
        )


async def postpone(connection: AsyncConnection, rows: Mapping[Due, tuple[int, int]]) -> None:
    """Let these come later: ``due_ms`` and attempts of each."""
    if rows:
        await connection.execute(
            _LATER,
            [
                key | {"p_due_ms": rows[one][0], "p_attempts": rows[one][1]}
                for one, key in _keyed(rows)
            ],
        )


async def drop(connection: AsyncConnection, rows: Collection[Due]) -> None:
    """Forget these: the device has the message, or nobody waits for it any more."""
    if rows:
        await connection.execute(
            delete(QUEUE).where(_UNCHANGED), [key | {"p_seq": one.seq} for one, key in _keyed(rows)]
        )


async def note_failing(
    connection: AsyncConnection, statuses: Mapping[ClientId, int], now_ms: int
) -> None:
    """Remember that pushes to these devices are not taken, and the last status of each."""
    if statuses:
        await connection.execute(
            update(SUBSCRIPTIONS)
            .where(_S.client_id == bindparam("p_client_id"))
            .values(
                status=bindparam("p_status"),
                failing_since_ms=func.coalesce(
                    _S.failing_since_ms, bindparam("p_now_ms", type_=BigInteger)
                ),
            ),
            [
                {"p_client_id": client_id, "p_status": status, "p_now_ms": now_ms}
                for client_id, status in sorted(statuses.items())
            ],
        )


async def forget_endpoints(
    connection: AsyncConnection, gone: Sequence[tuple[ClientId, str]]
) -> None:
    """Forget subscriptions that ended, unless the device has another endpoint by now."""
    if gone:
        still = await connection.scalars(
            select(_S.client_id).where(
                among(_S.client_id, [client_id for client_id, _ in gone]),
                tuple_(_S.client_id, _S.endpoint).in_(gone),
            )
        )
        await unsubscribe(connection, [ClientId(one) for one in still])


async def forget_marks(connection: AsyncConnection, before_ms: int) -> None:
    """Forget pushes that were sent before a time: the device is pushed again anyway."""
    await connection.execute(delete(QUEUE).where(_Q.due_ms.is_(None), _Q.sent_ms < before_ms))
