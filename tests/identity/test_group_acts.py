"""Groups that admins make by signed acts, and what the console shows before people move."""

import pytest

from copconnect import wire
from copconnect.directory.names import english
from copconnect.ids import ConversationId, PersonId, UnitId, new_id
from copconnect.records.primitives.fields import MINUTE_MS
from tests.harness.operator import OPERATOR
from tests.identity.acting import entries, verified
from tests.identity.running import CP, DGP, PATROL, SHO, Device, MovedClock
from tests.identity.signing import act, give, grant, name_root_admin, refusal
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

STATION, OTHER = UnitId("TG-HYD-PS001"), UnitId("TG-HYD-Z1")
OF_THE_STATION = wire.Audience(include=[wire.Clause(units=[STATION])])


async def chief(whole: Whole, clock: MovedClock) -> Device:
    """A root admin."""
    root = await whole.device(DGP)
    clock.ms += 1000
    await name_root_admin(whole, root)
    clock.ms += 1000
    return root


def making(rule: wire.Audience, title: str = "Night patrol") -> wire.CreateGroup:
    return wire.CreateGroup(
        conversation_id=ConversationId(new_id()),
        title=english(title),
        rule=rule,
        who_may_send="everyone",
    )


async def titles(whole: Whole, device: Device) -> set[str]:
    """Return the names of the conversations to which a person belongs."""
    found = (await whole.get("/v1/conversations", device)).json()["conversations"]
    return {one["standing"]["title"]["en"] for one in found if one["standing"] is not None}


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_admin_makes_changes_and_ends_a_group(whole: Whole, clock: MovedClock) -> None:
    root, patrol = await chief(whole, clock), await whole.device(PATROL)
    made = making(OF_THE_STATION)
    asked = await act(whole, root, made)
    assert asked.json()["state"] == "done", asked.text
    assert "Night patrol" in await titles(whole, patrol)
    (group,) = (await whole.get("/v1/admin/groups", root)).json()["groups"]
    assert (group["title"]["en"], group["byPolicy"], group["unitId"]) == (
        "Night patrol",
        False,
        STATION,
    )
    assert group["members"] > 1
    again = await act(whole, root, made)
    assert refusal(again)[0] == "bad_request"

    heads = wire.Audience(include=[wire.Clause(units=[STATION], heads=True)])
    changed = wire.ChangeGroup(
        conversation_id=made.conversation_id,
        title=english("Heads"),
        rule=heads,
        who_may_send="admins",
    )
    assert (await act(whole, root, changed)).json()["state"] == "done"
    assert "Night patrol" not in await titles(whole, patrol)
    (group,) = (await whole.get("/v1/admin/groups", root)).json()["groups"]
    assert (group["title"]["en"], group["whoMaySend"], group["members"]) == ("Heads", "admins", 1)

    ended = wire.EndGroup(conversation_id=made.conversation_id)
    assert (await act(whole, root, ended)).json()["state"] == "done"
    assert (await whole.get("/v1/admin/groups", root)).json()["groups"] == []
    assert refusal(await act(whole, root, ended))[0] == "not_found"
    assert [one["act"] for _, one in await entries(whole)][-3:] == [
        "audience_conversation_created",
        "audience_conversation_changed",
        "audience_conversation_ended",
    ]
    await verified(whole)


