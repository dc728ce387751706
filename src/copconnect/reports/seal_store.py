"""Statements on seals that moderators added to a proof or an appeal for the devices of later ones
(F3)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.upserts import add_missing
from copconnect.ids import PersonId, ReportId
from copconnect.reports.tables import APPEALS, PROOFS, READERS, SEALS

_S = SEALS.c
_DEVICE_BYTES = 32


async def of_person(
    connection: AsyncConnection, person_id: PersonId, report_id: ReportId
) -> dict[str, list[Row[Any]]]:
    """Return the seals that were added for a person's devices, by envelope."""
    query = select(SEALS).where(_S.report_id == report_id, _S.person_id == person_id)
    found: dict[str, list[Row[Any]]] = {}
    for row in await connection.execute(query.order_by(_S.key_id, _S.by_id)):
        found.setdefault(row.envelope, []).append(row)
    return found


async def key_ids(
    connection: AsyncConnection, person_id: PersonId, report_ids: Collection[ReportId]
) -> dict[ReportId, list[bytes]]:
    """Return a person's key ids that added seals of proofs are for, by report."""
    query = select(_S.report_id, _S.key_id).where(
        _S.envelope == "report", _S.person_id == person_id, among(_S.report_id, report_ids)
    )
    found: dict[ReportId, list[bytes]] = {}
    for row in await connection.execute(query.distinct().order_by(_S.key_id)):
        found.setdefault(row.report_id, []).append(row.key_id)
    return found


async def count(connection: AsyncConnection, report_id: ReportId, envelope: str) -> int:
    """Return how many seals an envelope was given."""
    query = select(func.count()).where(_S.report_id == report_id, _S.envelope == envelope)
    return int(await connection.scalar(query) or 0)


async def with_proof(
    connection: AsyncConnection, report_ids: Collection[ReportId]
) -> set[ReportId]:
    """Return those of these reports whose proof is kept."""
    p = PROOFS.c.report_id
    return set(await connection.scalars(select(p).where(among(p, report_ids))))


async def first_devices(
    connection: AsyncConnection, report_ids: Collection[ReportId], envelope: str
) -> dict[ReportId, set[bytes]]:
    """Return the devices that reporters sealed these reports to, or the appeals were sealed to."""
    r = READERS.c if envelope == "report" else APPEALS.c
    query = select(r.report_id, r.devices).where(among(r.report_id, report_ids))
    found: dict[ReportId, set[bytes]] = {}
    for row in await connection.execute(query):
        devices = found.setdefault(row.report_id, set())
        for at in range(0, len(row.devices), _DEVICE_BYTES):
            devices.add(row.devices[at : at + _DEVICE_BYTES])
    return found


async def later_devices(
    connection: AsyncConnection, report_ids: Collection[ReportId], envelope: str
) -> dict[ReportId, dict[bytes, set[PersonId]]]:
    """Return the devices that seals of these envelopes were added for, each with who added them, by
    report."""
    query = select(_S.report_id, _S.device, _S.by_id).where(
        _S.envelope == envelope, among(_S.report_id, report_ids)
    )
    found: dict[ReportId, dict[bytes, set[PersonId]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.report_id, {}).setdefault(row.device, set()).add(row.by_id)
    return found


async def add(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store seals; one that the same moderator added for the same key before stays."""
    await add_missing(connection, SEALS, rows)
