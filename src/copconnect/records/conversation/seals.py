"""Seals: a secret HPKE-sealed to a device key or cell key. Pure; sizes and parsing, no opening.

Convention: a list of seals is one seal after the other, ascending by recipient key id, all of the
roster head's KEM, so their number follows from the length.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from copconnect.records.primitives.fields import KEY_ID_BYTES, Refused, ascending, exact, require
from copconnect.records.primitives.kem import seal_bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """Recipient key id, and enc ‖ ct."""

    key_id: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """Return the seal's bytes."""
        return exact(self.key_id, KEY_ID_BYTES) + self.sealed


def parse_seal(kem: int, data: bytes, rule: str) -> Seal:
    """Return one seal. Raises Refused."""
    require(len(data) == seal_bytes(kem), rule, "seal has the wrong length")
    return Seal(data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def parse_seals(kem: int, data: bytes, rule: str, limit: int) -> list[Seal]:
    """Return at most ``limit`` seals, one for each recipient. Raises Refused."""
    size = seal_bytes(kem)
    count, rest = divmod(len(data), size)
    if rest or count > limit:
        raise Refused(rule, "not a list of seals")
    found = [parse_seal(kem, data[at : at + size], rule) for at in range(0, len(data), size)]
    require(ascending([one.key_id for one in found]), rule, "seals do not ascend")
    return found


def join_seals(seals: Iterable[Seal]) -> bytes:
    """Return a list of seals, ascending. Raises ValueError for two to one key."""
    ordered = sorted(seals, key=lambda seal: seal.key_id)
    if not ascending([one.key_id for one in ordered]):
        raise ValueError("two seals to one key")
    return b"".join([one.encode() for one in ordered])
