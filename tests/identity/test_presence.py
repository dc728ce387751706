"""Acts of weight ask for the person: one unlocked browser does none of them (A4)."""

import base64
import json
from dataclasses import replace

import httpx
import pytest

from copconnect import wire
from copconnect.ids import PersonId
from copconnect.records.trust.presence import Presence
from tests.harness.presence import HOST, Credential, by_pin, posted
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import ADMIN, Force
from tests.identity.running import DCP, SHO, Device, MovedClock, Running
from tests.identity.signing import (
    endorse,
    endorsement,
    grant,
    refusal,
    revocation,
    revoke,
    signed_act,
    submit_act,
)

pytestmark = pytest.mark.databases("sqlite")


def given(running: Running, by: Device, to: Device, path: str) -> wire.GiveGrant:
    record = base64.b64encode(grant(running, by, to, path).encode()).decode()
    return wire.GiveGrant(person_id=PersonId(to.person_id), path=path, grant=record)


async def add(running: Running, device: Device, credential: Credential) -> httpx.Response:
    """Make a credential on a device, and send it."""
    now = running.container.clock.now_ms()
    record = credential.record(device.device, device.key, now)
    return await running.post("/v1/authenticators", device, credential.added(record))


async def own(running: Running, device: Device) -> dict[str, object]:
    return dict((await running.get("/v1/authenticators", device)).json())


async def confirmed_with(
    running: Running, force: Force, number: str, credential: Credential
) -> Device:
    """Register a device that enrols a credential before the root admin confirms it."""
    device = await running.device(number)
    assert (await add(running, device, credential)).status_code == 204
    made = endorsement(running, device, force.root, ADMIN)
    assert (await endorse(running, force.root, made)).is_success
    return device


@pytest.fixture
def credential() -> Credential:
    return Credential()


async def send(
    running: Running, device: Device, asked: wire.AdminAct, presence: bytes
) -> httpx.Response:
    record = signed_act(running, device, asked)
    return await running.post("/v1/admin/acts", device, posted(record, presence))


async def test_an_unlocked_browser_alone_does_no_act_of_weight(
    approving: Running, force: Force
) -> None:
    sho = await confirmed(approving, force, SHO)
    for asked in (
        given(approving, force.admin, sho, force.path),
        wire.MakeEnrolmentCodes(person_ids=[PersonId(sho.person_id)]),
        wire.ApproveAct(act_id="0" * 32, hash="0" * 64),  # type: ignore[arg-type]
        wire.SetGroupPolicy(policy=[]),
    ):
        answer = await send(approving, force.admin, asked, b"")
        assert refusal(answer)[0] == "presence_needed"
        assert answer.json()["details"] == {"by": "pin"}
    record = signed_act(approving, force.admin, wire.ExportPart(what="people", form="csv"))
    answer = await approving.post("/v1/admin/exports", force.admin, posted(record, b""))
    assert refusal(answer)[0] == "presence_needed"


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_pin_serves_until_an_authenticator_was_enrolled_and_never_again(
    approving: Running, force: Force, clock: MovedClock, credential: Credential
) -> None:
    sho = await confirmed(approving, force, SHO)
    asked = given(approving, force.admin, sho, force.path)
    first = wire.MakeEnrolmentCodes(person_ids=[PersonId(sho.person_id)])
    assert (
        await submit_act(approving, force.admin, signed_act(approving, force.admin, first))
    ).is_success
    record = signed_act(approving, force.admin, asked)
    # The proof of another act, and the key of another PIN than the one of the first act.
    other = signed_act(approving, force.admin, asked)
    for wrong in (by_pin(other), by_pin(record, b"another"), b"x"):
        answer = await approving.post("/v1/admin/acts", force.admin, posted(record, wrong))
        assert refusal(answer)[0] == "presence_invalid"
    assert (await submit_act(approving, force.admin, record)).is_success
    assert (await add(approving, force.admin, credential)).status_code == 204
    assert (await own(approving, force.admin))["ever"] is False  # It waits for another admin.
    (waiting,) = (await approving.get("/v1/admin/authenticators", force.root)).json()["asked"]
    assert waiting["person"]["personId"] == force.admin.person_id
    enrol = wire.EnrolAuthenticator(
        person_id=PersonId(force.admin.person_id), authenticator=waiting["authenticator"]
    )
    assert refusal(await send(approving, force.admin, enrol, b""))[0] == "presence_needed"
    record = signed_act(approving, force.admin, enrol)
    answer = await submit_act(approving, force.admin, record)
    assert refusal(answer)[0] == "act_invalid"  # Nobody enrols their own.
    record = signed_act(approving, force.root, enrol)
    assert (await submit_act(approving, force.root, record)).is_success
    assert (await own(approving, force.admin))["ever"] is True
    clock.ms += 1000
    record = signed_act(approving, force.admin, given(approving, force.admin, sho, force.path))
    assert refusal(await submit_act(approving, force.admin, record))[0] == "presence_invalid"
    answer = await send(approving, force.admin, enrol, b"")
    assert answer.json()["details"] == {"by": "authenticator"}
    proof = credential.proves(record)
    answer = await approving.post("/v1/admin/acts", force.admin, posted(record, proof))
    assert answer.is_success, answer.text
    # The audit log keeps the proof, and its verifiers check it again.
    assert (await verified(approving)).signed > 0
    done = [json.loads(json.dumps(one)) for _, one in await entries(approving)]
    assert [one["act"] for one in done][-2:] == ["authenticator_enrolled", "grant_given"]


