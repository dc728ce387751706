"""Proofs reach moderators who came later, and their new devices (F3)."""

import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.ids import ConversationId, PersonId
from copconnect.records.conversation.envelope import (
    APPEAL,
    REPORT,
    AddedSeal,
    EnvelopeKind,
    parse_envelope,
)
from copconnect.sealing import hpke
from copconnect.sealing.envelopes import (
    EnvelopePlace,
    add_seal,
    open_added,
    seal_envelope,
)
from copconnect.sealing.proofs import ReportPlace
from tests.contract.device import Device
from tests.reports.reports_world import STATION, Reports

SECRET = bytes(range(32))


@pytest.fixture
async def reports(database: Database) -> Reports:
    return await Reports.of(database)


async def reported(reports: Reports) -> tuple[wire.OwnReport, EnvelopePlace]:
    """Report a message to the people who moderate now, under SECRET."""
    body = reports.report(
        await reports.said(), [*reports.station, *reports.district], secret=SECRET
    )
    place = ReportPlace(
        report_id=bytes.fromhex(body.report_id),
        conversation_id=bytes.fromhex(body.conversation_id),
        message_id=bytes.fromhex(body.message_id),
        header_hash=body.header_hash,
    )
    return await reports.service.reporting.submit(reports.reader.caller, body), place.place()


def seal(
    place: EnvelopePlace, to: Device, secret: bytes = SECRET, kind: EnvelopeKind = REPORT
) -> wire.AddedSeal:
    """Seal the envelope's secret to a device."""
    assert to.key is not None
    made = add_seal(kind, place, secret, to.key)
    return wire.AddedSeal(kem=made.kem, key_id=made.key_id, seal=made.seal)


async def wanting(
    reports: Reports, by: Device, envelope: wire.CaseEnvelope = "report"
) -> list[tuple[PersonId, bytes]]:
    """Return whom a moderator's device is asked to seal for."""
    answer = await reports.service.resealing.wanting(by.caller, envelope, None)
    return [(one.person_id, one.device) for case in answer.cases for one in case.devices]


def newcomer(reports: Reports) -> Device:
    """Return somebody who moderates the station from now on."""
    made = reports.world.registry.register()
    reports.rights.paths[made.caller.person_id] = [STATION]
    return made


async def test_a_later_moderator_opens_an_older_report(reports: Reports) -> None:
    case, place = await reported(reports)
    moderating, resealing = reports.service.moderating, reports.service.resealing
    first, second = reports.station
    assert await wanting(reports, first) == []
    later = newcomer(reports)
    me = (later.caller.person_id, later.device)
    c = ConversationId(reports.c)
    async with reports.world.database.reading() as connection:
        reads = reports.service.reads_case_in
        assert not await reads(connection, later.caller.person_id, [c], case.created_ms)
    assert await wanting(reports, first) == [me]
    body = wire.SubmitSeals(envelope="report", seals=[seal(place, later)])
    for _ in range(2):  # The same again changes nothing.
        added = await resealing.add(first.caller, case.report_id, body)
        assert added.seals == 1
    assert await wanting(reports, first) == []
    detail = await moderating.case(later.caller, case.report_id)
    assert later.key is not None
    assert detail.sealed is not None
    assert detail.case.key_ids == [later.key.key_id()]
    assert (await moderating.case(first.caller, case.report_id)).seals == []
    (one,) = detail.seals
    private = hpke.private_key(later.kem, later.seed)
    envelope = parse_envelope(REPORT, detail.sealed)
    opened = AddedSeal(kem=one.kem, key_id=one.key_id, seal=one.seal)
    assert open_added(REPORT, envelope, place, opened, private)
    async with reports.world.database.reading() as connection:
        assert await reads(connection, later.caller.person_id, [c], case.created_ms)

    # A moderator who sealed something else keeps nobody from it: another one is asked still.
    assert await wanting(reports, second) == [me]
    lie = wire.SubmitSeals(envelope="report", seals=[seal(place, later, bytes(32))])
    await resealing.add(second.caller, case.report_id, lie)
    seals = (await moderating.case(later.caller, case.report_id)).seals
    assert one in seals
    assert len(seals) == 2
    assert await wanting(reports, reports.district[0]) == []


