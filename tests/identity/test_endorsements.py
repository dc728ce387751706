"""Confirmed devices under the policy ``approval`` (E0, E2, E4): endorsements and grants."""

from dataclasses import replace

import pytest

from copconnect.bus import AccountWakeup, TrustWakeup
from copconnect.records.primitives.fields import DAY_MS, MINUTE_MS
from copconnect.rights import HeldRights
from tests.identity.approved import ADMIN, OWN, Force, path_of
from tests.identity.running import (
    ACP,
    CP,
    DCP,
    DGP,
    PATROL,
    SHO,
    MovedClock,
    Running,
)
from tests.identity.signing import (
    confirmed,
    endorse,
    endorsement,
    give,
    grant,
    listed,
    name_root_admin,
    refusal,
    revocation,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_e0_nobody_is_confirmed_before_a_record_names_a_root_admin(
    approving: Running, clock: MovedClock
) -> None:
    root = await approving.device(DGP)
    assert await confirmed(approving, root) == "no"
    assert await listed(approving, root) == set()
    clock.ms += 1
    record = await name_root_admin(approving, root)
    assert (record.number, record.admins) == (2, (root.device,))
    assert await name_root_admin(approving, root) == record  # Again: nothing new.
    assert await confirmed(approving, root) == "root_admin"
    assert await listed(approving, root) == {root.device}
    assert approving.container.rosters.told[-1] == ({root.person_id}, False)
    trust = (await approving.get("/v1/trust")).json()
    assert len(trust["departments"]) == 2
    # Being root admin does not pass to another device of the person.
    second = await approving.device(DGP)
    assert await confirmed(approving, second) == "no"


async def test_a_waiting_phone_shows_no_number_that_its_person_is_not_shown(
    approving: Running, force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldRights, "sees_numbers", lambda _self, _places: False)
    sho = await approving.device(SHO)
    me = (await approving.get("/v1/me", sho)).json()
    numbers = {one["personId"]: one["number"] for one in me["confirmers"]}
    assert numbers == {force.admin.person_id: "", force.root.person_id: ""}


@pytest.mark.databases("sqlite", "postgresql")
async def test_e2_a_device_is_listed_once_an_admin_endorses_it(
    approving: Running, force: Force
) -> None:
    server = approving.container
    server.wakeups.clear()
    sho = await approving.device(SHO)
    asked = [one for one in server.wakeups if isinstance(one, AccountWakeup)]
    (told,) = [one for one in asked if one.event == "unconfirmed"]
    people = {sho.person_id, force.admin.person_id, force.root.person_id}
    assert set(told.person_ids) == people
    me = (await approving.get("/v1/me", sho)).json()
    named = [one["personId"] for one in me["confirmers"]]
    assert named == [force.admin.person_id, force.root.person_id]
    # Numbers to call are the numbers that the person is shown; a confirmed device asks nobody.
    numbers = {one["personId"]: one["number"] for one in me["confirmers"]}
    assert numbers == {force.admin.person_id: CP, force.root.person_id: DGP}
    assert (await approving.get("/v1/me", force.admin)).json()["confirmers"] == []
    waiting = (await approving.get("/v1/unconfirmed", force.admin)).json()["devices"]
    assert [one["device"] for one in waiting] == [sho.device.hex()]
    made = endorsement(approving, sho, force.admin, ADMIN)
    server.wakeups.clear()
    assert (await endorse(approving, force.admin, made)).status_code == 204
    assert await confirmed(approving, sho) == "admin"
    assert server.rosters.listed[sho.person_id] == {sho.device}
    assert TrustWakeup(person_ids=[sho.person_id]) in server.wakeups
    (told,) = [
        one
        for one in server.wakeups
        if isinstance(one, AccountWakeup) and one.event == "unconfirmed"
    ]
    assert set(told.person_ids) == people  # These people need not be asked any more.
    assert (await approving.get("/v1/unconfirmed", force.admin)).json()["devices"] == []
    before = len(server.rosters.told)
    assert (await endorse(approving, force.admin, made)).status_code == 204  # A retry.
    assert len(server.rosters.told) == before
    (found,) = [
        one
        for one in (await approving.trust_of(force.root, sho.person_id)).people
        if one.person_id == sho.person_id
    ]
    assert found.endorsements == [made.encode()]


async def test_e0_what_a_verdict_rests_on_comes_with_the_person(
    approving: Running, force: Force
) -> None:
    sho = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, sho, force.admin, ADMIN))
    people = (await approving.trust_of(sho, sho.person_id)).people
    wanted = {sho.person_id, force.admin.person_id, force.root.person_id}
    assert {one.person_id for one in people} == wanted


