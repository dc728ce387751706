"""Authenticators: WebAuthn credentials by which a person proves to be there for an act of weight.

A device signs the credential that its person made on it. Pure. Whether it is enrolled is judged by
the Authentication Service and by the verifiers of the audit log (docs/decisions/0017).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from copconnect.limits import MAX_CREDENTIAL_BYTES
from copconnect.records.primitives.fields import (
    Bytes32,
    Codec,
    Reader,
    Uint8,
    Uint64,
    require,
    sha256,
    sized,
    tag,
)
from copconnect.records.primitives.signed import SignedRecord

MOST_KEY_BYTES = 1024  # A public key of RSA with 4,096 bits has 550.
MOST_RP_BYTES = 253  # A host name.
_HOST_BYTES = sized(MOST_RP_BYTES)


def _read_host(reader: Reader) -> str:
    host: bytes = _HOST_BYTES.read(reader)
    require(host.isascii(), reader.rule, "names a host that is none")
    return host.decode("ascii")


_HOST = Codec(_read_host, lambda value: _HOST_BYTES.write(value.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator(SignedRecord):
    """``algorithm``: as in presence.py; ``public_key``: SubjectPublicKeyInfo, DER; ``credential``:
    its id at the authenticator; ``rp_id``: the host name that it was made for."""

    LABEL: ClassVar[bytes] = tag("copconnect authenticator v1")
    RULE: ClassVar[str] = "authenticator"

    device: Bytes32
    created: Uint64
    algorithm: Uint8
    public_key: Annotated[bytes, sized(MOST_KEY_BYTES)]
    credential: Annotated[bytes, sized(MAX_CREDENTIAL_BYTES)]
    rp_id: Annotated[str, _HOST]

    def key(self) -> bytes:
        """Return the hash (32) by which a presence names this authenticator."""
        return sha256(self.public_key)
