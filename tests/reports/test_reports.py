"""Reports on both databases: what the server takes and tells, and decisions."""

from typing import Any

import pytest
from sqlalchemy import update

from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Database
from copconnect.ids import MessageId, PersonId, ReportId, new_id
from copconnect.limits import REPORTS_PER_DAY
from copconnect.records.conversation.envelope import REPORT, parse_envelope
from copconnect.records.conversation.message import parse_message
from copconnect.reports import rules
from copconnect.reports.tables import REPORTS
from copconnect.sealing import hpke
from copconnect.sealing.envelopes import open_envelope
from copconnect.sealing.messages import open_body
from copconnect.sealing.proofs import ReportPlace
from tests.contract.delivery_world import DAY_MS
from tests.contract.device import Device
from tests.contract.holding import hold, lift
from tests.reports.reports_world import DISTRICT, STATION, Reports


@pytest.fixture
async def reports(database: Database) -> Reports:
    return await Reports.of(database)


async def test_a_report_reaches_the_moderators_who_judge_its_proof(reports: Reports) -> None:
    message = await reports.said(b"Curfew!")
    c, message_id = reports.c, MessageId(message[17:33].hex())
    shown = await reports.service.reporting.readers(reports.reader.caller, c, message_id)
    # Those of the unit above too: two people alone could not decide an appeal.
    readers = [*reports.station, *reports.district]
    assert {one.person_id for one in shown.people} == {one.caller.person_id for one in readers}
    body = reports.report(message, readers)
    reports.world.wakeups.clear()
    taken = await reports.service.reporting.submit(reports.reader.caller, body)
    assert (taken.state, taken.finding) == ("open", None)
    told = [set(one.person_ids) for one in reports.world.told(AccountWakeup)]
    assert told == [{one.caller.person_id for one in readers}]
    # A repeat is answered as the first time, and stores nothing more.
    assert await reports.service.reporting.submit(reports.reader.caller, body) == taken
    own = await reports.service.reporting.own(reports.reader.caller)
    assert [one.report_id for one in own.reports] == [taken.report_id]

    # The files of the proof are its readers' too, and nobody else's.
    async with reports.world.database.reading() as connection:
        reads = reports.service.reads_case_in
        reader, other = (one.caller.person_id for one in (reports.station[0], reports.root[0]))
        assert await reads(connection, reader, [c], taken.created_ms)
        assert not await reads(connection, other, [c], taken.created_ms)
        # A file that came after the report is in no proof; a former moderator fetches none.
        assert not await reads(connection, reader, [c], taken.created_ms + 1)
        former = reports.rights.paths.pop(reader)
        assert not await reads(connection, reader, [c], taken.created_ms)
        reports.rights.paths[reader] = former
    moderator = reports.station[0]
    page = await reports.service.moderating.cases(moderator.caller, "open", None)
    (case,) = page.cases
    assert case.reported_id == reports.sender.caller.person_id
    detail = await reports.service.moderating.case(moderator.caller, case.report_id)
    # Nothing that a moderator is sent names the reporter.
    assert reports.reader.caller.person_id not in repr((page, detail))
    assert detail.sealed is not None
    assert moderator.key is not None
    place = ReportPlace(
        report_id=bytes.fromhex(case.report_id),
        conversation_id=bytes.fromhex(c),
        message_id=bytes.fromhex(case.message_id),
        header_hash=case.header_hash,
    )
    envelope = parse_envelope(REPORT, detail.sealed)
    # A case names the viewer's own keys alone; a moderator to whom it is not sealed has none.
    (root,) = (await reports.service.moderating.cases(reports.root[0].caller, "open", None)).cases
    assert (case.key_ids, root.key_ids) == ([moderator.key.key_id()], [])
    private = hpke.private_key(moderator.kem, moderator.seed)
    content = open_envelope(REPORT, envelope, place.place(), moderator.key.key_id(), private)
    # It ends with the key of the body, the length of the message, and the message.
    header, words = parse_message(message, place.conversation_id)
    key = content[-len(message) - 36 : -len(message) - 4]
    assert content.endswith(message)
    assert open_body(header, words, key) == b"Curfew!"


