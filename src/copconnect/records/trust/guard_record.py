"""The guard record: the weights and the policy that this department's devices use (G1). Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    HASH_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    tag,
    text,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRecord(SignedRecord):
    """The roster authority vouches for weights by their hash, and for the policy's text."""

    LABEL: ClassVar[bytes] = tag("copconnect guard v1")
    RULE: ClassVar[str] = "G1"

    number: int  # The number in the head of the weights.
    size: int  # Bytes of the weights.
    weights: bytes  # H(weights).
    policy_number: int
    policy: str  # JSON.

    def fields(self) -> bytes:
        return b"".join(
            (
                uint(self.number),
                uint(self.size, 4),
                exact(self.weights, HASH_BYTES),
                uint(self.policy_number),
                text(self.policy),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(
            number=reader.uint(),
            size=reader.uint(4),
            weights=reader.take(HASH_BYTES),
            policy_number=reader.uint(),
            policy=reader.text(),
            signature=reader.take(SIGNATURE_BYTES),
        )

    def check(self, authority: bytes, former: Self | None = None) -> None:
        """Check a record that shall replace a former one. Raises Refused."""
        self.verify(authority)
        if former is None:
            return
        newer = self.number >= former.number and self.policy_number >= former.policy_number
        require(newer, self.RULE, "older than the record before")
        same_weights = self.number != former.number or self.weights == former.weights
        require(same_weights, self.RULE, "two weights have one number")
        same_policy = self.policy_number != former.policy_number or self.policy == former.policy
        require(same_policy, self.RULE, "two policies have one number")
