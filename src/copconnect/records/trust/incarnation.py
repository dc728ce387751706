"""Incarnation: the roster authority's word that a backup of the server was restored (S8). Pure.

A device goes back in a log only under an Incarnation whose number is above the ones that it went
back under. Convention: the number is the time in ms since 1970 within the authority's range, or one
above the former number if that is higher, so that it does not repeat even if the same backup is
restored twice.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from copconnect.records.primitives.fields import ZEROS, Uint64, require, tag
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.department import first_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Incarnation(SignedRecord):
    """One restore of a backup."""

    LABEL: ClassVar[bytes] = tag("copconnect incarnation v1")
    RULE: ClassVar[str] = "S8"

    created: Uint64
    number: Uint64

    def check_shape(self, rule: str) -> None:
        require(self.number >= 1, rule, "an incarnation without a number")


class Beginning(NamedTuple):
    """The number, or epoch, with which records begin that are signed for the first time."""

    number: int
    previous: bytes


def next_number(former: Incarnation | None, authority_number: int, now_ms: int) -> int:
    """Return the number of the incarnation after ``former``, by this roster authority."""
    return max(former.number + 1 if former else 0, first_number(authority_number) + now_ms)


def beginning(newest: Incarnation | None) -> Beginning:
    """Return the first number and its ``previous``: the numbers that a restore may have lost are
    below it. The record before the first is the Incarnation itself, where there is one."""
    return Beginning(newest.number + 1, newest.hash()) if newest else Beginning(1, ZEROS)
