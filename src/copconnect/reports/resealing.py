"""Seals of proofs and appeals for moderators who came later, and for new devices (F3).

The reporter's device seals a proof, and the sanctioned person's an appeal, to the people who
moderate then. A moderator's device that opened it seals the same secret to the devices of the
people who moderate now; the server says which lack it, and takes seals for these alone. A seal of a
wrong secret opens nothing, so that a device is named as lacking until two moderators sealed for it:
one who lies keeps nobody from reading.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.ids import PersonId, ReportId
from copconnect.limits import REPORT_ADDED_SEALS
from copconnect.principals import Caller, ListedDevice
from copconnect.records.conversation.envelope import APPEAL, REPORT, AddedSeal, check_added
from copconnect.records.primitives.fields import Refused
from copconnect.reports import sanction_store, seal_store, store
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.parties import parties_of
from copconnect.reports.reporting import owners, readers_about, tell
from copconnect.reports.sanctioning import appeal_readers
from copconnect.rights import covers

PAGE = 50
_ENOUGH = 2  # Moderators who sealed for a device.


class Resealing:
    """Answers moderators' devices. Stateless."""

    def __init__(self, deps: ReportDependencies) -> None:
        self._deps = deps

    async def wanting(
        self, caller: Caller, envelope: wire.CaseEnvelope, after: tuple[int, str] | None
    ) -> wire.WantingCases:
        """Return a page of the cases of the caller's part, open or with an open appeal, whose proof
        some device of a moderator lacks, and the caller has not sealed for it; or of its open
        appeals. Raises NotAllowed."""
        deps, me = self._deps, caller.person_id
        async with deps.database.reading() as connection:
            paths = await deps.moderated(connection, me)
            box = store.UNSETTLED if envelope == "report" else store.APPEALED
            rows = await store.page(connection, me, paths, box, after, PAGE + 1)
            some = rows[:PAGE]
            ids = [ReportId(row.report_id) for row in some]
            first = await seal_store.first_devices(connection, ids, envelope)
            later = await seal_store.later_devices(connection, ids, envelope)
            if envelope == "report":
                ids = list(await seal_store.with_proof(connection, ids))
            kept = [one for one in some if one.report_id in ids]
            judged = [one for one in kept if one.state != "decided"]
            readers = await self._readers(connection, judged)
            # People who decide an appeal read the proof too.
            readers |= await self._appeal_readers(
                connection, [ReportId(one.report_id) for one in kept if one.state == "decided"]
            )
        cases = []
        for row in some:
            added = later.get(row.report_id, {})
            done = {one for one, by in added.items() if me in by or len(by) >= _ENOUGH}
            done |= first.get(row.report_id, set())
            devices = [
                wire.WantingDevice(person_id=one.person_id, device=one.device)
                for one in readers.get(row.report_id, [])
                if one.device not in done
            ]
            if devices:
                cases.append(wire.WantingCase(report_id=row.report_id, devices=devices))
        last = some[-1] if len(rows) > PAGE else None
        following = None if last is None else f"{last.created_ms}-{last.report_id}"
        return wire.WantingCases(cases=cases, next=following)

    async def add(
        self, caller: Caller, report_id: ReportId, body: wire.SubmitSeals
    ) -> wire.SealsAdded:
        """Take seals for devices of the people who moderate a case, or read its appeal. The same
        again changes nothing. Raises NotFound, also for the caller's own case; ReportDecided,
        ReportInvalid."""
        deps, me = self._deps, caller.person_id
        kind = REPORT if body.envelope == "report" else APPEAL
        for one in body.seals:
            try:
                added = AddedSeal(kem=one.kem, key_id=one.key_id, seal=one.seal)
                check_added(kind, added)
            except Refused as error:
                raise errors.ReportInvalid(reason="sealed", rule="F3") from error
        async with deps.database.transaction() as connection:
            row = await store.one(connection, report_id, hold=True)
            paths = await deps.moderated(connection, me)
            if row is None or not any(covers(one, row.path) for one in paths):
                raise errors.NotFound
            if me in (await parties_of(connection, row)).own:
                raise errors.NotFound
            readers = await self._open_to(connection, row, body.envelope)
            count = await seal_store.count(connection, report_id, body.envelope)
            if count + len(body.seals) > REPORT_ADDED_SEALS:
                raise errors.ReportInvalid(reason="seals")
            owned = await owners(connection, deps, readers, [one.key_id for one in body.seals])
            owner = {key.key_id: (p, key.device) for p, keys in owned.items() for key in keys}
            values = []
            for one in body.seals:
                person_id, device = owner[one.key_id]
                values.append(
                    {
                        "report_id": report_id,
                        "envelope": body.envelope,
                        "key_id": one.key_id,
                        "by_id": me,
                        "person_id": person_id,
                        "device": device,
                        "kem": one.kem,
                        "seal": one.seal,
                    }
                )
            await seal_store.add(connection, values)
            tell(connection, set(owned))
            return wire.SealsAdded(
                seals=await seal_store.count(connection, report_id, body.envelope)
            )

    async def _open_to(
        self, connection: AsyncConnection, row: Row[Any], envelope: wire.CaseEnvelope
    ) -> list[PersonId]:
        """Return who reads an envelope now. Raises ReportDecided, NotFound."""
        if envelope == "report" and row.state != "decided":
            reported, reporter = PersonId(row.reported_id), PersonId(row.reporter_id)
            return await readers_about(connection, self._deps, reported, {reporter})
        sanction = await sanction_store.one(connection, row.report_id)
        appeal = await sanction_store.appeal(connection, row.report_id)
        if row.state != "decided":
            raise errors.NotFound
        if sanction is None or appeal is None or appeal.outcome is not None:
            raise errors.ReportDecided
        return await appeal_readers(connection, self._deps, sanction)

    async def _appeal_readers(
        self, connection: AsyncConnection, ids: Collection[ReportId]
    ) -> dict[ReportId, Sequence[ListedDevice]]:
        """Return the devices of the people who read each of these appeals now."""
        found: dict[ReportId, Sequence[ListedDevice]] = {}
        for one in ids:
            sanction = await sanction_store.one(connection, one)
            if sanction is not None:
                people = await appeal_readers(connection, self._deps, sanction)
                found[one] = await self._deps.devices.devices_of(connection, people)
        return found

    async def _readers(
        self, connection: AsyncConnection, rows: Collection[Row[Any]]
    ) -> dict[ReportId, Sequence[ListedDevice]]:
        """Return the devices of the people who read each of these reports now. People about whom
        several were made are asked about once."""
        people: dict[tuple[str, str], list[PersonId]] = {}
        for row in rows:
            about = (row.reported_id, row.reporter_id)
            if about not in people:
                people[about] = await readers_about(
                    connection, self._deps, PersonId(about[0]), {PersonId(about[1])}
                )
        everybody = {one for some in people.values() for one in some}
        devices = await self._deps.devices.devices_of(connection, everybody)
        return {
            row.report_id: [
                one
                for one in devices
                if one.person_id in people[(row.reported_id, row.reporter_id)]
            ]
            for row in rows
        }


def as_added(row: Row[Any]) -> wire.AddedSeal:
    """Return a seal that a moderator added."""
    return wire.AddedSeal(key_id=row.key_id, kem=row.kem, seal=row.seal)
