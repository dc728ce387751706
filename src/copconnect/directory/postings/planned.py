"""Transfers that take effect on a day to come, at 00:00 India time.

States of a row: ``planned``; then ``done``, ``cancelled`` or ``failed``, which the console lists
with the reason. One node applies the due transfers, each in a transaction with its state and its
entry in the audit log; a crash leaves it planned, and the next round does it. A transfer fails that
cannot be done as it was planned: the post is gone, the person left, or holds another post since, or
the planner has no longer the right to it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import PlannedTransferCancelled, TransferPlanned
from copconnect.clock import INDIA, Clock
from copconnect.database.engine import METADATA, Database, Transaction
from copconnect.directory import edit_store, store
from copconnect.directory.ports import Grants, ImportRights
from copconnect.directory.postings.transfers import Transfers, TransferTarget
from copconnect.ids import PersonId
from copconnect.leases import Leases
from copconnect.principals import Operator, Signer, named
from copconnect.rights import (
    Permit,
    PersonChange,
    decide,
    principal_of,
    require_people,
)

log = structlog.get_logger()
LATEST_DAYS = 366
NOT_ALLOWED = "the admin who planned it may not do it any more"
_ROUND_S = 20.0
_LEASE_S = 120.0
_FAILED_SHOWN_MS = 30 * 86_400_000
PLANNED = Table(
    "directory_planned_transfers",
    METADATA,
    Column("planned_id", Integer, primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("place", LargeBinary, nullable=False),  # JSON of a post's id or wire.NewPlace.
    Column("unit_id", String(64), nullable=False),
    Column("rank", String(32), nullable=True),  # None: the person keeps theirs.
    Column("due_ms", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("planner_id", String(32), nullable=True),  # None: an operator.
    Column("made_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),  # A failure says why.
    Index(None, "state", "due_ms"),
)
_T = PLANNED.c
_PLACE: msgspec.json.Decoder[TransferTarget] = msgspec.json.Decoder(str | wire.NewPlace)


def begins_ms(day: str) -> int:
    """Return when a day, YYYY-MM-DD, begins in India. Raises PlaceInvalid."""
    try:
        begun = datetime.combine(date.fromisoformat(day), datetime.min.time(), INDIA)
    except ValueError as error:
        raise errors.PlaceInvalid(reason="no such day") from error
    return int(begun.timestamp()) * 1000


def day_of(due_ms: int) -> str:
    """Return the day that begins then in India."""
    return datetime.fromtimestamp(due_ms / 1000, UTC).astimezone(INDIA).date().isoformat()


def place_of(row: Any) -> TransferTarget:
    """Return the place of a row."""
    return _PLACE.decode(row.place)


class PlannedTransfers:
    """Plans, cancels and applies them. A method that takes a connection runs in the caller's
    transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        transfers: Transfers,
        leases: Leases,
        grants: Grants,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._transfers = transfers
        self._grants = grants
        self._rights: ImportRights
        self.rounds = leases.periodic("planned_transfers", self.apply_due, _ROUND_S, _LEASE_S)

    def attach(self, rights: ImportRights) -> None:
        """Take the rights by which transfers are judged on their day, before any is due."""
        self._rights = rights

    async def plan(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        place: TransferTarget,
        rank: str | None,
        day: str,
    ) -> int:
        """Plan a transfer; return its number. Raises NotFound for a person who is not in the data
        bank, PlaceInvalid."""
        require_people(permit, [person_id])
        by, now_ms, due_ms = principal_of(permit), self._clock.now_ms(), begins_ms(day)
        await edit_store.lock(connection, now_ms)
        if due_ms <= now_ms:
            raise errors.PlaceInvalid(reason="the day has begun")
        if due_ms > now_ms + LATEST_DAYS * 86_400_000:
            raise errors.PlaceInvalid(reason="the day is too far off")
        query = select(_T.planned_id).where(_T.person_id == person_id, _T.state == "planned")
        if await connection.scalar(query) is not None:
            raise errors.PlaceInvalid(reason="a transfer of this person is planned")
        unit_id, title = await self._transfers.require_place(connection, person_id, place, rank)
        row = {
            "person_id": person_id,
            "place": msgspec.json.encode(place),
            "unit_id": unit_id,
            "rank": rank,
            "due_ms": due_ms,
            "by": named(by),
            "planner_id": by.person_id if isinstance(by, Signer) else None,
            "made_ms": now_ms,
            "state": "planned",
            "reason": "",
        }
        added = await connection.execute(insert(PLANNED).values(row).returning(_T.planned_id))
        number: int = added.scalar_one()
        act = TransferPlanned(person_id, number, unit_id, title, day)
        await self._audit.record(connection, by, act, await _path(connection, person_id))
        return number

    async def cancel(
        self, connection: Transaction, permit: Permit, person_id: PersonId, planned_id: int
    ) -> None:
        """Cancel a planned transfer, or take a failed one off the list. Raises NotFound."""
        require_people(permit, [person_id])
        await edit_store.lock(connection, self._clock.now_ms())
        row = await self.one(connection, planned_id)
        if row is None or row.person_id != person_id:
            raise errors.NotFound
        await _end(connection, planned_id, "cancelled")
        act = PlannedTransferCancelled(person_id, planned_id)
        by = principal_of(permit)
        await self._audit.record(connection, by, act, await _path(connection, person_id))

    async def one(self, connection: AsyncConnection, planned_id: int) -> Any | None:
        """Return a planned or failed transfer."""
        query = select(PLANNED).where(
            _T.planned_id == planned_id, _T.state.in_(("planned", "failed"))
        )
        return (await connection.execute(query)).first()

    async def listed(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the planned transfers, the next first, and the transfers that failed within 30
        days."""
        since_ms = self._clock.now_ms() - _FAILED_SHOWN_MS
        query = (
            select(PLANNED)
            .where(_T.state.in_(("planned", "failed")), _T.due_ms >= since_ms)
            .order_by(_T.due_ms, _T.planned_id)
        )
        return list(await connection.execute(query))

    async def shown(self, connection: AsyncConnection, row: Any) -> tuple[wire.Names, str]:
        """Return the title of the post of a row, and its day, YYYY-MM-DD."""
        return await self._transfers.title_of(connection, place_of(row)), day_of(row.due_ms)

    async def apply_due(self) -> None:
        """Do what is due, one transfer after another."""
        async with self._database.reading() as connection:
            query = select(PLANNED).where(_T.state == "planned", _T.due_ms <= self._clock.now_ms())
            due = list(await connection.execute(query.order_by(_T.due_ms, _T.planned_id)))
        for row in due:
            try:
                async with self._database.transaction() as connection:
                    await self._apply(connection, row)
            except (errors.NotAllowed, errors.ActInvalid):
                async with self._database.transaction() as connection:
                    await _end(connection, row.planned_id, "failed", NOT_ALLOWED)
            except (errors.PlaceInvalid, errors.NotFound) as error:
                reason = str(error.details.get("reason", "the person left"))
                async with self._database.transaction() as connection:
                    await _end(connection, row.planned_id, "failed", reason)
            except Exception:  # The others are due all the same; the next round tries this again.
                log.exception("planned_transfer_failed", planned_id=row.planned_id)

    async def _apply(self, connection: Transaction, row: Any) -> None:
        await edit_store.lock(connection, self._clock.now_ms())
        if await self.one(connection, row.planned_id) is None:
            return  # Cancelled meanwhile.
        people = await store.by_id(connection, [row.person_id])
        if people and people[0].posted_ms > row.made_ms:
            raise errors.PlaceInvalid(reason="the person holds another post since")
        permit = await self._decided(connection, row)
        await _end(connection, row.planned_id, "done")
        await self._transfers.transfer(connection, permit, row.person_id, place_of(row), row.rank)

    async def _decided(self, connection: AsyncConnection, row: Any) -> Permit:
        """Judge a transfer again on its day: the planner may have lost the right since, and the
        person may hold grants. Raises NotAllowed, ActInvalid."""
        by = Operator(f"planned-transfer-{row.planned_id}")
        if row.planner_id is None:
            return by
        paths = {await _path(connection, row.person_id)}
        unit_id = await self._transfers.unit_of_place(connection, place_of(row))
        paths.add((await store.unit_path(connection, unit_id)).strip("/"))
        granted = frozenset(await self._grants.held_paths(connection, row.person_id))
        change = PersonChange(row.person_id, frozenset(paths), granted)
        held = await self._rights.of(connection, row.planner_id)
        return decide(by, row.planner_id, [held], "manage_people", paths | granted, [change])


async def _end(connection: AsyncConnection, planned_id: int, state: str, reason: str = "") -> None:
    await connection.execute(
        update(PLANNED).where(_T.planned_id == planned_id).values(state=state, reason=reason)
    )


async def _path(connection: AsyncConnection, person_id: PersonId) -> str:
    return str((await store.rights_bases(connection, [person_id]))[0].path).strip("/")
