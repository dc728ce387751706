"""Statements on orders, acknowledgements and answers.

Their number does not grow with the people of a conversation. Other roles' people and cursors come
as statements (ports.py) and are joined here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.database.engine import unnested, upsert_for
from copconnect.database.rows import of_row
from copconnect.ids import MessageId, PersonId, UnitId
from copconnect.orders.owing import owing
from copconnect.orders.ports import HeldConversations
from copconnect.orders.rules import Counted, KnownOrder, OrderCount, OrderReader, unpacked
from copconnect.orders.tables import ACKNOWLEDGEMENTS, ANSWERS, ORDERS, PHOTOS, TEXTS

_O, _A = ORDERS.c, ACKNOWLEDGEMENTS.c


@dataclass(frozen=True, slots=True)
class NewAcknowledgement:
    """A record that is to count, with its sealed answer."""

    order_id: MessageId
    person_id: PersonId
    signer_id: PersonId
    told: bool
    choice: int
    done: int
    text_seq: int
    created_ms: int
    received_ms: int
    first_created_ms: int
    first_received_ms: int
    record: bytes
    photo: bool
    answer: bytes | None
    sealed_photo: wire.SealedPhoto | None
    # The answer or photo that the former record named, and this one names again.
    keeps_answer: bool
    keeps_photo: bool

    @property
    def counted(self) -> Counted:
        """The record as others are compared with it."""
        return _counted(self)

    def after(self, earlier: "NewAcknowledgement") -> "NewAcknowledgement":
        """Return the same with what it keeps of another one, put in the same transaction."""
        new = self
        if self.keeps_answer:
            new = replace(new, answer=earlier.answer, keeps_answer=earlier.keeps_answer)
        if self.keeps_photo:
            photo = earlier.sealed_photo
            new = replace(new, sealed_photo=photo, keeps_photo=earlier.keeps_photo)
        return new


def _counted(row: Any) -> Counted:
    return of_row(Counted, row)


# --- Orders -----------------------------------------------------------------------------------


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store an order."""
    await connection.execute(insert(ORDERS).values(**values))


def known(row: Row[Any]) -> KnownOrder:
    """Return a row as acknowledgements are judged by it."""
    return of_row(KnownOrder, row, texts=unpacked(row.texts))


def terms(row: Row[Any]) -> wire.OrderTerms:
    """Return the terms of a row."""
    return of_row(
        wire.OrderTerms,
        row,
        readers=[PersonId(one) for one in row.readers.split(",") if one],
        remind_minutes=[int(one) for one in row.remind_minutes.split(",") if one],
    )


async def hold(
    connection: AsyncConnection, order_ids: Collection[MessageId]
) -> dict[MessageId, Row[Any]]:
    """Return the rows of these orders, which nobody else changes, nor acknowledges, before this
    transaction ends."""
    # In key order, so that two nodes never wait for each other's rows.
    rows = await connection.execute(
        select(ORDERS).where(among(_O.order_id, order_ids)).order_by(_O.order_id).with_for_update()
    )
    return {row.order_id: row for row in rows}


async def one(connection: AsyncConnection, order_id: MessageId) -> Row[Any] | None:
    """Return the row of an order."""
    return (await connection.execute(select(ORDERS).where(_O.order_id == order_id))).first()


async def change(connection: AsyncConnection, order_id: MessageId, **values: Any) -> None:
    """Change an order's row."""
    await connection.execute(update(ORDERS).where(_O.order_id == order_id).values(**values))


def _owed(place: Any, person_id: PersonId) -> ColumnElement[bool]:
    """Return the condition of rules.owes and that the order is open, for a place of a person."""
    return and_(
        _O.issuer_id != person_id,
        _O.withdrawn_ms.is_(None),
        or_(_O.valid_until_ms.is_(None), place.added_ms <= _O.valid_until_ms),
        place.history_from_ms <= _O.issued_ms,
    )


