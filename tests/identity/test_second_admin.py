"""The two-admin rule: a budget of a day for each admin, and who may be the second."""

import base64
from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.admin import rules as admin_rules
from copconnect.admin.rules import DEFAULT_RULES
from copconnect.directory.editing import ManyLeft
from copconnect.directory.imports import exporting, refusals
from copconnect.directory.imports.importer import ImportOptions
from copconnect.directory.rules import person_id
from copconnect.directory.scim.provisioning import Provisioner
from copconnect.ids import PersonId, UnitId
from copconnect.records.primitives.fields import DAY_MS
from copconnect.records.trust.admin_act import SignedAct
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, verified
from tests.identity.approved import Force, path_of
from tests.identity.importing import imported
from tests.identity.running import CP, DCP, DGP, PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import act, give, grant, looked_at, name_root_admin, refusal
from tests.identity.stations import people_of
from tests.identity.test_rights_acts import NOBODY_ENROLS, preview, second_root

pytestmark = pytest.mark.databases("sqlite")

ADMINS = {CP, DCP, DGP, SHO, PATROL}


async def others(running: Running) -> list[dict[str, str]]:
    rows = await people_of(running)
    unit = next(row["unit"] for row in rows if row["number"] == SHO)
    return [row for row in rows if row["number"] not in ADMINS and row["unit"] == unit] + [
        row for row in rows if row["number"] not in ADMINS and row["unit"] != unit
    ]


