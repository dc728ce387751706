"""Operations about who can be trusted: people's records, DeviceKeys, endorsements and the rest.

Devices that are not confirmed yet may use most of them; records that they sign count for nothing
(E0), and the services refuse them.
"""

from dataclasses import replace

from copconnect import wire
from copconnect.auth_service.service import AuthService
from copconnect.http.operations import Operation, delete, get, post, put
from copconnect.ids import PersonId
from copconnect.principals import Caller, Requirement

_BODY = 64 * 1024
_REVOCATION_BODY = wire.MAX_REVOCATION_BYTES * 2  # In base64 too.
_FIRST = {Requirement.CONDUCT}  # A device asks before the code of conduct is accepted.
_CONFIRMATION = "/v1/confirmations/{confirmation_id}"


def operations(service: AuthService) -> list[Operation]:
    """Return the rows."""
    confirming, own_keys = service.confirming, service.own_keys

    async def grants(caller: Caller, person_id: PersonId | None) -> wire.Grants:
        return await service.granting.grants_to(person_id or caller.person_id)

    confirmed = [
        get("/v1/grants", grants),
        get("/v1/devices/{device_id}/made", service.revoking.made, "made_by"),
    ]
    unconfirmed = [
        post(
            "/v1/people/trust",
            service.people_trust.look_up,
            "look_up_trust",
            most=_BODY,
            packed=True,
            wait_s=30,
        ),
        put("/v1/device-keys", own_keys.put, "put_device_keys", most=_BODY, tolerates=_FIRST),
        # A repeat would take longer than the answer may be on its way (T1).
        post("/v1/time", own_keys.time, most=_BODY, tolerates=_FIRST, once=True),
        get("/v1/audit/consistency", own_keys.log_consistency, tolerates=_FIRST),
        get("/v1/authenticators", service.authenticators.of, "authenticators"),
        post("/v1/authenticators", service.authenticators.add, "add_authenticator", most=_BODY),
        post("/v1/endorsements", service.endorsing.endorse, most=_BODY),
        post(
            "/v1/revocations",
            service.revoking.by_device,
            "submit_revocation",
            most=_REVOCATION_BODY,
        ),
        get("/v1/unconfirmed", service.unconfirmed.of, "unconfirmed"),
        post("/v1/confirmations", confirming.begin, "begin_confirmation", most=_BODY),
        post(f"{_CONFIRMATION}/answer", confirming.answer, "answer_confirmation", most=_BODY),
        post(f"{_CONFIRMATION}/reveal", confirming.reveal, "reveal_confirmation", most=_BODY),
        get("/v1/confirmations", confirming.own, "confirmations"),
        delete(_CONFIRMATION, confirming.cancel, "cancel_confirmation"),
    ]
    return confirmed + [replace(row, confirmed=False) for row in unconfirmed]
