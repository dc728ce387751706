"""People who were reminded of courses: table, statements.

``asked_ms``, ``asked_course``: when a head or trainer last asked for it, and of which course;
``reminded_ms``: when the person's devices were last woken. All stay when the course is done, and
count no longer then.
"""

from collections.abc import Collection, Mapping
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

from copconnect import wire
from copconnect.database.among import among
from copconnect.database.engine import METADATA, upsert_for
from copconnect.ids import PersonId, UnitId
from copconnect.training.store import TRAINEES, owes

REMINDERS = Table(
    "training_reminders",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("asked_ms", BigInteger),
    Column("asked_course", String(16)),
    Column("reminded_ms", BigInteger),
)
_R = REMINDERS.c
For = Mapping[wire.CourseName, Collection[PersonId] | None]
"""The people whom courses are for; None: everybody."""


async def asked_of(connection: AsyncConnection, person_id: PersonId) -> str | None:
    """Return the course of which somebody asked for a person to be reminded last."""
    found = select(_R.asked_course).where(_R.person_id == person_id)
    asked: str | None = await connection.scalar(found)
    return asked


async def remind(
    connection: AsyncConnection,
    people: Select[Any],
    courses: For,
    now_ms: int,
    overdue_ms: int | None,
    again_ms: int,
    limit: int,
) -> int:
    """Record that people are reminded now: those of a statement (``person_id``) who have not
    completed a course of theirs and began before ``overdue_ms`` (None: nobody did), or have not
    completed the one that was asked for since their last reminder, and were not reminded since
    ``again_ms``; return how many. One statement, which a second node finds done."""
    person = people.subquery()
    owed = {course: _owes(person, course, only) for course, only in courses.items()}
    due = and_(
        _R.asked_ms > func.coalesce(_R.reminded_ms, 0),
        or_(*(and_(_R.asked_course == course, open_) for course, open_ in owed.items())),
    )
    if overdue_ms is not None:
        due = or_(due, and_(TRAINEES.c.since_ms <= overdue_ms, or_(*owed.values())))
    rows = (
        select(person.c.person_id, null(), null(), literal(now_ms, BigInteger))
        .select_from(person)
        .outerjoin(TRAINEES, TRAINEES.c.person_id == person.c.person_id)
        .outerjoin(REMINDERS, _R.person_id == person.c.person_id)
        .where(due, func.coalesce(_R.reminded_ms, 0) <= again_ms)
        .order_by(person.c.person_id)
        .limit(limit)
    )
    return await _set(
        connection, ["reminded_ms"], rows, func.coalesce(_R.reminded_ms, 0) <= again_ms
    )


def reminded_at(now_ms: int) -> Select[tuple[PersonId]]:
    """Return a statement of the people who are reminded at a time."""
    return select(_R.person_id).where(_R.reminded_ms == now_ms)


async def ask(
    connection: AsyncConnection,
    people: Select[Any],
    units: Collection[UnitId],
    course: wire.CourseName,
    only: Collection[PersonId] | None,
    now_ms: int,
    again_ms: int,
) -> int:
    """Let the people of a statement (``person_id``, ``unit_id``) in these units be reminded who
    have not completed a course, which is for ``only`` (None: everybody), and were neither asked for
    nor reminded since ``again_ms``; return how many. One statement."""
    person = people.subquery()
    rows = (
        select(person.c.person_id, literal(now_ms, BigInteger), literal(course), null())
        .select_from(person)
        .outerjoin(REMINDERS, _R.person_id == person.c.person_id)
        .where(among(person.c.unit_id, units), _rested(again_ms), _owes(person, course, only))
    )
    return await _set(connection, ["asked_ms", "asked_course"], rows, _rested(again_ms))


async def _set(
    connection: AsyncConnection,
    columns: Collection[str],
    rows: Select[Any],
    where: ColumnElement[bool],
) -> int:
    """Write rows; of existing rows, these columns where the condition still holds."""
    statement = upsert_for(connection.dialect.name, REMINDERS).from_select(
        ["person_id", "asked_ms", "asked_course", "reminded_ms"], rows
    )
    done = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id"],
            set_={column: statement.excluded[column] for column in columns},
            where=where,
        )
    )
    return done.rowcount


async def owing(
    connection: AsyncConnection,
    people: Select[Any],
    units: Collection[UnitId],
    course: wire.CourseName,
    only: Collection[PersonId] | None,
) -> int:
    """Return how many people of a statement in these units have not completed a course, which is
    for ``only`` (None: everybody)."""
    person = people.subquery()
    return (
        await connection.scalar(
            select(func.count())
            .select_from(person)
            .where(among(person.c.unit_id, units), _owes(person, course, only))
        )
        or 0
    )


def _owes(person: Any, course: str, only: Collection[PersonId] | None) -> ColumnElement[bool]:
    open_ = owes(person.c.person_id, course)
    return open_ if only is None else and_(open_, among(person.c.person_id, only))


def _rested(again_ms: int) -> ColumnElement[bool]:
    return and_(
        func.coalesce(_R.asked_ms, 0) <= again_ms, func.coalesce(_R.reminded_ms, 0) <= again_ms
    )
