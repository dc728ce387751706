"""Signed reorganisations: rights over every unit touched, a second admin, grants that lapse."""

from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.directory.names import english
from copconnect.ids import PersonId, UnitId
from tests.identity.acting import confirmed, entries, verified
from tests.identity.approved import Force
from tests.identity.running import ACP, DCP, SHO, Device, MovedClock, Running
from tests.identity.signing import act, give, grant, looked_at, refusal, signed_act, submit_act

pytestmark = pytest.mark.databases("sqlite")

ZONE, DIVISION, STATION = UnitId("TG-HYD-Z1"), UnitId("TG-HYD-Z1-D1"), UnitId("TG-HYD-PS001")
OTHER_ZONE, OUTSIDE = UnitId("TG-HYD-Z2"), UnitId("TG-CYB")


async def path_of(running: Running, unit: UnitId) -> str:
    async with running.container.database.reading() as connection:
        path = await running.container.directory.path_of(connection, unit)
    assert path is not None
    return path


def moved(unit: UnitId, parent: UnitId) -> wire.ReorganiseUnits:
    return wire.ReorganiseUnits(steps=[wire.MoveUnit(unit_id=unit, parent_id=parent)])


async def preview(running: Running, device: Device, body: wire.PreviewReorganisation) -> Any:
    answer = await running.post("/v1/admin/reorganisations/previews", device, body)
    if not answer.is_success:
        return refusal(answer)[0]
    return msgspec.json.decode(answer.content, type=wire.ReorganisationPreview)


def other(path: str) -> str:
    """Return the path of a unit of the zone, below the other zone."""
    return path.replace(f"/{ZONE}/", f"/{OTHER_ZONE}/")


def asked(act_: wire.ReorganiseUnits) -> wire.PreviewReorganisation:
    return wire.PreviewReorganisation(steps=act_.steps, undo=None)


async def zone_admin(approving: Running, force: Force, clock: MovedClock) -> Device:
    """Return a DCP who holds a grant over the zone."""
    dcp = await confirmed(approving, force, DCP)
    over = await path_of(approving, ZONE)
    assert (await give(approving, force.admin, grant(approving, force.admin, dcp, over))).is_success
    clock.ms += 1000
    return dcp