async def test_only_a_device_that_waits_to_be_confirmed_enrols_by_itself(
    approving: Running, force: Force, credential: Credential
) -> None:
    dcp = await confirmed_with(approving, force, DCP, credential)
    mine = await own(approving, dcp)
    assert (mine["ever"], mine["enrols"], mine["asked"]) == (True, False, None)
    second = Credential(name=b"made by a thief")
    assert (await add(approving, dcp, second)).status_code == 204
    record = signed_act(approving, dcp, wire.MakeEnrolmentCodes(person_ids=[force.admin.person_id]))
    answer = await approving.post("/v1/admin/acts", dcp, posted(record, second.proves(record)))
    assert refusal(answer)[0] == "presence_invalid"
    mine = await own(approving, dcp)
    assert mine["asked"] is not None
    await verified(approving)


async def test_a_proof_counts_for_the_very_act_host_page_and_verified_user_alone(
    approving: Running, force: Force, credential: Credential
) -> None:
    dcp = await confirmed_with(approving, force, DCP, credential)
    codes = wire.MakeEnrolmentCodes(person_ids=[PersonId(force.admin.person_id)])
    record = signed_act(approving, dcp, codes)
    another = signed_act(approving, dcp, codes)
    elsewhere = replace(credential, origin="https://evil.cop.example")
    foreign = replace(credential, host="example", origin="https://example")
    proof = Presence.parse(credential.proves(record))
    for wrong in (
        credential.proves(another),
        credential.proves(record, verified=False),
        elsewhere.proves(record),
        foreign.proves(record),
        replace(proof, signature=proof.signature[:-1] + b"\0").encode(),
        replace(proof, client_data=b"{}").encode(),
        replace(proof, authenticator_data=b"").encode(),
        replace(proof, algorithm=3).encode(),
        replace(proof, public_key=b"").encode(),
        Credential().proves(record),
    ):
        answer = await approving.post("/v1/admin/acts", dcp, posted(record, wrong))
        assert refusal(answer)[0] == "presence_invalid"


async def test_credentials_of_another_page_host_or_device_are_not_enrolled(
    approving: Running, force: Force, credential: Credential
) -> None:
    device = await approving.device(DCP)
    now = approving.container.clock.now_ms()
    for wrong in (
        replace(credential, host="example", origin="https://example"),
        replace(credential, origin="https://evil.cop.example"),
    ):
        assert refusal(await add(approving, device, wrong))[0] == "record_invalid"
    record = credential.record(device.device, force.root.key, now)
    body = credential.added(record)
    answer = await approving.post("/v1/authenticators", device, body)
    assert refusal(answer)[0] == "record_invalid"
    record = credential.record(device.device, device.key, now)
    body = Credential().added(record)
    answer = await approving.post("/v1/authenticators", device, body)
    assert refusal(answer)[0] == "record_invalid"
    assert (await own(approving, device))["host"] == HOST


async def test_an_authenticator_goes_with_its_device_and_the_pin_does_not_come_back(
    approving: Running, force: Force, clock: MovedClock, credential: Credential
) -> None:
    dcp = await confirmed_with(approving, force, DCP, credential)
    clock.ms += 1000
    lost = revocation(approving, dcp, force.root)
    assert (await revoke(approving, force.root, lost)).is_success
    clock.ms += 1000
    new = await confirmed(approving, force, DCP)
    mine = await own(approving, new)
    assert (mine["ever"], mine["enrolled"]) == (True, [])
    codes = wire.MakeEnrolmentCodes(person_ids=[PersonId(force.admin.person_id)])
    answer = await submit_act(approving, new, signed_act(approving, new, codes))
    assert refusal(answer)[0] == "presence_invalid"
