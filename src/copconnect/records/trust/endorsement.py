"""Endorsements: one device's signature that another belongs to the same person, or an admin's."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord


class EndorsementKind(IntEnum):
    """In which capacity the endorser signs."""

    OWN_DEVICE = 1
    ADMIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsement(SignedRecord):
    """Made after both sides compared digits (E3)."""

    LABEL: ClassVar[bytes] = tag("copconnect endorsement v1")
    RULE: ClassVar[str] = "E0"

    endorsed: bytes
    endorser: bytes
    kind: EndorsementKind
    created: int

    def fields(self) -> bytes:
        devices = exact(self.endorsed, DEVICE_BYTES) + exact(self.endorser, DEVICE_BYTES)
        return devices + uint(self.kind, 1) + uint(self.created)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        endorsed, endorser = reader.read(DEVICE_BYTES), reader.read(DEVICE_BYTES)
        kind = reader.uint(1)
        require(kind in list(EndorsementKind), reader.rule, "unknown kind of endorsement")
        return cls(
            endorsed=endorsed,
            endorser=endorser,
            kind=EndorsementKind(kind),
            created=reader.uint(),
            signature=reader.read(SIGNATURE_BYTES),
        )