async def test_a_report_that_does_not_fit_the_log_is_refused(reports: Reports) -> None:
    message = await reports.said()
    readers = [*reports.station, *reports.district]

    async def refused(sender: Device, body: wire.SubmitReport) -> Any:
        with pytest.raises(errors.CopConnectError) as caught:
            await reports.service.reporting.submit(sender.caller, body)
        return caught.value.details.get("reason", caught.value.code)

    reader = reports.reader
    other = reports.report(message, readers, header_hash=bytes(32))
    assert await refused(reader, other) == "header_hash"
    unknown = reports.report(message, readers, message_id=MessageId(new_id()))
    assert await refused(reader, unknown) == "not_found"
    elsewhere = reports.report(message, readers, conversation_id=new_id())
    assert await refused(reader, elsewhere) == "not_found"
    # Somebody who could not read it, and the sender, prove nothing.
    assert await refused(reports.outsider, reports.report(message, readers)) == "not_found"
    assert await refused(reports.sender, reports.report(message, readers)) == "own_message"
    # Sealed to somebody who does not moderate: the server would let nobody else read it.
    for to in ([reports.sender], [*readers, reports.outsider], reports.root):
        assert await refused(reader, reports.report(message, to)) == "readers"
    assert await refused(reader, reports.report(message, readers, sealed=b"x")) == "sealed"
    # Another person's report id, and one's own for another message.
    taken = await reports.service.reporting.submit(reader.caller, reports.report(message, readers))
    again = reports.report(await reports.said(), readers, taken.report_id)
    assert await refused(reader, again) == "report_id"
    reports.rights.paths.clear()
    assert await refused(reader, reports.report(message, readers)) == "nobody_moderates"


async def test_a_person_reports_twenty_messages_a_day(reports: Reports) -> None:
    message = await reports.said()
    readers = [*reports.station, *reports.district]
    for _ in range(REPORTS_PER_DAY):
        await reports.service.reporting.submit(
            reports.reader.caller, reports.report(message, readers)
        )
    with pytest.raises(errors.RateLimited) as caught:
        await reports.service.reporting.submit(
            reports.reader.caller, reports.report(message, readers)
        )
    assert caught.value.details["limit"] == "reports_per_day"
    page = await reports.service.moderating.cases(reports.root[0].caller, "open", None)
    assert {one.others for one in page.cases} == {REPORTS_PER_DAY - 1}
    reports.world.clock.at += DAY_MS
    await reports.service.reporting.submit(reports.reader.caller, reports.report(message, readers))


async def test_a_case_is_its_moderators_and_decided_once(reports: Reports) -> None:
    case = await reports.reported()
    moderating = reports.service.moderating
    # The reporter and the reported moderate too: they never see or decide their own case.
    for one in (reports.reader, reports.sender):
        reports.rights.paths[one.caller.person_id] = [""]
        assert (await moderating.cases(one.caller, "open", None)).cases == []
        with pytest.raises(errors.NotFound):
            await moderating.case(one.caller, case.report_id)
    act = wire.AssignReport(report_id=case.report_id, take=True)
    async with reports.world.database.reading() as connection:
        for one in (reports.reader, reports.sender):
            with pytest.raises(errors.OwnCase):
                await moderating.allow(connection, one.caller.person_id, act)
    with pytest.raises(errors.NotAllowed):
        await moderating.cases(reports.outsider.caller, "open", None)
    first = reports.station[0]
    with pytest.raises(errors.ActInvalid):
        await reports.decide(case, first, header_hash="0" * 64)
    with pytest.raises(errors.ActInvalid):
        await reports.decide(
            case, first, finding="dismissed", sanction=wire.NewSanction(kind="muted", days=1)
        )
    reports.world.clock.at += 1000
    await reports.decide(case, first)
    with pytest.raises(errors.ReportDecided):
        await reports.decide(case, reports.district[0], finding="dismissed")
    (own,) = (await reports.service.reporting.own(reports.reader.caller)).reports
    assert (own.state, own.finding) == ("decided", "upheld")
    counts = await moderating.statistics(first.caller, "")
    assert (counts.open, counts.upheld, counts.median_ms) == (0, 1, 1000)
    assert [(one.path, one.upheld) for one in counts.units] == [("TG/HYD/PS1", 1)]
    with pytest.raises(errors.NotAllowed):
        await moderating.statistics(first.caller, "TG/HYD")


