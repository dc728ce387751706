"""Registration: number, code, second factor, device certificate."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import ChallengeId, ClientId, DeviceId, PersonId
from copconnect.wire.base import HEX16, HEX32, Language, Signature, Wire
from copconnect.wire.directory import Names
from copconnect.wire.trust import Trust


class RequestCode(Wire, frozen=True, kw_only=True):
    """Ask for an OTP. The answer is the same, in content and time, for every number."""

    number: Annotated[str, Meta(max_length=32)]
    language: Language


class CodeRequested(Wire, frozen=True, kw_only=True):
    challenge_id: ChallengeId
    code_length: int
    expires_in_ms: int
    resend_after_ms: int


class SubmitCode(Wire, frozen=True, kw_only=True):
    challenge_id: Annotated[ChallengeId, HEX16]
    code: Annotated[str, Meta(max_length=16)]


class SubmitEnrolmentCode(Wire, frozen=True, kw_only=True):
    ticket: Annotated[str, Meta(max_length=128)]
    enrolment_code: Annotated[str, Meta(max_length=32)]


class RegisterWithoutText(Wire, frozen=True, kw_only=True):
    """Register with an enrolment code alone, where the number gets no more texts
    (``texts_used_up``). A wrong code has the same answer for every number."""

    number: Annotated[str, Meta(max_length=32)]
    enrolment_code: Annotated[str, Meta(max_length=32)]


class CheckRegistration(Wire, frozen=True, kw_only=True):
    ticket: Annotated[str, Meta(max_length=128)]


class RegistrationStep(Wire, frozen=True, kw_only=True):
    """The next step for the holder of ``ticket``. ``refused`` is final."""

    ticket: str
    next: Literal["enrolment_code", "device", "refused"]
    names: Names | None
    expires_in_ms: int


class RegisterClient(Wire, frozen=True, kw_only=True):
    """Ask for a device certificate. Idempotent under retry with the same ticket and key.

    ``proof`` is an Ed25519 signature by the device key over
    ``b"copconnect register v1\\0" + ticket (ASCII) + client id (16) + public key (32)``.
    """

    ticket: Annotated[str, Meta(max_length=128)]
    client_id: Annotated[ClientId, HEX16]
    signature_public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    proof: Signature
    label: Annotated[str, Meta(max_length=64)]


class ClientRegistered(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    client_id: ClientId
    certificate: bytes  # DER, X.509, Ed25519, 90 days.
    device: Annotated[DeviceId, HEX32]  # docs/keys.md: survives renewals of the certificate.
    access_token: str  # Sent as "Authorization: Bearer …".
    token_expires_ms: int
    trust: Trust


class RenewCertificate(Wire, frozen=True, kw_only=True):
    """Ask for an access token that the device made, and for a new certificate near the end of the
    one there is. No token is needed. Idempotent under retry.

    ``token_hash``: SHA-256 of the token, 32 random bytes in hex. ``proof`` signs
    ``b"copconnect renew v2\\0" + client id (16) + created_ms (8) + token_hash``.
    """

    client_id: Annotated[ClientId, HEX16]
    created_ms: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    token_hash: Annotated[bytes, Meta(min_length=32, max_length=32)]
    proof: Signature


class CertificateRenewed(Wire, frozen=True, kw_only=True):
    certificate: bytes
    token_expires_ms: int


class SignOut(Wire, frozen=True, kw_only=True):
    """Revoke the device that signs; no token is needed. ``proof`` signs
    ``b"copconnect sign-out v1\\0" + client id (16) + created_ms (8)``."""

    client_id: Annotated[ClientId, HEX16]
    created_ms: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    proof: Signature
