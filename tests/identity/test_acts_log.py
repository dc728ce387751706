"""The audit log of signed acts, and what admins read of their part."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from copconnect import wire
from copconnect.admin import charting
from copconnect.audit import exported
from copconnect.audit.acts import Act
from copconnect.audit.rules import ZEROS, Broken, EntryContent, entry_hash
from copconnect.audit.store import ENTRIES, HEAD
from copconnect.auth_service.keys import authority
from copconnect.ids import ActId
from copconnect.push import store as push_store
from copconnect.records.trust.admin_act import SignedAct
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, suspend, verified
from tests.identity.approved import Force, path_of
from tests.identity.running import ACP, DCP, PATROL, SHO, WRITER, Device, MovedClock, Running
from tests.identity.signing import (
    act,
    export,
    give,
    grant,
    listed,
    refusal,
)

# --- The log ----------------------------------------------------------------------------------


async def test_an_entry_that_says_something_else_than_what_was_signed_is_found(
    approving: Running, force: Force
) -> None:
    """Somebody who writes to the database and computes the chain again."""
    sho, patrol = await confirmed(approving, force, SHO), await confirmed(approving, force, PATROL)
    done = (await act(approving, force.admin, suspend(sho))).json()["entry"]
    audit = approving.container.audit
    (entry,) = [one async for one in audit.entries(done - 1)]
    forged: list[dict[str, Any]] = [
        {"act": entry.content.act.replace(sho.person_id, patrol.person_id)},
        {"act": entry.content.act.replace("suspended", "restored")},
        {"by": f"person {force.root.person_id} device {force.root.device.hex()}"},
        {"signed": entry.content.signed[:-1] + bytes([entry.content.signed[-1] ^ 1])},
        {"signed_as": ""},
    ]
    for values in forged:
        async with approving.container.database.transaction() as connection:
            await connection.execute(update(ENTRIES).where(ENTRIES.c.number == done).values(values))
        await rechained(approving)
        with pytest.raises(Broken) as broken:
            await verified(approving)
        assert broken.value.number == done
        original = {name: getattr(entry.content, name) for name in values}
        async with approving.container.database.transaction() as connection:
            await connection.execute(
                update(ENTRIES).where(ENTRIES.c.number == done).values(original)
            )
    await rechained(approving)
    await verified(approving)


async def rechained(running: Running) -> None:
    """Compute the chain again, as somebody who can write to the database does."""
    found = [one async for one in running.container.audit.entries()]
    previous = ZEROS
    async with running.container.database.transaction() as connection:
        for one in found:
            previous = entry_hash(previous, one.number, one.made_ms, one.content.digest())
            await connection.execute(
                update(ENTRIES).where(ENTRIES.c.number == one.number).values(hash=previous)
            )
        await connection.execute(update(HEAD).values(hash=previous))


@pytest.mark.databases("sqlite")
async def test_every_kind_of_act_has_a_right_and_an_outcome(running: Running) -> None:
    kinds = running.container.admin.kinds.table
    every = set(wire.AdminAct.__subclasses__())
    # Exports have their own route, which answers with the file.
    assert every - {wire.ApproveAct, wire.RefuseAct, wire.ExportPart} == set(kinds)
    assert {str(one.__struct_config__.tag) for one in every} == set(wire.OUTCOMES)
    assert {one.recorded_as for one in every} <= {
        str(one.__struct_config__.tag) for one in Act.__subclasses__()
    }


def test_the_console_has_words_for_every_entry() -> None:
    """English here; a test of the app compares the other languages with it."""
    locale = Path(__file__).parents[2] / "web" / "admin" / "src" / "locales" / "en" / "acts.json"
    words = json.loads(locale.read_text("utf-8"))
    tags = {str(one.__struct_config__.tag) for one in Act.__subclasses__()}
    assert "group_policy_set" in tags
    for part in ("done", "kinds"):
        said = {key.removesuffix("_one").removesuffix("_other") for key in words[part]}
        assert tags <= said


@pytest.mark.databases("sqlite")
async def test_operators_do_the_same_unsigned(running: Running) -> None:
    await running.container.editor.suspend(OPERATOR, SHO)
    found = await verified(running)
    assert (found.signed, found.unsigned) == (0, found.number)


# --- Reading ----------------------------------------------------------------------------------


async def test_an_admin_reads_their_own_part_of_everything(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, dcp = await confirmed(approving, force, SHO), await confirmed(approving, force, DCP)
    station = await path_of(approving, sho)
    assert (
        await give(approving, force.admin, grant(approving, force.admin, sho, station))
    ).is_success
    clock.ms += 1000
    await act(approving, force.root, suspend(dcp, "Secret of the root"))
    unknown = await approving.device(WRITER)
    people = (await approving.post("/v1/admin/people/searches", sho, wire.Search(asked={}))).json()
    assert 0 < people["total"] < 60
    paths = {one["person"]["unitId"] for one in people["people"]}
    assert paths == {station.rpartition("/")[2]}
    assert sho.person_id in {one["person"]["personId"] for one in people["people"]}
    everyone = (
        await approving.post("/v1/admin/people/searches", force.root, wire.Search(asked={}))
    ).json()
    assert everyone["total"] == 60
    devices = (await approving.get("/v1/admin/devices?state=confirmed", sho)).json()
    assert {one["client"]["device"] for one in devices["devices"]} == {sho.device.hex()}
    waiting = (await approving.get("/v1/admin/devices?state=unconfirmed", force.root)).json()
    assert [one["client"]["device"] for one in waiting["devices"]] == [unknown.device.hex()]
    grants = (await approving.get("/v1/admin/grants", sho)).json()["grants"]
    assert [(one["path"], one["state"]) for one in grants] == [(station, "in_force")]
    overview = (await approving.get("/v1/admin/overview", sho)).json()
    assert overview["people"] == people["total"]
    assert overview["registered"] == people["people"].__len__() - sum(
        not one["clients"] for one in people["people"]
    )
    page = (await approving.get("/v1/admin/audit", sho)).json()
    assert [json.loads(one["content"]["act"])["act"] for one in page["entries"]] == [
        "grant_given",
        "device_confirmed",
    ]
    assert "Secret" not in json.dumps(page)


async def test_devices_that_no_push_reaches_for_a_day_are_counted_and_listed(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, dcp = await confirmed(approving, force, SHO), await confirmed(approving, force, DCP)
    station = await path_of(approving, sho)
    given = await give(approving, force.admin, grant(approving, force.admin, sho, station))
    assert given.is_success
    async with approving.container.database.transaction() as connection:
        for one in (sho, dcp):
            at = "https://fcm.googleapis.com"
            await push_store.subscribe(
                connection, one.client_id, one.person_id, f"{at}/1", at, clock.now_ms()
            )
        await push_store.note_failing(
            connection, {sho.client_id: 503, dcp.client_id: 503}, clock.now_ms()
        )
    for wait_ms, people in ((86_400_000 - 1, ()), (1, (sho, dcp))):
        clock.ms += wait_ms
        overview = (await approving.get("/v1/admin/overview", force.root)).json()
        assert overview["unreached"] == len(people)
        page = (await approving.get("/v1/admin/devices?state=unreached", force.root)).json()
        found = {one["client"]["device"]: one["push"]["state"] for one in page["devices"]}
        assert found == {one.device.hex(): "unreached" for one in people}
    # An admin learns of their part.
    assert (await approving.get("/v1/admin/overview", sho)).json()["unreached"] == 1


async def test_charts_count_first_devices_by_week_and_versions_of_ones_own_part(
    approving: Running, force: Force, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sho = await confirmed(approving, force, SHO)
    station = await path_of(approving, sho)
    assert (
        await give(approving, force.admin, grant(approving, force.admin, sho, station))
    ).is_success
    tokens = approving.container.auth.authenticator
    tokens.runs(sho.client_id, "0.9.1")
    await tokens.flush_seen()
    before = (await approving.get("/v1/admin/charts", sho)).json()
    assert [one["weeks"][-1] for one in before["registrations"]] == [1]
    assert before["versions"] == [{"app": "0.9.1", "devices": 1}]
    everywhere = (await approving.get("/v1/admin/charts", force.root)).json()
    assert [one["groups"] for one in everywhere["sizes"]] == [0] * 7
    assert sum(one["weeks"][-1] for one in everywhere["registrations"]) == 3
    assert {one["app"]: one["devices"] for one in everywhere["versions"]} == {"": 2, "0.9.1": 1}
    monkeypatch.setattr(charting, "FEWEST", 61)  # There are 60 people.
    few = (await approving.get("/v1/admin/charts", force.root)).json()
    assert (few["sizes"], few["activity"]) == ([], [])
    # A second device is no second registration, and weeks that are past stand together.
    clock.ms += before["weekMs"]
    await approving.device(SHO)
    after = (await approving.get("/v1/admin/charts", sho)).json()
    assert [one["weeks"][-2:] for one in after["registrations"]] == [[1, 0]]
    clock.ms += 26 * before["weekMs"]
    root = await approving.back(force.root)
    later = (await approving.get("/v1/admin/charts", root)).json()
    assert sum(one["weeks"][0] for one in later["registrations"]) == 3


async def test_the_chain_is_told_whole_and_its_content_in_part(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, dcp = await confirmed(approving, force, SHO), await confirmed(approving, force, DCP)
    station = await path_of(approving, sho)
    assert (
        await give(approving, force.root, grant(approving, force.root, sho, station))
    ).is_success
    clock.ms += 1000
    await act(approving, force.root, suspend(dcp, "Secret of the root"))
    chain = msgspec.json.decode(
        (await approving.get("/v1/admin/audit/chain", sho)).content, type=wire.AuditPage
    )
    previous = ZEROS
    for number, one in enumerate(chain.entries, 1):
        assert one.number == number
        previous = entry_hash(previous, one.number, one.made_ms, one.digest)
        assert one.hash == previous
    assert (chain.newest, chain.newest_hash) == (len(chain.entries), previous)
    read = [one.content for one in chain.entries if one.content is not None]
    assert len(read) == 2
    assert all(one.path == station for one in read)
    (given,) = [one for one in read if one.signed_as == "act"]
    SignedAct.parse(given.signed).verify(force.root.key.public_key().public_bytes_raw())


async def test_the_log_is_searched(approving: Running, force: Force, clock: MovedClock) -> None:
    sho, acp = await confirmed(approving, force, SHO), await confirmed(approving, force, ACP)
    for person in (sho, acp):
        await act(approving, force.admin, suspend(person))
        clock.ms += 1000
    restored = await act(approving, force.root, wire.RestorePerson(person_id=acp.person_id))

    async def found(query: str) -> list[str]:
        page = (await approving.get(f"/v1/admin/audit?{query}", force.root)).json()
        return [json.loads(one["content"]["act"])["act"] for one in page["entries"]]

    assert await found("kinds=person_suspended,person_restored") == [
        "person_restored",
        "person_suspended",
        "person_suspended",
    ]
    assert await found(f"about={acp.person_id}&kinds=person_suspended") == ["person_suspended"]
    assert await found(f"by={force.admin.person_id}") == ["person_suspended"] * 2
    assert await found(f"from={clock.ms}") == ["person_restored"]
    assert await found(f"until={clock.ms}&kinds=person_restored") == []
    assert await found(f"act={restored.json()['actId']}") == ["person_restored"]
    assert await found("before=1") == []
    for wrong in ("before=x", "from=-1", f"by={'x' * 201}", "about=%00", "limit=many"):
        answer = await approving.get(f"/v1/admin/audit?{wrong}", force.root)
        assert refusal(answer)[0] == "bad_request", wrong
    page = (await approving.get("/v1/admin/audit?limit=1", force.root)).json()
    assert (len(page["entries"]), page["next"]) == (1, page["newest"])


@pytest.mark.databases("sqlite")
async def test_a_preview_says_whom_an_act_touches(approving: Running, force: Force) -> None:
    sho = await confirmed(approving, force, SHO)

    async def preview(sender: Device, asked: wire.Act) -> Any:
        body = wire.PreviewAct(act=msgspec.json.encode(asked))
        return await approving.post("/v1/admin/previews", sender, body)

    seen = (await preview(force.admin, suspend(sho))).json()
    assert (seen["people"], seen["needsSecond"]) == (1, False)
    assert [one["personId"] for one in seen["sample"]] == [sho.person_id]
    assert refusal(await preview(sho, suspend(sho)))[0] == "not_allowed"
    about = wire.ApproveAct(act_id=ActId("0" * 32), hash="0" * 64)
    assert refusal(await preview(force.admin, about))[0] == "act_invalid"
    assert (await listed(approving, sho)) == {sho.device}


# --- The log as a file ------------------------------------------------------------------------


async def exported_lines(running: Running, admin: Device) -> list[bytes]:
    answer = await export(running, admin, "audit", "jsonl")
    assert answer.headers["content-length"] == str(len(answer.content))
    return answer.content.splitlines(keepends=True)


async def test_an_exported_log_is_verified_without_the_server(
    approving: Running, force: Force
) -> None:
    sho = await confirmed(approving, force, SHO)
    await act(approving, force.admin, suspend(sho))
    await act(approving, force.root, suspend(await confirmed(approving, force, DCP), "Secret"))
    folder = approving.container.settings.data_dir / "keys"
    keys = authority.key_of(folder / authority.ROOT), authority.issuing_keys(folder)
    lines = await exported_lines(approving, force.root)
    found, whole = exported.verify(lines, *keys), await verified(approving)
    # The export itself is the entry after the file.
    assert (found.number, found.signed, found.hidden) == (whole.number - 1, whole.signed - 1, 0)
    # An admin of a part exports the same chain, others' acts as hashes.
    part = await exported_lines(approving, force.admin)
    of_part = exported.verify(part, *keys)
    assert (of_part.number, of_part.hidden > 0) == (whole.number, True)
    # The operator's acts of the whole department are not in it.
    assert (of_part.unsigned, found.unsigned) == (0, of_part.hidden - 1)
    assert found.unsigned > 0
    refused = await export(approving, force.root, "people", "jsonl")
    assert refusal(refused)[0] == "bad_request"

    entries_at = [at for at, one in enumerate(lines) if b'"line":"entry"' in one]
    signers_at = [at for at, one in enumerate(lines) if b'"line":"signer"' in one]
    foreign = keys[0], [bytes(32) for _ in keys[1]]
    for wrong in (
        [one.replace(b"Secret", b"Public") for one in lines],  # Changed.
        [one for at, one in enumerate(lines) if at != entries_at[1]],  # One missing.
        lines[: entries_at[-1]],  # Cut off.
        [*lines[: entries_at[0]], lines[entries_at[1]], lines[entries_at[0]]],  # Reordered.
        [one for at, one in enumerate(lines) if at != signers_at[0]],  # A device unknown.
        lines[1:],
        [*lines, lines[-1]],
        [*lines[:-1], lines[-1][:-9]],
        [],
    ):
        with pytest.raises(Broken):
            exported.verify(wrong, *keys)
    with pytest.raises(Broken, match="not the department's"):
        exported.verify(lines, *foreign)
    # Somebody who computes the chain again has no signature for what they wrote.
    forged = [msgspec.json.decode(one) for one in lines]
    previous = ZEROS
    for one in forged:
        if one["line"] == "entry":
            one["content"]["act"] = one["content"]["act"].replace(sho.person_id, "0" * 32)
            content = msgspec.convert(one["content"], wire.AuditContent)
            digest = EntryContent(**msgspec.structs.asdict(content)).digest()
            previous = entry_hash(previous, one["number"], one["madeMs"], digest)
            one["hash"] = previous
    with pytest.raises(Broken, match="says something else"):
        exported.verify(map(msgspec.json.encode, forged), *keys)
