"""Signed administrative acts: who may do what, once, and what the audit log keeps of it."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.admin import rules
from copconnect.bus import AccountWakeup
from copconnect.ids import ActId, DeviceId, PersonId
from copconnect.records.primitives.fields import DAY_MS, MINUTE_MS
from tests.harness.presence import posted
from tests.identity.acting import confirmed, entries, suspend, verified
from tests.identity.approved import Force, path_of
from tests.identity.running import DCP, PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import (
    act,
    give,
    grant,
    listed,
    looked_at,
    refusal,
    revocation,
    revoke,
    signed_act,
    submit_act,
)

pytestmark = pytest.mark.databases("sqlite")

# --- Doing ------------------------------------------------------------------------------------


async def test_an_admin_suspends_and_restores_a_person_of_their_part(
    approving: Running, force: Force
) -> None:
    sho = await confirmed(approving, force, SHO)
    done = await act(approving, force.admin, suspend(sho, "Enquiry 12/26"))
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert await listed(approving, sho) == set()
    gone = await approving.get("/v1/me", sho)
    assert gone.json()["details"]["reason"] == "suspended"
    back = await act(approving, force.admin, wire.RestorePerson(person_id=sho.person_id))
    assert back.is_success
    found = await entries(approving)
    by = f"person {force.admin.person_id} device {force.admin.device.hex()}"
    assert found[-2:] == [
        (by, {"act": "person_suspended", "person_id": sho.person_id, "reason": "Enquiry 12/26"}),
        (by, {"act": "person_restored", "person_id": sho.person_id}),
    ]
    assert back.json()["entry"] == len(found) == done.json()["entry"] + 1
    assert (await verified(approving)).signed >= 4  # The endorsement and the grant too.


async def test_new_enrolment_codes_are_told_once(approving: Running, force: Force) -> None:
    sho, patrol = await confirmed(approving, force, SHO), await confirmed(approving, force, PATROL)
    people = [sho.person_id, patrol.person_id]
    record = signed_act(approving, force.admin, wire.MakeEnrolmentCodes(person_ids=people))
    made = (await submit_act(approving, force.admin, record)).json()
    assert [one["personId"] for one in made["codes"]] == people
    assert len({one["code"] for one in made["codes"]}) == 2
    again = (await submit_act(approving, force.admin, record)).json()
    assert again == made | {"codes": []}
    twice = wire.MakeEnrolmentCodes(person_ids=[sho.person_id, sho.person_id])
    assert refusal(await act(approving, force.admin, twice))[0] == "act_invalid"


async def test_a_demoted_admin_with_an_open_page_does_nothing_more(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    clock.ms += 1000
    away = grant(approving, force.root, force.admin, force.path, not_after=clock.ms)
    assert (await give(approving, force.root, away)).is_success
    refused = await act(approving, force.admin, suspend(sho))
    assert refusal(refused)[0] == "not_allowed"
    assert refused.json()["details"]["right"] == "manage_people"
    search = wire.Search(asked={})
    searched = await approving.post("/v1/admin/people/searches", force.admin, search)
    assert refusal(searched)[0] == "not_allowed"
    for path in ("devices", "grants", "audit", "audit/chain", "overview"):
        answer = await approving.get(f"/v1/admin/{path}", force.admin)
        assert refusal(answer)[0] == "not_allowed", path
    rights = (await approving.get("/v1/admin/rights", force.admin)).json()
    assert not rights["console"]


async def test_a_grant_that_has_ended_gives_nothing(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    clock.ms += 31 * DAY_MS
    admin = await approving.back(force.admin)
    assert refusal(await act(approving, admin, suspend(sho)))[0] == "not_allowed"


# --- Parts of the tree ------------------------------------------------------------------------


async def test_an_admin_acts_in_their_own_part_alone(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    dcp, sho = await confirmed(approving, force, DCP), await confirmed(approving, force, SHO)
    below = await path_of(approving, dcp)
    assert (await give(approving, force.root, grant(approving, force.root, dcp, below))).is_success
    clock.ms += 1000
    refused = await act(approving, dcp, suspend(force.admin))
    assert refusal(refused)[0] == "not_allowed"
    outside = wire.MakeEnrolmentCodes(person_ids=[sho.person_id, force.root.person_id])
    assert refusal(await act(approving, dcp, outside))[0] == "not_allowed"
    nobody = wire.MakeEnrolmentCodes(person_ids=[PersonId("0" * 32)])
    assert refusal(await act(approving, dcp, nobody))[0] == "not_found"
    above = grant(approving, dcp, sho, force.path)
    assert refusal(await give(approving, dcp, above))[0] == "not_allowed"


async def test_nobody_suspends_somebody_whose_grant_they_could_not_withdraw(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """An admin below, of whose part a superior's own post is."""
    sho = await confirmed(approving, force, SHO)
    station = await path_of(approving, sho)
    dcp = await confirmed(approving, force, DCP)
    for person, path in ((sho, force.path), (dcp, station)):
        given = await give(approving, force.root, grant(approving, force.root, person, path))
        assert given.is_success
    clock.ms += 1000
    assert refusal(await act(approving, dcp, suspend(sho)))[0] == "not_allowed"
    lost = revocation(approving, sho, dcp)
    assert refusal(await revoke(approving, dcp, lost))[0] == "not_allowed"
    assert refusal(await act(approving, sho, suspend(sho)))[0] == "act_invalid"  # Oneself.
    assert (await act(approving, force.root, suspend(sho))).is_success


