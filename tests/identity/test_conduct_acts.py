"""The code of conduct and the guard's policy, changed by two admins; who has accepted."""

import json
from typing import Any

import msgspec

from copconnect import wire
from copconnect.conduct.guard import policy
from copconnect.conduct.service import shipped
from copconnect.records.trust.guard_record import GuardRecord
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import Force
from tests.identity.running import DCP, PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import act, export, looked_at, name_root_admin, refusal


async def second_root(running: Running, force: Force, clock: MovedClock) -> Device:
    other = await confirmed(running, force, DCP)
    clock.ms += 1000
    await name_root_admin(running, other)
    clock.ms += 1000
    return other


def code(last: str, *, after: int = 1, asks_again: bool = True) -> wire.PublishConduct:
    """Return the act whose last rule says something else in every language."""
    texts = [msgspec.structs.replace(one, rules=[*one.rules[:-1], last]) for one in shipped()]
    return wire.PublishConduct(after=after, asks_again=asks_again, texts=texts)


async def approve(running: Running, admin: Device, asked: Any) -> Any:
    """Let another admin agree to the act of this answer."""
    act_id = asked.json()["actId"]
    waiting = (await running.get("/v1/admin/acts", admin)).json()["acts"]
    (one,) = [one for one in waiting if one["actId"] == act_id]
    return await act(running, admin, await looked_at(running, admin, one))


async def accept(running: Running, device: Device, version: int) -> Any:
    body = wire.AcceptConduct(version=version, language="te")
    return await running.post("/v1/conduct/acceptances", device, body)


async def status(running: Running, device: Device) -> int:
    return (await running.get("/v1/guard", device)).status_code