async def test_a_further_report_of_a_message_opens_no_second_case(reports: Reports) -> None:
    message, moderating = await reports.said(), reports.service.moderating
    first, second = [await reports.reported(message) for _ in range(2)]
    reporter = reports.district[1]
    async with reports.world.database.transaction() as connection:
        mine = update(REPORTS).values(reporter_id=reporter.caller.person_id)
        await connection.execute(mine.where(REPORTS.c.report_id == second.report_id))
    # A moderator who reported the message decides no report of it, and sees none.
    with pytest.raises(errors.NotFound):
        await moderating.case(reporter.caller, first.report_id)
    assert (await moderating.cases(reporter.caller, "open", None)).cases == []
    counts = await moderating.statistics(reporter.caller, "")
    assert (counts.open, counts.units) == (0, [])
    act = wire.AssignReport(report_id=first.report_id, take=True)
    async with reports.world.database.reading() as connection:
        with pytest.raises(errors.OwnCase):
            await moderating.allow(connection, reporter.caller.person_id, act)
    # One message brings one sanction: neither another one nor the same after its end.
    mute = wire.NewSanction(kind="muted", days=2)
    await reports.decide(first, *reports.station, sanction=mute)
    appeal = reports.appeal(first, [reports.district[0], *reports.root])
    sender = reports.sender.caller
    await reports.service.sanctioning.appeal(sender, first.report_id, appeal)
    await reports.decide_appeal(first, reports.root[0], "lifted")
    with pytest.raises(errors.ReportDecided):
        await reports.decide(second, *reports.root, sanction=mute)
    await reports.decide(second, reports.root[1])
    # A moderator who decided one report of it decides no appeal against the other's sanction.
    third = wire.DecideAppeal(
        report_id=first.report_id, person_id=sender.person_id, outcome="upheld", reason="."
    )
    async with reports.world.database.reading() as connection:
        with pytest.raises(errors.DecidedFirst):
            await moderating.allow(connection, reports.root[1].caller.person_id, third)
    detail = await moderating.case(reports.root[1].caller, first.report_id)
    shown = await reports.service.sanctioning.readers(sender, first.report_id)
    assert detail.appeal_bar == "decided"
    # The reporter is listed, since a list without the reporter would tell the person who it was.
    assert {one.person_id for one in shown.people} == {
        one.caller.person_id for one in (*reports.district, reports.root[0])
    }


async def test_a_mute_of_somebody_with_grants_is_for_moderators_above(reports: Reports) -> None:
    sender = reports.sender.caller.person_id
    reports.rights.grants[sender] = [DISTRICT]
    message = await reports.said()
    with pytest.raises(errors.ReportInvalid):  # Those of the station could not decide it.
        await reports.reported(message)
    above = [*reports.district, *reports.root]
    case = await reports.service.reporting.submit(
        reports.reader.caller, reports.report(message, above)
    )
    values: dict[str, Any] = {
        "report_id": case.report_id,
        "header_hash": "0" * 64,
        "person_id": sender,
        "finding": "upheld",
        "clause": 2,
        "reason": "A rumour.",
    }
    for kind, days, paths in (("muted", 1, {STATION, DISTRICT}), ("warning", 0, {STATION})):
        sanction = wire.NewSanction(kind=kind, days=days)  # type: ignore[arg-type]
        act = wire.DecideReport(**values, sanction=sanction)
        async with reports.world.database.reading() as connection:
            reach = await reports.service.moderating.reach(connection, act)
        assert reach.paths == paths