async def page(
    connection: AsyncConnection,
    places: Select[Any],
    person_id: PersonId,
    *,
    box: str,
    now_ms: int,
    before: tuple[int, str] | None,
    limit: int,
    order_ids: Collection[MessageId] | None = None,
) -> list[Row[Any]]:
    """Return orders of a person's conversations, newest first, each with ``admin`` and ``owed``,
    and the record that counts for the person. ``box``: "open" (owed, and its validity not over),
    "issued" or "all"; ``before``: the time and id of the order before the page; ``order_ids``: of
    these alone."""
    place = places.subquery()
    unanswered = or_(_A.person_id.is_(None), _A.text_seq < _O.asked_seq)
    owed = and_(_owed(place.c, person_id), unanswered)
    query = (
        select(
            ORDERS,
            place.c.admin,
            case((owed, 1), else_=0).label("owed"),
            _A.signer_id,
            _A.first_created_ms,
            _A.record,
        )
        .join(place, place.c.conversation_id == _O.conversation_id)
        .outerjoin(ACKNOWLEDGEMENTS, and_(_A.order_id == _O.order_id, _A.person_id == person_id))
        .where(place.c.history_from_ms <= _O.issued_ms)
        .order_by(_O.issued_ms.desc(), _O.order_id.desc())
        .limit(limit)
    )
    if box == "open":
        query = query.where(owed, or_(_O.valid_until_ms.is_(None), _O.valid_until_ms > now_ms))
    elif box == "issued":
        query = query.where(_O.issuer_id == person_id)
    if order_ids is not None:
        query = query.where(among(_O.order_id, order_ids))
    if before is not None:
        ms, last = before
        query = query.where(or_(_O.issued_ms < ms, and_(_O.issued_ms == ms, _O.order_id < last)))
    return list(await connection.execute(query))


# --- Acknowledgements in ------------------------------------------------------------------------


async def standings_of(
    connection: AsyncConnection,
    order_id: MessageId,
    readers: Select[Any],
    people: Collection[PersonId],
) -> dict[PersonId, tuple[OrderReader, Counted | None]]:
    """Return those of these people that belong to an order's conversation, each with the record
    that counts."""
    reader = readers.subquery()
    rows = await connection.execute(
        select(
            reader.c.person_id,
            reader.c.added_ms,
            reader.c.history_from_ms,
            _A.told,
            _A.choice,
            _A.text_seq,
            _A.created_ms,
            _A.first_created_ms,
            _A.first_received_ms,
            _A.record,
        )
        .outerjoin(
            ACKNOWLEDGEMENTS,
            and_(_A.order_id == order_id, _A.person_id == reader.c.person_id),
        )
        .where(among(reader.c.person_id, people))
    )
    return {
        row.person_id: (
            OrderReader(row.person_id, row.added_ms, row.history_from_ms),
            None if row.record is None else _counted(row),
        )
        for row in rows
    }


_COLUMNS = tuple(column.name for column in ACKNOWLEDGEMENTS.columns)
_ROWS = select(*(unnested(name, ACKNOWLEDGEMENTS.c[name]) for name in _COLUMNS))


async def put(
    connection: AsyncConnection,
    records: Sequence[NewAcknowledgement],
) -> None:
    """Let these count, each for one person, in one statement."""
    # In key order, so that two nodes never wait for each other's rows.
    ordered = sorted(records, key=lambda each: (each.order_id, each.person_id))
    statement = upsert_for(connection.dialect.name, ACKNOWLEDGEMENTS)
    if connection.dialect.name == "postgresql":
        # Rows as arrays: the driver would run the statement once for each row.
        await connection.execute(
            _replacing(postgresql.insert(ACKNOWLEDGEMENTS).from_select(_COLUMNS, _ROWS)),
            {name: [getattr(each, name) for each in ordered] for name in _COLUMNS},
        )
    else:
        await connection.execute(
            _replacing(statement),
            [{name: getattr(each, name) for name in _COLUMNS} for each in ordered],
        )


def _replacing(statement: Any) -> Any:
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_A.order_id, _A.person_id],
        set_={name: new[name] for name in _COLUMNS if name not in ("order_id", "person_id")},
    )


# --- Counts -----------------------------------------------------------------------------------


def _people_of(
    order: KnownOrder, readers: Select[Any], reached: Select[Any], placed: Select[Any]
) -> tuple[Any, Any, Any]:
    """Return ``owing`` with the columns of units, and how far each has come (a place in
    rules.STATES)."""
    query, _, seen, place = owing(order, readers, reached, placed)
    state = case(
        (_A.choice == wire.UNREADABLE, 4),
        (_A.person_id.is_not(None), 3),
        (seen.read_seq >= order.seq, 2),
        (seen.delivered_seq >= order.seq, 1),
        else_=0,
    )
    return query, place, state


async def standings(
    connection: AsyncConnection,
    order: KnownOrder,
    readers: Select[Any],
    reached: Select[Any],
    placed: Select[Any],
) -> list[OrderCount]:
    """Return how far the people of each unit have come. One statement, which reads a row of each
    of them, and returns no more rows for a checklist: it counts each item in a column."""
    query, place, state = _people_of(order, readers, reached, placed)
    told = func.coalesce(_A.told, false())
    choice = func.coalesce(_A.choice, 0)
    photo = func.coalesce(_A.photo, false())
    items = [
        func.sum(case((_A.done.bitwise_and(1 << item) != 0, 1), else_=0))
        for item in range(order.items)
    ]
    rows = await connection.execute(
        query.add_columns(place.unit_id, state, told, choice, photo, func.count(), *items).group_by(
            place.unit_id, state, told, choice, photo
        )
    )
    return [
        OrderCount(unit, at, bool(by), chosen, bool(sent), people, tuple(map(int, done)))
        for unit, at, by, chosen, sent, people, *done in rows
    ]


