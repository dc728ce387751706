"""Who acts: an authenticated caller and a registered client, as roles hand them to each other."""

from dataclasses import dataclass

from copconnect.ids import ClientId, PersonId


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client."""

    person_id: PersonId
    client_id: ClientId
    conduct_accepted: bool
    me_version: str = ""  # As in wire.Ready.


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of an access token that ended."""

    reason: str  # As in errors.SignedOut.


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with a valid certificate. One client has two during a renewal."""

    client_id: ClientId
    person_id: PersonId
    certificate_hash: str  # SHA-256 of the DER, hex.
    certificate: bytes  # DER.
