"""Decisions as signed acts: two moderators, never in one's own case, each in the audit log."""

from pathlib import Path

import msgspec
from sqlalchemy import update

from copconnect import wire
from copconnect.reports.tables import REPORTS
from tests.identity.signing import act
from tests.rights.act_examples import decision
from tests.rights.world import Account, prepared


async def test_a_mute_needs_two_moderators_who_have_no_part_in_the_case(tmp_path: Path) -> None:
    async with prepared(tmp_path) as world:
        admin, root = world.devices[Account.ADMIN], world.devices[Account.ROOT]
        mute = decision(world, world.report, wire.NewSanction(kind="muted", days=2))
        asked = await act(world, admin, mute)
        assert asked.json()["state"] == "waiting"
        (waiting,) = [
            one
            for one in (await world.get("/v1/admin/acts", root)).json()["acts"]
            if one["actId"] == asked.json()["actId"]
        ]
        # A list of moderators would tell by the one who is missing who reported.
        assert (waiting["approvers"], waiting["approverCount"]) == ([], None)
        approval = wire.ApproveAct(act_id=waiting["actId"], hash=waiting["hash"])
        assert (await act(world, admin, approval)).json()["code"] == "needs_another"
        assert (await world.get("/v1/sanctions", world.subject)).json()["sanctions"] == []
        # Its signed act names the reported person: who reads the log of a part is not shown it.
        page = (await world.get("/v1/admin/audit", admin)).json()["entries"]
        assert asked.json()["entry"] not in {one["number"] for one in page}
        # The reported moderator, who could approve others' acts, is not shown this one before it is
        # done, nor whom it touches.
        preview = wire.PreviewAct(act=msgspec.json.encode(mute))
        for reported, shown in ((root, 0), (world.subject, 1)):
            async with world.whole.database.transaction() as connection:
                about = update(REPORTS).values(reported_id=reported.person_id)
                await connection.execute(about.where(REPORTS.c.report_id == world.report))
            acts = (await world.get("/v1/admin/acts", root)).json()["acts"]
            assert sum(one["actId"] == asked.json()["actId"] for one in acts) == shown
            answer = await world.post("/v1/admin/previews", root, preview)
            assert answer.is_success == bool(shown)
        # The second one reported it: their agreement would be their own case's.
        async with world.whole.database.transaction() as connection:
            reporter = update(REPORTS).values(reporter_id=root.person_id)
            await connection.execute(reporter.where(REPORTS.c.report_id == world.report))
        assert (await act(world, root, approval)).json()["code"] == "own_case"
        async with world.whole.database.transaction() as connection:
            reporter = update(REPORTS).values(reporter_id=world.other_subject.person_id)
            await connection.execute(reporter.where(REPORTS.c.report_id == world.report))
        assert (await act(world, root, approval)).is_success
        (sanction,) = (await world.get("/v1/sanctions", world.subject)).json()["sanctions"]
        assert (sanction["kind"], sanction["reason"]) == ("muted", "A greeting.")
        # The case names both, with a card for each.
        case = (await world.get(f"/v1/reports/{world.report}", admin)).json()
        both = [admin.person_id, root.person_id]
        assert [case["decision"][one] for one in ("byId", "secondId")] == both
        assert {one["personId"] for one in case["people"]} >= set(both)
        # Decided once: another decision, and the same proposal again, are refused.
        assert (await act(world, root, mute)).json()["code"] == "report_decided"
        await world.whole.audit.verify(world.whole.registry)