@pytest.mark.databases("sqlite", "postgresql")
async def test_rules_that_take_nobody_or_too_much_are_refused(
    whole: Whole, clock: MovedClock
) -> None:
    root, admin = await chief(whole, clock), await whole.device(CP)
    nowhere = wire.Audience(include=[wire.Clause(units=[UnitId("NOWHERE")])])
    nobody = wire.Audience(include=[wire.Clause(units=[STATION], ranks=["DGP"])])
    nothing = wire.Audience(include=[wire.Clause()])
    for rule in (nowhere, nobody, nothing):
        assert refusal(await act(whole, root, making(rule)))[0] == "audience_invalid"
    # An admin of a part makes no group of all, nor of people elsewhere.
    clock.ms += 1000
    assert (
        await give(whole, root, grant(whole, root, admin, "TG/TG-MZ2/TG-Z-CHM/TG-HYD"))
    ).is_success
    clock.ms += 1000
    every_sho = wire.Audience(include=[wire.Clause(roles=["sho"])])
    everyone = wire.Audience(include=[wire.Clause(everyone=True)])
    dgp = wire.Audience(include=[], people=[PersonId(root.person_id)])
    for rule in (every_sho, everyone, dgp):
        assert refusal(await act(whole, admin, making(rule)))[0] == "not_allowed"
        body = wire.PreviewAudience(rule=rule)
        seen = (await whole.post("/v1/admin/audiences/previews", admin, body)).json()
        assert (seen["allowed"], root.person_id in str(seen["sample"])) == (False, False)
    body = wire.PreviewAudience(rule=OF_THE_STATION)
    seen = (await whole.post("/v1/admin/audiences/previews", admin, body)).json()
    assert seen["allowed"]
    assert seen["people"] == len(seen["sample"]) > 1
    assert all(one["number"] == "" for one in seen["sample"])


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_move_is_previewed_as_it_then_happens(whole: Whole, clock: MovedClock) -> None:
    root = await chief(whole, clock)
    sho, patrol = await whole.device(SHO), await whole.device(PATROL)
    there = wire.Audience(include=[wire.Clause(units=[OTHER])])
    for title, rule in (("Here", OF_THE_STATION), ("There", there)):
        asked = await act(whole, root, making(rule, title))
        assert asked.json()["state"] == "done", asked.text
    place = wire.NewPlace(unit_id=OTHER, post=english("Patrol"), roles=[], head=False)
    asked_of = [PersonId(patrol.person_id), PersonId(root.person_id)]
    body = wire.PreviewMoves(person_ids=asked_of, place=place, rank=None)
    moves = (await whole.post("/v1/admin/moves/previews", root, body)).json()["moves"]
    assert [one["en"] for one in moves[0]["joins"]] == ["There"]
    assert [one["en"] for one in moves[0]["leaves"]] == ["Here"]
    assert (moves[0]["allowed"], moves[1]["allowed"]) == (True, False)  # Nobody moves themselves.
    moving = wire.TransferPerson(person_id=PersonId(patrol.person_id), place=place, rank=None)
    moved = await act(whole, root, moving)
    assert moved.is_success, moved.text
    clock.ms += MINUTE_MS
    await whole.whole.delivery.following.round()
    assert await titles(whole, patrol) == {"There"}
    assert "Here" in await titles(whole, sho)
    path = f"/v1/admin/people/{patrol.person_id}/postings"
    now = (await whole.get(path, root)).json()["postings"]
    assert [one["unitId"] for one in now] == [OTHER, STATION]
    then = (await whole.get(f"{path}?at={clock.ms - MINUTE_MS - 500}", root)).json()["postings"]
    assert [one["unitId"] for one in then] == [STATION]
    bad = wire.NewPlace(unit_id=UnitId("NOWHERE"), post=english("X"), roles=[], head=False)
    refused = wire.PreviewMoves(person_ids=asked_of, place=bad, rank=None)
    answer = await whole.post("/v1/admin/moves/previews", root, refused)
    assert refusal(answer)[0] == "place_invalid"


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_pasted_list_finds_people_by_code_and_number(
    whole: Whole, clock: MovedClock
) -> None:
    root = await chief(whole, clock)
    rows = (await whole.whole.importer.export(OPERATOR))["people"]
    given = [rows[3]["code"], f" {rows[4]['code']} ", rows[5]["number"][3:], "NOBODY-1", "12"]
    body = wire.FindPeople(given=given)
    found = (await whole.post("/v1/admin/people/lookups", root, body)).json()["people"]
    assert [one["given"] for one in found] == given
    names = [one["person"] and one["person"]["names"]["en"] for one in found]
    assert names == [rows[3]["name_en"], rows[4]["name_en"], rows[5]["name_en"], None, None]