async def test_a_grant_to_oneself_is_refused(approving: Running, force: Force) -> None:
    for signer, path in ((force.admin, force.path), (force.root, force.path)):
        refused = await give(approving, signer, grant(approving, signer, signer, path))
        assert refusal(refused) == ("grant_invalid", "E0")
    again = await approving.get(f"/v1/grants?person={force.admin.person_id}", force.admin)
    assert len(again.json()["grants"]) == 1


async def test_what_is_signed_inside_is_what_the_act_says(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, patrol = await confirmed(approving, force, SHO), await confirmed(approving, force, PATROL)
    path = await path_of(approving, sho)

    def text(record: Any) -> str:
        return base64.b64encode(record.encode()).decode()

    given = text(grant(approving, force.admin, sho, path))
    ended = text(grant(approving, force.admin, sho, path, not_after=clock.ms))
    lost = text(revocation(approving, sho, force.admin))
    for body in (
        wire.GiveGrant(person_id=patrol.person_id, path=path, grant=given),
        wire.GiveGrant(person_id=sho.person_id, path=force.path, grant=given),
        wire.GiveGrant(person_id=sho.person_id, path=path, grant=ended),
        wire.WithdrawGrant(person_id=sho.person_id, path=path, grant=given),
        wire.RevokeDevice(
            person_id=sho.person_id, device=DeviceId(patrol.device.hex()), revocation=lost
        ),
    ):
        assert refusal(await act(approving, force.admin, body))[0] == "act_invalid", body
    foreign = wire.RevokeDevice(
        person_id=patrol.person_id, device=DeviceId(sho.device.hex()), revocation=lost
    )
    assert refusal(await act(approving, force.admin, foreign)) == ("revocation_invalid", "E4")
    assert await listed(approving, sho) == {sho.device}


# --- The envelope -----------------------------------------------------------------------------


async def test_an_act_is_done_once_whatever_is_repeated(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    record = signed_act(approving, force.admin, suspend(sho))
    answers = await asyncio.gather(*(submit_act(approving, force.admin, record) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    before = len(await entries(approving))
    await act(approving, force.admin, wire.RestorePerson(person_id=sho.person_id))
    clock.ms += 30 * MINUTE_MS
    # The act that was recorded does not suspend the person again, however late it comes back.
    assert (await submit_act(approving, force.admin, record)).text == answers[0].text
    assert len(await entries(approving)) == before + 1
    async with approving.container.database.reading() as connection:
        found = await approving.container.directory.rights_bases(connection, [sho.person_id])
    assert [one.status for one in found.values()] == ["active"]
    other = replace(record, body=msgspec.json.encode(suspend(force.root))).signed(force.admin.key)
    assert refusal(await submit_act(approving, force.admin, other))[0] == "act_differs"


async def test_what_is_not_the_callers_own_or_not_of_now_is_refused(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    good = signed_act(approving, force.admin, suspend(sho))
    early = signed_act(approving, force.admin, suspend(sho), created=clock.ms + 10 * MINUTE_MS + 1)
    late = signed_act(approving, force.admin, suspend(sho), created=clock.ms - 10 * MINUTE_MS - 1)
    for code, sender, record in (
        ("act_invalid", force.root, good),
        ("act_invalid", force.admin, good.signed(sho.key)),
        ("act_invalid", force.admin, replace(good, body=b"{}").signed(force.admin.key)),
        ("act_invalid", force.admin, replace(good, body=b"\xff").signed(force.admin.key)),
        ("act_invalid", force.admin, replace(good, act_id=bytes(16))),
        ("act_stale", force.admin, early),
        ("act_stale", force.admin, late),
    ):
        assert refusal(await submit_act(approving, sender, record))[0] == code
    for data in (b"x", good.encode() + b"x", good.encode()[:-1]):
        answer = await approving.post(
            "/v1/admin/acts", force.admin, wire.SubmitAct(act=data, presence=b"")
        )
        assert refusal(answer)[0] == "act_invalid"
    assert await listed(approving, sho) == {sho.device}
    assert (await submit_act(approving, force.admin, good)).is_success


async def test_a_device_that_is_not_confirmed_any_more_signs_nothing(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Also where this node remembers otherwise: the transaction asks the database."""
    sho, dcp = await confirmed(approving, force, SHO), await confirmed(approving, force, DCP)
    path = await path_of(approving, dcp)
    assert (await give(approving, force.root, grant(approving, force.root, dcp, path))).is_success
    clock.ms += 1000
    tokens = approving.container.auth.authenticator
    caller = await tokens.authenticate(dcp.headers["authorization"].split()[1])
    assert caller is not None
    assert (await revoke(approving, force.root, revocation(approving, dcp, force.root))).is_success
    body = posted(signed_act(approving, dcp, suspend(sho)))
    with pytest.raises(Exception, match="device_unconfirmed"):
        await approving.container.admin.acting.act(caller, body)


# --- Two people -------------------------------------------------------------------------------


@pytest.fixture
def small_limit(force: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let acts on ten people and more of this small force need a second admin from now on."""
    assert force
    monkeypatch.setattr(rules, "SECOND_LEAST", 10)


async def top_grant(running: Running, force: Force, person: Device) -> Any:
    """Propose the grant of the commissionerate, as its admin."""
    return await give(running, force.admin, grant(running, force.admin, person, force.path))


async def approval(running: Running, proposed: Any) -> wire.ApproveAct:
    """Return the approval of an act that waits."""
    act_id, second = proposed
    acts = (await running.get("/v1/admin/acts", second)).json()["acts"]
    (one,) = [each for each in acts if each["actId"] == act_id]
    return await looked_at(running, second, one)


def heard(running: Running) -> list[list[PersonId]]:
    """Return the people whom the server notified each time that other acts wait."""
    told = (one for one in running.container.wakeups if isinstance(one, AccountWakeup))
    return [one.person_ids for one in told if one.event == "acts"]


async def caller_of(running: Running, device: Device) -> Any:
    token = device.headers["authorization"].split()[1]
    return await running.container.auth.authenticator.authenticate(token)


@pytest.mark.usefixtures("small_limit")
async def test_a_top_grant_waits_for_another_admin(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    approving.container.wakeups.clear()
    proposed = (await top_grant(approving, force, sho)).json()
    assert proposed["state"] == "waiting"
    # The consoles that are open hear of it: those of the people who hold a grant.
    consoles = sorted((force.root.person_id, force.admin.person_id))
    assert heard(approving) == [consoles]
    grants = await approving.get(f"/v1/grants?person={sho.person_id}", sho)
    assert grants.json()["grants"] == []
    clock.ms += DAY_MS  # It is judged by when it was taken.
    agree = await approval(approving, (proposed["actId"], force.root))
    assert refusal(await act(approving, force.admin, agree))[0] == "needs_another"
    assert refusal(await act(approving, sho, agree))[0] == "not_allowed"
    wrong = wire.ApproveAct(act_id=agree.act_id, hash="0" * 64)
    assert refusal(await act(approving, force.root, wrong))[0] == "act_differs"
    unknown = wire.ApproveAct(act_id=ActId("0" * 32), hash=agree.hash)
    assert refusal(await act(approving, force.root, unknown))[0] == "not_found"
    assert (await act(approving, force.root, agree)).is_success
    assert heard(approving) == [consoles, sorted((*consoles, sho.person_id))]
    grants = await approving.get(f"/v1/grants?person={sho.person_id}", sho)
    assert len(grants.json()["grants"]) == 1
    assert refusal(await act(approving, force.root, agree))[0] == "act_over"
    kinds = [one["act"] for _, one in await entries(approving)]
    assert kinds[-3:] == ["act_proposed", "grant_given", "act_approved"]
    await verified(approving)


@pytest.mark.usefixtures("small_limit")
async def test_a_waiting_act_is_refused_withdrawn_or_runs_out(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    for refuser in (force.root, force.admin):
        clock.ms += 1000
        proposed = (await top_grant(approving, force, sho)).json()
        agree = await approval(approving, (proposed["actId"], force.root))
        no = wire.RefuseAct(act_id=agree.act_id, hash=agree.hash, reason="Not now")
        assert refusal(await act(approving, sho, no))[0] == "not_allowed"
        assert (await act(approving, refuser, no)).is_success
        assert refusal(await act(approving, force.root, agree))[0] == "act_over"
    clock.ms += 1000
    proposed = (await top_grant(approving, force, sho)).json()
    agree = await approval(approving, (proposed["actId"], force.root))
    clock.ms += 7 * DAY_MS + 1
    assert refusal(await act(approving, force.root, agree))[0] == "act_over"
    grants = await approving.get(f"/v1/grants?person={sho.person_id}", sho)
    assert grants.json()["grants"] == []
    await verified(approving)


@pytest.mark.usefixtures("small_limit")
async def test_a_waiting_act_falls_with_the_right_of_the_admin_who_asked(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """The commissioner asks, is demoted, and the root admin approves."""
    sho = await confirmed(approving, force, SHO)
    record = grant(approving, force.admin, sho, force.path)
    proposed = (await give(approving, force.admin, record)).json()
    assert proposed["state"] == "waiting"
    clock.ms += 1000
    away = grant(approving, force.root, force.admin, force.path, not_after=clock.ms)
    assert (await give(approving, force.root, away)).json()["state"] == "done"
    agree = await approval(approving, (proposed["actId"], force.root))
    assert refusal(await act(approving, force.root, agree))[0] == "not_allowed"


@pytest.mark.usefixtures("small_limit")
async def test_an_act_that_could_not_be_done_does_not_wait(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    long = grant(approving, force.root, sho, force.path, not_after=clock.ms + 181 * DAY_MS)
    assert refusal(await give(approving, force.root, long))[0] == "grant_invalid"
    waiting = (await approving.get("/v1/admin/acts", force.root)).json()["acts"]
    assert waiting == []
