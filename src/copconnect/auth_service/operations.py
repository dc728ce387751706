"""Operations of registration and of one's own account."""

from copconnect import wire
from copconnect.auth_service.service import AuthService
from copconnect.http.operations import Address, Operation, get, post, put
from copconnect.principals import Requirement

_BODY = 8192


def operations(service: AuthService) -> list[Operation]:
    """Return the rows."""
    registration, accounts = service.registration, service.accounts

    async def request_code(body: wire.RequestCode, address: Address) -> wire.CodeRequested:
        return await registration.request_code(body, address)

    async def without_text(
        body: wire.RegisterWithoutText, address: Address
    ) -> wire.RegistrationStep:
        return await registration.register_without_text(body, address)

    return [
        post("/v1/registration/numbers", request_code, most=_BODY, public=True),
        post("/v1/registration/codes", registration.submit_code, most=_BODY, public=True),
        post("/v1/registration/without-text", without_text, most=_BODY, public=True),
        post(
            "/v1/registration/enrolment-codes",
            registration.submit_enrolment_code,
            most=_BODY,
            public=True,
        ),
        post("/v1/registration/status", registration.check, most=_BODY, public=True),
        post("/v1/registration/clients", registration.register_client, most=_BODY, public=True),
        get("/v1/trust", service.trust.trust, public=True),
        get("/v1/me", accounts.me, tolerates={Requirement.CONDUCT}, confirmed=False),
        # A device's key speaks for the device, without a token.
        post("/v1/certificates", accounts.renew, most=_BODY, public=True),
        post("/v1/sign-out", accounts.sign_out, most=_BODY, public=True),
        put("/v1/clients/{client_id}/label", accounts.rename, most=_BODY, confirmed=False),
    ]
