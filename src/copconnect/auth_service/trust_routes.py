"""HTTP routes about who can be trusted: people's records, DeviceKeys, endorsements and the rest.

All are for devices that are not confirmed yet too, unless the service says otherwise.
"""

from typing import Any

from litestar import post

from copconnect import wire
from copconnect.auth_service.service import AuthService
from copconnect.http import Gate, HttpRequest, answer, read

MAX_BODY = 64 * 1024


def routes(service: AuthService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @post("/v1/people/trust")
    async def people_trust(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.LookUpTrust, MAX_BODY)
        return answer(request, await service.people_trust.look_up(caller, body))

    return [people_trust]
