"""PersonDevices: the devices of a person, as the roster authority signs them. Pure.

Convention: devices stand in the order of their registration, not ascending, because it tells which
is a person's first; a later record keeps all devices of the one before and adds at the end.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    HASH_BYTES,
    ID_BYTES,
    SIGNATURE_BYTES,
    ZEROS,
    Reader,
    exact,
    hashes,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDevices(SignedRecord):
    """Revoked devices stay in it."""

    LABEL: ClassVar[bytes] = tag("copconnect person-devices v1")
    RULE: ClassVar[str] = "E0"

    person_id: bytes
    number: int
    previous: bytes  # The hash of the record before; zeros at 1.
    created: int
    devices: tuple[bytes, ...]

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.person_id, ID_BYTES),
                uint(self.number),
                exact(self.previous, HASH_BYTES),
                uint(self.created),
                hashes(self.devices),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        found = cls(
            person_id=reader.read(ID_BYTES),
            number=reader.uint(),
            previous=reader.read(HASH_BYTES),
            created=reader.uint(),
            devices=reader.hashes(ascend=False),
            signature=reader.read(SIGNATURE_BYTES),
        )
        first = found.number == 1
        right = found.number >= 1 and first == (found.previous == ZEROS)
        require(right, reader.rule, "wrong number or previous record")
        return found

    def check_follows(self, former: Self) -> None:
        """Check that this record replaces an earlier one of the same person. Raises Refused."""
        require(self.person_id == former.person_id, self.RULE, "another person's devices")
        require(self.number > former.number, self.RULE, "not newer than the record before")
        if self.number == former.number + 1:
            require(self.previous == former.hash(), self.RULE, "does not follow the record before")
        kept = self.devices[: len(former.devices)] == former.devices
        require(kept, self.RULE, "a device was taken out or moved")
