"""Known pictures as signed acts: two moderators mark one, the server signs the list."""

from pathlib import Path

import msgspec

from copconnect import wire
from copconnect.conduct.guard.pictures import encoded
from copconnect.records.primitives.fields import sha256
from copconnect.records.trust.guard_record import GuardRecord
from tests.identity.signing import act, looked_at
from tests.rights.world import Account, World, prepared

HASH = "5a" * 32


async def agree(world: World, account: Account, act_id: str) -> wire.ActAnswer:
    """Let another moderator approve an act that waits."""
    device = world.devices[account]
    acts = (await world.get("/v1/admin/acts", device)).json()["acts"]
    (one,) = [one for one in acts if one["actId"] == act_id]
    answer = await act(world, device, await looked_at(world, device, one))
    return msgspec.json.decode(answer.content, type=wire.ActAnswer)


async def signed(world: World) -> GuardRecord:
    answer = await world.get("/v1/guard", world.subject)
    return GuardRecord.parse(msgspec.json.decode(answer.content, type=wire.Guard).record)


async def test_a_mark_takes_effect_when_a_second_moderator_agrees(tmp_path: Path) -> None:
    async with prepared(tmp_path) as world:
        admin, root = world.devices[Account.ADMIN], world.devices[Account.ROOT]
        before = await signed(world)
        assert (before.pictures_number, before.pictures) == (0, sha256(encoded([])))
        mark = wire.MarkPicture(
            hash=HASH, claimed="greeting", report_id=world.report, reason="Sent every morning."
        )
        asked = await act(world, admin, mark)
        assert asked.json()["state"] == "waiting"
        assert await signed(world) == before
        # An admin of another part of the tree has no right.
        beside = world.devices[Account.BESIDE]
        assert (await act(world, beside, mark)).json()["code"] == "not_allowed"
        wrong = msgspec.structs.replace(mark, claimed="news")
        assert (await act(world, admin, wrong)).json()["code"] == "act_invalid"

        assert (await agree(world, Account.ROOT, asked.json()["actId"])).state == "done"
        record = await signed(world)
        record.check(world.whole.authority.roster.public_key, before)
        listed = [(bytes.fromhex(HASH), "greeting")]
        assert (record.pictures_number, record.pictures) == (1, sha256(encoded(listed)))
        path = "/v1/guard/pictures?after=0&to=1"
        changes = msgspec.json.decode(
            (await world.get(path, world.subject)).content, type=wire.GuardPictures
        )
        assert changes.marked == [
            wire.MarkedPictures(claimed="greeting", hashes=bytes.fromhex(HASH))
        ]
        again = await act(world, admin, mark)
        assert (again.json()["code"], again.json()["details"]) == (
            "picture_known",
            {"claimed": "greeting"},
        )
        refused = await world.get("/v1/guard/pictures?after=0&to=2", world.subject)
        assert refused.json()["code"] == "not_found"

        page = (await world.get("/v1/admin/pictures", beside)).json()
        assert (page["total"], page["next"]) == (1, None)
        (one,) = page["pictures"]
        assert (one["hash"], one["removable"], one["by"]["personId"]) == (
            HASH,
            False,
            admin.person_id,
        )
        assert (await world.get("/v1/admin/pictures", root)).json()["pictures"][0]["removable"]

        away = wire.UnmarkPicture(hash=HASH, reason="It is the duty chart.")
        asked = await act(world, admin, away)
        assert asked.json()["state"] == "waiting"
        assert (await agree(world, Account.ROOT, asked.json()["actId"])).state == "done"
        assert (await signed(world)).pictures == before.pictures
        assert (await act(world, root, away)).json()["code"] == "not_found"
        await world.whole.audit.verify(world.whole.registry)
