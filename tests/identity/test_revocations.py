"""Revocations (E4, E6, D6): by own devices, by admins, by the roster authority."""

from typing import Any

import pytest

from copconnect import wire
from copconnect.records.primitives.fields import DAY_MS, MINUTE_MS
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.records.trust.revocation import Revocation
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed_by
from tests.identity.approved import ADMIN, OWN, Force, path_of
from tests.identity.running import ACP, DCP, PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import (
    confirmed,
    endorse,
    endorsement,
    give,
    grant,
    listed,
    refusal,
    revocation,
    revoke,
)

pytestmark = pytest.mark.databases("sqlite")


async def approved(running: Running, force: Force, number: str) -> Device:
    """Register a device that the admin confirms."""
    return await confirmed_by(force.admin, running, number)


async def test_e4_an_own_device_revokes_a_lost_one_in_one_transaction(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    lost = await approved(approving, force, SHO)
    kept = await approving.device(SHO)
    await endorse(approving, lost, endorsement(approving, kept, lost, OWN))
    clock.ms += 1000
    # Endorsements by the lost phone stand only if the revocation lists them.
    (bundle,) = [
        one
        for one in (await approving.trust_of(kept, kept.person_id)).people
        if one.person_id == kept.person_id
    ]
    made = (await approving.get(f"/v1/devices/{lost.device.hex()}/made", kept)).json()
    assert (len(made["endorsements"]), len(bundle.endorsements)) == (1, 2)
    hashes = [Endorsement.parse(one).hash() for one in bundle.endorsements]
    record = revocation(approving, lost, kept, hashes)
    server = approving.container
    server.rosters.told.clear()
    assert (await revoke(approving, kept, record)).status_code == 204
    assert server.rosters.told == [({lost.person_id}, True)]
    assert server.rosters.listed[lost.person_id] == {kept.device}
    refused = await approving.get("/v1/me", lost)
    assert (refused.status_code, refused.json()["code"]) == (401, "signed_out")
    assert refused.json()["details"]["reason"] == "device_removed"
    assert bytes.fromhex(refused.json()["details"]["revocation"]) == record.encode()
    assert await confirmed(approving, kept) == "own_device"
    assert (await revoke(approving, kept, record)).status_code == 204  # A retry.
    assert server.rosters.told == [({lost.person_id}, True)]


async def test_e4_what_a_lost_device_endorsed_and_is_not_listed_falls_with_it(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    dcp, sho = await approved(approving, force, DCP), await approving.device(SHO)
    await give(
        approving, force.admin, grant(approving, force.admin, dcp, await path_of(approving, dcp))
    )
    clock.ms += 1000
    patrol = await approving.device(PATROL)
    for device in (sho, patrol):
        assert (
            await endorse(approving, dcp, endorsement(approving, device, dcp, ADMIN))
        ).is_success
    clock.ms += 1000
    onward = await approving.device(SHO)
    await endorse(approving, sho, endorsement(approving, onward, sho, OWN))
    clock.ms += 1000
    assert await listed(approving, sho, patrol) == {sho.device, patrol.device, onward.device}
    # The admin knows the patrol officer and lists that endorsement alone.
    bundles = (await approving.trust_of(force.admin, patrol.person_id)).people
    stands = [
        Endorsement.parse(one.endorsements[0]).hash()
        for one in bundles
        if one.person_id == patrol.person_id
    ]
    record = revocation(approving, dcp, force.admin, stands)
    assert (await revoke(approving, force.admin, record)).is_success
    assert await listed(approving, sho, patrol, dcp) == {patrol.device}
    assert await confirmed(approving, sho) == "no"  # Unlisted and not signed out.
    assert await confirmed(approving, onward) == "no"
    people, urgent = approving.container.rosters.told[-1]
    assert urgent
    assert {sho.person_id, dcp.person_id} <= people


async def test_e4_who_may_not_revoke(approving: Running, force: Force, clock: MovedClock) -> None:
    sho, patrol = await approved(approving, force, SHO), await approved(approving, force, PATROL)
    unconfirmed = await approving.device(ACP)
    for name, code, signer, record in (
        ("a stranger", "not_allowed", patrol, revocation(approving, sho, patrol)),
        (
            "somebody above in its chain",
            "not_allowed",
            force.admin,
            revocation(approving, force.root, force.admin),
        ),
        (
            "an unconfirmed device",
            "device_unconfirmed",
            unconfirmed,
            revocation(approving, sho, unconfirmed),
        ),
        ("sent by another", "not_allowed", patrol, revocation(approving, sho, force.admin)),
        (
            "signed by another",
            "revocation_invalid",
            force.admin,
            revocation(approving, sho, force.root),
        ),
        (
            "an altered one",
            "revocation_invalid",
            force.admin,
            revocation(approving, sho, force.admin).signed(patrol.key),
        ),
        (
            "lost long ago",
            "revocation_invalid",
            force.admin,
            revocation(approving, sho, force.admin, lost_at=clock.ms - 31 * DAY_MS),
        ),
        (
            "an old one",
            "revocation_invalid",
            force.admin,
            revocation(
                approving,
                sho,
                force.admin,
                created=clock.ms - 11 * MINUTE_MS,
                lost_at=clock.ms - 11 * MINUTE_MS,
            ),
        ),
    ):
        answer = await revoke(approving, signer, record)
        assert refusal(answer)[0] == code, name
    foreign = wire.SubmitRevocation(revocation=revocation(approving, sho, force.admin).encode())
    answer = await approving.post("/v1/revocations", force.admin, foreign)
    assert refusal(answer) == ("revocation_invalid", "E4")  # An act that is not audited.
    with pytest.raises(ValueError, match="itself"):
        Revocation.parse(revocation(approving, sho, sho).encode())
    assert await listed(approving, sho) == {sho.device}
    # A root admin's reaches back further.
    far = revocation(approving, sho, force.root, lost_at=clock.ms - 31 * DAY_MS)
    assert (await revoke(approving, force.root, far)).is_success
    assert await listed(approving, sho) == set()


async def test_e4_the_roster_authority_keeps_what_was_before_and_blocks_new_ones(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    first = await approved(approving, force, SHO)
    second = await approving.device(SHO)
    await endorse(approving, first, endorsement(approving, second, first, OWN))
    third = await approving.device(SHO)
    clock.ms += 1000
    server = approving.container
    server.rosters.told.clear()
    removed = first.client_id
    assert await server.auth.administering.revoke_client(OPERATOR, removed)
    assert server.rosters.told == [({first.person_id}, True)]
    assert await listed(approving, second) == {second.device}
    assert await confirmed(approving, second) == "own_device"
    bundles = (await approving.trust_of(second, second.person_id)).people
    (record,) = [Revocation.parse(one.revocations[0]) for one in bundles if one.revocations]
    assert (record.device, record.by_authority) == (first.device, True)
    record.verify(server.authority.roster.public_key)
    assert not await server.auth.administering.revoke_client(OPERATOR, removed)
    # It can endorse nothing any more: its token has ended.
    late = endorsement(approving, third, first, EndorsementKind.OWN_DEVICE)
    assert (await endorse(approving, first, late)).status_code == 401


async def test_e0_under_policy_none_a_removal_lets_no_waiting_device_in(
    running: Running, clock: MovedClock
) -> None:
    first, second = await running.device(SHO), await running.device(SHO)
    assert (await confirmed(running, first), await confirmed(running, second)) == ("first", "no")
    clock.ms += 1000
    await running.sign_out(first)
    clock.ms += 1000
    assert await confirmed(running, second) == "no"
    assert await listed(running, second) == set()
    # Nor a device that registers afterwards.
    third = await running.device(SHO)
    assert await confirmed(running, third) == "no"
    assert await listed(running, second) == set()


async def test_suspended_people_have_no_device_and_register_anew(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await approved(approving, force, SHO)
    await approving.container.editor.suspend(OPERATOR, SHO)
    assert await listed(approving, sho) == set()
    assert approving.container.rosters.listed[sho.person_id] == set()
    refused = await approving.get("/v1/me", sho)
    assert refused.json()["details"]["reason"] == "suspended"
    record = Revocation.parse(bytes.fromhex(refused.json()["details"]["revocation"]))
    assert record.by_authority  # E6: a device locks on it and wipes nothing.
    clock.ms += 1000
    await approving.container.editor.restore(OPERATOR, SHO)
    again = await approving.device(SHO)
    assert await confirmed(approving, again) == "no"
    made = endorsement(approving, again, force.admin, ADMIN)
    assert refusal(await endorse(approving, force.admin, made)) == ("endorsement_invalid", "E4")
    former = revocation(approving, sho, force.admin)
    assert (await endorse(approving, force.admin, made, former)).is_success


async def test_a_lost_device_and_what_it_made_are_for_those_who_may_revoke_it(
    approving: Running, force: Force
) -> None:
    sho, patrol = await approved(approving, force, SHO), await approved(approving, force, PATROL)
    path = f"/v1/devices/{sho.device.hex()}/made"
    assert (await approving.get(path, force.admin)).status_code == 200
    assert refusal(await approving.get(path, patrol))[0] == "not_allowed"
    for wrong in ("0" * 64, "x", sho.device.hex().upper()):
        assert refusal(await approving.get(f"/v1/devices/{wrong}/made", sho))[0] == "not_found"
    made = (await approving.get(f"/v1/devices/{force.admin.device.hex()}/made", force.root)).json()
    assert len(made["endorsements"]) == 2
    people = {one["personId"] for one in made["people"]}
    assert {sho.person_id, patrol.person_id} <= people


async def test_labels_are_the_persons_own(running: Running) -> None:
    sho, patrol = await running.device(SHO), await running.device(PATROL)

    async def rename(caller: Device, label: str) -> Any:
        body = wire.RenameClient(label=label)
        return await running.http.put(
            f"/v1/clients/{sho.client_id}/label",
            headers=caller.headers | {"content-type": "application/msgpack"},
            content=running.packed(body),
        )

    assert refusal(await rename(patrol, "Mine"))[0] == "not_found"
    me = (await rename(sho, "Office\u200b phone ")).json()
    assert [one["label"] for one in me["clients"]] == ["Office phone"]
