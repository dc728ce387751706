"""Endorsements: one device's signature that another belongs to the same person, or an admin's."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from copconnect.records.primitives.fields import Bytes32, Uint64, one_of, tag
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

    endorsed: Bytes32
    endorser: Bytes32
    kind: Annotated[EndorsementKind, one_of(EndorsementKind, "unknown kind of endorsement")]
    created: Uint64
