"""Sanctions and appeals on both databases: how they begin, act and end."""

import asyncio
import json

import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database, Transaction
from copconnect.ids import ChangeId, PersonId, new_id
from copconnect.records.conversation.roster import LeafRights
from copconnect.reports import sanction_store
from tests.contract.delivery_world import DAY_MS
from tests.contract.device import Device, leaf_of
from tests.reports.reports_world import STATION, Reports


@pytest.fixture
async def reports(database: Database) -> Reports:
    return await Reports.of(database)


async def rights_of(reports: Reports, device: Device) -> LeafRights:
    """Return the rights that the newest head signs for a device."""
    state = await reports.world.service.rosters.state(device.caller, reports.c)
    return leaf_of(device, state).rights


async def told_of_one(reports: Reports) -> set[PersonId]:
    """Return whom the first frame of a socket tells that they have a sanction."""
    both = [reports.sender.caller.person_id, reports.reader.caller.person_id]
    async with reports.world.database.reading() as connection:
        return await reports.world.sanctions.sanctioned(connection, both)


async def test_a_suspension_takes_the_right_to_send_and_ends_with_no_job(
    reports: Reports,
) -> None:
    epoch = (await reports.talk.head(reports.reader)).epoch
    case = await reports.sanctioned("suspended", 3)
    # Every client refuses what is signed under this head (R2), and the server refuses it now (D1).
    assert (await reports.talk.head(reports.reader)).epoch == epoch + 1
    assert not await rights_of(reports, reports.sender) & LeafRights.SEND
    assert await rights_of(reports, reports.reader) & LeafRights.SEND
    with pytest.raises(errors.Sanctioned) as caught:
        await reports.talk.say(reports.sender, reports.key_id)
    until_ms = caught.value.details["until_ms"]
    assert until_ms == reports.world.clock.at + 3 * DAY_MS
    # Duty continues: a direct conversation takes the person's messages.
    direct = await reports.world.direct(reports.sender, reports.reader)
    state = await reports.world.service.rosters.state(reports.sender.caller, direct.conversation_id)
    assert leaf_of(reports.sender, state).rights & LeafRights.SEND
    (mine,) = (await reports.service.sanctioning.own(reports.sender.caller)).sanctions
    assert (mine.kind, mine.until_ms, mine.acknowledged_ms) == ("suspended", until_ms, None)
    read = await reports.service.sanctioning.acknowledge(reports.sender.caller, case.report_id)
    assert read.acknowledged_ms == reports.world.clock.at
    with pytest.raises(errors.NotFound):
        await reports.service.sanctioning.acknowledge(reports.reader.caller, case.report_id)
    assert await told_of_one(reports) == {reports.sender.caller.person_id}
    # The time is over and no job has run: the next message brings the right back.
    reports.world.clock.at += 3 * DAY_MS
    assert await told_of_one(reports) == set()
    key_id = await reports.talk.begin(reports.reader, [reports.sender])
    with pytest.raises(errors.StaleHead):
        await reports.talk.say(reports.sender, key_id)
    assert await rights_of(reports, reports.sender) & LeafRights.SEND
    await reports.talk.say(reports.sender, key_id)


async def test_a_right_that_a_race_left_behind_comes_back_with_the_next_message(
    reports: Reports,
) -> None:
    """A roster that read the sanction was signed after the sanction's end was written."""
    case = await reports.sanctioned("suspended", 3)
    async with reports.world.database.transaction() as connection:
        over = {"ended_ms": reports.world.clock.at, "in_rosters": False}
        await sanction_store.change(connection, case.report_id, **over)
    with pytest.raises(errors.StaleHead):
        await reports.talk.say(reports.sender, reports.key_id)
    assert await rights_of(reports, reports.sender) & LeafRights.SEND
    await reports.talk.say(reports.sender, reports.key_id)


async def test_a_sanction_that_is_over_is_told_of_until_it_was_read(reports: Reports) -> None:
    case = await reports.sanctioned("warning", 0)
    reports.world.clock.at += 9 * DAY_MS
    assert await told_of_one(reports) == {reports.sender.caller.person_id}
    await reports.service.sanctioning.acknowledge(reports.sender.caller, case.report_id)
    assert await told_of_one(reports) == set()


async def test_the_job_ends_what_is_over_once_and_the_log_says_so(reports: Reports) -> None:
    await reports.sanctioned("suspended", 1)
    reports.world.clock.at += DAY_MS - 1
    await reports.service.sanctioning.round()
    assert not await rights_of(reports, reports.sender) & LeafRights.SEND
    reports.world.clock.at += 1
    await asyncio.gather(*(reports.service.sanctioning.round() for _ in range(2)))
    assert await rights_of(reports, reports.sender) & LeafRights.SEND
    kinds = [json.loads(one.content.act)["act"] async for one in reports.audit.entries()]
    assert kinds == ["report_decided", "sanction_ended"]