async def test_seals_are_moderators_for_moderators_and_for_open_cases(reports: Reports) -> None:
    case, place = await reported(reports)
    later = newcomer(reports)
    first = reports.station[0]

    async def refused(by: Device, *seals: wire.AddedSeal) -> str:
        body = wire.SubmitSeals(envelope="report", seals=list(seals))
        with pytest.raises(errors.CopConnectError) as caught:
            await reports.service.resealing.add(by.caller, case.report_id, body)
        return str(caught.value.details.get("reason", caught.value.code))

    good = seal(place, later)
    # Neither an officer who moderates nothing, nor the reported one, is sealed to or seals.
    assert await refused(first, seal(place, reports.outsider)) == "readers"
    reports.rights.paths[reports.sender.caller.person_id] = [STATION]
    assert await refused(first, seal(place, reports.sender)) == "readers"
    assert await refused(reports.sender, good) == "not_found"
    assert await refused(reports.outsider, good) == "not_allowed"
    reports.rights.paths[reports.outsider.caller.person_id] = ["TG/HYD/PS2"]
    assert await refused(reports.outsider, good) == "not_found"
    short = wire.AddedSeal(kem=good.kem, key_id=good.key_id, seal=good.seal[:-1])
    assert await refused(first, short) == "sealed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copconnect.reports.resealing.REPORT_ADDED_SEALS", 0)
        assert await refused(first, good) == "seals"
    # The reporter's own device is named to nobody as lacking it, unless the reporter moderates.
    assert [one for one, _ in await wanting(reports, first)] == [later.caller.person_id]
    await reports.decide(case, first, finding="dismissed")
    assert await refused(first, good) == "report_decided"
    assert await wanting(reports, first) == []


async def test_a_later_moderator_opens_an_older_appeal(reports: Reports) -> None:
    case = await reports.sanctioned("suspended", 2)
    moderating, resealing = reports.service.moderating, reports.service.resealing
    report_id = bytes.fromhex(case.report_id)
    person = bytes.fromhex(reports.sender.caller.person_id)
    place = EnvelopePlace(salt=report_id, joined=report_id + person)
    readers = [*reports.district, *reports.root]
    sealed = seal_envelope(
        APPEAL, place, b"It was true.", [one.key for one in readers if one.key is not None], SECRET
    )
    body = wire.SubmitAppeal(sealed=sealed)
    await reports.service.sanctioning.appeal(reports.sender.caller, case.report_id, body)
    third = reports.district[0]
    assert await wanting(reports, third, "appeal") == []
    lacked = await wanting(reports, third)
    later = newcomer(reports)
    # People who decided the sanction moderate too, and are not named.
    assert await wanting(reports, third, "appeal") == [(later.caller.person_id, later.device)]

    async def add(to: Device) -> wire.SealsAdded:
        seals = [seal(place, to, kind=APPEAL)]
        body = wire.SubmitSeals(envelope="appeal", seals=seals)
        return await resealing.add(third.caller, case.report_id, body)

    # To decide, one needs the proof too, which is sealed to nobody once the case is settled.
    assert (later.caller.person_id, later.device) in await wanting(reports, third)
    assert {one for one, _ in lacked}.isdisjoint(one.caller.person_id for one in reports.station)
    with pytest.raises(errors.ReportInvalid):
        await add(reports.station[0])
    assert (await add(later)).seals == 1
    assert await wanting(reports, third, "appeal") == []
    detail = await moderating.case(later.caller, case.report_id)
    assert (detail.seals, detail.case.key_ids) == ([], [])
    assert detail.appeal is not None
    (one,) = detail.appeal.seals
    opened = AddedSeal(kem=one.kem, key_id=one.key_id, seal=one.seal)
    private = hpke.private_key(later.kem, later.seed)
    envelope = parse_envelope(APPEAL, detail.appeal.sealed)
    assert open_added(APPEAL, envelope, place, opened, private) == b"It was true."
    # The words of an appeal open no file of the reported conversation.
    async with reports.world.database.reading() as connection:
        reads = reports.service.reads_case_in
        c = ConversationId(reports.c)
        assert not await reads(connection, later.caller.person_id, [c], case.created_ms)
    await reports.decide_appeal(case, later, "lifted")
    with pytest.raises(errors.ReportDecided):
        await add(newcomer(reports))
    assert await wanting(reports, third, "appeal") == await wanting(reports, third) == []
