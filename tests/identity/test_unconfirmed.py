"""A thief who intercepts one SMS registers a device; unconfirmed, it harms none of its person."""

import msgspec
import pytest

from copconnect.settings import Settings
from tests.identity.approved import ADMIN, Force
from tests.identity.running import SHO, MovedClock, Running
from tests.identity.signing import (
    confirmed,
    endorse,
    endorsement,
    listed,
    revocation,
    revoke,
)

pytestmark = pytest.mark.databases("sqlite")

REQUESTS = 60


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Few requests are enough to be refused more."""
    return msgspec.structs.replace(settings, requests_per_person_per_minute=REQUESTS)


async def test_it_does_not_sign_its_persons_phone_out(running: Running, clock: MovedClock) -> None:
    """An unconfirmed device acts on itself alone."""
    victim = await running.device(SHO)
    clock.ms += 86_400_000
    thief = await running.device(SHO, conduct=False)
    assert (await confirmed(running, victim), await confirmed(running, thief)) == ("first", "no")
    renamed = await running.http.put(
        f"/v1/clients/{victim.client_id}/label", headers=thief.headers, json={"label": "Stolen"}
    )
    assert (renamed.status_code, renamed.json()["code"]) == (403, "device_unconfirmed")
    refused = await revoke(running, thief, revocation(running, victim, thief))
    assert not refused.is_success
    assert await confirmed(running, victim) == "first"
    assert await listed(running, thief) == {victim.device}
    assert (await running.sign_out(thief)).status_code == 204


async def test_it_takes_no_requests_from_its_persons_phone(
    approving: Running, force: Force
) -> None:
    victim = await approving.device(SHO)
    made = endorsement(approving, victim, force.admin, ADMIN)
    assert (await endorse(approving, force.admin, made)).is_success
    thief = await approving.device(SHO, conduct=False)
    answers = [(await approving.get("/v1/me", thief)).status_code for _ in range(REQUESTS + 1)]
    assert (answers[0], answers[-1]) == (200, 429)
    assert (await approving.get("/v1/me", victim)).status_code == 200
