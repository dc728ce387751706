"""Legal holds are set and lifted by two admins, and the person who is held learns of none."""

import base64
import json
from typing import Any

import pytest

from copconnect import wire
from copconnect.directory.names import english
from copconnect.ids import ConversationId, HoldId, PersonId, new_id
from copconnect.privacy.service import DAY_MS, UnderHold
from copconnect.records.trust.admin_act import SignedAct
from tests.harness.operator import OPERATOR
from tests.harness.presence import posted
from tests.identity.running import CP, DCP, DGP, PATROL, Device, MovedClock
from tests.identity.signing import act, looked_at, name_root_admin, refusal
from tests.identity.test_privacy import code_of, remove
from tests.identity.whole import Whole

REASON = "Writ petition of Ranga Rao"
ACTS, HOLDS = "/v1/admin/acts", "/v1/admin/holds"


def holding(**named: Any) -> wire.HoldMessages:
    values: dict[str, Any] = {
        "hold_id": HoldId(new_id()),
        "conversation_id": None,
        "person_id": None,
        "case_number": "WP 12/2026",
        "reason": REASON,
        "until_ms": None,
    }
    return wire.HoldMessages(**(values | named))


async def root(whole: Whole, clock: MovedClock, number: str) -> Device:
    device = await whole.device(number)
    clock.ms += 1000
    await name_root_admin(whole, device)
    clock.ms += 1000
    return device


async def agreed(whole: Whole, admin: Device) -> Any:
    """Approve the only act that waits for an admin; return the approval's answer and the act."""
    (one,) = (await whole.get(ACTS, admin)).json()["acts"]
    answer = await act(whole, admin, await looked_at(whole, admin, one))
    return answer, SignedAct.parse(base64.b64decode(one["record"]))


async def test_two_admins_hold_a_persons_messages_and_the_person_learns_of_nothing(
    whole: Whole, clock: MovedClock
) -> None:
    first, second = await root(whole, clock, DGP), await root(whole, clock, DCP)
    held = await root(whole, clock, CP)
    hold = holding(person_id=held.person_id)
    assert (await act(whole, first, hold)).json()["state"] == "waiting"
    # Not even an admin with every right sees, approves or refuses a hold on themselves.
    (waits,) = (await whole.get(ACTS, first)).json()["acts"]
    assert (await whole.get(ACTS, held)).json()["acts"] == []
    approval = wire.ApproveAct(act_id=waits["actId"], hash=waits["hash"])
    for one in (approval, wire.RefuseAct(act_id=waits["actId"], hash=waits["hash"], reason="")):
        assert refusal(await act(whole, held, one))[0] == "not_found"
    assert refusal(await act(whole, first, approval))[0] == "needs_another"
    assert (await whole.get(HOLDS, second)).json()["holds"] == []
    answer, record = await agreed(whole, second)
    assert answer.json()["state"] == "done"
    again = await whole.post(ACTS, first, posted(record))
    assert again.json()["state"] == "done"
    (shown,) = (await whole.get(HOLDS, second)).json()["holds"]
    assert (shown["person"]["personId"], shown["caseNumber"]) == (held.person_id, "WP 12/2026")
    assert [shown[name]["personId"] for name in ("by", "second")] == [
        first.person_id,
        second.person_id,
    ]
    assert (shown["reason"], shown["inForce"], shown["liftedMs"]) == (REASON, True, None)
    assert (await whole.get(HOLDS, held)).json()["holds"] == []
    lifting = wire.LiftHold(hold_id=hold.hold_id, reason="The case is over")
    assert refusal(await act(whole, held, lifting))[0] == "not_found"
    # A copy of the person's data says nothing of it; nothing is erased meanwhile.
    code = await code_of(whole, held)
    copy = json.dumps(await whole.whole.privacy.export(OPERATOR, code))
    assert REASON not in copy
    assert hold.hold_id not in copy
    await remove(whole, clock, held)
    # Somebody who was removed can still be held, by the employee number.
    asked = wire.FindPeople(given=[code])
    (found,) = (await whole.post(f"{HOLDS}/lookups", second, asked)).json()["people"]
    assert found["person"]["personId"] == held.person_id
    refused = await whole.post(f"{HOLDS}/lookups", await whole.device(PATROL), asked)
    assert refusal(refused)[0] == "not_allowed"
    with pytest.raises(UnderHold):
        await whole.whole.privacy.erase(OPERATOR, code)
    assert (await act(whole, second, lifting)).json()["state"] == "waiting"
    answer, _ = await agreed(whole, first)
    assert answer.json()["state"] == "done"
    (shown,) = (await whole.get(HOLDS, second)).json()["holds"]
    assert (shown["inForce"], shown["liftedBy"]["personId"]) == (False, second.person_id)
    assert refusal(await act(whole, second, lifting))[0] == "act_invalid"
    assert await whole.whole.privacy.erase(OPERATOR, code)


async def test_a_hold_that_names_nothing_too_much_or_the_past_is_refused(
    whole: Whole, clock: MovedClock
) -> None:
    admin, officer = await root(whole, clock, DGP), await whole.device(PATROL)
    conversation = ConversationId("c" * 32)
    everyone = wire.Audience(include=[wire.Clause(everyone=True)])
    create = whole.whole.delivery.audiences.create_for_department
    made, *_ = await create(OPERATOR, everyone, english("All"), talk=False)
    person = PersonId(officer.person_id)
    for refused, code in (
        (holding(), "act_invalid"),
        (holding(conversation_id=made, person_id=person), "act_invalid"),
        (holding(conversation_id=made, until_ms=clock.ms), "act_invalid"),
        (holding(conversation_id=conversation), "not_found"),
        (holding(person_id=PersonId("d" * 32)), "not_found"),
        (wire.LiftHold(hold_id=HoldId("e" * 32), reason="x"), "not_found"),
    ):
        assert refusal(await act(whole, admin, refused))[0] == code
    good = holding(conversation_id=made, until_ms=clock.ms + DAY_MS)
    assert refusal(await act(whole, officer, good))[0] == "not_allowed"
    assert refusal(await whole.get(HOLDS, officer))[0] == "not_allowed"
    assert (await act(whole, admin, good)).json()["state"] == "waiting"
    second = await root(whole, clock, DCP)
    await agreed(whole, second)
    answered = (await whole.get(HOLDS, second)).json()
    assert [(one["conversationId"], one["title"]["en"]) for one in answered["groups"]] == [
        (made, "All")
    ]
    (shown,) = answered["holds"]
    assert (shown["conversationId"], shown["title"]["en"]) == (made, "All")
    assert shown["inForce"]
    assert refusal(await act(whole, admin, good))[0] == "act_invalid"  # The id is taken.
    # It ends by its date, and no act is needed.
    clock.ms += DAY_MS
    (shown,) = (await whole.get(HOLDS, second)).json()["holds"]
    assert not shown["inForce"]
