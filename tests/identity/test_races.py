"""Invariants that must hold when the same thing is asked many times at once."""

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.auth_service import store
from copconnect.database.engine import Database
from copconnect.directory import edit_store
from copconnect.ids import ClientId, new_id
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.running import SHO, MovedClock, Running, run, synthetic_bank


async def test_a_code_opens_one_ticket(running: Running) -> None:
    challenge = (await running.ask(SHO)).json()["challengeId"]
    code = await running.code_for(SHO)
    answers = await asyncio.gather(*(running.submit(challenge, code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[403] * 7]


async def test_tries_are_counted_when_they_come_at_once(running: Running) -> None:
    challenge = (await running.ask(SHO)).json()["challengeId"]
    answers = await asyncio.gather(*(running.submit(challenge, "wrong") for _ in range(9)))
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == [*["code_tries_used_up"] * 4, *["code_wrong"] * 5]


async def test_the_limit_for_a_number_holds(settings: Settings, clock: MovedClock) -> None:
    limited = msgspec.structs.replace(settings, otp_per_number_and_address_per_day=3)
    async with run(limited, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        answers = await asyncio.gather(*(server.ask(SHO) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [*[200] * 3, *[429] * 5]


async def test_a_ticket_certifies_one_client(running: Running) -> None:
    ticket = (await running.step(SHO))["ticket"]
    key, client = Ed25519PrivateKey.generate(), new_id()
    attempts = [running.certify(ticket, key, client) for _ in range(4)]
    attempts += [running.certify(ticket, Ed25519PrivateKey.generate(), new_id()) for _ in range(4)]
    answers = await asyncio.gather(*attempts)
    certified = {answer.json()["certificate"] for answer in answers if answer.status_code == 200}
    assert len(certified) == 1
    assert {answer.status_code for answer in answers} == {200, 403}


async def test_a_suspension_and_a_registration_cannot_cross(running: Running) -> None:
    """The second request sees the first: no device of a suspended person is left."""
    tickets = [(await running.step(SHO))["ticket"] for _ in range(3)]
    registering: list[Any] = [
        running.certify(ticket, Ed25519PrivateKey.generate(), new_id()) for ticket in tickets
    ]
    await asyncio.gather(
        registering[0], running.container.editor.suspend(OPERATOR, SHO), *registering[1:]
    )
    async with running.container.database.reading() as connection:
        person = (await running.container.directory.people(None, text=SHO)).people[0]
        assert person.status == "suspended"
        assert await running.container.registry.devices_of(connection, [person.person_id]) == []


@pytest.mark.parametrize("restoring", [False, True])
async def test_an_import_does_not_undo_what_is_done_meanwhile(
    running: Running, monkeypatch: pytest.MonkeyPatch, restoring: bool
) -> None:
    """It takes seconds, and writes whom it has read."""
    editor = running.container.editor
    if restoring:
        await editor.suspend(OPERATOR, SHO)
    update_people = edit_store.update_people
    other: list[asyncio.Task[Any]] = []

    async def slow(*written: Any, **how: Any) -> None:
        other.append(
            asyncio.create_task((editor.restore if restoring else editor.suspend)(OPERATOR, SHO))
        )
        await asyncio.wait(other, timeout=0.5)  # It waits for the import, or is done.
        await update_people(*written, **how)

    monkeypatch.setattr(edit_store, "update_people", slow)
    bank = synthetic_bank()
    people = [
        dataclasses.replace(one, post=msgspec.structs.replace(one.post, en=f"{one.post.en} II"))
        for one in bank.people
    ]
    await editor.import_bank(OPERATOR, dataclasses.replace(bank, people=people))
    await other[0]
    (person,) = (await running.container.directory.people(None, text=SHO)).people
    assert person.status == ("active" if restoring else "suspended")
    assert person.post.en.endswith(" II")


async def test_revoking_many_and_storing_when_they_were_seen_do_not_wait_in_a_circle(
    database: Database,
) -> None:
    """Both hold many clients' rows, so both hold them in one order."""
    if database.is_sqlite:
        pytest.skip("one writes at a time")
    first, second = sorted(ClientId(new_id()) for _ in range(2))
    async with database.transaction() as connection:
        for client_id in (second, first):  # As they lie in the table.
            values = {
                "device": bytes.fromhex(client_id) * 2,
                "public_key": bytes.fromhex(client_id),
                "label": "",
                "created_ms": 1,
                "confirmed": "first",
                "expires_ms": 9,
                "lapsed": 0,
            }
            person = {"client_id": client_id, "person_id": new_id()}
            await store.add_client(connection, person | values)

    async def revoke() -> list[Any]:
        async with database.transaction() as connection:
            return await store.revoke(connection, dict.fromkeys((second, first), "removed"), 2)

    async with database.transaction() as connection:
        await store.set_last_seen(connection, {first: 2})
        revoking = asyncio.create_task(revoke())
        await asyncio.wait([revoking], timeout=0.5)  # It waits for the first row.
        async with asyncio.timeout(0.5):
            await store.set_last_seen(connection, {second: 2})
    assert {row.client_id for row in await revoking} == {first, second}
