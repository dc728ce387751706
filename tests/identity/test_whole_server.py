"""The real parts together, over HTTP: registration, the data bank and conversations."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.app import command_line
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.database.engine import Transaction
from copconnect.directory.names import english
from copconnect.ids import ClientId, ConversationId, PersonId, UnitId
from copconnect.records.primitives.fields import MINUTE_MS
from tests.harness.operator import OPERATOR
from tests.identity.approved import ADMIN
from tests.identity.running import PATROL, SHO, MovedClock, Running
from tests.identity.signing import endorse, endorsement, name_root_admin, revocation
from tests.identity.whole import Whole

EVERYONE = wire.Audience(include=[wire.Clause(everyone=True)])
CHIEF, STATION = "+917000000000", UnitId("TG-HYD-PS001")
ONE, OTHER = "c" * 32, "d" * 32


async def person(running: Running, number: str) -> PersonId:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.active_by_number(connection, number)
    assert found is not None
    return found


def group(conversation_id: str, people: Sequence[str], **changes: Any) -> wire.CreateConversation:
    made = wire.CreateConversation(
        conversation_id=ConversationId(conversation_id),
        kind="group",
        person_ids=[PersonId(one) for one in people],
        who_may_send="everyone",
        history_days=30,
        audience=None,
    )
    return msgspec.structs.replace(made, **changes)


async def test_the_whole_force_in_one_conversation(whole: Whole, clock: MovedClock) -> None:
    patrol = await whole.device(PATROL)
    create = whole.whole.delivery.audiences.create_for_department
    _, people, devices = await create(OPERATOR, EVERYONE, english("All"), talk=False)
    async with whole.whole.database.reading() as connection:
        assert people == len(await whole.whole.directory.audience(connection, EVERYONE))
    assert devices == 1
    (found,) = (await whole.get("/v1/conversations", patrol)).json()["conversations"]
    assert (found["members"], found["devices"], found["admin"]) == (people, 1, False)
    assert found["unregistered"] == people - 1
    late = await whole.device(SHO)
    clock.ms += MINUTE_MS
    await whole.whole.delivery.following.round()
    (found,) = (await whole.get("/v1/conversations", late)).json()["conversations"]
    assert (found["devices"], found["unregistered"]) == (2, people - 2)
    assert found["roster"] is not None
    # Somebody who leads no unit cannot have one made.
    station = wire.Audience(include=[wire.Clause(units=[STATION])])
    refused = await whole.post(
        "/v1/conversations", patrol, group(OTHER, [], kind="unit", audience=station)
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_members_are_listed_and_found_as_people_are(whole: Whole, code_of: Any) -> None:
    device = await whole.device(SHO)

    async def people(**query: str) -> list[str]:
        answer = await whole.people(device, **query)
        return [one["personId"] for one in answer.json()["people"]]

    everybody = await people(limit="60")
    chosen = {*everybody[::5], device.person_id}
    made = await whole.post(
        "/v1/conversations", device, group(ONE, sorted(chosen - {device.person_id}))
    )
    assert made.status_code == 200, made.text
    path = f"/v1/conversations/{ONE}/members"

    async def members(**query: str) -> list[str]:
        answer = await whole.post(f"{path}/searches", device, wire.Search(asked=query))
        return [one["personId"] for one in answer.json()["members"]]

    listed = [one for one in everybody if one in chosen]
    assert await members() == listed
    assert await members(after=listed[3]) == listed[4:]
    assert await members(text=SHO.removeprefix("+91")) == [device.person_id]
    found = await people(text="constable")
    assert await members(text="constable") == [one for one in found if one in chosen]
    for text in ("x" * 101, "a\0b"):
        refused = await whole.post(f"{path}/searches", device, wire.Search(asked={"text": text}))
        assert (refused.status_code, code_of(refused)) == (400, "bad_request")


async def test_d6_a_revocation_unlists_in_its_transaction(whole: Whole, clock: MovedClock) -> None:
    sho, patrol = await whole.device(SHO), await whole.device(PATROL)
    made = await whole.post("/v1/conversations", sho, group(ONE, [patrol.person_id]))
    assert made.json()["devices"] == 2
    await whole.sign_out(patrol)
    (found,) = (await whole.get("/v1/conversations", sho)).json()["conversations"]
    assert (found["members"], found["devices"], found["unregistered"]) == (2, 1, 1)
    again = await whole.device(PATROL)
    (found,) = (await whole.get("/v1/conversations", sho)).json()["conversations"]
    assert (found["devices"], found["unregistered"]) == (1, 1)
    clock.ms += 1000
    await name_root_admin(whole, sho)
    clock.ms += 1000
    former = revocation(whole, patrol, sho)
    endorsed = endorsement(whole, again, sho, ADMIN)
    assert (await endorse(whole, sho, endorsed, former)).is_success
    (found,) = (await whole.get("/v1/conversations", again)).json()["conversations"]
    assert (found["devices"], found["unregistered"]) == (2, 0)


async def test_a_suspension_by_command_reaches_a_running_server(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await whole.device(SHO)
    assert (await whole.get("/v1/directory", device)).status_code == 200
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    whole.whole.local_bus.subscribe(hear)
    told: list[tuple[list[PersonId], bool]] = []
    async with command_line(whole.whole.settings) as tool:
        changed = tool.delivery.devices_changed

        async def changing(
            connection: Transaction, person_ids: Collection[PersonId], *, urgent: bool
        ) -> None:
            told.append((list(person_ids), urgent))
            await changed(connection, person_ids, urgent=urgent)

        monkeypatch.setattr(tool.delivery, "devices_changed", changing)
        assert await tool.editor.suspend(OPERATOR, SHO) == device.person_id
    assert told == [([device.person_id], True)]
    await whole.whole.wakeup_log.poll()
    signed_out = AccountWakeup(
        event="signed_out",
        person_ids=[],
        client_ids=[ClientId(device.client_id)],
        reason="suspended",
    )
    assert signed_out in heard
    refused = (await whole.get("/v1/me", device)).json()
    assert (refused["code"], refused["details"]["reason"]) == ("signed_out", "suspended")
    async with whole.whole.database.reading() as connection:
        registry, directory = whole.whole.registry, whole.whole.directory
        assert await registry.devices_of(connection, [PersonId(device.person_id)]) == []
        assert await directory.active_people(connection, [PersonId(device.person_id)]) == set()
    heard.clear()
    await whole.whole.wakeup_log.poll()
    assert signed_out not in heard  # Each wake-up is passed on once.
    await whole.whole.editor.restore(OPERATOR, SHO)
    again = await whole.device(SHO)
    assert again.person_id == device.person_id
