"""The MLS cipher suites of conversations, by number. Pure.

A conversation keeps the suite that it was created with. The suite fixes the KEM that sealed
messages use, so that both are equally strong, and how many clients a cell holds.
"""

from dataclasses import dataclass
from typing import Literal

from copconnect import wire
from copconnect.delivery.sealed import format as sealed_format

Name = Literal["x25519", "x-wing"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite."""

    number: int  # In the registry of RFC 9420 section 17.1, or ts-mls's own above 76.
    kem: int  # Of cell keys.
    cell_size: int  # Clients in one cell.


X25519 = Suite(number=1, kem=sealed_format.X25519, cell_size=wire.CELL_SIZE)
XWING = Suite(number=83, kem=sealed_format.XWING, cell_size=128)
SUITES = {suite.number: suite for suite in (X25519, XWING)}
BY_NAME: dict[Name, Suite] = {"x25519": X25519, "x-wing": XWING}


def name_of(number: int) -> Name:
    """Return what the setting calls a suite. Raises StopIteration for one that there is not."""
    return next(name for name, suite in BY_NAME.items() if suite.number == number)
