"""Duties that an account owes before it may act: each route names what it tolerates outstanding."""

import re
from dataclasses import replace
from typing import cast

import pytest

from copconnect.principals import Caller, Requirement
from tests.harness import protocol_routes
from tests.identity.running import PATROL, Device
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

# As docs/protocol.md says: these answer before the code of conduct is accepted.
BEFORE_CONDUCT = {
    "GET /v1/me",
    "GET /v1/conduct",
    "POST /v1/conduct/acceptances",
    "PUT /v1/device-keys",
    "POST /v1/time",
    "GET /v1/audit/consistency",  # A time says how large the log is.
}
ROUTES = [route for route in protocol_routes.read() if not route.open]
LATER = cast(Requirement, "a requirement that is added later")


async def refused(whole: Whole, device: Device) -> set[str]:
    """Return the routes that refuse this device because something is outstanding."""
    found = set()
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "0" * 32, route.path)
        answer = await whole.http.request(route.method, path, headers=device.headers)
        if answer.status_code == 403 and answer.json()["code"] == "conduct_not_accepted":
            found.add(str(route))
    return found


async def test_a_new_account_may_use_what_tolerates_the_code_of_conduct(whole: Whole) -> None:
    device = await whole.device(PATROL, conduct=False)
    assert await refused(whole, device) == {str(route) for route in ROUTES} - BEFORE_CONDUCT


@pytest.mark.parametrize("outstanding", [{LATER}, {LATER, Requirement.CONDUCT}])
async def test_every_route_refuses_a_requirement_that_it_does_not_name(
    whole: Whole, monkeypatch: pytest.MonkeyPatch, outstanding: set[Requirement]
) -> None:
    device = await whole.device(PATROL)
    tokens = whole.whole.auth.authenticator
    authenticate = tokens.authenticate

    async def owing(access_token: str) -> Caller | None:
        caller = await authenticate(access_token)
        return caller and replace(caller, outstanding=frozenset(outstanding))

    monkeypatch.setattr(tokens, "authenticate", owing)
    assert await refused(whole, device) == {str(route) for route in ROUTES}
