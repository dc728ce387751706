"""Grants: a person's signed right over a part of the tree. Pure.

Module ``confirmed`` judges which grants are in force; this module fixes the bytes and the limits
that one grant alone must keep.
"""

from dataclasses import dataclass
from typing import ClassVar

from copconnect.limits import GRANT_LIMIT_MS
from copconnect.records.primitives.fields import Bytes16, Bytes32, TextField, Uint64, require, tag
from copconnect.records.primitives.signed import SignedRecord

CHAIN_LIMIT = 4  # Grants from a root admin's device to the one that counts.


def is_under(path: str, above: str) -> bool:
    """Return whether a unit path is at or below another."""
    return f"{path}/".startswith(f"{above}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(SignedRecord):
    """``grantor`` gives ``person_id`` the units at and below ``path``."""

    LABEL: ClassVar[bytes] = tag("copconnect grant v1")
    RULE: ClassVar[str] = "E0"

    grantor: Bytes32  # A device.
    person_id: Bytes16
    created: Uint64
    not_after: Uint64  # Equal to ``created``: withdraws.
    path: TextField

    @property
    def withdraws(self) -> bool:
        """Whether this ends the grant before it."""
        return self.not_after == self.created

    def covers(self, at: int) -> bool:
        """Return whether the grant gives a right at this time."""
        return self.created <= at <= self.not_after and not self.withdraws

    def check_shape(self, rule: str) -> None:
        require(all(self.path.split("/")), rule, "unit path has an empty part")

    def check_limits(self) -> None:
        """Refuse a grant that ends before it begins or lasts over 180 days."""
        lasts = self.not_after - self.created
        require(0 <= lasts <= GRANT_LIMIT_MS, self.RULE, "a grant lasts at most 180 days")