async def most(running: Running) -> int:
    """Return how many may leave within a day without a second admin."""
    return max(5, len(await people_of(running)) // 20)


async def test_what_an_admin_does_alone_within_a_day_counts_together(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Imports and single acts, each below the threshold, meet it together."""
    rows, left = await others(approving), await most(approving)
    for row in rows[: left - 2]:
        upload, answer = await imported(approving, force.root, [row | {"status": "removed"}])
        assert answer.json()["state"] == "done", (answer.text, upload)
    for row, state in zip(rows[left - 2 : left + 1], ("done", "done", "waiting"), strict=True):
        made = wire.SuspendPerson(person_id=PersonId(person_id(row["code"])), reason="")
        preview = await approving.post("/v1/admin/previews", force.root, _preview(made))
        assert preview.json()["needsSecond"] == (state == "waiting"), preview.text
        assert (await act(approving, force.root, made)).json()["state"] == state
    row = rows[left + 2]
    _, answer = await imported(approving, force.root, [row | {"status": "removed"}])
    assert answer.json()["state"] == "waiting"
    clock.ms += DAY_MS + 3_600_000
    root = await approving.back(force.root)
    made = wire.SuspendPerson(person_id=PersonId(person_id(row["code"])), reason="")
    assert (await act(approving, root, made)).json()["state"] == "done"


async def test_files_that_change_people_count_together_within_a_day(
    approving: Running, force: Force, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: files that move or rename people, each below the threshold, meet it together."""
    monkeypatch.setattr(admin_rules, "SECOND_LEAST", 5)  # In a force of some 60.
    rows = await others(approving)

    async def renamed(device: Device, at: int) -> str:
        some = [row | {"post_en": "Night duty"} for row in rows[at : at + 2]]
        _, answer = await imported(approving, device, some)
        return str(answer.json()["state"])

    states = [await renamed(force.root, at) for at in (0, 2, 4)]
    assert states == ["done", "done", "waiting"]
    clock.ms += DAY_MS + 3_600_000
    assert await renamed(await approving.back(force.root), 6) == "done"


def _preview(made: wire.Act) -> wire.PreviewAct:
    return wire.PreviewAct(act=msgspec.json.encode(made))


async def test_operators_and_systems_have_the_same_budget_of_a_day(approving: Running) -> None:
    container, rows = approving.container, await others(approving)
    left = await most(approving)
    for row in rows[: left - 1]:
        content = exporting.csv_files({"people": [row | {"status": "removed"}]})["people"]
        await container.importer.apply(
            OPERATOR, [("roll.csv", content)], ImportOptions(confirmed=True)
        )
    await container.editor.suspend(OPERATOR, rows[left - 1]["number"])
    with pytest.raises(ManyLeft):
        await container.editor.suspend(OPERATOR, rows[left]["number"])
    content = exporting.csv_files({"people": [rows[left] | {"status": "removed"}]})["people"]
    with pytest.raises(refusals.TooManyLeave):
        await container.importer.apply(
            OPERATOR, [("roll.csv", content)], ImportOptions(confirmed=True)
        )
    await container.editor.suspend(OPERATOR, rows[left]["number"], allow_many=True)
    provisioner = Provisioner(
        container.database, container.clock, container.editor, container.auth.granting
    )
    for row in rows[left + 1 : 2 * left + 1]:
        await provisioner.remove("HRMS", person_id(row["code"]), None)
    with pytest.raises(refusals.TooManyLeave):
        await provisioner.remove("HRMS", person_id(rows[2 * left + 1]["code"]), None)


async def approvers(running: Running, asker: Device) -> list[Any]:
    found = (await running.get("/v1/admin/acts", asker)).json()["acts"]
    return [one["personId"] for act in found if act["own"] for one in act["approvers"]]


async def test_nobody_approves_whom_the_asker_granted_within_30_days(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    second = await confirmed(approving, force, SHO)
    whole = grant(approving, force.root, second, "TG")
    assert (await give(approving, force.root, whole)).is_success
    clock.ms += 1000
    agree = await _large(approving, force.root, second)
    refused = await act(approving, second, agree)
    assert refused.json()["code"] == "needs_another"
    assert refused.json()["details"]["reason"] == "made"
    assert await approvers(approving, force.root) == []


async def _large(running: Running, asker: Device, second: Device) -> wire.ApproveAct:
    rows = await others(running)
    left = await most(running)
    removed = [row | {"status": "removed"} for row in rows[: left + 1]]
    _, answer = await imported(running, asker, removed)
    assert answer.json()["state"] == "waiting", answer.text
    (one,) = (await running.get("/v1/admin/acts", asker)).json()["acts"]
    return await looked_at(running, second, one)


async def test_nobody_approves_who_is_below_the_asker(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """A root admin's act is approved by a root admin, whom the offline root names."""
    clock.ms += 31 * DAY_MS
    root = await approving.back(force.root)
    admin = await approving.back(force.admin)
    other = await approving.device(SHO)
    clock.ms += 1000
    await name_root_admin(approving, other)
    clock.ms += 1000
    assert (await give(approving, other, grant(approving, other, admin, force.path))).is_success
    clock.ms += 1000
    rows = [row for row in await others(approving) if await _within(approving, row, force.path)]
    removed = [row | {"status": "removed"} for row in rows[: await most(approving) + 1]]
    _, answer = await imported(approving, root, removed)
    assert answer.json()["state"] == "waiting", answer.text
    (one,) = (await approving.get("/v1/admin/acts", root)).json()["acts"]
    agree = await looked_at(approving, other, one)
    refused = await act(approving, admin, agree)
    assert refused.json()["details"]["reason"] == "below", refused.text
    assert await approvers(approving, root) == [other.person_id]
    assert (await act(approving, other, agree)).json()["state"] == "done"


async def _within(running: Running, row: dict[str, str], path: str) -> bool:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.path_of(connection, UnitId(row["unit"]))
    return bool(found) and str(found).startswith(path)


async def test_a_second_admin_sees_what_the_asker_saw_and_every_row_of_a_file(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    other = await approving.device(SHO)
    clock.ms += 1000
    await name_root_admin(approving, other)
    clock.ms += 1000
    agree = await _large(approving, force.root, other)
    (one,) = (await approving.get("/v1/admin/acts", other)).json()["acts"]
    seen = one["preview"]
    assert (seen["people"], seen["paths"]) == (one["people"], one["paths"])
    assert all(person["number"] == "" for person in seen["sample"])
    signed = SignedAct.parse(base64.b64decode(one["record"]))
    meant = msgspec.json.decode(signed.body, type=wire.Act)
    assert isinstance(meant, wire.ApplyImport)
    upload = (await approving.get(f"/v1/admin/uploads/{meant.upload_id}", other)).json()
    assert upload["preview"]["digest"] == meant.digest
    path = f"/v1/admin/uploads/{meant.upload_id}/rows?show=removed"
    assert len((await approving.get(path, other)).json()["rows"]) == await most(approving) + 1
    # Without the right to see numbers there are rows unseen, and nothing is approved blind.
    table = await approving.container.admin.rights.in_force()
    without = [rule for rule in table if rule.right != "see_numbers"]
    await approving.container.admin.rights.replace(OPERATOR, without)
    refused = await act(approving, other, agree)
    assert refused.json()["details"]["right"] == "see_numbers"
    await approving.container.admin.rights.replace(OPERATOR, table)
    now = await approving.post("/v1/admin/previews", other, _preview(meant))
    assert now.json()["people"] == seen["people"]
    assert (await act(approving, other, agree)).json()["state"] == "done"


async def test_nobody_approves_what_an_act_would_do_unseen(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Without the preview, with that of another act, and after somebody more was touched."""
    other = await second_root(approving, force, clock)
    asked = wire.SetRights(rules=NOBODY_ENROLS)
    assert (await act(approving, force.root, asked)).json()["state"] == "waiting"
    (one,) = (await approving.get("/v1/admin/acts", other)).json()["acts"]
    seen = await looked_at(approving, other, one)
    another = await preview(approving, other, *DEFAULT_RULES)
    for shown in ("", another["effect"]):
        blind = wire.ApproveAct(act_id=seen.act_id, hash=seen.hash, shown=shown)
        assert refusal(await act(approving, other, blind))[0] == "effect_changed"
    # Somebody gets a grant, and would lose the right to enrol with all others.
    sho = await confirmed(approving, force, SHO)
    given = grant(approving, force.admin, sho, await path_of(approving, sho))
    assert (await give(approving, force.admin, given)).is_success
    clock.ms += 1000
    assert refusal(await act(approving, other, seen))[0] == "effect_changed"
    assert await approving.container.admin.rights.in_force() == list(DEFAULT_RULES)
    again = await looked_at(approving, other, one)
    assert (await act(approving, other, again)).json()["state"] == "done"
    await verified(approving)
