"""Grants: a person's signed right over a part of the tree. Pure.

Module ``confirmed`` judges which grants are in force; this module fixes the bytes and the limits
that one grant alone must keep.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.limits import GRANT_LIMIT_MS
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    ID_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    tag,
    text,
    uint,
)
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

    grantor: bytes  # A device.
    person_id: bytes
    created: int
    not_after: int  # Equal to ``created``: withdraws.
    path: str

    @property
    def withdraws(self) -> bool:
        """Whether this ends the grant before it."""
        return self.not_after == self.created

    def covers(self, at: int) -> bool:
        """Return whether the grant gives a right at this time."""
        return self.created <= at <= self.not_after and not self.withdraws

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.grantor, DEVICE_BYTES),
                exact(self.person_id, ID_BYTES),
                uint(self.created),
                uint(self.not_after),
                text(self.path),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        found = cls(
            grantor=reader.read(DEVICE_BYTES),
            person_id=reader.read(ID_BYTES),
            created=reader.uint(),
            not_after=reader.uint(),
            path=reader.text(),
            signature=reader.read(SIGNATURE_BYTES),
        )
        require(all(found.path.split("/")), reader.rule, "unit path has an empty part")
        return found

    def check_limits(self) -> None:
        """Refuse a grant that ends before it begins or lasts over 180 days."""
        lasts = self.not_after - self.created
        require(0 <= lasts <= GRANT_LIMIT_MS, self.RULE, "a grant lasts at most 180 days")
