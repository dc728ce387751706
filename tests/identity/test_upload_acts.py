"""Files that admins send to be imported: received, examined, applied and undone by acts."""

import asyncio
import hashlib
import io
import zipfile
from typing import Any

import pytest

from copconnect import wire
from copconnect.directory import store
from copconnect.directory.imports import exporting
from copconnect.directory.rules import person_id
from copconnect.directory.uploads import receiving, upload_store, uploads
from copconnect.ids import PersonId, UnitId, UploadId
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import Force
from tests.identity.running import PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import act, give, grant, looked_at, refusal
from tests.identity.stations import Rows, people_of

pytestmark = pytest.mark.databases("sqlite")

CHOICES = wire.ImportChoices(confirmed=True)


def file_of(rows: Rows) -> bytes:
    return exporting.csv_files({"people": rows})["people"]


async def send(
    running: Running, device: Device, content: bytes, name: str = "roll.csv"
) -> UploadId:
    """Send a file in chunks."""
    body = wire.BeginUpload(
        name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    begun = await running.post("/v1/admin/uploads", device, body)
    assert begun.is_success, begun.text
    upload_id = UploadId(begun.json()["uploadId"])
    for index, start in enumerate(range(0, len(content), wire.IMPORT_CHUNK_BYTES)):
        part = content[start : start + wire.IMPORT_CHUNK_BYTES]
        put = await put_chunk(running, device, upload_id, index, part)
        assert put.status_code == 204, put.text
    return upload_id


async def put_chunk(
    running: Running, device: Device, upload_id: str, index: int, content: bytes
) -> Any:
    path = f"/v1/admin/uploads/{upload_id}/chunks/{index}"
    return await running.http.put(path, headers=device.headers, content=content)


async def test_a_person_sends_so_many_bytes_in_a_day(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    async def begin(device: Device) -> Any:
        body = wire.BeginUpload(name="roll.csv", size=wire.MAX_IMPORT_BYTES, sha256="0" * 64)
        return await approving.post("/v1/admin/uploads", device, body)

    for _ in range(receiving.SENT.limit // wire.MAX_IMPORT_BYTES):
        assert (await begin(force.admin)).is_success
    refused = await begin(force.admin)
    assert refusal(refused)[0] == "rate_limited"
    assert refused.json()["details"] == {"limit": "import_bytes_per_day"}
    assert 0 < refused.json()["retryAfterMs"] <= 24 * 3_600_000
    assert (await begin(force.root)).is_success
    clock.ms += refused.json()["retryAfterMs"]
    assert (await begin(force.admin)).is_success


async def examine(
    running: Running,
    device: Device,
    upload_id: UploadId,
    choices: wire.ImportChoices = CHOICES,
) -> dict[str, Any]:
    """Let a file be examined; return the upload."""
    begun = await running.post(f"/v1/admin/uploads/{upload_id}/previews", device, choices)
    assert begun.status_code == 204, begun.text
    for _ in range(400):
        found = (await running.get(f"/v1/admin/uploads/{upload_id}", device)).json()
        if found["state"] != "examining":
            return dict(found)
        await asyncio.sleep(0.02)
    raise AssertionError("it was not examined in time")


def applying(upload: dict[str, Any], **changes: Any) -> wire.ApplyImport:
    choices = upload["choices"]
    values = {
        "upload_id": upload["uploadId"],
        "sha256": upload["sha256"],
        "digest": upload["preview"]["digest"],
        "remove_missing": choices["removeMissing"],
        "partial": choices["partial"],
        "aliases": choices["aliases"],
    }
    return wire.ApplyImport(**(values | changes))


async def test_a_file_is_previewed_applied_and_undone_by_signed_acts(
    approving: Running, force: Force
) -> None:
    rows = await people_of(approving)
    before = [dict(row) for row in rows]
    rows[20]["name_en"] = "Another Name"
    added = rows[30] | {"code": "NEW-1", "number": "+917999000001"}
    wrong = rows[30] | {"code": "NEW-2", "number": "12"}
    upload_id = await send(approving, force.root, file_of([*rows, added, wrong]))
    choices = wire.ImportChoices(confirmed=True, partial=True)
    upload = await examine(approving, force.root, upload_id, choices)
    assert upload["state"] == "ready", upload
    counts = upload["preview"]["counts"]
    assert (counts["added"], counts["changed"], counts["refused"]) == (1, 1, 1)
    assert counts["unchanged"] == len(before) - 1
    shown = f"/v1/admin/uploads/{upload_id}/rows?show="
    changed = (await approving.get(f"{shown}changed", force.root)).json()["rows"]
    assert changed[0]["values"] == [
        {"column": "name_en", "old": before[20]["name_en"], "new": "Another Name"}
    ]
    refused = (await approving.get(f"{shown}refused", force.root)).json()["rows"]
    assert refused[0]["code"] == "NEW-2"
    assert [one["code"] for one in refused[0]["problems"]] == ["number_invalid"]
    report = await approving.get(f"/v1/admin/uploads/{upload_id}/report", force.root)
    assert zipfile.ZipFile(io.BytesIO(report.content)).testzip() is None

    done = await act(approving, force.root, applying(upload))
    assert done.json()["state"] == "done", done.text
    assert {row["code"] for row in await people_of(approving)} == {
        *(row["code"] for row in before),
        "NEW-1",
    }
    listed = (await approving.get("/v1/admin/imports", force.root)).json()
    assert listed["uploads"] == []
    newest = listed["imports"][0]
    assert (newest["source"], newest["undoable"]) == ("roll.csv", True)
    undone = await act(approving, force.root, wire.UndoImport(undone=newest["number"]))
    assert undone.json()["state"] == "done", undone.text
    assert await people_of(approving) == before
    made = [one["act"] for _, one in await entries(approving)]
    assert [one for one in made if "import" in one][-2:] == [
        "data_bank_imported",
        "import_undone",
    ]
    assert (await verified(approving)).signed >= 4
    async with approving.container.database.reading() as connection:
        assert await upload_store.content(connection, upload_id) == []


async def test_an_act_takes_the_file_as_it_was_examined_without_reading_it_again(
    approving: Running, force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await people_of(approving)
    rows[20]["name_en"] = "Another Name"
    upload_id = await send(approving, force.root, file_of(rows))
    upload = await examine(approving, force.root, upload_id)

    async def read_again(*_: object) -> None:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(approving.container.importer, "prepare", read_again)
    done = await act(approving, force.root, applying(upload))
    assert done.json()["state"] == "done", done.text


async def test_an_act_imports_what_its_preview_showed_or_nothing(
    approving: Running, force: Force
) -> None:
    rows = await people_of(approving)
    rows[20]["name_en"] = "Another Name"
    upload_id = await send(approving, force.root, file_of(rows))
    upload = await examine(approving, force.root, upload_id)
    for changes in ({"digest": "0" * 64}, {"remove_missing": True}):
        answer = await act(approving, force.root, applying(upload, **changes))
        assert refusal(answer)[0] == "import_refused"
        assert answer.json()["details"]["reason"] == "preview_outdated"
    other = await act(approving, force.root, applying(upload, sha256="0" * 64))
    assert refusal(other)[0] == "not_found"
    # Somebody else changes the same row meanwhile.
    again = await people_of(approving)
    again[20]["name_en"] = "A Third Name"
    second = await send(approving, force.root, file_of(again))
    await act(approving, force.root, applying(await examine(approving, force.root, second)))
    late = await act(approving, force.root, applying(upload))
    assert late.json()["details"]["reason"] == "preview_outdated"
    assert (await people_of(approving))[20]["name_en"] == "A Third Name"


async def test_the_part_of_the_tree_limits_what_a_file_may_change(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    rows = await people_of(approving)
    mine = next(row for row in rows if row["number"] == SHO)
    async with approving.container.database.reading() as connection:
        path = await approving.container.directory.path_of(connection, UnitId(mine["unit"]))
    assert path is not None
    clock.ms += 1000
    given = await give(approving, force.root, grant(approving, force.root, sho, path))
    assert given.is_success
    clock.ms += 1000
    own = next(row for row in rows if row["unit"] == mine["unit"] and row is not mine)
    other = next(row for row in rows if row["unit"] != mine["unit"])
    for changed, state in ((own, "done"), (other, "")):
        upload_id = await send(approving, sho, file_of([changed | {"name_en": "New Name"}]))
        upload = await examine(approving, sho, upload_id)
        answer = await act(approving, sho, applying(upload))
        if state:
            assert answer.json()["state"] == state, answer.text
        else:
            assert upload["preview"]["counts"]["refused"] == 1
            assert answer.json()["details"]["reason"] == "rows_refused"
    # A unit's name is the department's affair.
    tables = await approving.container.importer.export(OPERATOR)
    line = next(row for row in tables["units"] if row["code"] == mine["unit"])
    content = exporting.csv_files({"units": [line | {"name_en": "Renamed"}]})["units"]
    upload_id = await send(approving, sho, content, "units.csv")
    upload = await examine(approving, sho, upload_id)
    assert upload["preview"]["paths"] == [""]
    assert refusal(await act(approving, sho, applying(upload)))[0] == "not_allowed"


async def test_many_who_leave_need_a_second_admin(approving: Running, force: Force) -> None:
    rows = await people_of(approving)
    async with approving.container.database.reading() as connection:
        within = await store.unit_paths(connection)
    part = f"/{force.path}/"
    own = [row for row in rows if within[UnitId(row["unit"])].startswith(part)]
    gone = [row for row in own if person_id(row["code"]) != force.admin.person_id][-8:]
    kept = [row for row in own if row not in gone]
    upload_id = await send(approving, force.admin, file_of(kept))
    choices = wire.ImportChoices(confirmed=True, remove_missing=True)
    upload = await examine(approving, force.admin, upload_id, choices)
    assert upload["preview"]["leaving"] == 8
    waiting = await act(approving, force.admin, applying(upload))
    assert waiting.json()["state"] == "waiting", waiting.text
    assert len(await people_of(approving)) == len(rows)
    # The second admin reads the preview first.
    seen = await approving.get(f"/v1/admin/uploads/{upload_id}/rows?show=removed", force.root)
    assert seen.json()["total"] == 8
    acts = (await approving.get("/v1/admin/acts", force.root)).json()["acts"]
    approval = await looked_at(approving, force.root, acts[0])
    # The node has examined another file since, and reads this one again.
    await examine(approving, force.root, await send(approving, force.root, file_of(rows)))
    done = await act(approving, force.root, approval)
    assert done.json()["state"] == "done", done.text
    assert len(await people_of(approving)) == len(rows) - 8
    await verified(approving)


@pytest.mark.parametrize("kind", ["zeros", "text", "cut"])
async def test_files_that_cannot_be_read_say_why(
    approving: Running, force: Force, kind: str
) -> None:
    if kind == "zeros":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("[Content_Types].xml", b"<Types/>")
            made.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
        content, name, problem = out.getvalue(), "bomb.xlsx", "file_expands"
    elif kind == "text":
        content, name, problem = b"\x00\x01\x02nothing", "note.csv", "encoding_unknown"
    else:
        content, name, problem = b"PK\x03\x04cut", "cut.xlsx", "file_damaged"
    upload_id = await send(approving, force.admin, content, name)
    upload = await examine(approving, force.admin, upload_id)
    assert (upload["state"], upload["problem"]) == ("failed", problem)


async def test_chunks_are_exact_and_the_senders_own(approving: Running, force: Force) -> None:
    content = b"x" * (wire.IMPORT_CHUNK_BYTES + 10)
    body = wire.BeginUpload(
        name="two.csv", size=len(content), sha256=hashlib.sha256(b"else").hexdigest()
    )
    begun = await approving.post("/v1/admin/uploads", force.admin, body)
    upload_id = begun.json()["uploadId"]
    short = await put_chunk(approving, force.admin, upload_id, 0, b"x")
    assert refusal(short)[0] == "chunk_invalid"
    beyond = await put_chunk(approving, force.admin, upload_id, 2, b"x")
    assert refusal(beyond)[0] == "chunk_invalid"
    stranger = await put_chunk(approving, force.root, upload_id, 1, b"x" * 10)
    assert refusal(stranger)[0] == "not_found"
    early = await approving.post(f"/v1/admin/uploads/{upload_id}/previews", force.admin, CHOICES)
    assert early.json()["details"]["reason"] == "incomplete"
    for index, part in ((0, content[: wire.IMPORT_CHUNK_BYTES]), (1, b"x" * 10)):
        for _ in range(2):
            put = await put_chunk(approving, force.admin, upload_id, index, part)
            assert put.status_code == 204
    upload = await examine(approving, force.admin, UploadId(upload_id))
    assert (upload["state"], upload["problem"]) == ("failed", "file_differs")
    patrol = await confirmed(approving, force, PATROL)
    answer = await approving.post("/v1/admin/uploads", patrol, body)
    assert refusal(answer)[0] == "not_allowed"


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_node_that_stops_leaves_nothing_that_waits_for_ever(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    upload_id = await send(approving, force.admin, file_of(await people_of(approving)))
    async with approving.container.database.transaction() as connection:
        await upload_store.write(
            connection, upload_id, state="examining", beat_ms=clock.ms, total=1
        )
    busy = await approving.post(f"/v1/admin/uploads/{upload_id}/previews", force.admin, CHOICES)
    assert busy.json()["details"]["reason"] == "examining"
    clock.ms += uploads.LOST_MS + 1
    lost = (await approving.get(f"/v1/admin/uploads/{upload_id}", force.admin)).json()
    assert (lost["state"], lost["problem"]) == ("failed", "cut_off")
    assert (await examine(approving, force.admin, upload_id))["state"] == "ready"


@pytest.mark.databases("sqlite", "postgresql")
async def test_the_content_of_old_files_is_dropped(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    old = await send(approving, force.admin, b"code,name_en\n")
    clock.ms += receiving.KEPT_MS + 1000
    async with approving.container.database.transaction() as connection:
        gone = await upload_store.superfluous(
            connection,
            PersonId(force.admin.person_id),
            clock.ms - receiving.KEPT_MS,
            receiving.KEPT,
        )
        await upload_store.forget(connection, gone)
        assert await upload_store.one(connection, old) is None
        assert await upload_store.content(connection, old) == []
