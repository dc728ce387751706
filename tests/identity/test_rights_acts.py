"""The rights table changed by two root admins, who first see who gains and who loses."""

from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.admin.rules import DEFAULT_RULES, line
from copconnect.ids import ConversationId, UnitId
from copconnect.records.primitives.fields import MINUTE_MS
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import Force
from tests.identity.running import DCP, PATROL, SHO, WRITER, Device, MovedClock, Running
from tests.identity.signing import act, looked_at, name_root_admin, refusal
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

STATION = UnitId("TG-HYD-PS001")
RECEPTION = line("see_numbers", "role", "unit", code="reception")
NOBODY_ENROLS = [one for one in DEFAULT_RULES if one.right != "enrol"]


async def second_root(running: Running, force: Force, clock: MovedClock) -> Device:
    other = await confirmed(running, force, DCP)
    clock.ms += 1000
    await name_root_admin(running, other)
    clock.ms += 1000
    return other


async def preview(running: Running, admin: Device, *rules: wire.RightRule) -> Any:
    asked = msgspec.json.encode(wire.SetRights(rules=list(rules)))
    answer = await running.post("/v1/admin/previews", admin, wire.PreviewAct(act=asked))
    return answer.json()


async def test_two_root_admins_change_the_table(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    other = await second_root(approving, force, clock)
    table = [*NOBODY_ENROLS, RECEPTION]
    shown = await preview(approving, force.root, *table)
    assert [one["personId"] for one in shown["approvers"]] == [other.person_id]
    asked = await act(approving, force.root, wire.SetRights(rules=table))
    assert asked.json()["state"] == "waiting"
    rights = approving.container.admin.rights
    assert await rights.in_force() == list(DEFAULT_RULES)
    waiting = (await approving.get("/v1/admin/acts", other)).json()["acts"]
    assert [one["personId"] for one in waiting[0]["approvers"]] == [other.person_id]
    agree = await looked_at(approving, other, waiting[0])
    assert refusal(await act(approving, force.admin, agree))[0] == "not_allowed"
    assert refusal(await act(approving, force.root, agree))[0] == "needs_another"
    codes = wire.MakeEnrolmentCodes(person_ids=[force.admin.person_id])
    assert (await act(approving, other, codes)).is_success
    assert (await act(approving, other, agree)).is_success
    assert await rights.in_force() == table
    assert refusal(await act(approving, other, codes))[0] == "not_allowed"
    kinds = [one["act"] for _, one in await entries(approving)]
    assert kinds[-2:] == ["rights_set", "act_approved"]
    await verified(approving)


async def test_an_admin_of_a_part_does_not_change_the_table(
    approving: Running, force: Force
) -> None:
    asked = wire.SetRights(rules=list(DEFAULT_RULES[:-1]))
    assert refusal(await act(approving, force.admin, asked))[0] == "not_allowed"
    assert await approving.container.admin.rights.in_force() == list(DEFAULT_RULES)


@pytest.mark.parametrize("right", ["confirm_devices", "revoke_devices", "give_grants"])
async def test_a_table_that_would_lock_everybody_out_does_not_even_wait(
    approving: Running, force: Force, right: str
) -> None:
    table = [one for one in DEFAULT_RULES if one.right != right]
    refused = await act(approving, force.root, wire.SetRights(rules=table))
    assert refusal(refused)[0] == "act_invalid"
    assert refused.json()["details"]["reason"] == f"nobody would have {right}"
    asked = msgspec.json.encode(wire.SetRights(rules=table))
    shown = await approving.post("/v1/admin/previews", force.root, wire.PreviewAct(act=asked))
    assert refusal(shown)[0] == "act_invalid"
    assert (await approving.get("/v1/admin/acts", force.root)).json()["acts"] == []


async def test_a_preview_says_who_gains_and_who_loses(approving: Running, force: Force) -> None:
    same = await preview(approving, force.root, *DEFAULT_RULES)
    assert (same["rights"], same["needsSecond"]) == ([], True)
    assert (same["approvers"], same["approverCount"]) == ([], 0)  # It would wait in vain.
    shown = await preview(approving, force.root, *NOBODY_ENROLS, RECEPTION)
    changes = {one["right"]: one for one in shown["rights"]}
    assert changes.keys() == {"enrol", "see_numbers"}
    enrol = changes["enrol"]
    assert (enrol["gain"], enrol["lose"], enrol["gaining"]) == (0, 2, [])
    losing = {one["personId"] for one in enrol["losing"]}
    assert losing == {force.root.person_id, force.admin.person_id}
    # An officer of the reception sees the numbers of the station already.
    assert (changes["see_numbers"]["gain"], changes["see_numbers"]["lose"]) == (0, 0)
    everybody = line("see_numbers", "everybody", "unit")
    fewer = await preview(
        approving, force.root, *(one for one in DEFAULT_RULES if one != everybody), RECEPTION
    )
    (numbers,) = fewer["rights"]
    assert numbers["lose"] > 10  # Heads keep what they have as heads.
    assert len(numbers["losing"]) == numbers["lose"]


# --- Rights in conversations ------------------------------------------------------------------


def of(*units: UnitId, **clause: Any) -> wire.CreateConversation:
    return wire.CreateConversation(
        conversation_id=ConversationId("e" * 32),
        kind="announcement",
        person_ids=[],
        who_may_send="admins",
        history_days=30,
        audience=wire.Audience(include=[wire.Clause(units=list(units), **clause)]),
    )


async def test_the_table_says_who_writes_where_not_everybody_may(
    whole: Whole, clock: MovedClock
) -> None:
    """A change of the table reaches the rosters, which sign who may write."""
    sho, writer, patrol = [await whole.device(one) for one in (SHO, WRITER, PATROL)]
    assert (await whole.post("/v1/conversations", sho, of(STATION))).is_success

    async def writing() -> list[bool]:
        clock.ms += MINUTE_MS
        await whole.whole.delivery.following.round()
        answers = [
            (await whole.get("/v1/conversations", one)).json()["conversations"]
            for one in (sho, writer, patrol)
        ]
        return [one["admin"] for (one,) in answers]

    assert await writing() == [True, False, False]
    rights = whole.whole.admin.rights
    others = [one for one in DEFAULT_RULES if one.right != "send_large"]
    by_rank = line("send_large", "rank", "unit", code="HC", level="station")
    await rights.replace(OPERATOR, [*others, by_rank])
    assert await writing() == [True, True, False]
    # The one who made it stays an admin; a head who did not has no right to write any more.
    await rights.replace(
        OPERATOR, [*others, line("send_large", "rank", code="CI", level="city_zone")]
    )
    assert await writing() == [True, False, False]


async def test_the_table_says_at_which_level_groups_are_made(whole: Whole) -> None:
    sho, dcp = await whole.device(SHO), await whole.device(DCP)
    others = [one for one in DEFAULT_RULES if one.right != "manage_groups"]
    by_level = line("manage_groups", "head", level="city_zone")
    await whole.whole.admin.rights.replace(
        OPERATOR, [*others, by_level, line("manage_groups", "grant")]
    )
    refused = await whole.post("/v1/conversations", sho, of(STATION))
    assert refusal(refused)[0] == "not_allowed"
    assert refused.json()["details"] == {"right": "manage_groups"}
    made = await whole.post("/v1/conversations", dcp, of(STATION))
    assert made.is_success, made.text
