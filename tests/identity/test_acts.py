"""Signed administrative acts: who may do what, once, and what the audit log keeps of it."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from copconnect import wire
from copconnect.admin import rules
from copconnect.audit.rules import ZEROS, Broken, entry_hash
from copconnect.audit.signatures import OUTCOMES
from copconnect.audit.store import ENTRIES, HEAD
from copconnect.ids import ActId, DeviceId, PersonId
from copconnect.records.primitives.fields import DAY_MS, MINUTE_MS
from copconnect.records.trust.admin_act import SignedAct
from tests.harness.operator import OPERATOR
from tests.identity.approved import ADMIN, Force, path_of
from tests.identity.running import ACP, DCP, PATROL, SHO, WRITER, Device, MovedClock, Running
from tests.identity.signing import (
    act,
    endorse,
    endorsement,
    give,
    grant,
    listed,
    post_act,
    refusal,
    revocation,
    revoke,
    signed_act,
)


async def confirmed(running: Running, force: Force, number: str) -> Device:
    """Register a device that the root admin confirms."""
    device = await running.device(number)
    made = endorsement(running, device, force.root, ADMIN)
    assert (await endorse(running, force.root, made)).is_success
    clock: Any = running.container.clock
    clock.ms += 1000
    return device


def suspend(person: Device, reason: str = "") -> wire.SuspendPerson:
    return wire.SuspendPerson(person_id=person.person_id, reason=reason)


async def entries(running: Running) -> list[tuple[str, dict[str, Any]]]:
    """Return who did what, the oldest first."""
    return [
        (one.content.by, json.loads(one.content.act))
        async for one in running.container.audit.entries()
    ]


async def verified(running: Running) -> Any:
    return await running.container.audit.verify(running.container.registry)


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
    made = (await post_act(approving, force.admin, record)).json()
    assert [one["personId"] for one in made["codes"]] == people
    assert len({one["code"] for one in made["codes"]}) == 2
    again = (await post_act(approving, force.admin, record)).json()
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
    for path in ("people", "devices", "grants", "audit", "audit/chain", "overview"):
        answer = await approving.get(f"/v1/admin/{path}", force.admin)
        assert refusal(answer)[0] == "not_allowed", path
    rights = (await approving.get("/v1/admin/rights", force.admin)).json()
    assert not rights["console"]


async def test_a_grant_that_has_ended_gives_nothing(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    clock.ms += 31 * DAY_MS
    assert refusal(await act(approving, force.admin, suspend(sho)))[0] == "not_allowed"


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
    answers = await asyncio.gather(*(post_act(approving, force.admin, record) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    before = len(await entries(approving))
    await act(approving, force.admin, wire.RestorePerson(person_id=sho.person_id))
    clock.ms += 30 * MINUTE_MS
    # The act that was recorded does not suspend the person again, however late it comes back.
    assert (await post_act(approving, force.admin, record)).text == answers[0].text
    assert len(await entries(approving)) == before + 1
    async with approving.container.database.reading() as connection:
        found = await approving.container.directory.standings(connection, [sho.person_id])
    assert [one.status for one in found.values()] == ["active"]
    other = replace(record, body=msgspec.json.encode(suspend(force.root))).signed(force.admin.key)
    assert refusal(await post_act(approving, force.admin, other))[0] == "act_differs"


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
        assert refusal(await post_act(approving, sender, record))[0] == code
    for data in (b"x", good.encode() + b"x", good.encode()[:-1]):
        answer = await approving.post("/v1/admin/acts", force.admin, wire.PostAct(act=data))
        assert refusal(answer)[0] == "act_invalid"
    assert await listed(approving, sho) == {sho.device}
    assert (await post_act(approving, force.admin, good)).is_success


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
    body = wire.PostAct(act=signed_act(approving, dcp, suspend(sho)).encode())
    with pytest.raises(Exception, match="device_unconfirmed"):
        await approving.container.admin.acting.act(caller, body)


# --- Two people -------------------------------------------------------------------------------


@pytest.fixture
def small_limit(force: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let acts on ten people and more of this small force need a second admin from now on."""
    assert force
    monkeypatch.setattr(rules, "SECOND_LEAST", 10)


async def top_grant(running: Running, force: Force, person: Device) -> Any:
    """Propose the grant of the commissionerate, as the root admin."""
    return await give(running, force.root, grant(running, force.root, person, force.path))


