"""PersonDevices: the devices of a person, as the roster authority signs them. Pure.

Convention: devices stand in the order of their registration, not ascending, because it tells which
is a person's first; a later record keeps all devices of the one before and adds at the end.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from copconnect.records.primitives.fields import (
    ZEROS,
    Bytes16,
    Bytes32,
    Codec,
    Uint64,
    hashes,
    require,
    tag,
)
from copconnect.records.primitives.signed import SignedRecord

OrderedHashes = Annotated[
    tuple[bytes, ...], Codec(lambda reader: reader.hashes(ascend=False), hashes)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDevices(SignedRecord):
    """Revoked devices stay in it."""

    LABEL: ClassVar[bytes] = tag("copconnect person-devices v1")
    RULE: ClassVar[str] = "E0"

    person_id: Bytes16
    number: Uint64
    previous: Bytes32  # The hash of the record before; zeros at 1.
    created: Uint64
    devices: OrderedHashes

    def check_shape(self, rule: str) -> None:
        first = self.number == 1
        right = self.number >= 1 and first == (self.previous == ZEROS)
        require(right, rule, "wrong number or previous record")

    def check_follows(self, former: Self) -> None:
        """Check that this record replaces an earlier one of the same person. Raises Refused."""
        require(self.person_id == former.person_id, self.RULE, "another person's devices")
        require(self.number > former.number, self.RULE, "not newer than the record before")
        if self.number == former.number + 1:
            require(self.previous == former.hash(), self.RULE, "does not follow the record before")
        kept = self.devices[: len(former.devices)] == former.devices
        require(kept, self.RULE, "a device was taken out or moved")
