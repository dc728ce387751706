"""DeviceKey: a device's HPKE public key, signed by it and renewed weekly. Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.limits import DEVICE_KEY_AGE_MS
from copconnect.records.primitives.fields import Bytes32, Uint64, is_recent, require, tag
from copconnect.records.primitives.kem import PublicKey, check_public_key
from copconnect.records.primitives.signed import SealableRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey(SealableRecord):
    """One for each KEM in use."""

    LABEL: ClassVar[bytes] = tag("copconnect device-key v1")
    RULE: ClassVar[str] = "H2"

    device: Bytes32
    generation: Uint64
    created: Uint64
    pk: PublicKey

    def check(self, device: bytes, public_key: bytes, kem: int) -> None:
        """Check what never changes (H2): device, KEM, signature, public key. Raises Refused."""
        require(self.device == device and self.kem == kem, self.RULE, "another's key")
        self.verify(public_key)
        check_public_key(self.kem, self.pk, self.RULE)

    def check_usable(self, now: int, former: Self | None = None) -> None:
        """Check S3; ``former``: the newest key of the device that was seen before.

        One generation has one record.
        """
        if former is not None and self != former:
            require(self.generation > former.generation, "S3", "generation goes back")
        require(is_recent(self.created, now, DEVICE_KEY_AGE_MS), "S3", "older than 14 days")