async def approval(running: Running, proposed: Any) -> wire.ApproveAct:
    """Return the approval of an act that waits."""
    caller = await caller_of(running, proposed[1])
    waiting = await running.container.admin.acting.waiting(caller)
    (one,) = [each for each in waiting.acts if each.act_id == proposed[0]]
    return wire.ApproveAct(act_id=one.act_id, hash=one.hash)


async def caller_of(running: Running, device: Device) -> Any:
    token = device.headers["authorization"].split()[1]
    return await running.container.auth.authenticator.authenticate(token)


@pytest.mark.usefixtures("small_limit")
async def test_a_top_grant_waits_for_another_admin(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    proposed = (await top_grant(approving, force, sho)).json()
    assert proposed["state"] == "waiting"
    grants = await approving.get(f"/v1/grants?person={sho.person_id}", sho)
    assert grants.json()["grants"] == []
    clock.ms += DAY_MS  # It is judged by when it was taken.
    agree = await approval(approving, (proposed["actId"], force.admin))
    assert refusal(await act(approving, force.root, agree))[0] == "needs_another"
    assert refusal(await act(approving, sho, agree))[0] == "not_allowed"
    wrong = wire.ApproveAct(act_id=agree.act_id, hash="0" * 64)
    assert refusal(await act(approving, force.admin, wrong))[0] == "act_differs"
    unknown = wire.ApproveAct(act_id=ActId("0" * 32), hash=agree.hash)
    assert refusal(await act(approving, force.admin, unknown))[0] == "not_found"
    assert (await act(approving, force.admin, agree)).is_success
    grants = await approving.get(f"/v1/grants?person={sho.person_id}", sho)
    assert len(grants.json()["grants"]) == 1
    assert refusal(await act(approving, force.admin, agree))[0] == "act_over"
    kinds = [one["act"] for _, one in await entries(approving)]
    assert kinds[-3:] == ["act_proposed", "grant_given", "act_approved"]
    await verified(approving)


@pytest.mark.usefixtures("small_limit")
async def test_a_waiting_act_is_refused_withdrawn_or_runs_out(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await confirmed(approving, force, SHO)
    for refuser in (force.admin, force.root):
        clock.ms += 1000
        proposed = (await top_grant(approving, force, sho)).json()
        agree = await approval(approving, (proposed["actId"], force.admin))
        no = wire.RefuseAct(act_id=agree.act_id, hash=agree.hash, reason="Not now")
        assert refusal(await act(approving, sho, no))[0] == "not_allowed"
        assert (await act(approving, refuser, no)).is_success
        assert refusal(await act(approving, force.admin, agree))[0] == "act_over"
    clock.ms += 1000
    proposed = (await top_grant(approving, force, sho)).json()
    agree = await approval(approving, (proposed["actId"], force.admin))
    clock.ms += 7 * DAY_MS + 1
    assert refusal(await act(approving, force.admin, agree))[0] == "act_over"
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


# --- The log ----------------------------------------------------------------------------------


async def test_an_entry_that_says_something_else_than_what_was_signed_is_found(
    approving: Running, force: Force
) -> None:
    """Somebody who writes to the database and computes the chain anew."""
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
    """Compute the chain anew, as somebody who can write to the database does."""
    found = [one async for one in running.container.audit.entries()]
    previous = ZEROS
    async with running.container.database.transaction() as connection:
        for one in found:
            previous = entry_hash(previous, one.number, one.made_ms, one.content.digest())
            await connection.execute(
                update(ENTRIES).where(ENTRIES.c.number == one.number).values(hash=previous)
            )
        await connection.execute(update(HEAD).values(hash=previous))


async def test_every_kind_of_act_has_a_right_and_an_outcome(running: Running) -> None:
    kinds = running.container.admin.kinds.table
    every = set(wire.AdminAct.__subclasses__())
    assert every - {wire.ApproveAct, wire.RefuseAct} == set(kinds)
    assert {str(one.__struct_config__.tag) for one in every} == set(OUTCOMES)


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
    people = (await approving.get("/v1/admin/people", sho)).json()
    assert 0 < people["total"] < 60
    paths = {one["person"]["unitId"] for one in people["people"]}
    assert paths == {station.rpartition("/")[2]}
    assert sho.person_id in {one["person"]["personId"] for one in people["people"]}
    everyone = (await approving.get("/v1/admin/people", force.root)).json()
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