async def people(
    connection: AsyncConnection,
    order: KnownOrder,
    readers: Select[Any],
    reached: Select[Any],
    placed: Select[Any],
    *,
    units: Collection[UnitId] | None,
    state: int | None,
    choice: int | None,
    lacking: int | None,
    photo: bool | None,
    found: Select[Any] | None,
    after: str,
    limit: int,
) -> list[Row[Any]]:
    """Return people who owe, as the directory orders them: ``person_id``, ``sort_key``, ``state``,
    and the record that counts, or an earlier text's. ``units``: of these alone; ``lacking``:
    people who have not done the item at this place, from 1; ``photo``: people who have sent one,
    or have not; ``found``: people of a statement
    alone; ``after``: a sort key."""
    query, place, at = _people_of(order, readers, reached, placed)
    any_text = ACKNOWLEDGEMENTS.alias()
    given = any_text.c
    query = (
        query.add_columns(
            place.person_id,
            place.sort_key,
            at.label("state"),
            given.signer_id,
            given.told,
            given.choice,
            given.done,
            given.photo,
            given.created_ms,
            given.received_ms,
            given.first_created_ms,
        )
        .outerjoin(
            any_text,
            and_(given.order_id == order.order_id, given.person_id == place.person_id),
        )
        .where(place.sort_key > after)
        .order_by(place.sort_key)
        .limit(limit)
    )
    if units is not None:
        query = query.where(among(place.unit_id, units))
    if state is not None:
        query = query.where(at == state)
    if choice is not None:
        query = query.where(_A.choice == choice)
    if lacking is not None:
        done = func.coalesce(_A.done, 0)
        query = query.where(done.bitwise_and(1 << (lacking - 1)) == 0)
    if photo is not None:
        query = query.where(func.coalesce(_A.photo, false()) == photo)
    if found is not None:
        query = query.where(place.person_id.in_(select(found.subquery().c.person_id)))
    return list(await connection.execute(query))


def still_owing(order: KnownOrder, readers: Select[Any], placed: Select[Any]) -> Select[Any]:
    """Return a statement of the people who owe, and have not acknowledged or have not done all that
    the order asks for, its checklist or a photo: ``person_id``, ``unit_id``. People who cannot read
    it are left out."""
    nothing = select(null().label("person_id"), literal(0).label("delivered_seq"))
    reached = nothing.add_columns(literal(0).label("read_seq")).where(false())
    query, place, _ = _people_of(order, readers, reached, placed)
    owing: Select[Any] = query.add_columns(place.person_id, place.unit_id)
    undone = [_A.done != (1 << order.items) - 1]
    if order.photo:
        undone.append(_A.photo.is_(False))
    readable = _A.choice != wire.UNREADABLE
    return owing.where(or_(_A.person_id.is_(None), and_(readable, or_(*undone))))


# --- In the background ----------------------------------------------------------------------------


async def due(connection: AsyncConnection, now_ms: int, limit: int) -> list[Row[Any]]:
    """Return the orders of which somebody is to be woken."""
    rows = await connection.execute(
        select(ORDERS).where(_O.due_ms <= now_ms).order_by(_O.due_ms).limit(limit)
    )
    return list(rows)


async def forget(
    connection: AsyncConnection, after_ms: int, before_ms: int, held: HeldConversations, limit: int
) -> tuple[list[MessageId], int | None]:
    """Forget orders whose message was forgotten, from a time on; return them, and the time at which
    the next batch continues, so that held orders are read once; None: there are no more."""
    within = _O.issued_ms >= after_ms, _O.issued_ms < before_ms, _O.conversation_id.not_in(held)
    old = select(_O.order_id, _O.issued_ms).where(*within).order_by(_O.issued_ms).limit(limit)
    rows = list(await connection.execute(old))
    order_ids = [row.order_id for row in rows]
    for table in (ANSWERS, PHOTOS, TEXTS, ACKNOWLEDGEMENTS, ORDERS):
        await connection.execute(delete(table).where(among(table.c.order_id, order_ids)))
    return order_ids, rows[-1].issued_ms if len(rows) == limit else None
