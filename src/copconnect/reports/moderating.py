"""Cases as moderators read them, and what they do. Reading is a request; what they do is a signed
act of administration, in whose transaction the methods of the second half run.

A moderator decides no case that concerns them, as reporter of the message or as the reported
person. However often a message is reported, it brings one sanction, and a moderator who decided one
of its reports decides no appeal. A moderator who is sanctioned holds the right no more meanwhile
(copconnect.admin.rights). A moderator is never told who reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import AppealDecided, ReportAssigned, ReportDecided
from copconnect.database.engine import Transaction
from copconnect.database.rows import of_row
from copconnect.ids import PersonId, ReportId
from copconnect.principals import Caller, Signer
from copconnect.reports import rules, sanction_store, seal_store, store
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.parties import Parties, parties_of
from copconnect.reports.reporting import tell
from copconnect.reports.resealing import as_added
from copconnect.reports.sanctioning import Sanctioning, as_wire
from copconnect.rights import covers

PAGE = 50
CaseAct = wire.AssignReport | wire.DecideReport | wire.DecideAppeal | wire.MarkPicture
STATISTICS_DAYS = 365


@dataclass(frozen=True, slots=True)
class CaseReach:
    """The reach of an act about a case. ``paths``: units over which the right must hold;
    ``second``: another moderator must agree."""

    paths: frozenset[str]
    person_id: PersonId
    second: bool


class Moderating:
    """The cases. Stateless."""

    def __init__(self, deps: ReportDependencies, sanctioning: Sanctioning) -> None:
        self._deps = deps
        self._sanctioning = sanctioning

    # --- Reading ------------------------------------------------------------------------------

    async def cases(
        self, caller: Caller, box: wire.CaseBox, after: tuple[int, str] | None
    ) -> wire.Cases:
        """Return a page of the cases of the caller's part. Raises NotAllowed."""
        async with self._deps.database.reading() as connection:
            paths = await self._deps.moderated(connection, caller.person_id)
            rows = await store.page(connection, caller.person_id, paths, box, after, PAGE + 1)
            some = rows[:PAGE]
            waiting = {ReportId(row.report_id) for row in some if row.appealed}
            cases = await self._cases(connection, caller.person_id, some, waiting)
            people = await self._cards(connection, caller, cases)
        last = some[-1] if len(rows) > PAGE else None
        following = None if last is None else f"{last.created_ms}-{last.report_id}"
        return wire.Cases(cases=cases, people=people, next=following)

    async def case(self, caller: Caller, report_id: ReportId) -> wire.CaseDetail:
        """Return a case with its sealed proof. Raises NotFound, also for the caller's own."""
        async with self._deps.database.reading() as connection:
            row = await store.one(connection, report_id)
            paths = await self._deps.moderated(connection, caller.person_id)
            if row is None or not any(covers(one, row.path) for one in paths):
                raise errors.NotFound
            parties = await parties_of(connection, row)
            if caller.person_id in parties.own:
                raise errors.NotFound
            sealed = await store.proof(connection, report_id)
            seals = await seal_store.of_person(connection, caller.person_id, report_id)
            sanction = await sanction_store.one(connection, report_id)
            appeal = await sanction_store.appeal(connection, report_id)
            waits = appeal is not None and appeal.outcome is None
            appealed = {report_id} if waits else set()
            (case,) = await self._cases(connection, caller.person_id, [row], appealed)
            deciders = (row.decider_id, row.second_id)
            extra = [PersonId(one) for one in deciders if one is not None]
            people = await self._cards(connection, caller, [case], extra)
        return wire.CaseDetail(
            case=case,
            people=people,
            sealed=sealed,
            seals=[as_added(one) for one in seals.get("report", [])],
            decision=_decision(row),
            sanction=None if sanction is None else as_wire(sanction),
            appeal=None if appeal is None else _appeal(appeal, seals.get("appeal", [])),
            bar="decided" if row.state == "decided" else None,
            appeal_bar=_appeal_bar(parties, appeal, caller.person_id),
        )

    async def statistics(self, caller: Caller, path: str) -> wire.ReportStatistics:
        """Return counts of a part of the tree; "": of all that the caller moderates; cases of
        the caller's own are left out. Raises NotAllowed."""
        deps, person_id = self._deps, caller.person_id
        from_ms = deps.clock.now_ms() - STATISTICS_DAYS * rules.DAY_MS
        async with deps.database.reading() as connection:
            paths = await self._deps.moderated(connection, caller.person_id)
            if path:
                if not any(covers(one, path) for one in paths):
                    raise errors.NotAllowed(right="moderate", path=path)
                paths = [path]
            rows = await store.counted(connection, person_id, paths, from_ms)
            appeals = await store.counted_appeals(connection, person_id, paths, from_ms)
            total = _count(rows)
            decided = total.dismissed + total.upheld
            median = await store.median_ms(connection, person_id, paths, from_ms, decided)
        return wire.ReportStatistics(
            from_ms=from_ms,
            open=total.open,
            dismissed=total.dismissed,
            upheld=total.upheld,
            appeals=sum(appeals.values()),
            lifted=appeals.get("lifted", 0),
            median_ms=median,
            units=[
                _count([row for row in rows if row.path == one], path=one)
                for one in sorted({row.path for row in rows})
            ],
            clauses=[
                _count([row for row in rows if row.clause == one], clause=one)
                for one in sorted({row.clause for row in rows})
            ],
        )

    async def _cases(
        self,
        connection: AsyncConnection,
        viewer: PersonId,
        rows: Sequence[Row[Any]],
        waiting: set[ReportId],
    ) -> list[wire.Case]:
        """``viewer``: whose key ids are named; ``waiting``: cases with an appeal that waits."""
        ids = [ReportId(row.report_id) for row in rows]
        keys = await store.key_ids(connection, viewer, ids)
        added = await seal_store.key_ids(connection, viewer, ids)
        same = await store.counts_of(connection, {row.message_id for row in rows})
        return [
            of_row(
                wire.Case,
                row,
                others=same.get(row.message_id, 1) - 1,
                appealed=row.report_id in waiting,
                key_ids=keys.get(row.report_id, []) + added.get(row.report_id, []),
            )
            for row in rows
        ]

    async def _cards(
        self,
        connection: AsyncConnection,
        caller: Caller,
        cases: Sequence[wire.Case],
        more: Sequence[PersonId] = (),
    ) -> list[wire.Person]:
        named = {one for case in cases for one in (case.reported_id, case.assignee_id)}
        people = {one for one in (*named, *more) if one is not None}
        cards = await self._deps.people.cards(connection, people, caller.person_id)
        return list(cards.values())

    # --- Acts ---------------------------------------------------------------------------------

    async def reach(
        self,
        connection: AsyncConnection,
        act: CaseAct,
    ) -> CaseReach:
        """Return what an act about a case touches: a mute or a suspension also the units over which
        the reported person has grants. Raises NotFound, ActInvalid."""
        row = await self._row(connection, act.report_id)
        reported, paths, second = PersonId(row.reported_id), frozenset({row.path}), False
        if isinstance(act, wire.DecideReport):
            rules.check_decision(act)
            second = rules.needs_second(act)
        if second:
            paths |= frozenset(await self._deps.rights.granted(connection, reported))
        return CaseReach(paths, reported, second)

    async def allow(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        act: CaseAct,
    ) -> None:
        """Raise OwnCase for the reported person and everybody who reported the message,
        DecidedFirst for an appeal where the person decided any report of it."""
        parties = await parties_of(connection, await self._row(connection, act.report_id))
        if person_id in parties.own:
            raise errors.OwnCase
        if isinstance(act, wire.DecideAppeal) and person_id in parties.deciders:
            raise errors.DecidedFirst

    async def assign(self, connection: Transaction, by: Signer, act: wire.AssignReport) -> None:
        """Take a case, or give back one's own. Raises ReportDecided, NotFound."""
        row = await self._row(connection, act.report_id, hold=True)
        if row.state == "decided":
            raise errors.ReportDecided
        if not act.take and row.assignee_id != by.person_id:
            raise errors.NotFound
        assignee = by.person_id if act.take else None
        state = "assigned" if act.take else "open"
        await store.change(connection, act.report_id, assignee_id=assignee, state=state)
        await self._tell(connection, row)
        await self._deps.audit.record(connection, by, ReportAssigned(act.report_id, act.take))

    async def decide(
        self,
        connection: Transaction,
        by: Signer,
        act: wire.DecideReport,
        second: PersonId | None,
    ) -> None:
        """Decide a case, and begin the sanction that follows. Raises ReportDecided, also where
        another report of the message brought a sanction already; ActInvalid."""
        row = await self._row(connection, act.report_id, hold=True)
        if row.state == "decided":
            raise errors.ReportDecided
        if (row.header_hash.hex(), row.reported_id) != (act.header_hash, act.person_id):
            raise errors.ActInvalid(reason="the decision is about another message")
        rules.check_decision(act)
        if act.sanction is not None:
            same = await store.of_message(connection, row)
            if any(one.sanction is not None for one in same):
                raise errors.ReportDecided
        values = {
            "state": "decided",
            "decider_id": by.person_id,
            "second_id": second,
            "finding": act.finding,
            "decided_clause": act.clause,
            "reason": act.reason,
            "sanction": None if act.sanction is None else act.sanction.kind,
            "days": None if act.sanction is None else act.sanction.days,
            "decided_ms": self._deps.clock.now_ms(),
        }
        await store.change(connection, act.report_id, **values)
        if act.sanction is not None:
            await self._sanctioning.begin(connection, row, act.sanction)
        await self._tell(connection, row, sanctioned=act.sanction is not None)
        done = ReportDecided(
            act.report_id,
            act.person_id,
            act.header_hash,
            act.finding,
            act.clause,
            act.reason,
            act.sanction,
        )
        await self._deps.audit.record(connection, by, done)

    async def decide_appeal(
        self, connection: Transaction, by: Signer, act: wire.DecideAppeal
    ) -> None:
        """Uphold or lift a sanction. Raises NotFound without an appeal, ReportDecided."""
        row = await self._row(connection, act.report_id, hold=True)
        sanction = await sanction_store.one(connection, act.report_id, hold=True)
        appeal = await sanction_store.appeal(connection, act.report_id)
        if sanction is None or appeal is None:
            raise errors.NotFound
        if appeal.outcome is not None:
            raise errors.ReportDecided
        if row.reported_id != act.person_id:
            raise errors.ActInvalid(reason="the decision is about another person")
        values = {
            "outcome": act.outcome,
            "reason": act.reason,
            "decider_id": by.person_id,
            "decided_ms": self._deps.clock.now_ms(),
        }
        await sanction_store.decide_appeal(connection, act.report_id, **values)
        if act.outcome == "lifted":
            await self._sanctioning.lift(connection, sanction)
        await self._tell(connection, row, sanctioned=True)
        done = AppealDecided(act.report_id, act.person_id, act.outcome, act.reason)
        await self._deps.audit.record(connection, by, done)

    async def _row(
        self, connection: AsyncConnection, report_id: ReportId, *, hold: bool = False
    ) -> Row[Any]:
        row = await store.one(connection, report_id, hold=hold)
        if row is None:
            raise errors.NotFound
        return row

    async def _tell(
        self, connection: Transaction, row: Row[Any], *, sanctioned: bool = False
    ) -> None:
        """Tell the moderators who read the case, its reporter, and who is sanctioned."""
        people = await store.readers_of(connection, row.report_id)
        people.add(PersonId(row.reporter_id))
        if sanctioned:
            people.add(PersonId(row.reported_id))
        tell(connection, people)


def _decision(row: Row[Any]) -> wire.Decision | None:
    if row.state != "decided":
        return None
    sanction = None
    if row.sanction is not None:
        sanction = wire.NewSanction(kind=row.sanction, days=row.days)
    return wire.Decision(
        by_id=row.decider_id,
        second_id=row.second_id,
        at_ms=row.decided_ms,
        finding=row.finding,
        clause=row.decided_clause,
        reason=row.reason,
        sanction=sanction,
    )


def _appeal(row: Row[Any], seals: Sequence[Row[Any]]) -> wire.Appeal:
    return of_row(wire.Appeal, row, seals=[as_added(one) for one in seals])


def _appeal_bar(
    parties: Parties, appeal: Row[Any] | None, person_id: PersonId
) -> wire.CaseBar | None:
    if appeal is None or appeal.outcome is not None:
        return "decided"
    return "decided_first" if person_id in parties.deciders else None


def _count(rows: Sequence[Row[Any]], *, path: str = "", clause: int = 0) -> wire.CountedReports:
    def of(finding: str | None) -> int:
        return sum(row.reports for row in rows if row.finding == finding)

    return wire.CountedReports(
        path=path, clause=clause, open=of(None), dismissed=of("dismissed"), upheld=of("upheld")
    )
