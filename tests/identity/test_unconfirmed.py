"""A thief who intercepts one SMS registers a device; unconfirmed, it harms none of its person."""

import msgspec
import pytest

from copconnect.settings import Settings
from tests.identity.approved import ADMIN, Force
from tests.identity.running import SHO, MovedClock, Running
from tests.identity.signing import confirmed, endorse, endorsement, listed

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
    for method, path in (("DELETE", ""), ("PUT", "/label")):
        refused = await running.http.request(
            method,
            f"/v1/clients/{victim.client_id}{path}",
            headers=thief.headers,
            json={"label": "Stolen"} if path else None,
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "device_unconfirmed")
    assert await confirmed(running, victim) == "first"
    assert await listed(running, thief) == {victim.device}
    itself = await running.http.delete(f"/v1/clients/{thief.client_id}", headers=thief.headers)
    assert itself.status_code in (200, 401)


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
