"""A person's copy of what the server keeps, and its erasure."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from typer.testing import CliRunner

from copconnect.admin.store import acts
from copconnect.app import operations
from copconnect.audit.acts import PersonSuspended
from copconnect.auth_service.tables import clients, person_cards
from copconnect.cli import app
from copconnect.database.engine import METADATA
from copconnect.directory import store
from copconnect.directory.imports import erasing, exporting
from copconnect.directory.imports.importer import ImportOptions
from copconnect.directory.rules import person_id
from copconnect.http.operations import Given
from copconnect.ids import PersonId
from copconnect.principals import Operator
from copconnect.privacy.kinds import KINDS
from copconnect.privacy.service import DAY_MS, NoSuchPerson, StillThere
from copconnect.push.store import SUBSCRIPTIONS
from copconnect.reports.tables import REPORTS
from copconnect.rights import PersonChange, Undecided, decide_for_system
from copconnect.training.store import DONE
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, SHO, Device, MovedClock
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

NAME, TELUGU, NUMBER = "Zebulon Quixley", "క్విక్స్లీ", "+917000099999"
LABEL, ENDPOINT = "Zebulon's own phone", "https://push.example/zebulon-quixley"
ANY = ImportOptions(confirmed=True, remove_missing=True, most_leaving=None)

# Tables without a row about a person: of the organisation, of conversations as such, of the server.
ABOUT_NOBODY = {
    *(
        "admin_rights",
        "attachment_chunks",
        "attachment_messages",
        "attachment_shares",
        "audiences",
        "audit_head",
        "audit_nodes",
    ),
    *("auth_code_failures", "auth_departments", "auth_incarnations", "auth_trust"),
    *("cell_key_asks", "cell_keys", "cell_lines", "heads", "key_asks"),
    *("held_attachments", "held_messages"),
    *("late_seal_asks", "late_seals", "sender_chains"),
    *("directory_former_units", "directory_group_policy", "directory_levels", "directory_posts"),
    *("directory_ranks", "directory_roles", "directory_units", "directory_state"),
    *("directory_post_search", "directory_scim_systems"),
    *("directory_import_aliases", "directory_import_mappings", "directory_import_turn"),
    *("leases", "lesson_images", "lesson_problems", "lesson_texts", "lesson_uploads", "lessons"),
    *("push_planned", "receipt_versions", "report_proofs", "roster_rounds"),
    # A number's hash under the server's secret, for as long as a registration may take.
    "auth_numbers",
    # The admin who imported, as in the audit log, and the ids of moved people.
    *("directory_imports", "directory_reorganisations"),
    "wakeups",  # Ids, for some minutes.
    # Content of directory_imports and directory_uploads, which erasing goes through.
    *("directory_import_parts", "directory_upload_chunks", "directory_upload_pages"),
}


def test_every_table_is_known_to_be_about_a_person_or_about_nobody() -> None:
    about = {kind.table.name for kind in KINDS}
    assert about & ABOUT_NOBODY == set()
    assert about | ABOUT_NOBODY == set(METADATA.tables)
    for kind in KINDS:
        assert {*kind.by, *kind.shown} <= set(kind.table.c.keys()), kind.section
        assert kind.fate, kind.section
    assert len({kind.section for kind in KINDS}) == len(KINDS)


async def test_no_address_has_a_name_or_number_that_somebody_searches_for(whole: Whole) -> None:
    rows = operations(whole.whole, whole.whole.settings)
    for row in rows:
        asked = {one.short for one in Given.of(row).asked}
        assert row.searches or not asked & {"text", "number", "name"}, (row.method, row.path)
    assert sum(row.searches for row in rows) == 6


async def everything(whole: Whole) -> dict[str, str]:
    """Return the text of every table."""
    found: dict[str, str] = {}
    async with whole.whole.database.reading() as connection:
        for name, table in METADATA.tables.items():
            said: list[str] = []
            for row in await connection.execute(select(table)):
                for value in row:
                    content = value
                    if isinstance(content, bytes):
                        if name == "directory_import_parts":
                            content = zlib.decompress(content)
                        content = content.decode("utf-8", "ignore")
                    said.append(str(content))
            found[name] = "\n".join(said)
    return found


async def tables_with(whole: Whole, *words: str) -> set[str]:
    texts = await everything(whole)
    return {name for name, said in texts.items() if any(one in said for one in words)}


async def apply(whole: Whole, tables: dict[str, list[dict[str, str]]]) -> None:
    files = [(f"{name}.csv", said) for name, said in exporting.csv_files(tables).items()]
    await whole.whole.importer.apply(OPERATOR, files, ANY)


@pytest.fixture
async def officer(whole: Whole, clock: MovedClock) -> Device:
    """An officer with their own name, a device, and traces in many tables."""
    clock.ms += 1000
    tables = await whole.whole.importer.export(OPERATOR)
    row = next(one for one in tables["people"] if one["number"] == PATROL)
    row |= {"name_en": NAME, "name_te": TELUGU, "number": NUMBER}
    await apply(whole, tables)
    device = await whole.device(NUMBER)
    async with whole.whole.database.transaction() as connection:
        await connection.execute(
            update(clients).where(clients.c.client_id == device.client_id).values(label=LABEL)
        )
        subscription: dict[str, Any] = {
            "client_id": device.client_id,
            "person_id": device.person_id,
        }
        subscription |= {"endpoint": ENDPOINT, "origin": "https://push.example", "created_ms": 1}
        await connection.execute(insert(SUBSCRIPTIONS).values(subscription))
        done: dict[str, Any] = {"person_id": device.person_id, "lesson_id": "officer.first-message"}
        done |= {"course": "officer", "version": 1, "done_ms": clock.ms}
        await connection.execute(insert(DONE).values(done))
        named = PersonSuspended(PersonId(device.person_id), "a mistake")
        await whole.whole.audit.record(connection, OPERATOR, named)
        await connection.execute(insert(acts).values(an_act("0" * 32, "done", device, clock.ms)))
        reports = [a_report("a" * 32, device.person_id, "e" * 32)]
        reports.append(a_report("b" * 32, "e" * 32, device.person_id))
        await connection.execute(insert(REPORTS), reports)
    return device


def an_act(act_id: str, state: str, device: Device, now_ms: int) -> dict[str, Any]:
    preview = json.dumps({"sample": [{"personId": device.person_id, "names": {"en": NAME}}]})
    return {
        **{"act_id": act_id, "hash": bytes(32), "record": b"", "presence": b""},
        **{"person_id": "f" * 32, "device": bytes(32), "state": state, "entry": 1, "people": 1},
        **{"paths": "", "taken_ms": now_ms, "preview": preview},
    }


def a_report(report_id: str, reporter: str, reported: str) -> dict[str, Any]:
    return {
        **{"report_id": report_id, "conversation_id": "c" * 32, "message_id": "d" * 32},
        **{"header_hash": bytes(32), "reporter_id": reporter, "reported_id": reported},
        **{"path": "TG", "clause": 1, "messages": 1, "created_ms": 1, "state": "decided"},
        **{"finding": "upheld", "decided_clause": 1, "reason": "Said so", "decided_ms": 2},
    }


async def code_of(whole: Whole, device: Device) -> str:
    async with whole.whole.database.reading() as connection:
        (row,) = await store.by_id(connection, [PersonId(device.person_id)])
    return str(row.code)


async def remove(whole: Whole, clock: MovedClock, device: Device) -> str:
    code = await code_of(whole, device)
    clock.ms += 1000
    tables = await whole.whole.importer.export(OPERATOR)
    tables["people"] = [one for one in tables["people"] if one["code"] != code]
    await apply(whole, tables)
    return code


@pytest.mark.databases("sqlite", "postgresql")
async def test_erasing_leaves_no_name_number_label_or_endpoint_but_in_signed_cards(
    whole: Whole, clock: MovedClock, officer: Device
) -> None:
    words = (NAME, TELUGU, NUMBER, NUMBER[3:], LABEL, ENDPOINT, "zebulon", "quixley")
    code = await remove(whole, clock, officer)
    before = await tables_with(whole, *words)
    assert before >= {
        *("directory_people", "directory_import_parts", "auth_clients"),
        *("admin_acts", "auth_person_cards"),
    }
    assert await whole.whole.privacy.erase(OPERATOR, code)
    assert await tables_with(whole, *words) == {"auth_person_cards"}
    for kind in KINDS:
        if kind.erased and "person_id" in kind.by:
            async with whole.whole.database.reading() as connection:
                of = select(kind.table).where(kind.table.c.person_id == officer.person_id)
                assert list(await connection.execute(of)) == [], kind.section
    # Others judge old messages and acts by these.
    async with whole.whole.database.reading() as connection:
        for table in (clients, person_cards):
            kept = select(table).where(table.c.person_id == officer.person_id)
            assert len(list(await connection.execute(kept))) > 0
    assert (await whole.whole.audit.verify(whole.whole.registry)).number > 0


async def test_nobody_else_loses_anything(whole: Whole, clock: MovedClock, officer: Device) -> None:
    other = await whole.device(SHO)
    code = await remove(whole, clock, officer)
    before = (await whole.get("/v1/me", other)).json()
    people = await whole.whole.importer.export(OPERATOR)
    assert await whole.whole.privacy.erase(OPERATOR, code)
    assert (await whole.get("/v1/me", other)).json()["person"] == before["person"]
    assert (await whole.whole.importer.export(OPERATOR))["people"] == people["people"]


async def test_erasing_is_refused_for_people_in_the_data_bank_and_audited_by_id_alone(
    whole: Whole, clock: MovedClock, officer: Device
) -> None:
    privacy, code = whole.whole.privacy, await code_of(whole, officer)
    with pytest.raises(StillThere, match="active"):
        await privacy.erase(OPERATOR, code)
    await whole.whole.editor.suspend(OPERATOR, NUMBER)
    with pytest.raises(StillThere, match="suspended"):
        await privacy.erase(OPERATOR, code)
    with pytest.raises(NoSuchPerson):
        await privacy.erase(OPERATOR, "nobody")
    await remove(whole, clock, officer)
    assert await privacy.erase(OPERATOR, code)
    assert not await privacy.erase(OPERATOR, code)
    entries = [entry.content async for entry in whole.whole.audit.entries()]
    erased = [one for one in entries if "person_erased" in one.act]
    assert [json.loads(one.act) for one in erased] == [
        {"act": "person_erased", "person_id": officer.person_id}
    ]
    assert erased[0].by == "operator " + OPERATOR.login


@pytest.mark.databases("sqlite", "postgresql")
async def test_people_are_erased_by_themselves_after_the_days_of_the_setting(
    whole: Whole, clock: MovedClock, officer: Device
) -> None:
    code = await remove(whole, clock, officer)
    days = whole.whole.settings.erase_removed_after_days
    assert days == 180
    clock.ms += days * DAY_MS - 10_000
    await whole.whole.privacy.erase_due()
    assert "directory_people" in await tables_with(whole, NUMBER)
    clock.ms += 20_000
    await whole.whole.privacy.erase_due()
    await whole.whole.privacy.erase_due()
    assert await tables_with(whole, NUMBER, NAME, LABEL) == {"auth_person_cards"}
    assert not await whole.whole.privacy.erase(OPERATOR, code)
    entries = [entry.content async for entry in whole.whole.audit.entries()]
    assert [one.by for one in entries if "person_erased" in one.act] == ["operator retention"]


async def test_somebody_who_returns_is_the_same_person_with_a_name_and_number(
    whole: Whole, clock: MovedClock, officer: Device
) -> None:
    before = await whole.whole.importer.export(OPERATOR)
    code = await remove(whole, clock, officer)
    await whole.whole.privacy.erase(OPERATOR, code)
    clock.ms += 1000
    await apply(whole, before)
    async with whole.whole.database.reading() as connection:
        (row,) = await store.by_id(connection, [PersonId(officer.person_id)])
    assert (row.name_en, row.number, row.status) == (NAME, NUMBER, "active")
    with pytest.raises(StillThere):
        await whole.whole.privacy.erase(OPERATOR, code)


async def test_an_import_is_undone_for_the_others(
    whole: Whole, clock: MovedClock, officer: Device
) -> None:
    code = await code_of(whole, officer)
    clock.ms += 1000
    tables = await whole.whole.importer.export(OPERATOR)
    other = next(one for one in tables["people"] if one["code"] != code)
    gone = (code, other["code"])
    tables["people"] = [one for one in tables["people"] if one["code"] not in gone]
    await apply(whole, tables)
    await whole.whole.privacy.erase(OPERATOR, code)
    number = (await whole.whole.importer.imports())[0].number
    await whole.whole.importer.undo(OPERATOR, number, most_leaving=None)
    async with whole.whole.database.reading() as connection:
        rows = await store.by_id(connection, [person_id(one) for one in gone])
    assert {row.code: row.status for row in rows} == {code: "removed", other["code"]: "active"}


async def test_an_export_has_a_section_for_each_kind_and_no_case_of_others(
    whole: Whole, officer: Device
) -> None:
    code = await code_of(whole, officer)
    found = await whole.whole.privacy.export(OPERATOR, code)
    said = json.loads(json.dumps(found))
    (row,) = said["data_bank"]["rows"]
    assert (row["name_en"], row["name_te"], row["number"]) == (NAME, TELUGU, NUMBER)
    assert row["unit_id"]
    assert row["changed"].startswith("20")
    (device,) = said["devices"]["rows"]
    assert (device["label"], device["device"]) == (LABEL, officer.device.hex())
    assert said["tokens"]["rows"][0]["expires"] > device["created"]
    assert said["push_subscriptions"]["rows"][0]["endpoint"] == ENDPOINT
    assert NAME in said["cards"]["rows"][0]["names"].values()
    assert said["cards"]["stays_after_erasure_because"]
    assert said["tokens"]["stays_after_erasure_because"] == ""
    assert [one["act"] for one in said["audit_log"]["rows"]] == ["person_suspended"]
    assert [one["report_id"] for one in said["reports_made"]["rows"]] == ["a" * 32]
    (about,) = said["reports_about_the_person"]["rows"]
    assert about["reason"] == "Said so"
    assert "reporter_id" not in about
    assert "e" * 32 not in json.dumps(said)
    assert "certificate_hash" not in json.dumps(said)
    acts_now = [entry.content.act async for entry in whole.whole.audit.entries()]
    assert json.loads(acts_now[-1]) == {
        "act": "person_data_exported",
        "person_id": officer.person_id,
    }
    with pytest.raises(NoSuchPerson):
        await whole.whole.privacy.export(OPERATOR, "nobody")


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_report_that_is_not_decided_is_not_told(whole: Whole, officer: Device) -> None:
    async with whole.whole.database.transaction() as connection:
        await connection.execute(update(REPORTS).values(state="open", decided_ms=None))
    found = await whole.whole.privacy.export(OPERATOR, await code_of(whole, officer))
    assert "reports_about_the_person" not in found


async def test_erasing_takes_a_permit(whole: Whole, clock: MovedClock, officer: Device) -> None:
    change = PersonChange(PersonId("1" * 32), frozenset())
    permit = decide_for_system(Operator("hrms"), [change], ())
    assert not isinstance(permit, str)
    await remove(whole, clock, officer)
    with pytest.raises(Undecided):
        async with whole.whole.database.transaction() as connection:
            await erasing.erase(connection, permit, [PersonId(officer.person_id)], clock.ms)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_commands(data: Path, tmp_path: Path) -> None:
    where = ("--data", str(data))
    bank, out = tmp_path / "bank", tmp_path / "mine.json"
    assert run("directory", "export", str(bank), *where).exit_code == 0
    people = (bank / "people.csv").read_text("utf-8-sig").splitlines()
    code = people[-1].split(",")[0]
    made = run("directory", "person", "export", code, "--out", str(out), *where)
    assert made.exit_code == 0, made.output
    assert json.loads(out.read_text())["data_bank"]["rows"][0]["code"] == code
    assert out.stat().st_mode & 0o077 == 0
    refused = run("directory", "person", "erase", code, *where)
    assert refused.exit_code == 1
    assert "active in the data bank" in " ".join(refused.output.split())
    assert "No person has the code" in run("directory", "person", "erase", "x", *where).output
    assert "No person has the code" in run("directory", "person", "export", "x", *where).output
    (bank / "people.csv").write_text("\n".join(people[:-1]) + "\n", "utf-8-sig")
    options = ("--remove-missing", "--yes", *where)
    assert run("directory", "import", str(bank), *options).exit_code == 0
    for said in ("Erased.", "This person was erased before."):
        done = run("directory", "person", "erase", code, *where)
        assert done.exit_code == 0, done.output
        assert said in done.output
        assert "- cards: a card has the name in it" in done.output
    assert run("audit", "verify", *where).exit_code == 0
