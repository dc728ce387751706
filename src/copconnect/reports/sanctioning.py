"""Sanctions: begun by a decision, ended by time or by an appeal.

A sanction takes the right to send from the person's leaves in the transaction that begins it, so
that every client refuses what is sent all the same (R2). It ends by its time everywhere, judged
when somebody asks; a job that one node runs then gives the leaves their right back, as does the
first message that the person tries to send before that job came round. Each end is an entry of the
audit log.
"""

from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import SanctionEnded
from copconnect.database.engine import Transaction
from copconnect.database.rows import of_row
from copconnect.ids import PersonId, ReportId
from copconnect.leases import Leases
from copconnect.principals import Caller, Operator
from copconnect.records.conversation.envelope import APPEAL
from copconnect.reports import rules, sanction_store, store
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.parties import parties_of
from copconnect.reports.reporting import owners, readers_over, sealed_to, tell

PERIOD_S = 30.0
PRUNE_PERIOD_S = 3_600.0
_BATCH = 50
_SERVER = Operator("server")


class Sanctioning:
    """Sanctions and appeals."""

    def __init__(self, deps: ReportDependencies, leases: Leases) -> None:
        self._deps = deps
        self.rounds = leases.periodic("sanctions", self.round, PERIOD_S, 3 * PERIOD_S)
        self.pruning = leases.periodic("reports_pruning", self.prune, PRUNE_PERIOD_S)

    # --- The job ------------------------------------------------------------------------------

    async def round(self) -> None:
        """Give back the right to send where a sanction has ended. Compare the leaves of
        people whose sanction is in force: a group may have become large since."""
        ended = _BATCH
        while ended == _BATCH:
            async with self._deps.database.reading() as connection:
                people = await sanction_store.people_over(
                    connection, self._deps.clock.now_ms(), _BATCH
                )
            for one in people:
                await self.end_over(one)
            ended = len(people)
        async with self._deps.database.reading() as connection:
            people = await sanction_store.barred(connection, self._deps.clock.now_ms())
        for one in people:
            async with self._deps.database.transaction() as connection:
                await self._deps.messages.sending_changed(connection, one)

    async def end_over(self, person_id: PersonId) -> bool:
        """Do the same for one person; return whether anything changed. A transaction is about one
        person: the conversations of several would be held in no common order."""
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        async with deps.database.transaction() as connection:
            rows = await sanction_store.over(connection, now_ms, person_id)
            if not rows:
                return False
            for row in rows:
                await sanction_store.change(connection, row.report_id, in_rosters=False)
            await deps.messages.sending_changed(connection, person_id)
            tell(connection, {person_id})
            for row in rows:
                ended = SanctionEnded(row.report_id, person_id, row.kind)
                await deps.audit.record(connection, _SERVER, ended, row.path)
        return True

    async def prune(self) -> None:
        """Forget cases that were decided longer ago than the log is kept, and the proofs of cases
        that nobody decided in that time; nothing of held conversations."""
        now_ms = self._deps.clock.now_ms()
        before_ms = now_ms - self._deps.log_days * rules.DAY_MS
        held = self._deps.messages.held(now_ms)
        async with self._deps.database.transaction() as connection:
            await store.forget_proofs(connection, before_ms, held)
        forgotten = _BATCH
        while forgotten == _BATCH:
            async with self._deps.database.transaction() as connection:
                forgotten = await store.forget(connection, before_ms, held, _BATCH)

    # --- In the transaction of a decision -----------------------------------------------------

    async def begin(
        self, connection: Transaction, report: Row[Any], sanction: wire.NewSanction
    ) -> None:
        """Begin a sanction of the reported person."""
        from_ms = self._deps.clock.now_ms()
        bars = sanction.kind in sanction_store.BARRING
        values = {
            "report_id": report.report_id,
            "person_id": report.reported_id,
            "path": report.path,
            "kind": sanction.kind,
            "from_ms": from_ms,
            "until_ms": rules.until_ms(from_ms, sanction),
            "in_rosters": bars,
        }
        await sanction_store.add(connection, values)
        if bars:
            await self._deps.messages.sending_changed(connection, PersonId(report.reported_id))

    async def lift(self, connection: Transaction, row: Row[Any]) -> None:
        """End a sanction before its time."""
        ended_ms = self._deps.clock.now_ms()
        values = {"ended_ms": ended_ms, "in_rosters": False}
        await sanction_store.change(connection, row.report_id, **values)
        if row.in_rosters:
            await self._deps.messages.sending_changed(connection, PersonId(row.person_id))

    # --- The person concerned -----------------------------------------------------------------

    async def own(self, caller: Caller) -> wire.Sanctions:
        """Return the caller's sanctions, newest first."""
        async with self._deps.database.reading() as connection:
            rows = await sanction_store.of_person(connection, caller.person_id)
        return wire.Sanctions(sanctions=[as_wire(row) for row in rows])

    async def acknowledge(self, caller: Caller, report_id: ReportId) -> wire.Sanction:
        """Record that the person has read a sanction of theirs. Raises NotFound."""
        async with self._deps.database.transaction() as connection:
            row = await self._own(connection, caller, report_id)
            if row.acknowledged_ms is None:
                now_ms = self._deps.clock.now_ms()
                await sanction_store.change(connection, report_id, acknowledged_ms=now_ms)
                tell(connection, {caller.person_id})
                row = await self._own(connection, caller, report_id)
        return as_wire(row)

    async def readers(self, caller: Caller, report_id: ReportId) -> wire.ReportReaders:
        """Return who reads an appeal: moderators who did not decide the sanction. Raises
        NotFound, ReportInvalid."""
        async with self._deps.database.reading() as connection:
            row = await self._own(connection, caller, report_id)
            people = await appeal_readers(connection, self._deps, row)
            if not people:
                raise errors.ReportInvalid(reason="nobody_moderates")
            cards = await self._deps.people.cards(connection, people, caller.person_id)
        return wire.ReportReaders(people=[cards[one] for one in people if one in cards])

    async def appeal(
        self, caller: Caller, report_id: ReportId, body: wire.SubmitAppeal
    ) -> wire.Sanction:
        """Take an appeal, one for each sanction. The same again is answered as the first time.

        Raises NotFound, AppealLate, AppealMade, ReportInvalid.
        """
        deps = self._deps
        key_ids = sealed_to(APPEAL, body.sealed)
        async with deps.database.transaction() as connection:
            row = await self._own(connection, caller, report_id, hold=True)
            known = await sanction_store.appeal(connection, report_id)
            if known is not None:
                if known.sealed != body.sealed:
                    raise errors.AppealMade
                return as_wire(row)
            now_ms = deps.clock.now_ms()
            rules.check_appeal(now_ms, row.kind, row.from_ms, row.until_ms, row.ended_ms)
            people = await appeal_readers(connection, deps, row)
            if not people:
                raise errors.ReportInvalid(reason="nobody_moderates")
            readers = await owners(connection, deps, people, key_ids)
            values = {
                "report_id": report_id,
                "sealed": body.sealed,
                "devices": b"".join(key.device for keys in readers.values() for key in keys),
                "created_ms": now_ms,
                "reason": "",
            }
            await sanction_store.add_appeal(connection, values)
            tell(connection, {*readers, caller.person_id})
            row = await self._own(connection, caller, report_id)
        return as_wire(row)

    async def _own(
        self,
        connection: AsyncConnection,
        caller: Caller,
        report_id: ReportId,
        *,
        hold: bool = False,
    ) -> Row[Any]:
        row = await sanction_store.one(connection, report_id, hold=hold)
        if row is None or row.person_id != caller.person_id:
            raise errors.NotFound
        return row


async def appeal_readers(
    connection: AsyncConnection, deps: ReportDependencies, row: Row[Any]
) -> list[PersonId]:
    """Return who reads an appeal against a sanction now, nobody where nobody could decide it.
    Moderators who reported the message are among them, and may not decide: the person would learn
    them from a list without them. Raises NotFound."""
    report = await store.one(connection, row.report_id)
    if report is None:
        raise errors.NotFound
    parties = await parties_of(connection, report)
    without = {PersonId(row.person_id), *parties.deciders}
    return await readers_over(connection, deps, row.path, without, parties.reporters)


def as_wire(row: Row[Any]) -> wire.Sanction:
    """Return a sanction."""
    state: Literal["none", "open", "upheld", "lifted"] = "none"
    if row.appealed_ms is not None:
        state = row.outcome or "open"
    return of_row(wire.Sanction, row, appeal=state, appeal_reason=row.appeal_reason or "")
