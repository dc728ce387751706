"""Seals as one blob for each record: ascending by recipient key id, all of one size. Pure.

Invariant: a blob is never cut into one row for each recipient; a recipient's seal is found by
binary search in the bytes.
"""

from collections.abc import Iterable

from copconnect import errors
from copconnect.records.conversation.seals import parse_seals
from copconnect.records.primitives.fields import KEY_ID_BYTES, Refused
from copconnect.records.primitives.kem import seal_bytes


def find_seal(seals: bytes, kem: int, key_ids: Iterable[bytes]) -> bytes | None:
    """Return the seal to the first of these keys that has one."""
    size = seal_bytes(kem)
    count = len(seals) // size
    for key_id in key_ids:
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if seals[middle * size : middle * size + KEY_ID_BYTES] < key_id:
                low = middle + 1
            else:
                high = middle
        at = low * size
        if seals[at : at + KEY_ID_BYTES] == key_id:
            return seals[at : at + size]
    return None


def recipients(seals: bytes, kem: int, limit: int) -> list[bytes]:
    """Return the key ids that a blob seals to. Raises SealsInvalid for any other form."""
    try:
        return [one.key_id for one in parse_seals(kem, seals, "D2", limit)]
    except Refused as refused:
        raise errors.SealsInvalid(reason=refused.message) from refused
