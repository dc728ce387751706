"""Statements on texts by SMS. Their number does not grow with the people of a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.ids import MessageId, PersonId
from copconnect.orders.owing import owing
from copconnect.orders.rules import KnownOrder
from copconnect.orders.tables import ACKNOWLEDGEMENTS, ORDERS, TEXTS

_O, _A, _T = ORDERS.c, ACKNOWLEDGEMENTS.c, TEXTS.c
TextState = Literal["sending", "waiting", "taken", "refused", "unsure"]
GONE: tuple[TextState, ...] = ("taken", "unsure")  # Texts that a person may have.


@dataclass(frozen=True, slots=True)
class Claimed:
    """A text that is recorded as being sent. ``attempts``: before this one."""

    person_id: PersonId
    number: str
    attempts: int


async def open_orders(
    connection: AsyncConnection, now_ms: int, *, oldest_ms: int, newest_ms: int
) -> list[Row[Any]]:
    """Return the flash orders issued between two times that still want acknowledgements, oldest
    first."""
    rows = await connection.execute(
        select(ORDERS)
        .where(
            _O.issued_ms >= oldest_ms,
            _O.issued_ms <= newest_ms,
            _O.priority == "flash",
            _O.withdrawn_ms.is_(None),
            or_(_O.valid_until_ms.is_(None), _O.valid_until_ms > now_ms),
        )
        .order_by(_O.issued_ms, _O.order_id)
    )
    return list(rows)


async def asked_since(connection: AsyncConnection, since_ms: int) -> int:
    """Return how many texts the gateway was asked to take since a time."""
    count = select(func.count()).select_from(TEXTS).where(_T.asked_ms > since_ms)
    return await connection.scalar(count) or 0


def wanted(
    order: KnownOrder,
    readers: Select[Any],
    reached: Select[Any],
    numbers: Select[Any],
    *,
    now_ms: int,
    added_before_ms: int,
    per_person: int,
    per_person_since_ms: int,
) -> Select[Any]:
    """Return a statement of the people who belong since a time, have neither received nor
    acknowledged the order that they owe, and have no text about it, or one that waits and is due.
    Somebody who was sent ``per_person`` texts since a time is left out."""
    query, reader, seen, number = owing(order, readers, reached, numbers)
    many = (
        select(_T.person_id)
        .where(_T.asked_ms > per_person_since_ms)
        .group_by(_T.person_id)
        .having(func.count() >= per_person)
    )
    found: Select[Any] = (
        query.add_columns(number.person_id, number.number, func.coalesce(_T.attempts, 0))
        .outerjoin(TEXTS, and_(_T.order_id == order.order_id, _T.person_id == reader.person_id))
        .where(
            reader.added_ms <= added_before_ms,
            _A.person_id.is_(None),
            func.coalesce(seen.delivered_seq, 0) < order.seq,
            or_(_T.person_id.is_(None), and_(_T.state == "waiting", _T.due_ms <= now_ms)),
            number.person_id.not_in(many),
        )
        .order_by(number.person_id)
    )
    return found


async def look(connection: AsyncConnection, found: Select[Any], limit: int) -> list[PersonId]:
    """Return the first people of ``wanted``. One statement, which may read a row of every member of
    the conversation."""
    return [PersonId(row.person_id) for row in await connection.execute(found.limit(limit))]


async def claim(
    connection: AsyncConnection, order_id: MessageId, found: Select[Any], now_ms: int
) -> list[Claimed]:
    """Record as being sent, and return, the texts of ``wanted``. Three statements."""
    rows = await connection.execute(found)
    claimed = [Claimed(PersonId(person), phone, tries) for person, phone, tries in rows]
    again = [one.person_id for one in claimed if one.attempts]
    if again:
        await connection.execute(
            update(TEXTS)
            .where(_T.order_id == order_id, among(_T.person_id, again))
            .values(state="sending", asked_ms=now_ms, due_ms=None)
        )
    new = [one for one in claimed if not one.attempts]
    if new:
        await connection.execute(
            insert(TEXTS),
            [
                {
                    "order_id": order_id,
                    "person_id": one.person_id,
                    "state": "sending",
                    "asked_ms": now_ms,
                    "due_ms": None,
                    "attempts": 0,
                }
                for one in new
            ],
        )
    return claimed


async def settle(
    connection: AsyncConnection,
    order_id: MessageId,
    outcomes: Mapping[Claimed, tuple[TextState, int | None]],
) -> None:
    """Record what became of texts: a state, and when one that waits is due. One statement."""
    await connection.execute(
        update(TEXTS)
        .where(
            _T.order_id == order_id,
            _T.person_id == bindparam("p_person_id"),
            or_(_T.state == "sending", _T.state == "unsure"),
        )
        .values(
            state=bindparam("p_state"),
            due_ms=bindparam("p_due_ms", type_=BigInteger),
            attempts=bindparam("p_attempts"),
        ),
        [
            {
                "p_person_id": one.person_id,
                "p_state": state,
                "p_due_ms": due_ms,
                "p_attempts": one.attempts + 1,
            }
            for one, (state, due_ms) in sorted(outcomes.items(), key=lambda pair: pair[0].person_id)
        ],
    )


async def give_up_unfinished(connection: AsyncConnection, asked_before_ms: int) -> int:
    """Record texts as unsure whose process died, or lost its database, while it asked the gateway;
    return how many."""
    done = await connection.execute(
        update(TEXTS)
        .where(_T.state == "sending", _T.asked_ms < asked_before_ms)
        .values(state="unsure")
    )
    return done.rowcount


async def texted(connection: AsyncConnection, order_id: MessageId) -> int:
    """Return how many people may have a text about an order."""
    count = (
        select(func.count()).select_from(TEXTS).where(_T.order_id == order_id, _T.state.in_(GONE))
    )
    return await connection.scalar(count) or 0
