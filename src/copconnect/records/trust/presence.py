"""Presence: the proof that the person who signs an act of weight was there. Pure.

The challenge is the hash of the signed act, so a proof is good for no other act. An authenticator
(WebAuthn) signs it after it has verified its user. PIN: a key that the device derives from the raw
data key of its vault, which only the PIN unwraps, signs the challenge itself.
"""

import base64
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
)

from copconnect.limits import MAX_PRESENCE_BYTES
from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import (
    Reader,
    Refused,
    require,
    sha256,
    sized,
    tag,
    uint,
)
from copconnect.records.trust.authenticator import Authenticator

RULE = "presence"
PIN, ES256, RS256, EDDSA = 0, 1, 2, 3
COSE = {ES256: -7, RS256: -257, EDDSA: -8}  # IANA, COSE Algorithms.
_VERSION = 1
_LABEL, _ENROLMENT = tag("copconnect presence v1"), tag("copconnect enrolment v1")
_PART = sized(MAX_PRESENCE_BYTES)
_VERIFIED = "required"  # User verification, as WebAuthn names it.
_NAME = b"credential"  # The library compares ids, and there is one.


def challenge_of(act: bytes) -> bytes:
    """Return the challenge (32) for a signed act."""
    return sha256(_LABEL + act)


def enrolment_challenge(device: bytes) -> bytes:
    """Return the challenge (32) under which a device makes a credential."""
    return sha256(_ENROLMENT + device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """``algorithm``: PIN, or that of a WebAuthn credential; ``public_key``: 32 bytes for PIN, else
    SubjectPublicKeyInfo. A PIN has no ``rp_id``, ``authenticator_data`` and ``client_data``."""

    algorithm: int
    public_key: bytes
    signature: bytes
    rp_id: str = ""
    authenticator_data: bytes = b""
    client_data: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes, as the audit log keeps them."""
        rp_id = self.rp_id.encode()
        parts = (self.public_key, rp_id, self.authenticator_data, self.client_data, self.signature)
        return uint(_VERSION, 1) + uint(self.algorithm, 1) + b"".join(map(_PART.write, parts))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a presence; trailing bytes are refused. Raises Refused."""
        require(len(data) <= MAX_PRESENCE_BYTES, RULE, "longer than it may be")
        reader = Reader(data, RULE)
        reader.version(_VERSION)
        algorithm = reader.uint(1)
        public_key, rp_id, authenticator, client, signature = (_PART.read(reader) for _ in range(5))
        reader.end()
        require(rp_id.isascii(), RULE, "names a host that is none")
        return cls(
            algorithm=algorithm,
            public_key=public_key,
            rp_id=rp_id.decode("ascii"),
            authenticator_data=authenticator,
            client_data=client,
            signature=signature,
        )

    def key(self) -> bytes:
        """Return the hash (32) of the key."""
        return sha256(self.public_key)

    @property
    def origin(self) -> str:
        """The web origin that asked an authenticator. Raises Refused."""
        try:
            return CollectedClientData(self.client_data).origin
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(RULE, "has no client data") from error

    def verify(self, act: bytes) -> None:
        """Check that it proves the presence of its key's person for this signed act. Raises
        Refused."""
        challenge = challenge_of(act)
        if self.algorithm == PIN:
            ed25519.verify(self.public_key, self.signature, challenge, RULE)
            return
        try:
            credential = AttestedCredentialData.create(
                Aaguid.NONE, _NAME, cose_key(self.algorithm, self.public_key)
            )
            response = AuthenticatorAssertionResponse(
                client_data=CollectedClientData(self.client_data),
                authenticator_data=AuthenticatorData(self.authenticator_data),
                signature=self.signature,
            )
            server(self.rp_id).authenticate_complete(
                _state(challenge),
                [credential],
                AuthenticationResponse(raw_id=_NAME, response=response),
            )
        except (ValueError, KeyError, TypeError, IndexError, InvalidSignature) as error:
            raise Refused(RULE, "does not prove that the person was there") from error


def cose_key(algorithm: int, public_key: bytes) -> CoseKey:
    """Return a key as WebAuthn writes it. Raises Refused."""
    require(algorithm in COSE, RULE, "is by an algorithm that is unknown")
    try:
        key = load_der_public_key(public_key)
        return CoseKey.for_alg(COSE[algorithm]).from_cryptography_key(key)
    except (ValueError, AssertionError, UnsupportedAlgorithm) as error:
        raise Refused(RULE, "has no public key of its algorithm") from error


def server(rp_id: str) -> Fido2Server:
    """Return the library's server side for a host name, without any state."""
    return Fido2Server(PublicKeyCredentialRpEntity(name=rp_id, id=rp_id))


def check_enrolment(record: Authenticator, attestation: bytes, client_data: bytes) -> str:
    """Check that an authenticator made this credential for its device, with its user verified;
    return the web origin that asked. Raises Refused."""
    try:
        response = RegistrationResponse(
            raw_id=record.credential,
            response=AuthenticatorAttestationResponse(
                client_data=CollectedClientData(client_data),
                attestation_object=AttestationObject(attestation),
            ),
        )
        challenge = enrolment_challenge(record.device)
        made = server(record.rp_id).register_complete(_state(challenge), response)
        credential = made.credential_data
        same = (
            credential is not None
            and credential.credential_id == record.credential
            and credential.public_key == cose_key(record.algorithm, record.public_key)
        )
    except (ValueError, KeyError, TypeError, IndexError, AssertionError) as error:
        raise Refused(RULE, "is no credential that was made here") from error
    require(same, RULE, "is another credential than the one that was made")
    return CollectedClientData(client_data).origin


def _state(challenge: bytes) -> dict[str, str]:
    text = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
    return {"challenge": text, "user_verification": _VERIFIED}
