"""Statements on the records that count: for exports, and for how many came when. As in store.py."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.ids import MessageId, UnitId
from copconnect.orders.rules import KnownOrder
from copconnect.orders.tables import ACKNOWLEDGEMENTS, ANSWERS

_A, _N = ACKNOWLEDGEMENTS.c, ANSWERS.c


async def records(
    connection: AsyncConnection,
    order_id: MessageId,
    placed: Select[Any],
    *,
    units: Collection[UnitId] | None,
    answered: bool,
    after: str,
    limit: int,
) -> list[Row[Any]]:
    """Return the records that count, by person: ``person_id``, ``signer_id``, ``record``,
    ``received_ms``, ``first_created_ms``, ``answer``. ``answered``: those with an answer alone."""
    join = and_(_N.order_id == _A.order_id, _N.person_id == _A.person_id)
    query = (
        select(
            _A.person_id,
            _A.signer_id,
            _A.record,
            _A.received_ms,
            _A.first_created_ms,
            _N.answer,
        )
        .join(ANSWERS, join, isouter=not answered)
        .where(_A.order_id == order_id, _A.person_id > after)
        .order_by(_A.person_id)
        .limit(limit)
    )
    return list(await connection.execute(_within(query, placed, units)))


def _within(
    query: Select[Any], placed: Select[Any], units: Collection[UnitId] | None
) -> Select[Any]:
    """Return a query of acknowledgements by people of these units alone; None: of all."""
    if units is None:
        return query
    place = placed.subquery()
    joined = query.join(place, place.c.person_id == _A.person_id)
    return joined.where(among(place.c.unit_id, units))


async def curve(
    connection: AsyncConnection,
    order: KnownOrder,
    placed: Select[Any],
    units: Collection[UnitId] | None,
    step_ms: int,
) -> list[tuple[int, int]]:
    """Return how many acknowledgements came in each step of time after an order, by its number from
    1."""
    # The first record for what is asked: a tick later moves nobody.
    came_ms = _A.first_received_ms
    elapsed = case((came_ms > order.issued_ms, came_ms - order.issued_ms), else_=0)
    # A difference less its remainder divides exactly: both databases agree.
    step = ((elapsed - elapsed % step_ms) / step_ms).label("step")
    counted: tuple[Any, Any] = (step, func.count())
    query = select(*counted).where(
        _A.order_id == order.order_id,
        _A.choice != wire.UNREADABLE,
        _A.text_seq >= order.asked_seq,
    )
    rows = await connection.execute(_within(query, placed, units).group_by(step).order_by(step))
    return [(int(at) + 1, count) for at, count in rows]