async def test_a_transaction_of_the_job_is_about_one_person(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people's conversations, held in no common order, would deadlock with another's."""
    people = {one.caller.person_id for one in (reports.sender, reports.reader)}
    async with reports.world.database.transaction() as connection:
        for one in people:
            sanction = {"report_id": new_id(), "person_id": one, "path": STATION, "kind": "muted"}
            times = {"from_ms": 0, "until_ms": 1, "in_rosters": True}
            await sanction_store.add(connection, sanction | times)
    changed: list[tuple[Transaction, PersonId]] = []

    async def note(connection: Transaction, person_id: PersonId) -> None:
        changed.append((connection, person_id))

    monkeypatch.setattr(reports.world.service, "sending_changed", note)
    await reports.service.sanctioning.round()
    assert {person for _, person in changed} == people
    assert len({id(connection) for connection, _ in changed}) == len(changed)


async def test_muting_is_for_large_groups_and_announcements(database: Database) -> None:
    small = await Reports.of(database)
    announced = await small.world.group(small.reader, [small.sender], who_may_send="admins")
    await small.world.change(
        small.reader.caller, announced, make_admin=[small.sender.caller.person_id]
    )
    await small.sanctioned("muted", 5)
    await small.talk.say(small.sender, small.key_id)  # In a small group a muted person may.
    state = await small.world.service.rosters.state(small.sender.caller, announced.conversation_id)
    assert leaf_of(small.sender, state).rights == LeafRights.ADMINISTER
    # A group that is made meanwhile lists the person without the right at once, if it is large.
    others = [small.world.registry.register() for _ in range(100)]
    large = await small.world.group(small.reader, [small.sender, *others])
    state = await small.world.service.rosters.state(small.sender.caller, large.conversation_id)
    assert not leaf_of(small.sender, state).rights & LeafRights.SEND
    # A group that becomes large takes the right with the next round of the job.
    add = sorted(one.caller.person_id for one in others)
    body = wire.ChangeMembers(
        change_id=ChangeId(new_id()), add=add, remove=[], make_admin=[], revoke_admin=[]
    )
    await small.world.service.membership.change(small.reader.caller, small.c, body)
    assert await rights_of(small, small.sender) & LeafRights.SEND
    await small.service.sanctioning.round()
    assert not await rights_of(small, small.sender) & LeafRights.SEND


async def test_an_appeal_is_one_in_time_and_decided_by_others(reports: Reports) -> None:
    case = await reports.sanctioned("suspended", 2)
    sanctioning, sender = reports.service.sanctioning, reports.sender.caller
    shown = await sanctioning.readers(sender, case.report_id)
    readers = {one.person_id for one in shown.people}
    deciders = {one.caller.person_id for one in reports.station}
    assert readers == {one.caller.person_id for one in (*reports.district, *reports.root)}
    with pytest.raises(errors.ReportInvalid):  # Sealed to the moderator who decided.
        await sanctioning.appeal(sender, case.report_id, reports.appeal(case, reports.station))
    with pytest.raises(errors.NotFound):
        await sanctioning.appeal(
            reports.reader.caller, case.report_id, reports.appeal(case, reports.district)
        )
    body = reports.appeal(case, reports.district)
    appealed = await sanctioning.appeal(sender, case.report_id, body)
    assert await sanctioning.appeal(sender, case.report_id, body) == appealed
    with pytest.raises(errors.AppealMade):
        await sanctioning.appeal(sender, case.report_id, reports.appeal(case, reports.district))
    third = reports.district[0]
    (waiting,) = (await reports.service.moderating.cases(third.caller, "appeals", None)).cases
    assert waiting.appealed
    for one in reports.station:
        detail = await reports.service.moderating.case(one.caller, case.report_id)
        assert detail.appeal_bar == "decided_first"
        with pytest.raises(errors.DecidedFirst):
            await reports.decide_appeal(case, one, "lifted")
    assert deciders.isdisjoint({third.caller.person_id})
    await reports.decide_appeal(case, third, "lifted")
    # Lifting restores at once.
    assert await rights_of(reports, reports.sender) & LeafRights.SEND
    with pytest.raises(errors.ReportDecided):
        await reports.decide_appeal(case, reports.district[1], "upheld")
    (mine,) = (await sanctioning.own(sender)).sanctions
    assert (mine.appeal, mine.ended_ms) == ("lifted", reports.world.clock.at)
    counts = await reports.service.moderating.statistics(third.caller, "")
    assert (counts.appeals, counts.lifted) == (1, 1)


async def test_an_appeal_after_the_end_is_late(reports: Reports) -> None:
    case = await reports.sanctioned("suspended", 1)
    reports.world.clock.at += DAY_MS
    with pytest.raises(errors.AppealLate):
        await reports.service.sanctioning.appeal(
            reports.sender.caller, case.report_id, reports.appeal(case, reports.district)
        )


async def test_a_sanctioned_moderator_reads_and_decides_nothing_meanwhile(
    reports: Reports,
) -> None:
    reports.rights.paths[reports.sender.caller.person_id] = [""]
    await reports.sanctioned("suspended", 1)
    with pytest.raises(errors.NotAllowed):
        await reports.service.moderating.cases(reports.sender.caller, "open", None)
    reports.world.clock.at += DAY_MS
    await reports.service.moderating.cases(reports.sender.caller, "open", None)
