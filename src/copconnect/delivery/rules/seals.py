"""Seals as one blob for each record: ascending by recipient key id, all of one size. Pure.

Invariant: a blob is never cut into one row for each recipient; a recipient's seal is found by
binary search in the bytes.
"""

from collections.abc import Collection, Iterable, Mapping

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


def check_device_seals(
    sealed_to: Collection[bytes],
    left_out: Collection[bytes],
    cell: Collection[bytes],
    owners: Mapping[bytes, bytes],
) -> None:
    """Raise SealsInvalid unless the record is sealed once to each device of the cell, except those
    left out by name, and to nobody else. ``owners``: the devices behind the key ids."""
    devices = set(cell)
    sealed = [owners[one] for one in sealed_to if one in owners]
    if len(sealed) != len(sealed_to) or not set(sealed) <= devices:
        raise errors.SealsInvalid(reason="sealed to a key of nobody in the cell")
    if len(set(sealed)) != len(sealed):
        raise errors.SealsInvalid(reason="two seals to one device")
    if not set(left_out) <= devices:
        raise errors.SealsInvalid(reason="a device is left out that is not in the cell")
    if devices.difference(sealed, left_out):
        raise errors.SealsInvalid(reason="a device is neither sealed to nor left out")
