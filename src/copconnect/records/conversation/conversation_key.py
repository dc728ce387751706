"""ConversationKey: the record of a conversation's key S. Pure; never holds S.

The key id is the record's hash. Two authors at once make two keys, and both serve.
"""

from dataclasses import dataclass
from typing import ClassVar

from copconnect.limits import CLOCK_LEEWAY_MS, KEY_AGE_MS, KEY_MESSAGES
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.commitments import check_commitment, commitment
from copconnect.records.primitives.fields import (
    ID_BYTES,
    KEY_ID_BYTES,
    Bytes16,
    Bytes32,
    Refused,
    Uint64,
    exact,
    is_recent,
    require,
    tag,
)
from copconnect.records.primitives.signed import SignedRecord

_COMMIT_LABEL, _SEAL_LABEL = tag("copconnect key-commit v1"), tag("copconnect key-seal v1")


def commit_to(secret: bytes, conversation_id: bytes) -> bytes:
    """Return the commitment to S."""
    return commitment(_COMMIT_LABEL, secret, exact(conversation_id, ID_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationKey(SignedRecord):
    """The fields that an author signs about S."""

    LABEL: ClassVar[bytes] = tag("copconnect conversation-key v1")
    RULE: ClassVar[str] = "S2"

    conversation_id: Bytes16
    author: Bytes32
    epoch: Uint64
    head: Bytes32
    created: Uint64
    commit: Bytes32

    def check_secret(self, secret: bytes) -> None:
        """Refuse an S that is not this record's (R6)."""
        check_commitment(commit_to(secret, self.conversation_id), self.commit, "R6")

    def seal_info(self, recipient_key_id: bytes) -> bytes:
        """Return the HPKE info of a seal of S.

        It names the record: another author's record with the same commitment does not open it.
        """
        return _SEAL_LABEL + self.hash() + exact(recipient_key_id, KEY_ID_BYTES)

    def check_author(self, head: RosterHead, author_key: bytes) -> None:
        """Check the record against the head of its epoch and its author's public key (S2, D2).

        That the author is confirmed, and listed in this head, the caller knows. Raises Refused.
        """
        same = (self.conversation_id, self.epoch) == (head.conversation_id, head.epoch)
        require(same and self.head == head.hash(), self.RULE, "another roster head")
        self.verify(author_key)

    def check_usable(self, newest: RosterHead, now: int, messages: int) -> None:
        """Check S2 under the newest head, of a key under which so many messages were sent."""
        same = self.conversation_id == newest.conversation_id
        require(same, self.RULE, "another conversation's key")
        in_range = newest.rekey_epoch <= self.epoch <= newest.epoch
        require(in_range, self.RULE, "made before a removal")
        fresh = is_recent(self.created, now, KEY_AGE_MS) and messages < KEY_MESSAGES
        require(fresh, self.RULE, "older than 24 h, or used up")

    def order(self) -> tuple[int, int, bytes]:
        """Return what the newest of several usable keys is chosen by (S2)."""
        return self.epoch, self.created, self.hash()

    def check_for_reading(
        self, header_head: RosterHead, made_under: RosterHead | None, now: int
    ) -> None:
        """Check R6 of the record that a header names; ``made_under``: the head of its epoch."""
        same = self.conversation_id == header_head.conversation_id
        require(same, "R6", "another conversation's key")
        in_range = header_head.rekey_epoch <= self.epoch <= header_head.epoch
        require(in_range, "R6", "made before a removal, or after the message")
        if made_under is None:
            raise Refused("R6", "roster head of the record is unknown: fetch it")
        require(self.head == made_under.hash(), "R6", "record of another roster head")
        in_time = made_under.created <= self.created <= now + CLOCK_LEEWAY_MS
        require(in_time, "R6", "made before its head, or in the future")
