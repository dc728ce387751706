"""Authenticators: WebAuthn credentials by which a person proves to be there for an act of weight.

A device signs the credential that its person made on it. Pure. Whether it is enrolled is judged by
the Authentication Service and by the verifiers of the audit log (docs/decisions/0017).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.limits import MAX_CREDENTIAL_BYTES
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    sha256,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord

MOST_KEY_BYTES = 1024  # A public key of RSA with 4,096 bits has 550.
MOST_RP_BYTES = 253  # A host name.


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator(SignedRecord):
    """``algorithm``: as in presence.py; ``public_key``: SubjectPublicKeyInfo, DER; ``credential``:
    its id at the authenticator; ``rp_id``: the host name that it was made for."""

    LABEL: ClassVar[bytes] = tag("copconnect authenticator v1")
    RULE: ClassVar[str] = "authenticator"

    device: bytes
    created: int
    algorithm: int
    public_key: bytes
    credential: bytes
    rp_id: str

    def fields(self) -> bytes:
        rp_id = self.rp_id.encode()
        return b"".join(
            (
                exact(self.device, DEVICE_BYTES),
                uint(self.created),
                uint(self.algorithm, 1),
                *(uint(len(self.public_key), 2), self.public_key),
                *(uint(len(self.credential), 2), self.credential),
                *(uint(len(rp_id), 2), rp_id),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        device, created, algorithm = reader.read(DEVICE_BYTES), reader.uint(), reader.uint(1)
        public_key = sized(reader, MOST_KEY_BYTES)
        credential = sized(reader, MAX_CREDENTIAL_BYTES)
        rp_id = sized(reader, MOST_RP_BYTES)
        require(rp_id.isascii(), reader.rule, "names a host that is none")
        return cls(
            device=device,
            created=created,
            algorithm=algorithm,
            public_key=public_key,
            credential=credential,
            rp_id=rp_id.decode("ascii"),
            signature=reader.read(SIGNATURE_BYTES),
        )

    def key(self) -> bytes:
        """Return the hash (32) by which a presence names this authenticator."""
        return sha256(self.public_key)


def sized(reader: Reader, most: int) -> bytes:
    """Take a length (2) and as many bytes. Raises Refused."""
    size = reader.uint(2)
    require(size <= most, reader.rule, "longer than it may be")
    return reader.read(size)
