"""Statements on reports and their decisions. A page costs the same number, however many cases."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.ids import ConversationId, PersonId, ReportId
from copconnect.reports.tables import APPEALS, PROOFS, READERS, REPORTS, SANCTIONS, SEALS

_R, _P, _A = REPORTS.c, PROOFS.c, APPEALS.c
KEY_ID_BYTES = 16
_HeldConversations = CompoundSelect[tuple[ConversationId]]


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """The id of a DeviceKey, and the device whose it is."""

    key_id: bytes
    device: bytes


_WAITS = exists().where(_A.report_id == _R.report_id, _A.outcome.is_(None))


async def add(
    connection: AsyncConnection,
    report: Mapping[str, Any],
    sealed: bytes,
    readers: Mapping[PersonId, Sequence[OwnedKey]],
) -> None:
    """Store a report, its proof, and whom it is sealed to with the keys of each."""
    report_id = report["report_id"]
    await connection.execute(insert(REPORTS).values(**report))
    await connection.execute(insert(PROOFS).values(report_id=report_id, sealed=sealed))
    rows = [
        {
            "report_id": report_id,
            "person_id": one,
            "key_ids": b"".join(key.key_id for key in readers[one]),
            "devices": b"".join(key.device for key in readers[one]),
        }
        for one in sorted(readers)
    ]
    await connection.execute(insert(READERS), rows)


async def one(
    connection: AsyncConnection, report_id: ReportId, *, hold: bool = False
) -> Row[Any] | None:
    """Return the row of a report; ``hold``: which nobody else changes before this transaction
    ends."""
    query = select(REPORTS).where(_R.report_id == report_id)
    return (await connection.execute(query.with_for_update() if hold else query)).first()


async def change(connection: AsyncConnection, report_id: ReportId, **values: Any) -> None:
    """Change a report's row."""
    await connection.execute(update(REPORTS).where(_R.report_id == report_id).values(**values))


