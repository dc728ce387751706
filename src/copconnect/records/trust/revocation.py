"""Revocations: a device is lost, and which of its endorsements and grants still stand. Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    SIGNATURE_BYTES,
    ZEROS,
    Reader,
    exact,
    hashes,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord

BY_AUTHORITY = ZEROS  # The signer of a revocation by the roster authority.


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(SignedRecord):
    """``device`` counts as lost from ``lost`` on."""

    LABEL: ClassVar[bytes] = tag("copconnect revocation v1")
    RULE: ClassVar[str] = "E4"

    device: bytes
    lost: int
    created: int
    signer: bytes  # A device, or BY_AUTHORITY.
    standing: tuple[bytes, ...]  # Hashes of the device's endorsements and grants that still stand.

    @property
    def by_authority(self) -> bool:
        """Whether the roster authority signed it."""
        return self.signer == BY_AUTHORITY

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.device, DEVICE_BYTES),
                uint(self.lost),
                uint(self.created),
                exact(self.signer, DEVICE_BYTES),
                hashes(self.standing, 2),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        found = cls(
            device=reader.read(DEVICE_BYTES),
            lost=reader.uint(),
            created=reader.uint(),
            signer=reader.read(DEVICE_BYTES),
            standing=reader.hashes(2),
            signature=reader.read(SIGNATURE_BYTES),
        )
        require(found.lost <= found.created, reader.rule, "lost after the revocation was made")
        require(found.device != found.signer, reader.rule, "a device cannot revoke itself")
        return found

    def lets_stand(self, record_hash: bytes, created: int) -> bool:
        """Return whether an endorsement or grant by the revoked device outlives this revocation.

        The signer lists what the device made before the loss; the date counts too, so that a list
        made in error revives nothing. The roster authority undoes nothing that was made before it.
        """
        if self.by_authority:
            return created < self.created
        return created < self.lost and record_hash in self.standing
