"""People who were reminded of the officer course: table, statements.

``asked_ms``: when a head or trainer last asked for it; ``reminded_ms``: when the person's devices
were last woken. Both stay when the course is done, and count no longer then.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, upsert_for
from copconnect.ids import PersonId, UnitId
from copconnect.training.store import TRAINEES, owes

REMINDERS = Table(
    "training_reminders",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("asked_ms", BigInteger),
    Column("reminded_ms", BigInteger),
)
_R = REMINDERS.c


async def is_asked(connection: AsyncConnection, person_id: PersonId) -> bool:
    """Return whether somebody asked for a person to be reminded."""
    found = select(_R.asked_ms).where(_R.person_id == person_id)
    return await connection.scalar(found) is not None


async def remind(
    connection: AsyncConnection,
    people: Select[Any],
    course: str,
    now_ms: int,
    overdue_ms: int | None,
    again_ms: int,
    limit: int,
) -> int:
    """Record that people are reminded now: those of a statement (``person_id``) who have not
    completed a course, began before ``overdue_ms`` (None: nobody did) or were asked for since their
    last reminder, and were not reminded since ``again_ms``; return how many. One statement, which a
    second node finds done."""
    person = people.subquery()
    due: ColumnElement[bool] = _R.asked_ms > func.coalesce(_R.reminded_ms, 0)
    if overdue_ms is not None:
        due = or_(due, TRAINEES.c.since_ms <= overdue_ms)
    rows = (
        select(person.c.person_id, null(), literal(now_ms, BigInteger))
        .select_from(person)
        .outerjoin(TRAINEES, TRAINEES.c.person_id == person.c.person_id)
        .outerjoin(REMINDERS, _R.person_id == person.c.person_id)
        .where(due, func.coalesce(_R.reminded_ms, 0) <= again_ms, owes(person.c.person_id, course))
        .order_by(person.c.person_id)
        .limit(limit)
    )
    return await _set(connection, "reminded_ms", rows, func.coalesce(_R.reminded_ms, 0) <= again_ms)


def reminded_at(now_ms: int) -> Select[tuple[PersonId]]:
    """Return a statement of the people who are reminded at a time."""
    return select(_R.person_id).where(_R.reminded_ms == now_ms)


async def ask(
    connection: AsyncConnection,
    people: Select[Any],
    units: Collection[UnitId],
    course: str,
    now_ms: int,
    again_ms: int,
) -> int:
    """Let the people of a statement (``person_id``, ``unit_id``) in these units be reminded who
    have not completed a course and were neither asked for nor reminded since ``again_ms``; return
    how many. One statement."""
    person = people.subquery()
    rows = (
        select(person.c.person_id, literal(now_ms, BigInteger), null())
        .select_from(person)
        .outerjoin(REMINDERS, _R.person_id == person.c.person_id)
        .where(among(person.c.unit_id, units), _rested(again_ms), owes(person.c.person_id, course))
    )
    return await _set(connection, "asked_ms", rows, _rested(again_ms))


async def _set(
    connection: AsyncConnection, column: str, rows: Select[Any], where: ColumnElement[bool]
) -> int:
    """Write rows; of those that are there, one column where the condition still holds."""
    statement = upsert_for(connection.dialect.name, REMINDERS).from_select(
        ["person_id", "asked_ms", "reminded_ms"], rows
    )
    done = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id"], set_={column: statement.excluded[column]}, where=where
        )
    )
    return done.rowcount


async def owing(
    connection: AsyncConnection, people: Select[Any], units: Collection[UnitId], course: str
) -> int:
    """Return how many people of a statement in these units have not completed a course."""
    person = people.subquery()
    return (
        await connection.scalar(
            select(func.count())
            .select_from(person)
            .where(among(person.c.unit_id, units), owes(person.c.person_id, course))
        )
        or 0
    )


def _rested(again_ms: int) -> ColumnElement[bool]:
    return and_(
        func.coalesce(_R.asked_ms, 0) <= again_ms, func.coalesce(_R.reminded_ms, 0) <= again_ms
    )
