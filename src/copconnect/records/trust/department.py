"""The department record: what the offline root signs. Pure.

Invariant: only a record with a higher number replaces another, and all are kept, because what was
signed earlier is judged by the record that was in force then.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    hashes,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.kem import read_kem
from copconnect.records.primitives.signed import SignedRecord


class Policy(IntEnum):
    """Whether a person's first device needs an admin's endorsement."""

    NONE = 0
    APPROVAL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Department(SignedRecord):
    """The keys and admins that may issue certificates, list devices and grant. ``admins`` may be
    empty."""

    LABEL: ClassVar[bytes] = tag("copconnect department v1")
    RULE: ClassVar[str] = "E0"

    number: int
    created: int
    authority: bytes  # The roster authority's public key.
    kem: int  # The lowest that may be sealed to.
    policy: Policy
    issuers: tuple[bytes, ...]  # H(SPKI) of each issuing CA.
    admins: tuple[bytes, ...]  # The root admins' devices.

    def fields(self) -> bytes:
        return b"".join(
            (
                uint(self.number),
                uint(self.created),
                exact(self.authority, KEY_BYTES),
                uint(self.kem, 2),
                uint(self.policy, 1),
                hashes(self.issuers),
                hashes(self.admins),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        number, created, authority = reader.uint(), reader.uint(), reader.take(KEY_BYTES)
        kem, policy = read_kem(reader), reader.uint(1)
        require(policy in list(Policy), reader.rule, "unknown policy")
        return cls(
            number=number,
            created=created,
            authority=authority,
            kem=kem,
            policy=Policy(policy),
            issuers=reader.hashes(),
            admins=reader.hashes(),
            signature=reader.take(SIGNATURE_BYTES),
        )

    def check(self, root_key: bytes, former_number: int = 0) -> None:
        """Check a record that shall replace the one with the former number. Raises Refused."""
        self.verify(root_key)
        require(self.number > former_number, self.RULE, "not newer than the record before")
