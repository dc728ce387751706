"""Time: the roster authority's time for a device's nonce, and the audit log's head (T1). Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    HASH_BYTES,
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
    """The answer to a nonce. ``log_size`` and ``log_root``: how many entries the audit log has, and
    the root of the tree over them (RFC 6962)."""

    LABEL: ClassVar[bytes] = tag("copconnect time v2")
    RULE: ClassVar[str] = "T1"
    VERSION: ClassVar[int] = 0

    nonce: bytes
    time: int
    log_size: int
    log_root: bytes

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.nonce, ID_BYTES),
                uint(self.time),
                uint(self.log_size),
                exact(self.log_root, HASH_BYTES),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(
            nonce=reader.read(ID_BYTES),
            time=reader.uint(),
            log_size=reader.uint(),
            log_root=reader.read(HASH_BYTES),
            signature=reader.read(SIGNATURE_BYTES),
        )

    def check(self, authority: bytes, nonce: bytes) -> None:
        """Check that the roster authority answered this nonce. Raises Refused."""
        self.verify(authority)
        require(self.nonce == nonce, self.RULE, "another nonce's time")
