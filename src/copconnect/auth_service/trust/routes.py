"""HTTP routes about who can be trusted: people's records, DeviceKeys, endorsements and the rest.

Devices that are not confirmed yet may use them; records that they sign count for nothing (E0), and
the services refuse them.
"""

from typing import Any

from litestar import delete, get, post, put
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.auth_service.service import AuthService
from copconnect.http.gate import Gate, HttpRequest, answer, nothing, read
from copconnect.http.parameters import number
from copconnect.principals import Requirement

MAX_BODY = 64 * 1024
MAX_REVOCATION_BODY = wire.MAX_REVOCATION_BYTES * 2  # In base64 too.


def routes(service: AuthService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    return [*_records(service, gate), *_confirmations(service, gate)]


def _records(service: AuthService, gate: Gate) -> list[Any]:
    @post("/v1/people/trust")
    async def people_trust(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.LookUpTrust, MAX_BODY)
        return answer(request, await service.people_trust.look_up(caller, body), packed=True)

    @put("/v1/device-keys")
    async def put_keys(request: HttpRequest) -> Any:
        caller = await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        await service.own_keys.put(caller, await read(request, wire.PutDeviceKeys, MAX_BODY))
        return nothing()

    @post("/v1/time")
    async def time(request: HttpRequest) -> Any:
        await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        body = await read(request, wire.AskTime, MAX_BODY)
        return answer(request, await service.own_keys.time(body))

    @get("/v1/audit/consistency")
    async def consistency(request: HttpRequest) -> Any:
        await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        first = number("first", request.query_params.get("first")) or 0
        second = number("second", request.query_params.get("second")) or 0
        return answer(request, await service.own_keys.log_consistency(first, second))

    @get("/v1/authenticators")
    async def authenticators(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        return answer(request, await service.authenticators.of(caller))

    @post("/v1/authenticators")
    async def add_authenticator(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.AddAuthenticator, MAX_BODY)
        await service.authenticators.add(caller, body)
        return nothing()

    @post("/v1/endorsements")
    async def endorse(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.PostEndorsement, MAX_BODY)
        await service.endorsing.endorse(caller, body)
        return nothing()

    @get("/v1/grants")
    async def grants(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        person_id = request.query_params.get("person", caller.person_id)
        if "\0" in person_id:
            raise errors.BadRequest(reason="person")
        return answer(request, await service.granting.grants_to(person_id))

    @post("/v1/revocations")
    async def revoke(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.PostRevocation, MAX_REVOCATION_BODY)
        await service.revoking.by_device(caller, body)
        return nothing()

    @get("/v1/devices/{device:str}/made")
    async def made(request: HttpRequest, device: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.revoking.made(caller, device))

    @get("/v1/unconfirmed")
    async def unconfirmed(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        return answer(request, await service.unconfirmed.of(caller))

    return [
        *(people_trust, put_keys, time, consistency, authenticators, add_authenticator),
        *(endorse, grants, revoke, made, unconfirmed),
    ]


def _confirmations(service: AuthService, gate: Gate) -> list[Any]:
    confirming = service.confirming

    @post("/v1/confirmations")
    async def begin(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.BeginConfirmation, MAX_BODY)
        return answer(request, await confirming.begin(caller, body))

    @post("/v1/confirmations/{confirmation_id:str}/answer")
    async def give_answer(request: HttpRequest, confirmation_id: FromPath[str]) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.AnswerConfirmation, MAX_BODY)
        return answer(request, await confirming.answer(caller, confirmation_id, body))

    @post("/v1/confirmations/{confirmation_id:str}/reveal")
    async def reveal(request: HttpRequest, confirmation_id: FromPath[str]) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.RevealConfirmation, MAX_BODY)
        return answer(request, await confirming.reveal(caller, confirmation_id, body))

    @get("/v1/confirmations")
    async def own(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        return answer(request, await confirming.own(caller))

    @delete("/v1/confirmations/{confirmation_id:str}", status_code=200)
    async def cancel(request: HttpRequest, confirmation_id: FromPath[str]) -> Any:
        caller = await gate.caller(request, confirmed=False)
        await confirming.cancel(caller, confirmation_id)
        return nothing()

    return [begin, give_answer, reveal, own, cancel]
