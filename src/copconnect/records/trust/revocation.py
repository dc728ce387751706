"""Revocations: a device is lost, and which of its endorsements and grants still stand. Pure."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from copconnect.records.primitives.fields import ZEROS, Bytes32, Codec, Uint64, hashes, require, tag
from copconnect.records.primitives.signed import SignedRecord

StandingHashes = Annotated[
    tuple[bytes, ...], Codec(lambda reader: reader.hashes(2), lambda value: hashes(value, 2))
]
BY_AUTHORITY = ZEROS  # The signer of a revocation by the roster authority.


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(SignedRecord):
    """``device`` counts as lost from ``lost`` on."""

    LABEL: ClassVar[bytes] = tag("copconnect revocation v1")
    RULE: ClassVar[str] = "E4"

    device: Bytes32
    lost: Uint64
    created: Uint64
    signer: Bytes32  # A device, or BY_AUTHORITY.
    standing: StandingHashes  # Hashes of the device's endorsements and grants that still count.

    @property
    def by_authority(self) -> bool:
        """Whether the roster authority signed it."""
        return self.signer == BY_AUTHORITY

    def check_shape(self, rule: str) -> None:
        require(self.lost <= self.created, rule, "lost after the revocation was made")
        require(self.device != self.signer, rule, "a device cannot revoke itself")

    def lets_stand(self, record_hash: bytes, created: int) -> bool:
        """Return whether an endorsement or grant by the revoked device outlives this revocation.

        The signer lists what the device made before the loss; the date counts too, so that a list
        made in error revives nothing. The roster authority undoes nothing that was made before it.
        """
        if self.by_authority:
            return created < self.created
        return created < self.lost and record_hash in self.standing
