"""Proofs of reported messages (F1), as a reporter's device makes them.

Each message is signed header ‖ body as the log has it, with the key k of its body alone. The
sender's signature covers H(body) and the commitment to k.
"""

from dataclasses import dataclass

from copconnect.records.primitives.fields import (
    HASH_BYTES,
    ID_BYTES,
    SECRET_BYTES,
    exact,
    text,
    uint,
)
from copconnect.sealing.envelopes import EnvelopePlace

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlace:
    """The subject of a report. ``header_hash``: H(header ‖ signature) of the reported message."""

    report_id: bytes
    conversation_id: bytes
    message_id: bytes
    header_hash: bytes

    def place(self) -> EnvelopePlace:
        """Return the place of the report's envelope (F2)."""
        joined = b"".join(
            (
                exact(self.report_id, ID_BYTES),
                exact(self.conversation_id, ID_BYTES),
                exact(self.message_id, ID_BYTES),
                exact(self.header_hash, HASH_BYTES),
            )
        )
        return EnvelopePlace(salt=self.report_id, joined=joined)


@dataclass(frozen=True, slots=True)
class ProofItem:
    """A message, its key, and the person whose device sent it."""

    person_id: bytes
    key: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """The reported message first, then those before it in the order of the log."""

    clause: int
    words: str
    items: tuple[ProofItem, ...]

    def encode(self) -> bytes:
        """Return the proof's bytes."""
        opening = uint(_VERSION, 1) + uint(self.clause, 1) + text(self.words)
        return opening + uint(len(self.items), 1) + b"".join(
            exact(one.person_id, ID_BYTES)
            + exact(one.key, SECRET_BYTES)
            + uint(len(one.message), 4)
            + one.message
            for one in self.items
        )  # fmt: skip
