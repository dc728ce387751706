"""Operations of registration and of one's own account."""

from functools import partial

from copconnect import wire
from copconnect.auth_service.service import AuthService
from copconnect.http.operations import Address, Operation, get, post, put
from copconnect.principals import Requirement

_BODY = 8192
_R = "/v1/registration"


def operations(service: AuthService) -> list[Operation]:
    """Return the rows."""
    registration, accounts = service.registration, service.accounts

    async def request_code(body: wire.RequestCode, address: Address) -> wire.CodeRequested:
        return await registration.request_code(body, address)

    async def register_without_text(
        body: wire.RegisterWithoutText, address: Address
    ) -> wire.RegistrationStep:
        return await registration.register_without_text(body, address)

    public = partial(post, most=_BODY, public=True)
    return [
        # A repetition would send another text, or use up a try.
        public(f"{_R}/numbers", request_code, once=True),
        public(f"{_R}/codes", registration.submit_code, once=True),
        public(f"{_R}/without-text", register_without_text, once=True),
        public(f"{_R}/enrolment-codes", registration.submit_enrolment_code, once=True),
        public(f"{_R}/status", registration.check, "check_registration"),
        public(f"{_R}/clients", registration.register_client),
        get("/v1/trust", service.trust.trust, public=True),
        get("/v1/me", accounts.me, tolerates={Requirement.CONDUCT}, confirmed=False),
        # A device's key speaks for the device, without a token.
        public("/v1/certificates", accounts.renew, "renew_certificate"),
        public("/v1/sign-out", accounts.sign_out, once=True, wait_s=5),
        put(
            "/v1/clients/{client_id}/label",
            accounts.rename,
            "rename_client",
            most=_BODY,
            confirmed=False,
        ),
    ]
