"""Locking the devices of a colleague who lost a phone: who may, what it does, how it is undone."""

from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.ids import PersonId
from copconnect.records.primitives.fields import DAY_MS
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import ADMIN, Force, path_of
from tests.identity.running import ACP, PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import (
    act,
    device_key,
    endorse,
    endorsement,
    give,
    grant,
    listed,
    put_keys,
    refusal,
    revocation,
    revoke,
)

pytestmark = pytest.mark.databases("sqlite")

COLLEAGUE, THIRD, FOURTH = "+917000000018", "+917000000019", "+917000000015"


def lock(person: Device) -> wire.LockDevices:
    return wire.LockDevices(person_id=person.person_id)


def unlock(person: Device) -> wire.UnlockDevices:
    return wire.UnlockDevices(person_id=person.person_id)


async def shown(running: Running, viewer: Device, person: Device) -> wire.PhoneLock:
    answer = await running.get(f"/v1/people/{person.person_id}/lock", viewer)
    assert answer.status_code == 200
    return msgspec.json.decode(answer.content, type=wire.PhoneLock)


async def test_a_colleague_locks_all_devices_of_a_person_and_takes_it_back(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    lost, colleague = (
        await confirmed(approving, force, PATROL),
        await confirmed(approving, force, COLLEAGUE),
    )
    assert (await put_keys(approving, lost, device_key(approving, lost, 1))).is_success
    assert await shown(approving, colleague, lost) == wire.PhoneLock(
        locked_ms=None, by=None, may_lock=True, may_unlock=False
    )
    rosters = approving.container.rosters
    rosters.told.clear()
    woken = approving.container.pushes.woken
    assert (await act(approving, colleague, lock(lost))).json()["state"] == "done"
    assert woken == [lost.client_id]
    assert await listed(approving, lost) == set()
    assert rosters.told == [
        ({lost.person_id}, True)
    ]  # At once, so that the next key leaves it out.
    gone = (await approving.get("/v1/me", lost)).json()
    assert (gone["code"], gone["details"]["reason"]) == ("signed_out", "locked")
    assert gone["details"]["locked_by"] == colleague.person_id
    assert gone["details"]["locked_ms"] == clock.ms
    assert "revocation" not in gone["details"]  # So the device keeps what it holds (E6).
    admins = [one.split(" ")[0] for one in gone["details"]["admins"].split(",")]
    assert admins == [force.admin.person_id, force.root.person_id]
    renewed = await approving.renew(lost, clock.ms)
    assert renewed.json()["details"] == gone["details"]
    told = (await approving.trust_of(colleague, lost.person_id, keys=True)).people
    (bundle,) = [one for one in told if one.person_id == lost.person_id]
    assert (bundle.keys, bundle.revocations) == ([], [])
    assert await shown(approving, colleague, lost) == wire.PhoneLock(
        locked_ms=clock.ms, by=colleague.person_id, may_lock=False, may_unlock=True
    )
    assert (await act(approving, colleague, unlock(lost))).is_success
    assert woken == [lost.client_id] * 2
    assert await listed(approving, lost) == {lost.device}
    assert (await approving.get("/v1/me", lost)).status_code == 200
    by = f"person {colleague.person_id} device {colleague.device.hex()}"
    said: dict[str, Any] = {"person_id": lost.person_id, "client_ids": [lost.client_id]}
    assert (await entries(approving))[-2:] == [
        (by, {"act": "devices_locked", **said}),
        (by, {"act": "devices_unlocked", **said}),
    ]
    await verified(approving)


@pytest.mark.databases("sqlite", "postgresql")
async def test_another_colleague_lifts_no_lock_and_an_admin_does(
    approving: Running, force: Force
) -> None:
    lost, colleague, third = [
        await confirmed(approving, force, one) for one in (PATROL, COLLEAGUE, THIRD)
    ]
    sho = await confirmed(approving, force, SHO)
    assert (await act(approving, colleague, lock(lost))).is_success
    for one in (third, sho):
        assert refusal(await act(approving, one, unlock(lost)))[0] == "not_allowed"
        assert (await shown(approving, one, lost)).by == colleague.person_id
        assert not (await shown(approving, one, lost)).may_unlock
    found = (await approving.get("/v1/admin/devices?state=locked", force.admin)).json()
    assert [one["person"]["personId"] for one in found["devices"]] == [lost.person_id]
    overview = (await approving.get("/v1/admin/overview", force.admin)).json()
    assert overview["locked"] == 1
    assert (await act(approving, force.admin, unlock(lost))).is_success
    assert await listed(approving, lost) == {lost.device}
    assert refusal(await act(approving, force.admin, unlock(lost)))[0] == "act_invalid"


@pytest.mark.databases("sqlite", "postgresql")
async def test_who_locks_a_further_phone_lifts_no_lock_of_an_admin(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """The thief registers with the SIM; an accomplice locks that device, and unlocks."""
    lost, colleague = [await confirmed(approving, force, one) for one in (PATROL, COLLEAGUE)]
    assert (await act(approving, force.admin, lock(lost))).is_success
    clock.ms += 1000
    again = await approving.device(PATROL)
    assert (await act(approving, colleague, lock(lost))).is_success
    assert (await act(approving, colleague, unlock(lost))).is_success
    assert await listed(approving, lost) == set()
    assert (await approving.get("/v1/me", lost)).json()["details"]["reason"] == "locked"
    assert (await approving.get("/v1/me", again)).status_code == 200
    assert (await act(approving, force.admin, unlock(lost))).is_success
    assert await listed(approving, lost) == {lost.device}


async def test_a_phone_that_was_locked_stays_out_of_every_way_back(
    approving: Running, force: Force
) -> None:
    """The thief registers again with the SIM: that device waits for an admin, as any does."""
    lost, colleague = [await confirmed(approving, force, one) for one in (PATROL, COLLEAGUE)]
    assert (await act(approving, colleague, lock(lost))).is_success
    again = await approving.device(PATROL)
    assert await listed(approving, again) == set()
    assert refusal(await act(approving, again, unlock(lost)))[0] == "device_unconfirmed"
    assert refusal(await act(approving, lost, unlock(lost)))[0] == "signed_out"


async def test_the_lock_never_goes_up(approving: Running, force: Force, clock: MovedClock) -> None:
    sho, patrol = await confirmed(approving, force, SHO), await confirmed(approving, force, PATROL)
    third, acp = await confirmed(approving, force, THIRD), await confirmed(approving, force, ACP)
    # Those above lock people who may issue orders.
    assert refusal(await act(approving, patrol, lock(sho)))[0] == "not_allowed"
    assert not (await shown(approving, patrol, sho)).may_lock
    assert (await act(approving, acp, lock(sho))).is_success
    assert (await act(approving, acp, unlock(sho))).is_success
    # Their own admins alone lock people who hold a grant, whatever the unit.
    path = await path_of(approving, third)
    assert (
        await give(approving, force.admin, grant(approving, force.admin, third, path))
    ).is_success
    clock.ms += 1000
    for one in (patrol, sho):
        assert refusal(await act(approving, one, lock(third)))[0] == "not_allowed"
    assert (await act(approving, force.admin, lock(third))).is_success
    assert refusal(await act(approving, sho, lock(force.admin)))[0] == "not_allowed"
    assert refusal(await act(approving, force.admin, lock(force.root)))[0] == "not_allowed"


async def test_nobody_locks_strangers_oneself_or_nothing(approving: Running, force: Force) -> None:
    patrol, acp = await confirmed(approving, force, PATROL), await confirmed(approving, force, ACP)
    assert refusal(await act(approving, patrol, lock(acp)))[0] == "not_allowed"
    assert await shown(approving, patrol, acp) == wire.PhoneLock(
        locked_ms=None, by=None, may_lock=False, may_unlock=False
    )
    assert refusal(await act(approving, patrol, lock(patrol)))[0] == "act_invalid"
    unconfirmed = await approving.device(COLLEAGUE)
    assert refusal(await act(approving, unconfirmed, lock(patrol)))[0] == "device_unconfirmed"
    nobody = wire.LockDevices(person_id=PersonId("0" * 32))
    assert refusal(await act(approving, patrol, nobody))[0] == "not_found"


async def test_a_stolen_phone_locks_one_colleague_a_day(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    thief, first, second = [
        await confirmed(approving, force, one) for one in (PATROL, COLLEAGUE, THIRD)
    ]
    assert (await act(approving, thief, lock(first))).is_success
    refused = await act(approving, thief, lock(second))
    assert refusal(refused)[0] == "rate_limited"
    assert refused.json()["details"]["limit"] == "phones_locked_per_day"
    assert await listed(approving, second) == {second.device}
    # Taking it back gives no second one.
    assert (await act(approving, thief, unlock(first))).is_success
    assert refusal(await act(approving, thief, lock(first)))[0] == "rate_limited"
    # An admin is not limited.
    for one in (first, second):
        assert (await act(approving, force.admin, lock(one))).is_success
    clock.ms += DAY_MS
    thief = await approving.back(thief)
    fourth = await confirmed(approving, force, FOURTH)
    assert (await act(approving, thief, lock(fourth))).is_success


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_locked_phone_is_replaced_like_any_lost_one(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """The admin removes it and confirms the next; the lock is gone with it."""

    lost, colleague = [await confirmed(approving, force, one) for one in (PATROL, COLLEAGUE)]
    assert (await act(approving, colleague, lock(lost))).is_success
    fresh = await approving.device(PATROL)
    clock.ms += 1000
    early = await endorse(approving, force.admin, endorsement(approving, fresh, force.admin, ADMIN))
    assert refusal(early) == ("endorsement_invalid", "E4")
    record = revocation(approving, lost, force.admin)
    assert (await revoke(approving, force.admin, record)).is_success
    clock.ms += 1000
    made = endorsement(approving, fresh, force.admin, ADMIN)
    assert (await endorse(approving, force.admin, made)).is_success
    assert await listed(approving, fresh) == {fresh.device}
    assert (await shown(approving, colleague, lost)).locked_ms is None
    gone = (await approving.get("/v1/me", lost)).json()["details"]
    assert (gone["reason"], "locked_by" in gone) == ("device_removed", False)
