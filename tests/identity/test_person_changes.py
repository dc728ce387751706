"""One place decides what may be done to a person, whichever way it comes."""

from typing import Any

import pytest

from copconnect import wire
from copconnect.directory.imports.importer import ImportOptions
from copconnect.directory.names import english
from copconnect.directory.postings.planned import day_of
from copconnect.directory.rules import person_id
from copconnect.directory.scim.provisioning import PersonRefused, Provisioner
from copconnect.ids import PersonId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed
from tests.identity.approved import Force
from tests.identity.importing import done, problems
from tests.identity.running import PATROL, SHO, MovedClock, Running
from tests.identity.signing import act, give, grant, refusal
from tests.identity.stations import Station, people_of
from tests.identity.test_upload_acts import applying, examine, file_of, send

pytestmark = pytest.mark.databases("sqlite")

DAY_MS = 86_400_000
Row = dict[str, str]


# Whom the admin of a station may change, by any way: the reason of the refusal, "" for none.
EXPECTED = {
    "of the station": "",
    "of another part": "not_in_part",
    "holder of a grant above": "holds_grants",
    "the admin": "oneself",
}
CHANGES: dict[str, Row] = {
    "status": {"status": "suspended"},
    "number": {"number": "+917999000077"},
    "rank": {"rank": "ASI"},
    "name": {"name_en": "Another Name"},
    "enrolment code": {"enrolment_code": "ABCD-EFGH-JKLM"},
    "removal": {"status": "removed"},
}


def _of(station: Station, target: str) -> Row:
    mine, holder = station.row_of(station.admin), station.row_of(station.holder)
    others = [row for row in station.own if row not in (mine, holder)]
    return {
        "of the station": others[0],
        "of another part": station.others[-1],
        "holder of a grant above": holder,
        "the admin": mine,
    }[target]


def _reason(answer: Any, station: Station) -> str:
    """Return the reason of the refusal of an act."""
    if done(answer):
        return ""
    body = answer.json()
    if body["code"] == "act_invalid":
        return str(body["details"]["reason"])
    assert body["code"] == "not_allowed", body
    above = station.path.startswith(f"{body['details']['path']}/")
    return "holds_grants" if above else "not_in_part"


async def _by_act(running: Running, station: Station, row: Row, change: Row) -> str | None:
    person, place = (
        PersonId(person_id(row["code"])),
        wire.NewPlace(
            unit_id=UnitId(row["unit"]), post=english(row["post_en"]), roles=[], head=False
        ),
    )
    match change:
        case {"status": "suspended"}:
            made: wire.Act = wire.SuspendPerson(person_id=person, reason="")
        case {"rank": rank}:
            made = wire.TransferPerson(person_id=person, place=place, rank=rank)
        case {"enrolment_code": _}:
            made = wire.MakeEnrolmentCodes(person_ids=[person])
        case _:
            return None
    return _reason(await act(running, station.admin, made), station)


async def _by_plan(running: Running, station: Station, row: Row, change: Row) -> str | None:
    if "rank" not in change:
        return None
    unit = station.own[0]["unit"] if row in station.own else row["unit"]
    place = wire.NewPlace(unit_id=UnitId(unit), post=english("Writer"), roles=[], head=False)
    planned = wire.PlanTransfer(
        person_id=PersonId(person_id(row["code"])),
        place=place,
        rank=change["rank"],
        on=day_after(running.container.clock.now_ms()),
    )
    return _reason(await act(running, station.admin, planned), station)


async def _by_import(running: Running, station: Station, row: Row, change: Row) -> str | None:
    upload_id = await send(running, station.admin, file_of([row | change]))
    upload = await examine(running, station.admin, upload_id)
    (found,) = await problems(running, station.admin, upload) or {""}
    answer = await act(running, station.admin, applying(upload))
    assert done(answer) == (found == ""), answer.text
    return found


