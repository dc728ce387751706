"""CellKey: the record of a cell's key pair, made from a secret C. Pure; never holds C.

That the public key comes from C can only be checked by who opens C, so ``sealing`` does (C2).
"""

from dataclasses import dataclass
from typing import ClassVar

from copconnect.limits import CELL_KEY_AGE_MS
from copconnect.records.conversation.roster import CellLine, Leaf, RosterHead
from copconnect.records.primitives.commitments import check_commitment, commitment
from copconnect.records.primitives.fields import (
    ID_BYTES,
    KEY_ID_BYTES,
    Bytes16,
    Bytes32,
    Uint16,
    Uint64,
    exact,
    is_recent,
    require,
    tag,
)
from copconnect.records.primitives.kem import PublicKey, check_public_key
from copconnect.records.primitives.signed import SealableRecord

_COMMIT_LABEL, _SEAL_LABEL = tag("copconnect cell-commit v1"), tag("copconnect cell-seal v1")


def commit_to(secret: bytes, conversation_id: bytes, cell_id: bytes) -> bytes:
    """Return the commitment to C."""
    place = exact(conversation_id, ID_BYTES) + exact(cell_id, ID_BYTES)
    return commitment(_COMMIT_LABEL, secret, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellKey(SealableRecord):
    """The fields that an author signs about a cell's key pair."""

    LABEL: ClassVar[bytes] = tag("copconnect cell-key v1")
    RULE: ClassVar[str] = "S4"

    conversation_id: Bytes16
    cell_id: Bytes16
    epoch: Uint64
    generation: Uint16
    head: Bytes32
    author: Bytes32
    created: Uint64
    commit: Bytes32
    pk: PublicKey

    def check_commitment(self, secret: bytes) -> None:
        """Refuse a C that the record does not commit to (C2)."""
        given = commit_to(secret, self.conversation_id, self.cell_id)
        check_commitment(given, self.commit, "C2")

    def seal_info(self, recipient_key_id: bytes) -> bytes:
        """Return the HPKE info of a seal of C, which names the record."""
        return _SEAL_LABEL + self.hash() + exact(recipient_key_id, KEY_ID_BYTES)

    def check_usable(
        self, newest: RosterHead, author: tuple[Leaf, CellLine], author_key: bytes, now: int
    ) -> None:
        """Check S4 under the newest head; ``author``: the author's leaf and cell line there.

        That the author is confirmed the caller knows; so it does whether ``head`` is the hash of
        the head of that epoch, where it holds that one. Raises Refused.
        """
        leaf, line = author
        ids = (self.conversation_id, self.kem)
        same = ids == (newest.conversation_id, newest.kem)
        require(same, self.RULE, "another conversation's or KEM's")
        right = leaf.device == self.author and leaf.cell_id == self.cell_id == line.cell_id
        require(right, self.RULE, "author is not listed in the cell")
        in_range = line.rekey_epoch <= self.epoch <= newest.epoch
        require(in_range, self.RULE, "made before a removal")
        require(is_recent(self.created, now, CELL_KEY_AGE_MS), self.RULE, "older than 7 days")
        self.verify(author_key)
        check_public_key(self.kem, self.pk, self.RULE)