async def test_a_version_that_asks_again_holds_everybody_up_and_a_correction_nobody(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    other = await second_root(approving, force, clock)
    officer = await approving.device(PATROL)
    wakeups: Any = approving.container.wakeups
    assert await status(approving, officer) == 200

    asked = await act(approving, force.root, code("A new last rule."))
    assert asked.json()["state"] == "waiting"
    assert await status(approving, officer) == 200
    wakeups.clear()
    assert (await approve(approving, other, asked)).is_success
    assert [one.event for one in wakeups if not one.person_ids] == ["conduct"]
    assert await status(approving, officer) == 403
    # The admins owe it as well.
    assert refusal(await act(approving, other, code("x", after=2)))[0] == "conduct_not_accepted"

    me = (await approving.get("/v1/me", officer)).json()
    assert (me["conductVersion"], me["conductRequired"]) == (1, 2)
    shown = (await approving.get("/v1/conduct?language=te", officer)).json()
    assert (shown["version"], shown["rules"][-1]) == (2, "A new last rule.")
    former = (await approving.get("/v1/conduct?language=te&version=1", officer)).json()
    assert former["rules"][-1] == shipped()[1].rules[-1]
    missing = await approving.get("/v1/conduct?version=9", officer)
    assert refusal(missing)[0] == "not_found"

    refused = await accept(approving, officer, 1)
    assert (refusal(refused)[0], refused.json()["details"]) == ("conduct_changed", {"version": 2})
    assert refusal(await accept(approving, officer, 3))[0] == "bad_request"
    for device in (officer, force.root, other):
        assert (await accept(approving, device, 2)).json()["conductVersion"] == 2
    assert await status(approving, officer) == 200

    # A correction: nobody is asked, and an acceptance of either version counts.
    asked = await act(approving, force.root, code("Corrected.", after=2, asks_again=False))
    wakeups.clear()
    assert (await approve(approving, other, asked)).is_success
    # Admins alone hear that the act waits no more.
    assert {one.event for one in wakeups} == {"acts"}
    assert await status(approving, officer) == 200
    late = await approving.device(SHO, conduct=False)
    assert await status(approving, late) == 403
    assert (await accept(approving, late, 2)).is_success
    assert await status(approving, late) == 200

    listed = (await approving.get("/v1/admin/conduct", force.root)).json()
    assert [(one["version"], one["asksAgain"]) for one in listed["versions"]] == [
        (3, False),
        (2, True),
        (1, True),
    ]
    assert listed["versions"][0]["by"]["personId"] == force.root.person_id
    assert listed["versions"][2]["by"] is None
    assert (listed["required"], listed["texts"][0]["rules"][-1]) == (2, "Corrected.")
    kinds = [one["act"] for _, one in await entries(approving)]
    assert kinds[-2:] == ["conduct_published", "act_approved"]
    await verified(approving)


async def test_the_second_of_two_who_publish_at_once_hears_of_the_first(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    other = await second_root(approving, force, clock)
    mine = await act(approving, force.root, code("Mine.", asks_again=False))
    theirs = await act(approving, other, code("Theirs.", asks_again=False))
    assert (await approve(approving, other, mine)).is_success
    late = await approve(approving, force.root, theirs)
    assert (refusal(late)[0], late.json()["details"]) == ("conduct_changed", {"version": 2})
    again = await act(approving, other, code("Theirs.", asks_again=False))
    assert again.json()["details"] == {"version": 2}
    shown = (await approving.get("/v1/conduct", other)).json()
    assert shown["rules"][-1] == "Mine."
    # A code that lacks a language does not even wait, and the preview says so before it is signed.
    partial = wire.PublishConduct(after=2, asks_again=True, texts=shipped()[:3])
    asked = wire.PreviewAct(act=msgspec.json.encode(partial))
    preview = await approving.post("/v1/admin/previews", force.root, asked)
    for refused in (preview, await act(approving, force.root, partial)):
        assert refusal(refused)[0] == "conduct_incomplete"
        assert refused.json()["details"] == {"language": "hi", "reason": "missing"}


async def test_acceptances_are_counted_by_unit_in_the_readers_part(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    await second_root(approving, force, clock)
    officer = await approving.device(PATROL)
    await approving.device(SHO, conduct=False)
    counted = (await approving.get("/v1/admin/conduct/acceptances", force.root)).json()
    total = {
        name: sum(one[name] for one in counted["units"])
        for name in ("people", "registered", "accepted")
    }
    # The two admins, the second root admin and the officer have accepted, the SHO has not.
    assert total == {"people": 60, "registered": 5, "accepted": 4}
    station = next(one for one in counted["units"] if one["unitId"] == "TG-HYD-PS001")
    assert (station["registered"], station["accepted"]) == (2, 1)
    part = (await approving.get("/v1/admin/conduct/acceptances", force.admin)).json()
    assert 0 < sum(one["people"] for one in part["units"]) < 60

    async def asking(**asked: str) -> Any:
        body = wire.Search(asked=asked)
        return (await approving.post("/v1/admin/conduct/pending", force.root, body)).json()

    pending = await asking(unit="TG-HYD-PS001", deep="false")
    assert pending["total"] == station["people"] - 1
    assert officer.person_id not in {one["personId"] for one in pending["people"]}
    first = await asking(limit="2")
    following = await asking(limit="2", after=first["next"])
    assert first["total"] == following["total"] == 56
    names = [one["personId"] for one in (*first["people"], *following["people"])]
    assert len(set(names)) == 4
    exported = await export(approving, force.root, "conduct", "csv")
    assert len(exported.text.splitlines()) == 1 + 56


async def test_two_admins_set_the_guards_policy_and_every_node_signs_it(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    other = await second_root(approving, force, clock)
    authority = approving.container.authority.roster.public_key
    former = GuardRecord.parse(await signed(approving, other))
    wanted = json.loads(former.policy) | {"number": 2, "large_from": 50}
    asked = await act(approving, force.root, wire.SetGuardPolicy(policy=json.dumps(wanted)))
    assert asked.json()["state"] == "waiting"
    unknown = {"nudge": ["news"], "insist": []}
    for change, said in (
        ({"number": 3}, "guard_policy_changed"),
        ({"large_from": 1}, "act_invalid"),
        ({"exempt_ranks": ["KING"]}, "act_invalid"),
        ({"places": wanted["places"] | {"group": unknown}}, "act_invalid"),
    ):
        worse = wire.SetGuardPolicy(policy=json.dumps(wanted | change))
        assert refusal(await act(approving, force.root, worse))[0] == said
    assert await signed(approving, other) == former.encode()
    assert (await approve(approving, other, asked)).is_success
    record = GuardRecord.parse(await signed(approving, other))
    record.check(authority, former)
    assert (record.policy_number, policy.parse(record.policy).large_from) == (2, 50)
    shown = (await approving.get("/v1/admin/guard", force.root)).json()
    assert json.loads(shown["policy"]) == wanted
    assert [one["number"] for one in shown["versions"]] == [2]
    assert "greeting" in shown["classes"]
    # An operator's file takes the next number, whatever its own.
    ranks = wanted["exempt_ranks"]
    text = json.dumps(wanted | {"number": 1, "large_from": 70})
    assert await approving.container.guard.set_file(OPERATOR, text, ranks) == 3
    assert GuardRecord.parse(await signed(approving, other)).policy_number == 3
    await verified(approving)


async def signed(running: Running, device: Device) -> bytes:
    answer = await running.get("/v1/guard", device)
    return bytes(msgspec.json.decode(answer.content, type=wire.Guard).record)