async def _by_undo(running: Running, station: Station, row: Row, change: Row) -> str | None:
    """Undo an operator's import, which brings the former row back."""
    signs_out = row["code"] == station.row_of(station.admin)["code"] and "status" in change
    if "enrolment_code" in change or signs_out:
        return None
    applied = await running.container.importer.apply(
        OPERATOR, [("roll.csv", file_of([row | change]))], ImportOptions(confirmed=True)
    )
    assert applied.number is not None
    undo = wire.UndoImport(undone=applied.number)
    found = _reason(await act(running, station.admin, undo), station)
    if found:
        await running.container.importer.undo(OPERATOR, applied.number)
    return found


async def _by_reorganisation(
    running: Running, station: Station, row: Row, change: Row
) -> str | None:
    if "rank" not in change or row not in station.own:
        return None
    part = wire.UnitPart(
        unit_id=UnitId("NEW"),
        parent_id=UnitId(row["unit"]),
        level="wing",
        names=english("New"),
        unit_ids=[],
        post_ids=[],
        person_ids=[PersonId(person_id(row["code"]))],
    )
    steps: list[wire.Step] = [wire.SplitUnit(unit_id=UnitId(row["unit"]), parts=[part])]
    return _reason(await act(running, station.admin, wire.ReorganiseUnits(steps=steps)), station)


WAYS: dict[str, Any] = {
    "act": _by_act,
    "planned transfer": _by_plan,
    "import": _by_import,
    "undoing": _by_undo,
    "reorganisation": _by_reorganisation,
}


@pytest.mark.parametrize("target", EXPECTED)
async def test_every_way_of_an_admin_meets_the_same_refusals(
    approving: Running, station: Station, target: str
) -> None:
    row, tried = _of(station, target), set[str]()
    if target == "of another part":
        assert row["unit"] != station.own[0]["unit"]
    for change, values in CHANGES.items():
        for way, by in WAYS.items():
            now = next(one for one in await people_of(approving) if one["code"] == row["code"])
            found = await by(approving, station, now, values)
            if found is None:
                continue
            tried.add(way)
            assert found == EXPECTED[target], (way, change)
            if not found:
                await _back(approving, row)
    assert tried >= {"act", "planned transfer", "import", "undoing"}
    if target != "of another part":
        assert "reorganisation" in tried


async def _back(running: Running, row: Row) -> None:
    """Let an operator, who may do everything, store the row again, and nothing be planned."""
    container = running.container
    async with container.database.transaction() as connection:
        for one in await container.planned.listed(connection):
            await container.planned.cancel(connection, OPERATOR, one.person_id, one.planned_id)
    files = [("roll.csv", file_of([row | {"status": row["status"] or "active"}]))]
    await container.importer.apply(OPERATOR, files, ImportOptions(confirmed=True))


@pytest.mark.parametrize("target", EXPECTED)
async def test_a_system_takes_nobody_over(
    approving: Running, station: Station, target: str
) -> None:
    """It changes everybody, but for what would give a holder's grants to another phone."""
    container, row = approving.container, _of(station, target)
    provisioner = Provisioner(
        container.database, container.clock, container.editor, container.auth.granting
    )
    holds = target in ("holder of a grant above", "the admin")
    person = person_id(row["code"])
    for change in ({"number": "+917999000077"}, {"rank": "ASI"}, {"status": "suspended"}, {}):
        found = ""
        try:
            await provisioner.change("HRMS", person, row | {"status": "active"} | change, "", None)
        except PersonRefused as error:
            (found,) = [one.code for one in error.problems]
        taking_over = "number" in change or not change
        assert found == ("holds_grants" if holds and taking_over else ""), change
        if taking_over and not holds:
            await provisioner.change("HRMS", person, row | {"status": "active"}, "", None)