async def test_an_admin_reorganises_units_that_they_hold_and_no_others(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    dcp = await zone_admin(approving, force, clock)
    division = await path_of(approving, DIVISION)
    within = wire.ReorganiseUnits(
        steps=[
            wire.RenameUnit(unit_id=DIVISION, level="division", names=english("Old City Division"))
        ]
    )
    done = await act(approving, dcp, within)
    assert (done.status_code, done.json()["state"]) == (200, "done")
    # The division would leave for a zone that somebody else holds; the zone itself is its parent's.
    for beyond in (moved(DIVISION, OTHER_ZONE), moved(ZONE, OUTSIDE)):
        assert refusal(await act(approving, dcp, beyond))[0] == "not_allowed"
        assert await preview(approving, dcp, asked(beyond)) == "not_allowed"
    assert await path_of(approving, DIVISION) == division
    # The admin of the commissionerate holds both zones.
    assert (await act(approving, force.admin, moved(DIVISION, OTHER_ZONE))).is_success
    assert await path_of(approving, STATION) == other(division) + f"/{STATION}"
    sho = await confirmed(approving, force, SHO)
    assert await preview(approving, sho, asked(within)) == "not_allowed"
    for route in ("units", "reorganisations"):
        assert (await approving.get(f"/v1/admin/{route}", sho)).status_code == 403
    told = [one for _, one in await entries(approving) if one["act"] == "units_reorganised"]
    assert [one["units"] for one in told] == [{"renamed": [DIVISION]}, {"moved": [DIVISION]}]
    await verified(approving)


async def test_a_grant_over_a_path_that_is_gone_lapses_and_holds_again_after_an_undo(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    acp = await confirmed(approving, force, ACP)
    path = await path_of(approving, DIVISION)
    assert (await give(approving, force.admin, grant(approving, force.admin, acp, path))).is_success
    clock.ms += 1000
    assert (await approving.post("/v1/admin/people/searches", acp, wire.Search(asked={}))).json()[
        "total"
    ] > 0
    step = moved(DIVISION, OTHER_ZONE)
    seen = await preview(approving, force.admin, asked(step))
    new_path = other(path)
    assert [(one.person.person_id, one.path, one.now) for one in seen.lapsing] == [
        (acp.person_id, path, new_path)
    ]
    assert {one.number for one in seen.cards} <= {""}
    assert (await act(approving, force.admin, step)).is_success
    assert (await approving.post("/v1/admin/people/searches", acp, wire.Search(asked={}))).json()[
        "total"
    ] == 0
    rename = wire.RenameUnit(unit_id=DIVISION, level="division", names=english("Mine"))
    mine = wire.ReorganiseUnits(steps=[rename])
    assert refusal(await act(approving, acp, mine))[0] == "not_allowed"
    past = (await approving.get("/v1/admin/reorganisations", force.admin)).json()
    (one,) = past["reorganisations"]
    assert (one["number"], one["person"]["personId"]) == (1, force.admin.person_id)
    assert (await approving.get("/v1/admin/reorganisations", acp)).json() == {"reorganisations": []}
    undo = wire.UndoReorganisation(number=1)
    back = await preview(approving, force.admin, wire.PreviewReorganisation(steps=[], undo=1))
    assert [(one.kinds, one.after.parent_id) for one in back.units] == [(["moved"], ZONE)]
    assert refusal(await act(approving, acp, undo))[0] == "not_allowed"
    assert (await act(approving, force.admin, undo)).is_success
    assert (await act(approving, acp, mine)).is_success
    assert refusal(await act(approving, force.admin, undo))[0] == "not_found"
    tags = [one["act"] for _, one in await entries(approving)]
    assert tags[-3:] == ["units_reorganised", "reorganisation_undone", "units_reorganised"]
    await verified(approving)


@pytest.mark.databases("sqlite", "postgresql")
async def test_the_same_signed_reorganisation_is_done_once(
    approving: Running, force: Force
) -> None:
    record = signed_act(approving, force.admin, moved(DIVISION, OTHER_ZONE))
    first, again = [await submit_act(approving, force.admin, record) for _ in range(2)]
    assert first.json() == again.json()
    assert len((await approving.container.admin.reorganising.past(None)).reorganisations) == 1
    # The same steps as a new act change nothing, and say so.
    refused = await act(approving, force.admin, moved(DIVISION, OTHER_ZONE))
    assert refusal(refused)[0] == "reorganisation_invalid"
    assert refused.json()["details"]["reason"] == "changes_nothing"


async def test_what_touches_much_of_the_force_waits_for_a_second_admin(
    approving: Running, force: Force, clock: MovedClock, monkeypatch: Any
) -> None:
    """The synthetic force is small, so that the least count is lowered."""
    monkeypatch.setattr("copconnect.admin.rules.SECOND_LEAST", 5)
    step = moved(DIVISION, OTHER_ZONE)
    path = await path_of(approving, DIVISION)
    assert (await preview(approving, force.admin, asked(step))).needs_second
    waiting = (await act(approving, force.admin, step)).json()
    assert waiting["state"] == "waiting"
    assert await path_of(approving, DIVISION) == path
    clock.ms += 1000
    (one,) = (await approving.get("/v1/admin/acts", force.root)).json()["acts"]
    approval = await looked_at(approving, force.root, one)
    assert refusal(await act(approving, force.admin, approval))[0] == "needs_another"
    assert (await act(approving, force.root, approval)).json()["state"] == "done"
    assert await path_of(approving, DIVISION) == other(path)
    (past,) = (await approving.container.admin.reorganising.past(None)).reorganisations
    assert past.person is not None
    assert past.person.person_id == PersonId(force.admin.person_id)
    await verified(approving)


async def test_units_are_counted_within_the_part(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    dcp = await zone_admin(approving, force, clock)
    counted = (await approving.get("/v1/admin/units", dcp)).json()["units"]
    assert {one["unitId"] for one in counted} == {ZONE, DIVISION, STATION}
    assert {one["unitId"]: one["registered"] for one in counted}[ZONE] == 1
    both = wire.PreviewReorganisation(steps=moved(DIVISION, OTHER_ZONE).steps, undo=1)
    assert await preview(approving, dcp, both) == "act_invalid"
