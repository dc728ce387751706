"""Six digits that two devices compare before one endorses the other (E3). Pure.

The endorser sends c, the new device answers b, the endorser reveals a. The digits are read from the
new device and typed on the endorser's, which alone decides.
"""

from copconnect.records.primitives.commitments import check_commitment
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    ID_BYTES,
    KEY_BYTES,
    exact,
    hkdf,
    sha256,
    tag,
)

DIGITS = 6
_LABEL = tag("copconnect sas v1")


def sas_commitment(a: bytes, endorser: bytes) -> bytes:
    """Return c, which the endorser's device sends before it reveals its 16 random bytes a."""
    return sha256(_LABEL + exact(a, ID_BYTES) + exact(endorser, DEVICE_BYTES))


def sas_digits(
    c: bytes, a: bytes, b: bytes, *, endorser: bytes, new_device: bytes, root_key: bytes
) -> str:
    """Return the digits. Raises Refused if a is not what c committed to."""
    check_commitment(sas_commitment(a, endorser), c, "E3")
    devices = exact(endorser, DEVICE_BYTES) + exact(new_device, DEVICE_BYTES)
    info = _LABEL + devices + sha256(exact(root_key, KEY_BYTES))
    number = int.from_bytes(hkdf(a + exact(b, ID_BYTES), b"", info)[:8], "big")
    return f"{number % 10**DIGITS:0{DIGITS}}"
