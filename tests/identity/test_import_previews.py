"""Previews and refusals of imports show an admin's own part alone, and each preview is audited."""

import io
import json
import zipfile
from typing import Any

import pytest

from copconnect import budgets, wire
from copconnect.directory import store
from copconnect.directory.imports import exporting
from copconnect.directory.uploads.uploads import PREVIEWS
from copconnect.ids import UnitId
from tests.harness.operator import OPERATOR
from tests.identity.acting import entries, verified
from tests.identity.approved import Force
from tests.identity.importing import ATTACKER, MISSING, PARTIAL, done, imported, problems, shown
from tests.identity.running import CP, PATROL, Running
from tests.identity.signing import act, refusal
from tests.identity.stations import Station, people_of
from tests.identity.test_upload_acts import (
    CHOICES,
    applying,
    examine,
    file_of,
    send,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_a_preview_shows_and_counts_the_callers_part_alone(
    approving: Running, station: Station
) -> None:
    """With removeMissing, and with every column but the code left out or wrong."""
    kept = station.own[:-1]
    gone = station.own[-1]
    upload_id = await send(approving, station.admin, file_of(kept))
    upload = await examine(approving, station.admin, upload_id, MISSING)
    assert upload["preview"]["people"] == len(station.own)
    assert upload["preview"]["leaving"] == 1
    assert upload["preview"]["counts"]["removed"] == 1
    removed = await shown(approving, station.admin, upload, "removed")
    assert [row["code"] for row in removed] == [gone["code"]]
    answer = await act(approving, station.admin, applying(upload))
    assert done(answer), answer.text
    assert len(await people_of(approving)) == len(station.own) - 1 + len(station.others)

    secret = {
        value
        for row in station.others
        for column, value in row.items()
        if value and column in ("name_en", "name_te", "number", "post_te")
    } - {value for row in station.own for value in row.values()}
    wrong = [
        row
        | {"number": f"+9179991{index:05}", "name_en": f"Typed {index}"}
        | {"name_te": "", "post_te": ""}
        for index, row in enumerate(station.others)
    ]
    codes = "".join(f"{row['code']}\n" for row in station.others)
    twice = "".join(f"{row['code']},A\n{row['code']},B\n" for row in station.others)
    files = [
        file_of(wrong),
        f"code\n{codes}".encode(),
        f"code,rank\n{twice}".encode(),
        file_of([exporting.removed_row(row["code"]) for row in station.others]),
    ]
    for content in files:
        upload_id = await send(approving, station.admin, content)
        upload = await examine(approving, station.admin, upload_id, PARTIAL)
        assert upload["state"] == "ready", upload
        pages = ""
        for kind in upload["preview"]["counts"]:
            rows = await shown(approving, station.admin, upload, kind)
            pages += json.dumps(rows, ensure_ascii=False)
        report = await approving.get(f"/v1/admin/uploads/{upload_id}/report", station.admin)
        with zipfile.ZipFile(io.BytesIO(report.content)) as book:
            pages += "".join(book.read(name).decode() for name in book.namelist())
        assert {one for one in secret if f'"{one}"' in pages or f">{one}<" in pages} == set()
        shown_counts = {k: n for k, n in upload["preview"]["counts"].items() if n}
        assert shown_counts.keys() == {"refused"}, shown_counts


async def test_a_right_guess_outside_the_part_looks_like_a_wrong_one(
    approving: Running, station: Station
) -> None:
    right, wrong = station.others[0], station.others[1] | {"number": ATTACKER}
    upload, _ = await imported(approving, station.admin, [right, wrong])
    rows = await shown(approving, station.admin, upload, "refused")
    assert {one["code"] for one in rows} == {right["code"], wrong["code"]}
    assert await problems(approving, station.admin, upload) == {"not_in_part"}
    assert upload["preview"]["counts"]["unchanged"] == 0


async def test_people_whom_the_admin_may_not_remove_are_named_when_the_file_lacks_them(
    approving: Running, station: Station
) -> None:
    mine, holder = station.row_of(station.admin), station.row_of(station.holder)
    rows = [row for row in station.own if row not in (mine, holder)]
    upload_id = await send(approving, station.admin, file_of(rows))
    upload = await examine(approving, station.admin, upload_id, MISSING)
    assert upload["preview"]["counts"]["removed"] == 0
    refused = await shown(approving, station.admin, upload, "refused")
    assert {one["code"]: one["problems"][0]["code"] for one in refused} == {
        mine["code"]: "oneself",
        holder["code"]: "holds_grants",
    }
    assert not done(await act(approving, station.admin, applying(upload)))


async def test_a_unit_that_a_file_moves_brings_nobody_into_the_part(
    approving: Running, station: Station
) -> None:
    tables = await approving.container.importer.export(OPERATOR)
    own, other = station.own[0]["unit"], station.others[-1]["unit"]
    units = [row | {"parent": own} if row["code"] == other else row for row in tables["units"]]
    rows = [row | {"name_en": "Typed"} for row in station.others if row["unit"] == other]
    book = exporting.workbook({"units": units, "people": rows})
    upload_id = await send(approving, station.admin, book, "moved.xlsx")
    upload = await examine(approving, station.admin, upload_id, PARTIAL)
    assert await problems(approving, station.admin, upload) == {"not_in_part", "not_whole"}
    assert {kind for kind, count in upload["preview"]["counts"].items() if count} == {"refused"}
    answer = await act(approving, station.admin, applying(upload))
    assert refusal(answer)[0] == "not_allowed"


@pytest.mark.databases("sqlite", "postgresql")
async def test_numbers_are_shown_by_the_right_to_see_them(
    approving: Running, force: Force, station: Station
) -> None:
    table = await approving.container.admin.rights.in_force()
    without = [one for one in table if one.right != "see_numbers"]
    await approving.container.admin.rights.replace(OPERATOR, without)
    row = next(one for one in station.own if one["number"] == PATROL)
    upload_id = await send(approving, station.admin, file_of([row | {"number": ATTACKER}]))
    upload = await examine(approving, station.admin, upload_id)
    (changed,) = await shown(approving, station.admin, upload, "changed")
    assert changed["values"] == [{"column": "number", "old": "", "new": ATTACKER}]
    content = f"code,rank\n{row['code']},A\n{row['code']},B\n".encode()
    upload_id = await send(approving, station.admin, content)
    upload = await examine(approving, station.admin, upload_id)
    assert PATROL not in json.dumps(await shown(approving, station.admin, upload, "refused"))
    # Others see a preview with numbers only if they may see those.
    hidden = await approving.get(f"/v1/admin/uploads/{upload_id}", force.root)
    assert refusal(hidden)[0] == "not_found"


@pytest.mark.databases("sqlite", "postgresql")
async def test_previews_are_in_the_audit_log(approving: Running, station: Station) -> None:
    upload_id = await send(approving, station.admin, file_of(station.own), "station.csv")
    upload = await examine(approving, station.admin, upload_id)
    await examine(approving, station.admin, upload_id, MISSING)
    broken = await send(approving, station.admin, b"\x00\x01\x02nothing", "note.csv")
    await examine(approving, station.admin, broken)
    found = [
        (who, entry)
        for who, entry in await entries(approving)
        if entry["act"] == "import_previewed"
    ]
    by = f"person {station.admin.person_id} device {station.admin.device.hex()}"
    assert [who for who, _ in found] == [by] * 3
    first, _, last = (entry for _, entry in found)
    assert (first["source"], first["sha256"]) == ("station.csv", upload["sha256"])
    assert first["counts"] == upload["preview"]["counts"]
    assert (last["source"], last["problem"]) == ("note.csv", "encoding_unknown")
    paths = {
        one.content.path
        async for one in approving.container.audit.entries()
        if "import_previewed" in one.content.act
    }
    assert paths == {station.path}
    await verified(approving)


async def test_past_imports_are_shown_to_those_who_may_import_over_all_that_they_touched(
    approving: Running, force: Force, station: Station
) -> None:
    own = next(one for one in station.own if one["number"] == PATROL)
    async with approving.container.database.reading() as connection:
        within = await store.unit_paths(connection)
    beside = next(
        row
        for row in station.others
        if within[UnitId(row["unit"])].startswith(f"/{force.path}/") and row["number"] != CP
    )
    for row, name in ((own, "station.csv"), (beside, "beside.csv")):
        content = file_of([row | {"name_en": "Another Name"}])
        upload_id = await send(approving, force.admin, content, name)
        upload = await examine(approving, force.admin, upload_id)
        assert done(await act(approving, force.admin, applying(upload)))
    for device, names in (
        (station.admin, {"station.csv"}),
        (force.admin, {"station.csv", "beside.csv"}),
    ):
        past = (await approving.get("/v1/admin/imports", device)).json()["imports"]
        assert {one["source"] for one in past} == names


async def test_a_preview_does_not_tell_that_a_code_or_number_is_taken_elsewhere(
    approving: Running, station: Station
) -> None:
    """Only a signed act that is refused tells it, which the audit log counts."""
    unit, number = station.own[0]["unit"], "+917999000055"
    elsewhere = station.others[-1]
    new = station.own[0] | {"unit": unit, "post_en": station.own[0]["post_en"]}
    rows = [
        new | {"code": elsewhere["code"], "number": number},
        new | {"code": "NEW-1", "number": station.others[-2]["number"]},
        new | {"code": "NEW-2", "number": ATTACKER},
    ]
    upload_id = await send(approving, station.admin, file_of(rows))
    upload = await examine(approving, station.admin, upload_id)
    counts = {kind: count for kind, count in upload["preview"]["counts"].items() if count}
    assert counts == {"added": 3}
    assert upload["preview"]["people"] == len(station.own)
    refused = await act(approving, station.admin, applying(upload))
    assert refusal(refused)[0] == "import_taken"
    told = {"count": 2, "rows": "2 (code), 3 (number)", "asked": 3}
    assert refused.json()["details"] == told
    tried = [one for _, one in await entries(approving) if one["act"] == "import_tried"]
    assert [one["taken"] for one in tried] == [2]
    now = await people_of(approving)
    assert all(row in now for row in station.others)
    for _ in range(19):
        refused = await act(approving, station.admin, applying(upload))
        assert refusal(refused)[0] == "import_taken"
    refused = await act(approving, station.admin, applying(upload))
    assert refusal(refused)[0] == "rate_limited"
    assert "rows" not in refused.json()["details"]


async def test_an_import_tells_no_more_numbers_than_a_search(
    approving: Running, station: Station
) -> None:
    """A file of guessed numbers: a hundred a day, by files and searches together."""
    new = station.own[0] | {"unit": station.own[0]["unit"]}
    taken = station.others[-2]["number"]

    def guesses(many: int) -> list[dict[str, str]]:
        numbers = [taken, *(f"+9179981{at:05}" for at in range(many - 1))]
        return [new | {"code": f"G-{at}", "number": one} for at, one in enumerate(numbers)]

    async def tried(many: int) -> Any:
        _, answer = await imported(approving, station.admin, guesses(many))
        return answer

    many = await tried(101)
    assert refusal(many)[0] == "import_refused"
    assert many.json()["details"] == {"reason": "taken_elsewhere"}
    assert (await tried(60)).json()["details"]["rows"] == "2 (number)"
    assert (await tried(41)).json()["details"] == {"reason": "taken_elsewhere"}
    assert (await tried(40)).json()["details"]["rows"] == "2 (number)"
    assert (await tried(1)).json()["details"] == {"reason": "taken_elsewhere"}
    searched = await approving.people(station.admin, text=taken)
    assert refusal(searched)[0] == "rate_limited"
    log = [one for _, one in await entries(approving) if one["act"] == "import_tried"]
    assert len(log) == 5


async def test_previews_are_limited_by_person_on_all_nodes(
    approving: Running, station: Station
) -> None:
    upload_id = await send(approving, station.admin, file_of(station.own))
    path = f"/v1/admin/uploads/{upload_id}/previews"
    async with approving.container.database.transaction() as connection:
        await budgets.count(
            connection, PREVIEWS, station.admin.person_id, 60, approving.container.clock.now_ms()
        )
    refused = await approving.post(path, station.admin, CHOICES)
    assert refusal(refused)[0] == "rate_limited"
    assert refused.json()["details"]["limit"] == "import_previews_per_hour"


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_rule_beyond_the_part_is_counted_within_it(
    approving: Running, station: Station
) -> None:
    """As admins see how many people a group would have."""
    everybody = wire.PreviewAudience(rule=wire.Audience(include=[wire.Clause(everyone=True)]))
    found = await approving.post("/v1/admin/audiences/previews", station.admin, everybody)
    assert found.json()["people"] == len(station.own)
    assert not found.json()["allowed"]
