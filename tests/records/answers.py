"""Sealed answers to orders (docs/keys.md): made by the device that answers, opened by readers.

Every seal and the key are bound to the order and to the person who answers: they open for no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from copconnect.records.conversation.envelope import (
    ANSWER,
    ANSWER_SEALS,
    ANSWER_TEXT_BYTES,
    SealedEnvelope,
    parse_envelope,
)
from copconnect.records.primitives.fields import (
    HASH_BYTES,
    ID_BYTES,
    Refused,
    exact,
)
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.envelopes import EnvelopePlace, open_envelope, seal_envelope

__all__ = [
    "ANSWER_SEALS",
    "ANSWER_TEXT_BYTES",
    "AnswerPlace",
    "open_answer",
    "parse_answer",
    "seal_answer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPlace:
    """The order that an answer is for, and the person who answers. ``header_hash``:
    H(header ‖ signature) of the order."""

    conversation_id: bytes
    message_id: bytes
    header_hash: bytes
    person_id: bytes

    def place(self) -> EnvelopePlace:
        """Return the envelope's place."""
        joined = b"".join(
            (
                exact(self.conversation_id, ID_BYTES),
                exact(self.message_id, ID_BYTES),
                exact(self.header_hash, HASH_BYTES),
                exact(self.person_id, ID_BYTES),
            )
        )
        return EnvelopePlace(salt=self.message_id, joined=joined)


def parse_answer(data: bytes) -> SealedEnvelope:
    """Return the answer that these bytes are (O2). Raises Refused."""
    return parse_envelope(ANSWER, data)


def seal_answer(place: AnswerPlace, text: str, to: Sequence[DeviceKey], secret: bytes) -> bytes:
    """Return an answer sealed to checked DeviceKeys of one KEM (S3), 1 to 24 of them. ``secret``:
    32 random bytes that serve this answer alone. Raises ValueError for a text that is too long."""
    return seal_envelope(ANSWER, place.place(), text.encode(), to, secret)


def open_answer(
    answer: SealedEnvelope, place: AnswerPlace, key_id: bytes, key: hpke.PrivateKey
) -> str:
    """Return the text of an answer that is sealed to this key. The caller has checked its record
    (O1). Raises Refused."""
    content = open_envelope(ANSWER, answer, place.place(), key_id, key)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Refused("O2", "the answer is no text") from error