async def test_a_planned_transfer_is_decided_again_on_its_day(
    approving: Running, force: Force, station: Station, clock: MovedClock
) -> None:
    """The person has come by a grant above since, or the planner has lost the right."""
    people = [row for row in station.own if row["number"] not in (SHO, station_holder(station))]
    for row, lapses in ((people[0], False), (people[1], True)):
        device = await confirmed(approving, force, row["number"])
        place = wire.NewPlace(
            unit_id=UnitId(row["unit"]), post=english("Writer"), roles=[], head=False
        )
        day = approving.container.clock.now_ms() + DAY_MS
        on = day_after(day)
        planned = wire.PlanTransfer(
            person_id=PersonId(device.person_id), place=place, rank=None, on=on
        )
        assert done(await act(approving, station.admin, planned))
        if lapses:
            withdrawn = grant(
                approving,
                force.root,
                station.admin,
                station.path,
                not_after=approving.container.clock.now_ms(),
            )
            assert (await give(approving, force.root, withdrawn)).is_success
        else:
            above = grant(approving, force.root, device, force.path)
            assert (await give(approving, force.root, above)).is_success
        clock.ms += 3 * DAY_MS
        await approving.container.planned.apply_due()
        now = {one["code"]: one for one in await people_of(approving)}
        assert now[row["code"]]["post_en"] == row["post_en"]
    async with approving.container.database.reading() as connection:
        states = {one.state for one in await approving.container.planned.listed(connection)}
    assert states == {"failed"}


def station_holder(station: Station) -> str:
    return station.row_of(station.holder)["number"]


def day_after(ms: int) -> str:
    return day_of(ms + DAY_MS)


async def test_names_that_an_admin_of_a_part_matched_by_hand_serve_that_part(
    approving: Running, force: Force, station: Station
) -> None:
    """Both the names and the columns of a file, which the admin of another part never saw."""
    row = next(one for one in station.own if one["number"] == PATROL)
    high = next(one["rank"] for one in station.others if one["rank"] != row["rank"])
    heading = "code,name_en,Gradation\n"
    content = f"{heading}{row['code']},{row['name_en']},Junior\n".encode()
    choices = wire.ImportChoices(
        confirmed=True, columns={"rank": "Gradation"}, aliases={"rank": {"Junior": high}}
    )
    upload_id = await send(approving, station.admin, content)
    upload = await examine(approving, station.admin, upload_id, choices)
    assert upload["state"] == "ready", upload
    answer = await act(approving, station.admin, applying(upload))
    assert done(answer), answer.text
    again = await send(approving, station.admin, content)
    own = await examine(approving, station.admin, again)
    assert own["preview"]["counts"]["unchanged"] == 1, own
    assert own["preview"]["aliases"] == [
        {"column": "rank", "typed": "Junior", "code": high, "remembered": True}
    ]
    elsewhere = await send(approving, force.admin, content)
    other = await examine(approving, force.admin, elsewhere)
    assert other["preview"]["aliases"] == []
    (sheet,) = other["preview"]["sheets"]
    assert not sheet["remembered"]


async def test_names_that_are_matched_by_hand_are_in_the_signed_act(
    approving: Running, station: Station
) -> None:
    row = next(one for one in station.own if one["number"] == PATROL)
    content = f"code,rank\n{row['code']},Junior\n".encode()
    upload_id = await send(approving, station.admin, content)
    aliases = {"rank": {"Junior": "HC" if row["rank"] != "HC" else "PC"}}
    choices = wire.ImportChoices(confirmed=True, aliases=aliases)
    upload = await examine(approving, station.admin, upload_id, choices)
    refused = await act(approving, station.admin, applying(upload, aliases={}))
    assert refusal(refused)[0] == "import_refused"
    assert done(await act(approving, station.admin, applying(upload)))


async def test_the_digest_of_a_preview_names_codes_names_and_columns(
    approving: Running, station: Station
) -> None:
    """The sender of a file that waits cannot have it read in another way."""
    row = next(one for one in station.own if one["number"] == PATROL)
    content = f"code,name_en,A,B\n{row['code']},Another Name,FIRST-CODE,SECOND-CODE\n".encode()
    upload_id = await send(approving, station.admin, content)
    digests = []
    for column in ("A", "B", "none"):
        choices = wire.ImportChoices(confirmed=True, columns={"enrolment_code": column})
        upload = await examine(approving, station.admin, upload_id, choices)
        assert upload["state"] == "ready", upload
        digests.append(upload["preview"]["digest"])
    assert len(set(digests)) == 3
