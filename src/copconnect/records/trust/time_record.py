"""Time: the roster authority's time for one device's nonce (T1). Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    ID_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRecord(SignedRecord):
    """The answer to a nonce."""

    LABEL: ClassVar[bytes] = tag("copconnect time v1")
    RULE: ClassVar[str] = "T1"
    VERSION: ClassVar[int] = 0

    nonce: bytes
    time: int

    def fields(self) -> bytes:
        return exact(self.nonce, ID_BYTES) + uint(self.time)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(
            nonce=reader.take(ID_BYTES),
            time=reader.uint(),
            signature=reader.take(SIGNATURE_BYTES),
        )

    def check(self, authority: bytes, nonce: bytes) -> None:
        """Check that the roster authority answered this nonce. Raises Refused."""
        self.verify(authority)
        require(self.nonce == nonce, self.RULE, "another nonce's time")
