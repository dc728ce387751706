"""The guard record: the weights, the policy and the known pictures that this department's devices
use (G1). Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import Bytes32, TextField, Uint32, Uint64, require, tag
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRecord(SignedRecord):
    """The roster authority vouches for weights and known pictures by their hashes, and for the
    policy's text."""

    LABEL: ClassVar[bytes] = tag("copconnect guard v1")
    RULE: ClassVar[str] = "G1"

    number: Uint64  # The number in the head of the weights.
    size: Uint32  # Bytes of the weights.
    weights: Bytes32  # H(weights).
    policy_number: Uint64
    policy: TextField  # JSON.
    pictures_number: Uint64  # The last change to the known pictures; 0: there was none.
    pictures: Bytes32  # H(the list of known pictures).

    def check(self, authority: bytes, former: Self | None = None) -> None:
        """Check a record that shall replace a former one. Raises Refused."""
        self.verify(authority)
        if former is None:
            return
        newer = (
            self.number >= former.number
            and self.policy_number >= former.policy_number
            and self.pictures_number >= former.pictures_number
        )
        require(newer, self.RULE, "older than the record before")
        same_weights = self.number != former.number or self.weights == former.weights
        require(same_weights, self.RULE, "two weights have one number")
        same_policy = self.policy_number != former.policy_number or self.policy == former.policy
        require(same_policy, self.RULE, "two policies have one number")
        same_pictures = (
            self.pictures_number != former.pictures_number or self.pictures == former.pictures
        )
        require(same_pictures, self.RULE, "two lists of pictures have one number")
