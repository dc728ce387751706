"""Messages: header, hashes, and the log's hash chain. Pure; cannot open a body.

A message is header (307) ‖ signature (64) ‖ body. The body's key k is committed to in the header,
so that k alone proves the message to a moderator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from copconnect.limits import HEADER_BYTES
from copconnect.records.primitives.commitments import check_commitment
from copconnect.records.primitives.fields import (
    HASH_BYTES,
    SIGNATURE_BYTES,
    TAG_BYTES,
    ZEROS,
    Bytes16,
    Bytes32,
    Refused,
    Uint8,
    Uint64,
    exact,
    hkdf,
    require,
    sha256,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord

SIGNED_HEADER_BYTES = HEADER_BYTES + SIGNATURE_BYTES
LOG_START = ZEROS  # L₀.
NOTHING = bytes(16)
_BODY_LABEL = tag("copconnect body v2")
_BODY_COMMIT_LABEL = tag("copconnect body-commit v2")
_LOG_LABEL = tag("copconnect log v1")


class MessageKind(IntEnum):
    """The effect of a deletion on the body of a message (M3)."""

    PLAIN = 0  # A deletion that counts removes the body.
    # No deletion applies: orders and their changes, notices of exports, states, personal items,
    # marks.
    KEPT = 1
    EDIT = 2  # A deletion of the edited message deletes this edit too.
    DELETION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHeader(SignedRecord):
    """The fields that a sender's device signs about a message."""

    LABEL: ClassVar[bytes] = tag("copconnect message v3")
    RULE: ClassVar[str] = "R3"
    VERSION: ClassVar[int] = 3

    conversation_id: Bytes16
    message_id: Bytes16
    kind: Uint8 = MessageKind.PLAIN
    marked: Bytes16 = NOTHING  # The message that it edits or deletes.
    sender: Bytes32
    seq: Uint64
    attempt: Uint8
    previous: Bytes32  # The hash of the sender's header before; zeros at 1.
    key_id: Bytes32
    epoch: Uint64
    head: Bytes32
    log_position: Uint64
    log_hash: Bytes32
    sent: Uint64
    commit: Bytes32 = ZEROS
    body_hash: Bytes32 = ZEROS

    def check_shape(self, rule: str) -> None:
        """Refuse an unknown kind, and one that does not fit the marked message."""
        require(self.kind <= MessageKind.DELETION, rule, "unknown kind")
        about = self.kind >= MessageKind.EDIT
        require((self.marked != NOTHING) == about, rule, "marks nothing, or too much")

    def aad(self) -> bytes:
        """Return the header up to and including ``sent``."""
        return self.unsigned()[: -2 * HASH_BYTES]

    def body_key_info(self) -> bytes:
        """Return the HKDF info that binds k to conversation, sender, seq and attempt."""
        ids = self.conversation_id + self.sender
        return _BODY_LABEL + ids + uint(self.seq) + uint(self.attempt, 1)

    def commit_to(self, body_key: bytes) -> bytes:
        """Return the commitment to k."""
        return hkdf(body_key, self.message_id, _BODY_COMMIT_LABEL)

    def check_body_key(self, body_key: bytes) -> None:
        """Refuse a k that the header does not commit to (R7), in constant time."""
        check_commitment(self.commit_to(body_key), self.commit, "R7")


def parse_message(message: bytes, conversation_id: bytes) -> tuple[MessageHeader, bytes]:
    """Return header and body (R1). Raises Refused."""
    header = MessageHeader.parse(message[:SIGNED_HEADER_BYTES], "R1")
    body = message[SIGNED_HEADER_BYTES:]
    require(len(body) >= TAG_BYTES, "R1", "body is truncated")
    require(header.conversation_id == conversation_id, "R1", "another conversation")
    return header, body


def check_signed(header: MessageHeader, body: bytes, sender_key: bytes) -> None:
    """Check signature and H(body) (R3). Raises Refused."""
    header.verify(sender_key)
    require(sha256(body) == header.body_hash, "R3", "not the body that was signed")


def message_hash(message: bytes) -> bytes:
    """Return H(header ‖ signature) of a whole message: ``prev`` of the sender's next."""
    if len(message) < SIGNED_HEADER_BYTES:
        raise Refused("R1", "truncated")
    return sha256(message[:SIGNED_HEADER_BYTES])


def next_log_hash(before: bytes, header_hash: bytes) -> bytes:
    """Return Lᵢ from Lᵢ₋₁ and H(header ‖ signature) of the message at position i."""
    return sha256(_LOG_LABEL + exact(before, HASH_BYTES) + exact(header_hash, HASH_BYTES))


@dataclass(frozen=True, slots=True)
class ChainLink:
    """The values that a receiver keeps of an accepted message of a sender."""

    message_id: bytes
    attempt: int
    previous: bytes
    hash: bytes


def check_chain(header: MessageHeader, accepted: Mapping[int, ChainLink]) -> bool:
    """Return whether a message before this one is missing (R5); ``accepted``: by seq.

    Raises Refused for what was accepted already, and for what does not chain to its neighbours, in
    whatever order they came. All attempts of a seq have one message id; the highest counts.
    """
    require(header.seq >= 1 and header.attempt >= 1, "R5", "numbers begin at 1")
    first = header.seq == 1
    require(first == (header.previous == ZEROS), "R5", "only the first has none before")
    if same := accepted.get(header.seq):
        once = same.message_id == header.message_id
        require(once, "R5", "two messages with one seq: alarm")
        require(same.attempt < header.attempt, "R5", "accepted already, or an older attempt")
    before, after = accepted.get(header.seq - 1), accepted.get(header.seq + 1)
    chains = before is None or before.hash == header.previous
    require(chains, "R5", "does not chain: alarm")
    chained = after is None or after.previous == header.hash()
    require(chained, "R5", "next does not chain: alarm")
    return not first and before is None