async def test_e0_an_own_device_endorses_the_next(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    first = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, first, force.admin, ADMIN))
    second = await approving.device(SHO)
    clock.ms += 1000
    unknown = await endorse(approving, second, endorsement(approving, first, second, OWN))
    assert refusal(unknown) == ("endorsement_invalid", "E0")  # It is not confirmed itself.
    made = endorsement(approving, second, first, OWN)
    assert (await endorse(approving, first, made)).status_code == 204
    assert await confirmed(approving, second) == "own_device"
    assert await listed(approving, first) == {first.device, second.device}


async def test_e0_forged_and_foreign_endorsements_are_refused(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, patrol = await approving.device(SHO), await approving.device(PATROL)
    await endorse(approving, force.admin, endorsement(approving, patrol, force.admin, ADMIN))
    clock.ms += 1000
    good = endorsement(approving, sho, force.admin, ADMIN)
    forged = {
        "another person's device": (patrol, endorsement(approving, sho, patrol, OWN)),
        "nobody's admin": (patrol, endorsement(approving, sho, patrol, ADMIN)),
        "sent by another": (patrol, good),
        "of itself": (sho, endorsement(approving, sho, sho, OWN)),
        "another's signature": (
            force.admin,
            replace(good, endorser=force.root.device),
        ),
        "altered": (
            force.admin,
            endorsement(approving, sho, force.admin, ADMIN).signed(patrol.key),
        ),
        "old": (
            force.admin,
            endorsement(approving, sho, force.admin, ADMIN, created=clock.ms - 11 * MINUTE_MS),
        ),
        "early": (
            force.admin,
            endorsement(approving, sho, force.admin, ADMIN, created=clock.ms + 11 * MINUTE_MS),
        ),
    }
    for name, (sender, record) in forged.items():
        answer = await endorse(approving, sender, record)
        assert refusal(answer) == ("endorsement_invalid", "E0"), name
    unconfirmed = await approving.device(ACP)
    made = endorsement(approving, sho, unconfirmed, ADMIN)
    assert refusal(await endorse(approving, unconfirmed, made)) == ("endorsement_invalid", "E0")
    assert await confirmed(approving, sho) == "no"
    assert await listed(approving, sho) == set()


async def test_e4_an_admin_confirms_a_new_phone_only_after_the_old_one_is_revoked(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    old = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, old, force.admin, ADMIN))
    clock.ms += 1000
    new = await approving.device(SHO)
    made = endorsement(approving, new, force.admin, ADMIN)
    assert refusal(await endorse(approving, force.admin, made)) == ("endorsement_invalid", "E4")
    await approving.sign_out(old)
    clock.ms += 1000
    # The roster authority's revocation is not enough: a thief who has its key could make it.
    again = endorsement(approving, new, force.admin, ADMIN)
    assert refusal(await endorse(approving, force.admin, again)) == ("endorsement_invalid", "E4")
    for wrong in (
        revocation(approving, new, force.admin),  # It is in.
        revocation(approving, force.root, force.admin),  # Another person's.
        revocation(approving, old, force.root),  # By another device than the one that sends it.
    ):
        refused = await endorse(approving, force.admin, again, wrong)
        assert refusal(refused)[0] == "endorsement_invalid"
    former = revocation(approving, old, force.admin)
    assert (await endorse(approving, force.admin, again, former)).status_code == 204
    assert await listed(approving, new) == {new.device}


