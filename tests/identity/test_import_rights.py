"""An import does to a person what a single act may do."""

import json

import pytest

from copconnect import wire
from copconnect.directory.names import english
from copconnect.directory.rules import person_id
from copconnect.directory.scim.provisioning import PersonRefused, Provisioner
from copconnect.ids import PersonId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed
from tests.identity.approved import ADMIN, Force
from tests.identity.importing import ATTACKER, PARTIAL, done, imported, problems, shown
from tests.identity.running import PATROL, MovedClock, Running
from tests.identity.signing import act, endorse, endorsement, give, grant, refusal
from tests.identity.stations import Station, people_of
from tests.identity.test_upload_acts import (
    applying,
    examine,
    file_of,
    send,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_a_station_admin_does_not_become_a_higher_holder_by_two_files(
    approving: Running, force: Force, station: Station, clock: MovedClock
) -> None:
    """Suspend; then active with the attacker's number; register; endorse; grant above."""
    reached = []
    row = station.row_of(station.holder)
    first, answer = await imported(approving, station.admin, [row | {"status": "suspended"}])
    if done(answer):
        reached.append("suspended")
    taken = row | {"status": "active", "number": ATTACKER}
    second, answer = await imported(approving, station.admin, [taken])
    if done(answer):
        reached.append("the attacker's number")
        clock.ms += 1000
        stolen = await approving.device(ATTACKER)
        clock.ms += 1000
        made = endorsement(approving, stolen, station.admin, ADMIN)
        if (await endorse(approving, station.admin, made)).is_success:
            reached.append("endorsed")
        clock.ms += 1000
        above = grant(approving, stolen, station.admin, force.path)
        if (await give(approving, stolen, above)).is_success:
            reached.append("granted above")
    assert reached == []
    for upload in (first, second):
        assert await problems(approving, station.admin, upload) == {"holds_grants"}
    assert station.row_of(station.holder) in await people_of(approving)


async def test_a_station_admin_gives_nobody_the_number_of_somebody_in_charge_elsewhere(
    approving: Running, station: Station
) -> None:
    """An officer of the station heads another one beside: the account has that post's rights."""
    row = next(one for one in station.own if one["number"] == PATROL)
    person, unit = person_id(row["code"]), UnitId(station.others[0]["unit"])
    place = wire.NewPlace(unit_id=unit, post=english("In charge"), roles=[], head=False)
    async with approving.container.database.transaction() as connection:
        await approving.container.transfers.give_charge(
            connection, OPERATOR, person, place, "additional"
        )
    taken = row | {"number": ATTACKER}
    upload, answer = await imported(approving, station.admin, [taken])
    assert not done(answer)
    assert await problems(approving, station.admin, upload) == {"holds_grants"}
    codes = wire.MakeEnrolmentCodes(person_ids=[person])
    assert refusal(await act(approving, station.admin, codes))[0] == "not_allowed"
    coded = row | {"enrolment_code": "K7QM-2XW9-HT4P"}
    upload, answer = await imported(approving, station.admin, [coded])
    assert not done(answer)
    # To suspend and move such an officer gives the account to nobody.
    _, answer = await imported(approving, station.admin, [row | {"status": "suspended"}])
    assert done(answer), answer.text
    upload, answer = await imported(approving, station.admin, [taken])
    assert not done(answer)
    assert row["number"] in {one["number"] for one in await people_of(approving)}


async def test_a_grant_that_comes_after_the_preview_counts(
    approving: Running, force: Force, station: Station, clock: MovedClock
) -> None:
    row = next(one for one in station.own if one["number"] == PATROL)
    upload_id = await send(approving, station.admin, file_of([row | {"status": "suspended"}]))
    upload = await examine(approving, station.admin, upload_id)
    assert upload["preview"]["counts"]["suspended"] == 1
    patrol = await confirmed(approving, force, PATROL)
    above = grant(approving, force.root, patrol, force.path)
    assert (await give(approving, force.root, above)).is_success
    clock.ms += 1000
    answer = await act(approving, station.admin, applying(upload))
    assert refusal(answer)[0] == "not_allowed"
    assert answer.json()["details"]["path"] == force.path


async def test_what_a_holder_has_is_changed_by_whom_the_single_act_would_allow(
    approving: Running, force: Force, station: Station
) -> None:
    """The rows of everybody else are imported beside the refused ones, if the admin says so."""
    row = station.row_of(station.holder)
    other = next(one for one in station.own if one["number"] == PATROL)
    for change in (
        {"number": ATTACKER},
        {"rank": "DGP"},
        {"status": "removed"},
        {"enrolment_code": "ABCD-EFGH-JKLM"},
    ):
        rows = [row | change, other | {"name_en": f"Name {next(iter(change))}"}]
        upload, answer = await imported(approving, station.admin, rows)
        assert await problems(approving, station.admin, upload) == {"holds_grants"}, change
        assert answer.json()["details"]["reason"] == "rows_refused"
        again = await examine(approving, station.admin, upload["uploadId"], PARTIAL)
        answer = await act(approving, station.admin, applying(again))
        assert done(answer), answer.text
        now = await people_of(approving)
        assert row in now
        assert f"Name {next(iter(change))}" in {one["name_en"] for one in now}
    _, answer = await imported(approving, force.admin, [row | {"number": ATTACKER}])
    assert done(answer), answer.text


async def test_enrolment_codes_of_a_file_touch_their_people(
    approving: Running, station: Station
) -> None:
    own = next(one for one in station.own if one["number"] == PATROL)
    upload_id = await send(
        approving, station.admin, file_of([own | {"enrolment_code": "SECRET-ENROLMENT-CODE"}])
    )
    upload = await examine(approving, station.admin, upload_id)
    assert upload["preview"]["paths"] == [station.path]
    (changed,) = await shown(approving, station.admin, upload, "changed")
    assert [one["column"] for one in changed["values"]] == ["enrolment_code"]
    assert "SECRET-ENROLMENT-CODE" not in json.dumps(changed)
    answer = await act(approving, station.admin, applying(upload))
    assert done(answer), answer.text
    other = station.others[0] | {"enrolment_code": "SECRET-ENROLMENT-CODE"}
    upload, answer = await imported(approving, station.admin, [other])
    assert await problems(approving, station.admin, upload) == {"not_in_part"}
    assert not done(answer)


async def test_nobody_imports_a_change_of_themselves(
    approving: Running, force: Force, station: Station
) -> None:
    mine = station.row_of(station.admin)
    for change in (
        {"rank": "DGP"},
        {"enrolment_code": "SECRET-ENROLMENT-CODE"},
        {"status": "removed"},
    ):
        upload, answer = await imported(approving, station.admin, [mine | change])
        assert await problems(approving, station.admin, upload) == {"oneself"}, change
        assert not done(answer)
    for device in (station.admin, force.root):
        code = wire.MakeEnrolmentCodes(person_ids=[PersonId(device.person_id)])
        assert refusal(await act(approving, device, code))[0] == "act_invalid"
    assert mine in await people_of(approving)


async def test_single_acts_on_a_holder_ask_for_the_granted_units(
    approving: Running, force: Force, station: Station
) -> None:
    async with approving.container.database.reading() as connection:
        card = await approving.container.directory.card(
            connection, PersonId(station.holder.person_id)
        )
    assert card is not None
    holder = PersonId(station.holder.person_id)
    place = wire.NewPlace(unit_id=card.unit_id, post=card.post, roles=[], head=False)
    for one in (
        wire.MakeEnrolmentCodes(person_ids=[holder]),
        wire.TransferPerson(person_id=holder, place=place, rank="DGP"),
    ):
        answer = await act(approving, station.admin, one)
        assert refusal(answer)[0] == "not_allowed", answer.text
        assert answer.json()["details"]["path"] == force.path


@pytest.mark.databases("sqlite", "postgresql")
async def test_undoing_an_import_asks_for_the_rights_of_holders_too(
    approving: Running, force: Force, station: Station
) -> None:
    row = station.row_of(station.holder)
    _, answer = await imported(approving, force.admin, [row | {"number": ATTACKER}])
    assert done(answer), answer.text
    (newest,) = (await approving.get("/v1/admin/imports", force.admin)).json()["imports"][:1]
    undo = wire.UndoImport(undone=newest["number"])
    assert refusal(await act(approving, station.admin, undo))[0] == "not_allowed"
    assert done(await act(approving, force.admin, undo))


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_system_gives_a_holder_no_number_and_ends_no_suspension_of_one(
    approving: Running, station: Station
) -> None:
    container = approving.container
    provisioner = Provisioner(
        container.database, container.clock, container.editor, container.auth.granting
    )
    row, other = station.row_of(station.holder), station.own[-1]
    with pytest.raises(PersonRefused) as refused:
        await provisioner.change(
            "HRMS", station.holder.person_id, row | {"number": ATTACKER}, "", None
        )
    assert [one.code for one in refused.value.problems] == ["holds_grants"]
    suspended = row | {"status": "suspended"}
    await provisioner.change("HRMS", station.holder.person_id, suspended, "", None)
    with pytest.raises(PersonRefused):
        await provisioner.change("HRMS", station.holder.person_id, row, "", None)
    changed = other | {"number": ATTACKER}
    assert other["code"] not in (row["code"], station.row_of(station.admin)["code"])
    found = await provisioner.change("HRMS", person_id(other["code"]), changed, "", None)
    assert found.row["number"] == ATTACKER