async def newest_of(
    connection: AsyncConnection, reporter_id: PersonId, since_ms: int, limit: int
) -> Sequence[Row[Any]]:
    """Return the newest reports of a person since a time."""
    query = (
        select(REPORTS)
        .where(_R.reporter_id == reporter_id, _R.created_ms > since_ms)
        .order_by(_R.created_ms.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def of_message(connection: AsyncConnection, report: Row[Any]) -> Sequence[Row[Any]]:
    """Return all reports of the message that a report is about, that report with them."""
    query = select(REPORTS).where(
        _R.message_id == report.message_id,
        _R.conversation_id == report.conversation_id,
        _R.header_hash == report.header_hash,
    )
    return (await connection.execute(query)).all()


async def sealed_bytes(connection: AsyncConnection, reporter_id: PersonId, since_ms: int) -> int:
    """Return how many bytes a person's proofs since a time have."""
    query = (
        select(func.coalesce(func.sum(func.length(_P.sealed)), 0))
        .join(REPORTS, _R.report_id == _P.report_id)
        .where(_R.reporter_id == reporter_id, _R.created_ms > since_ms)
    )
    return int(await connection.scalar(query) or 0)


async def readers_of(connection: AsyncConnection, report_id: ReportId) -> set[PersonId]:
    """Return the people whom a report is sealed to, by the reporter or by a moderator."""
    first = select(READERS.c.person_id).where(READERS.c.report_id == report_id)
    later = select(SEALS.c.person_id).where(SEALS.c.report_id == report_id)
    return set(await connection.scalars(first.union(later)))


async def is_reader_in(
    connection: AsyncConnection,
    person_id: PersonId,
    paths: Collection[str],
    conversation_ids: Collection[ConversationId],
    uploaded_ms: int,
) -> bool:
    """Return whether a report from any of these conversations, about somebody of these parts and
    not older than a file, is sealed to a person who did not report it."""
    # The words of an appeal show no file.
    of_proof = SEALS.c.envelope == "report"
    reads = or_(
        *(
            exists().where(one.c.report_id == _R.report_id, one.c.person_id == person_id, *more)
            for one, more in ((READERS, ()), (SEALS, (of_proof,)))
        )
    )
    query = (
        select(_R.report_id)
        .where(
            reads,
            among(_R.conversation_id, conversation_ids),
            _R.created_ms >= uploaded_ms,
            _at_or_below(paths),
            _not_own(person_id),
        )
        .limit(1)
    )
    return await connection.scalar(query) is not None


async def proof(connection: AsyncConnection, report_id: ReportId) -> bytes | None:
    """Return a sealed proof; None: it is kept no more."""
    found: bytes | None = await connection.scalar(
        select(_P.sealed).where(_P.report_id == report_id)
    )
    return found


async def key_ids(
    connection: AsyncConnection, person_id: PersonId, report_ids: Collection[ReportId]
) -> dict[ReportId, list[bytes]]:
    """Return the key ids of a person that open each proof that is kept."""
    r = READERS.c
    rows = await connection.execute(
        select(r.report_id, r.key_ids)
        .join(PROOFS, _P.report_id == r.report_id)
        .where(r.person_id == person_id, among(r.report_id, report_ids))
    )
    return {
        row.report_id: [
            row.key_ids[at : at + KEY_ID_BYTES] for at in range(0, len(row.key_ids), KEY_ID_BYTES)
        ]
        for row in rows
    }


# --- The queue --------------------------------------------------------------------------------


def _at_or_below(paths: Collection[str]) -> ColumnElement[bool]:
    if "" in paths:
        return true()
    parts = [or_(_R.path == one, _R.path.startswith(f"{one}/", autoescape=True)) for one in paths]
    return or_(*parts)


def _not_own(person_id: PersonId) -> ColumnElement[bool]:
    """Leave out cases that a person is reported in, and all cases of a message that the person
    reported."""
    own = REPORTS.alias().c
    reported = exists().where(
        own.reporter_id == person_id,
        own.message_id == _R.message_id,
        own.conversation_id == _R.conversation_id,
        own.header_hash == _R.header_hash,
    )
    return and_(_R.reported_id != person_id, ~reported)


APPEALED: wire.CaseBox = "appeals"
UNSETTLED: Literal["unsettled"] = "unsettled"
"""A box of cases that are open, or of which an appeal waits."""


def _box(box: wire.CaseBox | Literal["unsettled"], person_id: PersonId) -> ColumnElement[bool]:
    match box:
        case "unsettled":
            return or_(_R.state != "decided", _WAITS)
        case "open":
            return _R.state != "decided"
        case "mine":
            return and_(_R.state == "assigned", _R.assignee_id == person_id)
        case "decided":
            return _R.state == "decided"
        case _:
            return _WAITS


async def page(
    connection: AsyncConnection,
    person_id: PersonId,
    paths: Collection[str],
    box: wire.CaseBox | Literal["unsettled"],
    after: tuple[int, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return cases about people of these parts, none whose message the person reported, none that
    the person is reported in: the oldest first, of decided ones the newest."""
    query = select(REPORTS, _WAITS.label("appealed")).where(
        _at_or_below(paths), _not_own(person_id), _box(box, person_id)
    )
    order = (_R.created_ms, _R.report_id)
    if box == "decided":
        query = query.order_by(*(one.desc() for one in order))
        if after is not None:
            query = query.where(tuple_(*order) < tuple_(*after))
    else:
        query = query.order_by(*order)
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
    return (await connection.execute(query.limit(limit))).all()


async def counts_of(connection: AsyncConnection, message_ids: Collection[str]) -> dict[str, int]:
    """Return how many reports there are of each of these messages."""
    query = select(_R.message_id, func.count().label("reports")).where(
        among(_R.message_id, message_ids)
    )
    rows = await connection.execute(query.group_by(_R.message_id))
    return {row.message_id: row.reports for row in rows}


# --- Statistics -------------------------------------------------------------------------------


async def counted(
    connection: AsyncConnection, person_id: PersonId, paths: Collection[str], since_ms: int
) -> Sequence[Row[Any]]:
    """Return how many reports there are by unit, clause and finding, as for the queue without
    reports that concern the asking person."""
    query = (
        select(_R.path, _R.clause, _R.finding, func.count().label("reports"))
        .where(_at_or_below(paths), _not_own(person_id), _R.created_ms >= since_ms)
        .group_by(_R.path, _R.clause, _R.finding)
    )
    return (await connection.execute(query)).all()


async def counted_appeals(
    connection: AsyncConnection, person_id: PersonId, paths: Collection[str], since_ms: int
) -> dict[str | None, int]:
    """Return how many appeals there are by outcome."""
    query = (
        select(_A.outcome, func.count().label("appeals"))
        .join(REPORTS, _R.report_id == _A.report_id)
        .where(_at_or_below(paths), _not_own(person_id), _R.created_ms >= since_ms)
        .group_by(_A.outcome)
    )
    return {row.outcome: row.appeals for row in await connection.execute(query)}


async def median_ms(
    connection: AsyncConnection,
    person_id: PersonId,
    paths: Collection[str],
    since_ms: int,
    decided: int,
) -> int | None:
    """Return the median time from a report to its decision; ``decided``: how many there are."""
    if not decided:
        return None
    took = _R.decided_ms - _R.created_ms
    query = (
        select(took)
        .where(
            _at_or_below(paths),
            _not_own(person_id),
            _R.created_ms >= since_ms,
            _R.decided_ms.is_not(None),
        )
        .order_by(took)
        .offset((decided - 1) // 2)
        .limit(1)
    )
    found: int | None = await connection.scalar(query)
    return found


# --- Retention --------------------------------------------------------------------------------


async def forget_proofs(
    connection: AsyncConnection, before_ms: int, held: _HeldConversations
) -> None:
    """Forget the proofs of cases that came before a time and that nobody decided, but none of held
    conversations."""
    old = select(_R.report_id).where(
        _R.state != "decided", _R.created_ms < before_ms, _R.conversation_id.not_in(held)
    )
    for table in (SEALS, PROOFS):
        await connection.execute(delete(table).where(table.c.report_id.in_(old)))


async def forget(
    connection: AsyncConnection, before_ms: int, held: _HeldConversations, limit: int
) -> int:
    """Forget cases that were decided before a time, whose sanction is over and of which no appeal
    waits, but none of held conversations; return how many."""
    s = SANCTIONS.c
    over = or_(s.report_id.is_(None), s.until_ms < before_ms)
    query = (
        select(_R.report_id)
        .outerjoin(SANCTIONS, s.report_id == _R.report_id)
        .where(
            _R.state == "decided",
            _R.decided_ms < before_ms,
            _R.conversation_id.not_in(held),
            over,
            ~_WAITS,
        )
        .limit(limit)
    )
    ids = list(await connection.scalars(query))
    for table in (READERS, SEALS, PROOFS, APPEALS, SANCTIONS, REPORTS):
        await connection.execute(delete(table).where(among(table.c.report_id, ids)))
    return len(ids)


async def reported_since(
    connection: AsyncConnection, conversation_id: ConversationId, from_ms: int
) -> bool:
    """Return whether a message of a conversation was reported at or after a time."""
    reported = exists().where(_R.conversation_id == conversation_id, _R.created_ms >= from_ms)
    return bool(await connection.scalar(select(reported)))
