"""Statements on sanctions and appeals."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.upserts import add_once
from copconnect.ids import PersonId, ReportId
from copconnect.principals import Bar
from copconnect.reports.tables import APPEALS, REPORTS, SANCTIONS

_S, _A, _R = SANCTIONS.c, APPEALS.c, REPORTS.c
BARRING = ("muted", "suspended")


def _in_force(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return (
        _S.kind.in_(BARRING),
        _S.from_ms <= now_ms,
        _S.until_ms > now_ms,
        _S.ended_ms.is_(None),
    )


async def bars(
    connection: AsyncConnection, person_ids: Collection[PersonId], now_ms: int
) -> dict[PersonId, list[Bar]]:
    """Return the sanctions in force that take the right to send, of those of these people who have
    any. One statement."""
    query = select(_S.person_id, _S.kind, _S.until_ms).where(
        among(_S.person_id, person_ids), *_in_force(now_ms)
    )
    found: dict[PersonId, list[Bar]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.person_id, []).append(Bar(row.kind, row.until_ms))
    return found


async def sanctioned(
    connection: AsyncConnection, person_ids: Collection[PersonId], now_ms: int
) -> set[PersonId]:
    """Return those of these people who have a sanction in force or unread. One statement."""
    in_force = and_(_S.until_ms > now_ms, _S.ended_ms.is_(None))
    query = select(_S.person_id).where(
        among(_S.person_id, person_ids), or_(in_force, _S.acknowledged_ms.is_(None))
    )
    return set(await connection.scalars(query))


async def barred(connection: AsyncConnection, now_ms: int) -> list[PersonId]:
    """Return everybody who may not send somewhere because of a sanction."""
    query = select(_S.person_id).where(*_in_force(now_ms)).distinct().order_by(_S.person_id)
    return list(await connection.scalars(query))


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a sanction."""
    await connection.execute(insert(SANCTIONS).values(**values))


async def change(connection: AsyncConnection, report_id: ReportId, **values: Any) -> None:
    """Change a sanction's row."""
    await connection.execute(update(SANCTIONS).where(_S.report_id == report_id).values(**values))


_SHOWN = (
    select(
        SANCTIONS,
        _R.decided_clause.label("clause"),
        _R.reason,
        _R.decider_id,
        _R.second_id,
        _A.created_ms.label("appealed_ms"),
        _A.outcome,
        _A.reason.label("appeal_reason"),
    )
    .join(REPORTS, _R.report_id == _S.report_id)
    .outerjoin(APPEALS, _A.report_id == _S.report_id)
)


async def one(
    connection: AsyncConnection, report_id: ReportId, *, hold: bool = False
) -> Row[Any] | None:
    """Return a sanction with its decision and its appeal's state."""
    query = _SHOWN.where(_S.report_id == report_id)
    if hold:
        query = query.with_for_update(of=SANCTIONS)
    return (await connection.execute(query)).first()


async def of_person(connection: AsyncConnection, person_id: PersonId) -> Sequence[Row[Any]]:
    """Return a person's sanctions, newest first."""
    query = _SHOWN.where(_S.person_id == person_id).order_by(_S.from_ms.desc()).limit(100)
    return (await connection.execute(query)).all()


async def people_over(connection: AsyncConnection, now_ms: int, limit: int) -> list[PersonId]:
    """Return people whose sanction has ended, but whom rosters list without the right to send
    still."""
    query = select(_S.person_id).where(_S.in_rosters, _S.until_ms <= now_ms).distinct()
    return list(await connection.scalars(query.limit(limit)))


async def over(connection: AsyncConnection, now_ms: int, person_id: PersonId) -> Sequence[Row[Any]]:
    """Return a person's sanctions that have ended while rosters list the person without the right
    to send still; held until this transaction ends."""
    query = select(SANCTIONS).where(_S.person_id == person_id, _S.in_rosters, _S.until_ms <= now_ms)
    return (await connection.execute(query.order_by(_S.until_ms).with_for_update())).all()


# --- Appeals ----------------------------------------------------------------------------------


async def appeal(connection: AsyncConnection, report_id: ReportId) -> Row[Any] | None:
    """Return the appeal of a sanction."""
    query = select(APPEALS).where(_A.report_id == report_id)
    return (await connection.execute(query)).first()


async def add_appeal(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Store an appeal; return False where there is one."""
    return await add_once(connection, APPEALS, values)


async def decide_appeal(connection: AsyncConnection, report_id: ReportId, **values: Any) -> None:
    """Change an appeal's row."""
    await connection.execute(update(APPEALS).where(_A.report_id == report_id).values(**values))