async def test_a_moderator_who_reports_stays_among_the_readers(reports: Reports) -> None:
    reporter = reports.reader.caller
    reports.rights.paths[reporter.person_id] = [STATION]
    message = await reports.said()
    message_id = MessageId(message[17:33].hex())
    shown = await reports.service.reporting.readers(reporter, reports.c, message_id)
    readers = [*reports.station, reports.reader, *reports.district]
    assert {one.person_id for one in shown.people} == {one.caller.person_id for one in readers}
    # A report that nobody but its reporter could decide is none.
    reports.rights.paths = {reporter.person_id: [""]}
    with pytest.raises(errors.ReportInvalid):
        await reports.service.reporting.readers(reporter, reports.c, message_id)


async def test_cases_come_by_pages_and_are_forgotten_with_the_log(reports: Reports) -> None:
    message = await reports.said()
    readers = [*reports.station, *reports.district]
    for _ in range(3):
        await reports.service.reporting.submit(
            reports.reader.caller, reports.report(message, readers)
        )
    moderating, moderator = reports.service.moderating, reports.root[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copconnect.reports.moderating.PAGE", 2)
        first = await moderating.cases(moderator.caller, "open", None)
        assert first.next is not None
        at, _, report_id = first.next.partition("-")
        rest = await moderating.cases(moderator.caller, "open", (int(at), report_id))
    assert len({one.report_id for one in (*first.cases, *rest.cases)}) == 3
    own = (await reports.service.reporting.own(reports.reader.caller)).reports
    await reports.decide(own[0], reports.station[0], finding="dismissed")
    reports.world.clock.at += 180 * DAY_MS + 1
    database, now_ms = reports.world.database, reports.world.clock.at
    hold_id = await hold(database, now_ms, conversation_id=reports.c)
    await reports.service.sanctioning.prune()
    assert len((await reports.service.reporting.own(reports.reader.caller)).reports) == 3
    assert (await moderating.case(moderator.caller, own[1].report_id)).sealed is not None
    await lift(database, hold_id, now_ms)
    await reports.service.sanctioning.prune()
    left = (await reports.service.reporting.own(reports.reader.caller)).reports
    assert {one.report_id for one in left} == {one.report_id for one in own[1:]}
    # The proof of a case that nobody decided in that time is forgotten, the case is not.
    detail = await moderating.case(moderator.caller, own[1].report_id)
    assert detail.sealed is None


async def test_a_waiting_appeal_keeps_its_case_and_bytes_are_limited(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await reports.sanctioned("warning", 0)
    appeal = reports.appeal(case, reports.district)
    await reports.service.sanctioning.appeal(reports.sender.caller, case.report_id, appeal)
    message = await reports.said()
    body = reports.report(message, reports.station)
    reports.world.clock.at += DAY_MS
    monkeypatch.setattr("copconnect.reports.reporting.REPORT_BYTES_PER_DAY", len(body.sealed))
    await reports.service.reporting.submit(reports.reader.caller, body)
    with pytest.raises(errors.RateLimited) as caught:
        await reports.service.reporting.submit(
            reports.reader.caller, reports.report(message, reports.station)
        )
    assert caught.value.details["limit"] == "report_bytes_per_day"
    reports.world.clock.at += 182 * DAY_MS
    await reports.service.sanctioning.prune()
    third = reports.district[0].caller
    assert (await reports.service.moderating.cases(third, "appeals", None)).cases


def test_readers_are_the_nearest_moderators() -> None:
    a, b, c, d, e = (PersonId(name * 32) for name in "abcde")
    holders = {a: ["x/y"], b: ["x"], c: ["x"], d: [""], e: [""]}
    assert rules.choose_readers(holders, "x/y", set()) == [a, b, c, d, e]
    assert rules.choose_readers(holders, "x/y", {a}) == [b, c, d, e]
    assert rules.choose_readers(holders, "x", {b, c}) == [d, e]
    many = {PersonId(f"{n:032x}"): ["x"] for n in range(40)}
    assert len(rules.choose_readers(many, "x/y", set())) == rules.MOST_READERS
    assert ReportId(a)
