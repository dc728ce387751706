"""Commitments: a record fixes a secret without showing it. Pure.

A device that is given a secret checks it against the record's commitment (H6, R6, C2), in constant
time.
"""

import hmac

from copconnect.records.primitives.fields import SECRET_BYTES, exact, hkdf, require


def commitment(label: bytes, secret: bytes, salt: bytes) -> bytes:
    """Return what a record carries for a secret; ``salt``: the ids of its place."""
    return hkdf(exact(secret, SECRET_BYTES), salt, label)


def check_commitment(given: bytes, wanted: bytes, rule: str) -> None:
    """Refuse a secret whose commitment is another. Raises Refused."""
    require(hmac.compare_digest(given, wanted), rule, "secret is not the one committed to")