async def test_e4_no_endorsement_dated_back_unseats_a_confirmed_phone(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """An admin has the 10 min of E0 to date a device of theirs before the officer's."""
    clock.ms += 20 * MINUTE_MS
    phone = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, phone, force.admin, ADMIN))
    clock.ms += 5 * MINUTE_MS
    ghost = await approving.device(SHO)
    for admin in (force.admin, force.root):
        made = endorsement(approving, ghost, admin, ADMIN, created=clock.ms - 9 * MINUTE_MS)
        assert refusal(await endorse(approving, admin, made)) == ("endorsement_invalid", "E4")
    assert await confirmed(approving, phone) == "admin"
    assert await confirmed(approving, ghost) == "no"
    assert await listed(approving, phone) == {phone.device}
    # The phone itself may still endorse another, dated back or not.
    own = endorsement(approving, ghost, phone, OWN, created=clock.ms - 4 * MINUTE_MS)
    assert (await endorse(approving, phone, own)).status_code == 204
    assert await listed(approving, phone) == {phone.device, ghost.device}


async def test_e0_grants_reach_down_the_tree_and_no_further(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    dcp, patrol = await approving.device(DCP), await approving.device(PATROL)
    await endorse(approving, force.admin, endorsement(approving, dcp, force.admin, ADMIN))
    below = await path_of(approving, dcp)
    assert below.startswith(force.path + "/")
    clock.ms += 1000
    above = force.path.rpartition("/")[0] or force.path
    for name, record in {
        "above its own": grant(approving, force.admin, dcp, above),
        "too long": grant(approving, force.admin, dcp, below, not_after=clock.ms + 181 * DAY_MS),
        "forged": grant(approving, force.admin, dcp, below).signed(patrol.key),
        "old": grant(approving, force.admin, dcp, below, created=clock.ms - 11 * MINUTE_MS),
    }.items():
        answer = await give(approving, force.admin, record)
        refused = "not_allowed" if name == "above its own" else "grant_invalid"
        assert refusal(answer)[0] == refused, name
    assert (
        await give(approving, force.admin, grant(approving, force.admin, dcp, below))
    ).is_success
    clock.ms += 1000
    assert (await endorse(approving, dcp, endorsement(approving, patrol, dcp, ADMIN))).is_success
    assert await confirmed(approving, patrol) == "admin"
    grants = (await approving.get(f"/v1/grants?person={dcp.person_id}", patrol)).json()["grants"]
    assert len(grants) == 1


async def test_e0_a_withdrawn_grant_confirms_nobody_new_and_undoes_nothing(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, patrol = await approving.device(SHO), await approving.device(PATROL)
    await endorse(approving, force.admin, endorsement(approving, sho, force.admin, ADMIN))
    clock.ms += 1000
    away = grant(approving, force.root, force.admin, force.path, not_after=clock.ms)
    assert (await give(approving, force.root, away)).is_success
    clock.ms += 1000
    made = endorsement(approving, patrol, force.admin, ADMIN)
    assert refusal(await endorse(approving, force.admin, made)) == ("endorsement_invalid", "E0")
    assert await listed(approving, sho) == {sho.device}
    assert (await approving.get("/v1/unconfirmed", force.admin)).json()["devices"] == []


async def test_e0_a_transfer_undoes_no_endorsement(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, sho, force.admin, ADMIN))
    clock.ms += DAY_MS
    # The grant ends: the admin's acts under it stay.
    clock.ms += 31 * DAY_MS
    await approving.device(SHO)  # Judges the person's devices again.
    assert await confirmed(approving, await approving.back(sho)) == "admin"


async def test_an_unconfirmed_device_sees_nobody_but_who_can_confirm_it(
    approving: Running, force: Force
) -> None:
    sho = await approving.device(SHO)
    patrol = await approving.device(PATROL)
    assert refusal(await approving.people(sho))[0] == "device_unconfirmed"
    for path in ("/v1/directory", f"/v1/people/{patrol.person_id}"):
        assert refusal(await approving.get(path, sho))[0] == "device_unconfirmed"
    answer = await approving.trust_of(sho, patrol.person_id, force.admin.person_id, sho.person_id)
    wanted = {sho.person_id, force.admin.person_id, force.root.person_id}
    assert {one.person_id for one in answer.people} == wanted
    assert answer.untold == [patrol.person_id]
