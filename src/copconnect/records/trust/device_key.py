"""DeviceKey: a device's HPKE public key, signed by it and renewed weekly. Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.limits import DEVICE_KEY_AGE_MS
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    is_recent,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.kem import (
    check_public_key,
    public_key_field,
    read_kem,
    read_public_key,
)
from copconnect.records.primitives.signed import SealableRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey(SealableRecord):
    """One for each KEM in use."""

    LABEL: ClassVar[bytes] = tag("copconnect device-key v1")
    RULE: ClassVar[str] = "H2"

    device: bytes
    generation: int
    created: int

    def fields(self) -> bytes:
        return b"".join(
            (
                uint(self.kem, 2),
                exact(self.device, DEVICE_BYTES),
                uint(self.generation),
                uint(self.created),
                public_key_field(self.pk),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        kem = read_kem(reader)
        return cls(
            kem=kem,
            device=reader.read(DEVICE_BYTES),
            generation=reader.uint(),
            created=reader.uint(),
            pk=read_public_key(reader, kem),
            signature=reader.read(SIGNATURE_BYTES),
        )

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
