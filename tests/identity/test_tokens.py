"""Access tokens end at their time and with their device; its key alone gets the next one."""

import dataclasses
import hashlib
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from copconnect.auth_service import rules
from copconnect.auth_service.tables import tokens
from copconnect.ids import ClientId
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.running import (
    PATROL,
    SHO,
    Device,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)
from tests.identity.signing import device_key, listed, put_keys

pytestmark = pytest.mark.databases("sqlite")

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Tokens live as long as they do by default."""
    return msgspec.structs.replace(settings, token_hours=Settings().token_hours)


async def answered(running: Running, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return (await running.http.get("/v1/me", headers=headers)).status_code


def token_of(device: Device) -> str:
    return device.headers["authorization"].split()[1]


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_token_ends_after_a_day_used_or_not(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    used, idle = await running.device(SHO), await running.device(PATROL)
    for _ in range(23):
        clock.ms += HOUR_MS
        assert (await running.get("/v1/me", used)).status_code == 200
    clock.ms += HOUR_MS - 1
    assert (await running.get("/v1/me", used)).status_code == 200
    clock.ms += 1  # Also from memory.
    for device in (used, idle):
        assert code_of(await running.get("/v1/me", device)) == "unauthenticated"
    await running.container.auth.accounts.prune()
    async with running.container.database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(tokens)) == 0


async def test_the_device_key_gets_another_token_without_one(
    running: Running, clock: MovedClock
) -> None:
    device = await running.device(SHO)
    clock.ms += 8 * DAY_MS
    assert await answered(running, "next") == 401
    answer = (await running.renew(device, clock.ms - 1, "next")).json()
    assert answer["tokenExpiresMs"] == clock.ms - 1 + DAY_MS
    assert await answered(running, "next") == 200


async def test_a_lost_answer_takes_nothing_away(running: Running, clock: MovedClock) -> None:
    device = await running.device(SHO)
    first = token_of(device)
    clock.ms += HOUR_MS
    for _ in range(2):  # The same bytes again.
        assert (await running.renew(device, clock.ms, "second")).status_code == 200
    assert [await answered(running, one) for one in (first, "second")] == [200, 200]
    # Answers that are lost without end leave so many tokens and no more.
    for number in range(8):
        clock.ms += 60_000
        assert (await running.renew(device, clock.ms, f"lost {number}")).status_code == 200
    asked = (first, "second", "lost 3", "lost 4", "lost 5", "lost 6", "lost 7")
    assert [await answered(running, one) for one in asked] == [401, 401, 401, 200, 200, 200, 200]


async def test_nobody_gets_a_token_without_the_key(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    device, thief = await running.device(SHO), await running.device(PATROL)
    forged = dataclasses.replace(device, key=thief.key)
    assert code_of(await running.renew(forged, clock.ms, "mine")) == "proof_invalid"
    unknown = dataclasses.replace(device, client_id=ClientId("0" * 32))
    assert code_of(await running.renew(unknown, clock.ms, "mine")) == "unauthenticated"
    assert await answered(running, "mine") == 401
    # A proof that somebody saw makes its own token live no longer.
    await running.renew(device, clock.ms, "seen")
    sent = clock.ms
    clock.ms += 600_000
    again = (await running.renew(device, sent, "seen")).json()
    assert again["tokenExpiresMs"] == sent + DAY_MS
    clock.ms += 1
    assert code_of(await running.renew(device, sent, "seen")) == "clock_wrong"


async def test_a_token_alone_removes_no_device_and_brings_no_key(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    device, other = await running.device(SHO), await running.device(PATROL)
    stolen = dataclasses.replace(device, key=other.key)
    clock.ms += HOUR_MS
    assert code_of(await running.sign_out(stolen)) == "proof_invalid"
    bare = await running.http.post("/v1/sign-out", headers=device.headers)
    assert bare.status_code == 400
    path = f"/v1/clients/{device.client_id}"
    gone = await running.http.delete(path, headers=device.headers)
    assert gone.status_code == 404
    key = device_key(running, stolen, clock.ms)
    assert not (await put_keys(running, stolen, key)).is_success
    assert await listed(running, device) == {device.device}


async def test_a_lapsed_certificate_ends_tokens(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    long = msgspec.structs.replace(settings, token_hours=720, certificate_days=21)
    async with run(long, clock) as running:
        await running.container.editor.import_bank(OPERATOR, synthetic_bank())
        device = await running.device(SHO)
        clock.ms += 21 * DAY_MS - 1
        assert (await running.get("/v1/me", device)).status_code == 200
        clock.ms += 1
        assert code_of(await running.get("/v1/me", device)) == "unauthenticated"
        # Its key brings it back, with a certificate for the time to come.
        assert (await running.renew(device, clock.ms, "next")).status_code == 200
        assert await answered(running, "next") == 200


async def test_a_device_asks_for_few_tokens(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    device, other = await running.device(SHO), await running.device(PATROL)
    answers = [await running.renew(device, clock.ms, f"{number}") for number in range(11)]
    assert {one.status_code for one in answers[:-1]} == {200}
    assert code_of(answers[-1]) == "rate_limited"
    assert answers[-1].json()["details"] == {"limit": "tokens_per_device"}
    assert (await running.renew(other, clock.ms)).status_code == 200


def test_what_is_signed_names_the_token() -> None:
    proof = rules.renewal_proof("ab" * 16, 1, hashlib.sha256(b"token").digest())
    assert proof == (
        b"copconnect renew v2\0"
        + bytes.fromhex("ab" * 16)
        + (1).to_bytes(8, "big")
        + hashlib.sha256(b"token").digest()
    )
