"""The department record: what the offline root signs. Pure.

Invariants: only a record with a higher number replaces another, and all are kept, because an
earlier signature is judged by the record that was in force then. The roster authorities of a
department count from 0, and each numbers what it signs within its own range: the numbers of a
later authority are above all the numbers that an earlier one can use.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, NamedTuple, Self

from copconnect.records.primitives.fields import (
    Bytes32,
    Codec,
    HashList,
    Refused,
    Uint8,
    Uint64,
    one_of,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.kem import Kem
from copconnect.records.primitives.signed import SignedRecord

_RANGE_BITS = 45  # 256 authorities; times in ms since 1970 fit a range until the year 3084.


def first_number(authority_number: int) -> int:
    """Return the first number of an authority's range."""
    return authority_number << _RANGE_BITS


def authority_number_of(number: int) -> int:
    """Return which authority may sign an epoch or a record of this number."""
    return number >> _RANGE_BITS


class AppVersion(NamedTuple):
    """A version of the app."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


_APP = Codec(
    lambda reader: AppVersion(*(reader.uint(2) for _ in range(3))),
    lambda value: b"".join(uint(part, 2) for part in value),
)
ANY_APP = AppVersion(0, 0, 0)


class Policy(IntEnum):
    """Whether a person's first device needs an admin's endorsement."""

    NONE = 0
    APPROVAL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Department(SignedRecord):
    """The keys and admins that may issue certificates, list devices and grant. ``admins`` may be
    empty."""

    LABEL: ClassVar[bytes] = tag("copconnect department v2")
    RULE: ClassVar[str] = "E0"
    VERSION: ClassVar[int] = 2

    number: Uint64
    created: Uint64
    authority_number: Uint8  # How many roster authorities came before.
    authority: Bytes32  # The roster authority's public key.
    kem: Kem  # The lowest that may be sealed to.
    policy: Annotated[Policy, one_of(Policy, "unknown policy")]
    lowest_app: Annotated[AppVersion, _APP]  # An app below it sends nothing.
    issuers: HashList  # H(SPKI) of each issuing CA.
    admins: HashList  # The root admins' devices.

    def check(self, root_key: bytes, former_number: int = 0) -> None:
        """Check a record that shall replace the one with the former number. Raises Refused."""
        self.verify(root_key)
        require(self.number > former_number, self.RULE, "not newer than the record before")

    def check_follows(self, former: Self) -> None:
        """Check a record against the one that it replaces. Raises Refused."""
        require(self.number > former.number, self.RULE, "not newer than the record before")
        later = self.created > former.created
        require(later, self.RULE, "dated before the department record it replaces")
        same = self.authority_number == former.authority_number
        higher = self.authority_number > former.authority_number
        right = same if self.authority == former.authority else higher
        require(right, self.RULE, "another roster authority takes a higher number")


def authority_of(departments: Iterable[Department], number: int, rule: str) -> bytes:
    """Return the key of the roster authority to whose range a number belongs. Raises Refused."""
    wanted = authority_number_of(number)
    for record in departments:
        if record.authority_number == wanted:
            return record.authority
    raise Refused(rule, "a number of no roster authority of this department")
