"""Time: the roster authority's time for a device's nonce, and the audit log's head (T1). Pure."""

from dataclasses import dataclass
from typing import ClassVar

from copconnect.records.primitives.fields import Bytes16, Bytes32, Uint64, require, tag
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRecord(SignedRecord):
    """The answer to a nonce. ``log_size`` and ``log_root``: how many entries the audit log has, and
    the root of the tree over them (RFC 6962)."""

    LABEL: ClassVar[bytes] = tag("copconnect time v2")
    RULE: ClassVar[str] = "T1"
    VERSION: ClassVar[int] = 0

    nonce: Bytes16
    time: Uint64
    log_size: Uint64
    log_root: Bytes32

    def check(self, authority: bytes, nonce: bytes) -> None:
        """Check that the roster authority answered this nonce. Raises Refused."""
        self.verify(authority)
        require(self.nonce == nonce, self.RULE, "another nonce's time")
