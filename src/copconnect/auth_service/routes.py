"""HTTP routes of registration and of one's own account."""

from typing import Any

from litestar import get, post, put
from litestar.params import FromPath

from copconnect import addresses, wire
from copconnect.auth_service.service import AuthService
from copconnect.http.gate import Gate, HttpRequest, answer, nothing, read
from copconnect.principals import Requirement

MAX_BODY = 8192


def routes(service: AuthService, gate: Gate, trusted_proxies: int) -> list[Any]:
    """Return the handlers."""
    registration, accounts = service.registration, service.accounts

    def address(request: HttpRequest) -> str:
        peer = request.client.host if request.client else ""
        # A proxy may append a header of its own instead of appending to the caller's.
        forwarded = ",".join(request.headers.getall("x-forwarded-for", []))
        return addresses.caller_address(peer, forwarded, trusted_proxies)

    @post("/v1/registration/numbers")
    async def request_code(request: HttpRequest) -> Any:
        body = await read(request, wire.RequestCode, MAX_BODY)
        return answer(request, await registration.request_code(body, address(request)))

    @post("/v1/registration/codes")
    async def submit_code(request: HttpRequest) -> Any:
        body = await read(request, wire.SubmitCode, MAX_BODY)
        return answer(request, await registration.submit_code(body))

    @post("/v1/registration/without-text")
    async def register_without_text(request: HttpRequest) -> Any:
        body = await read(request, wire.RegisterWithoutText, MAX_BODY)
        return answer(request, await registration.register_without_text(body, address(request)))

    @post("/v1/registration/enrolment-codes")
    async def submit_enrolment_code(request: HttpRequest) -> Any:
        body = await read(request, wire.SubmitEnrolmentCode, MAX_BODY)
        return answer(request, await registration.submit_enrolment_code(body))

    @post("/v1/registration/status")
    async def check(request: HttpRequest) -> Any:
        body = await read(request, wire.CheckRegistration, MAX_BODY)
        return answer(request, await registration.check(body))

    @post("/v1/registration/clients")
    async def register_client(request: HttpRequest) -> Any:
        body = await read(request, wire.RegisterClient, MAX_BODY)
        return answer(request, await registration.register_client(body))

    @get("/v1/trust")
    async def trust(request: HttpRequest) -> Any:
        return answer(request, await service.trust.trust())

    @get("/v1/me")
    async def me(request: HttpRequest) -> Any:
        caller = await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        return answer(request, await accounts.me(caller))

    @post("/v1/certificates")
    async def renew(request: HttpRequest) -> Any:
        body = await read(request, wire.RenewCertificate, MAX_BODY)
        return answer(request, await accounts.renew(body))

    @post("/v1/sign-out")
    async def sign_out(request: HttpRequest) -> Any:
        await accounts.sign_out(await read(request, wire.SignOut, MAX_BODY))
        return nothing()

    @put("/v1/clients/{client_id:str}/label")
    async def rename(request: HttpRequest, client_id: FromPath[str]) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.RenameClient, MAX_BODY)
        return answer(request, await accounts.rename(caller, client_id, body))

    return [
        request_code,
        submit_code,
        register_without_text,
        submit_enrolment_code,
        check,
        register_client,
        trust,
        me,
        renew,
        sign_out,
        rename,
    ]
