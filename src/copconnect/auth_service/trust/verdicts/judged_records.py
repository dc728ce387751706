"""Checks that endorsements, grants and revocations from a device have in common. Pure.

The server takes only records dated within 10 min of its clock (E0), signed by the device that
sends them.
"""

from typing import TypeVar

from copconnect import errors
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.primitives.fields import Refused
from copconnect.records.primitives.signed import SignedRecord

R = TypeVar("R", bound=SignedRecord)


def parsed(kind: type[R], data: bytes, refusal: type[errors.CopConnectError]) -> R:
    """Return the record that these bytes are. Raises ``refusal``."""
    try:
        return kind.parse(data)
    except Refused as error:
        raise refusal(rule=error.rule, reason=error.message) from error


def check_sent(
    signer: bytes,
    sender: bytes,
    created_ms: int,
    now_ms: int,
    refusal: type[errors.CopConnectError],
) -> None:
    """Check who sends a record and when it was made. Raises ``refusal``."""
    if signer != sender:
        raise refusal(rule="E0", reason="signed by another device than the one that sends it")
    if abs(created_ms - now_ms) > CLOCK_LEEWAY_MS:
        raise refusal(
            rule="E0", reason="not dated within 10 min", server_ms=now_ms, created_ms=created_ms
        )
