"""Statements on the records that count, for exports and for how many came when, and on their sealed
answers and photos. As in store.py."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, and_, case, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.ids import AttachmentId, MessageId, PersonId, UnitId
from copconnect.orders.rules import KnownOrder
from copconnect.orders.store import NewAcknowledgement
from copconnect.orders.tables import ACKNOWLEDGEMENTS, ANSWERS, PHOTOS

_A, _N, _P = ACKNOWLEDGEMENTS.c, ANSWERS.c, PHOTOS.c


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
    ``received_ms``, ``first_created_ms``, ``answer``; ``sealed`` and ``attachment_id`` of a photo.
    ``answered``: those with an answer or a photo alone."""
    answer = and_(_N.order_id == _A.order_id, _N.person_id == _A.person_id)
    photo = and_(_P.order_id == _A.order_id, _P.person_id == _A.person_id)
    query = (
        select(
            _A.person_id,
            _A.signer_id,
            _A.record,
            _A.received_ms,
            _A.first_created_ms,
            _N.answer,
            _P.sealed,
            _P.attachment_id,
        )
        .outerjoin(ANSWERS, answer)
        .outerjoin(PHOTOS, photo)
        .where(_A.order_id == order_id, _A.person_id > after)
        .order_by(_A.person_id)
        .limit(limit)
    )
    if answered:
        query = query.where(or_(_N.person_id.is_not(None), _P.person_id.is_not(None)))
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


# --- Sealed answers and photos ------------------------------------------------------------------


async def put_sealed(
    connection: AsyncConnection,
    records: Sequence[NewAcknowledgement],
    answering: Collection[MessageId],
    photographing: Collection[MessageId],
) -> dict[AttachmentId, MessageId]:
    """Keep the answers and photos that records name which were just put, and none of the records
    that they replace; return the attachments of the photos that are gone, each with its order.
    ``answering``, ``photographing``: the orders among them that ask for answers or photos, with a
    statement for each of them and one more."""
    await _replace(
        connection,
        ANSWERS,
        [one for one in records if one.order_id in answering and not one.keeps_answer],
        lambda one: None if one.answer is None else {"answer": one.answer},
    )
    gone = await _replace(
        connection,
        PHOTOS,
        [one for one in records if one.order_id in photographing and not one.keeps_photo],
        _photo,
    )
    given = {one.sealed_photo.attachment_id for one in records if one.sealed_photo is not None}
    return {row.attachment_id: row.order_id for row in gone if row.attachment_id not in given}


def _photo(one: NewAcknowledgement) -> dict[str, Any] | None:
    photo = one.sealed_photo
    if photo is None:
        return None
    return {"sealed": photo.sealed, "attachment_id": photo.attachment_id}


async def _replace(
    connection: AsyncConnection,
    table: Table,
    records: Sequence[NewAcknowledgement],
    values_of: Callable[[NewAcknowledgement], dict[str, Any] | None],
) -> list[Row[Any]]:
    """Replace the rows of these records' people; return the rows that were there before."""
    by_order: dict[MessageId, list[PersonId]] = {}
    for one in records:
        by_order.setdefault(one.order_id, []).append(one.person_id)
    gone: list[Row[Any]] = []
    for order_id, people in by_order.items():
        condition = table.c.order_id == order_id, among(table.c.person_id, people)
        gone += await connection.execute(delete(table).where(*condition).returning(*table.columns))
    rows = [
        {"order_id": one.order_id, "person_id": one.person_id, **values}
        for one in records
        if (values := values_of(one)) is not None
    ]
    if rows:
        await connection.execute(insert(table), rows)
    return gone
