"""Proofs of reported messages (F1): exact parsing and judging, as moderators' devices do.

Each message is signed header ‖ body as the log has it, with the key k of its body alone. The
sender's signature covers H(body) and the commitment to k.
"""

from collections.abc import Callable
from dataclasses import dataclass

from copconnect.limits import MAX_MESSAGE_BYTES
from copconnect.records.conversation.message import (
    SIGNED_HEADER_BYTES,
    MessageHeader,
    check_signed,
    message_hash,
    parse_message,
)
from copconnect.records.primitives.fields import (
    HASH_BYTES,
    ID_BYTES,
    SECRET_BYTES,
    TAG_BYTES,
    Reader,
    Refused,
    exact,
    require,
    text,
    uint,
)
from copconnect.sealing.envelopes import EnvelopePlace
from copconnect.sealing.messages import open_body

RULE = "F1"
PROVEN_MESSAGES = 6  # The reported one and five before it.
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
        """Return the proof's bytes. Raises ValueError."""
        if not 1 <= len(self.items) <= PROVEN_MESSAGES:
            raise ValueError("1 to 6 messages")
        opening = uint(_VERSION, 1) + uint(self.clause, 1) + text(self.words)
        return opening + uint(len(self.items), 1) + b"".join(
            exact(one.person_id, ID_BYTES)
            + exact(one.key, SECRET_BYTES)
            + uint(len(one.message), 4)
            + one.message
            for one in self.items
        )  # fmt: skip


def parse_proof(data: bytes) -> Proof:
    """Return the proof that these bytes are; no message is judged yet. Raises Refused."""
    reader = Reader(data, RULE)
    reader.version(_VERSION)
    clause = reader.uint(1)
    require(clause >= 1, RULE, "clauses count from 1")
    words, count = reader.text(), reader.uint(1)
    require(1 <= count <= PROVEN_MESSAGES, RULE, "wrong number of messages")
    items = []
    for _ in range(count):
        person_id, key, size = reader.read(ID_BYTES), reader.read(SECRET_BYTES), reader.uint(4)
        fits = SIGNED_HEADER_BYTES + TAG_BYTES <= size <= MAX_MESSAGE_BYTES
        require(fits, RULE, "no size of a message")
        items.append(ProofItem(person_id, key, reader.read(size)))
    reader.end()
    return Proof(clause, words, tuple(items))


@dataclass(frozen=True, slots=True)
class JudgedMessage:
    """A message of a proof. ``plaintext``: None where the proof does not hold; ``failed``: why."""

    header: MessageHeader
    person_id: bytes
    plaintext: bytes | None
    failed: str | None


# The key of a person's device by a certificate of the department; None: none is known.
SenderKey = Callable[[bytes, bytes], bytes | None]


def judge_proof(proof: Proof, place: ReportPlace, key_of: SenderKey) -> list[JudgedMessage]:
    """Judge a proof. Raises Refused where the whole does not fit."""
    messages = [_parsed(one.message, place.conversation_id) for one in proof.items]
    reported = messages[0][0]
    same = (reported.message_id, message_hash(proof.items[0].message))
    require(same == (place.message_id, place.header_hash), RULE, "not the reported message")
    _check_order([header for header, _ in (*messages[1:], messages[0])])
    return [
        _judged(header, body, item, key_of)
        for (header, body), item in zip(messages, proof.items, strict=True)
    ]


def _parsed(message: bytes, conversation_id: bytes) -> tuple[MessageHeader, bytes]:
    try:
        return parse_message(message, conversation_id)
    except Refused as error:
        raise Refused(RULE, error.message) from error


def _check_order(headers: list[MessageHeader]) -> None:
    """Each once; of one device in the order of its numbers, none after the reported one."""
    ids: set[bytes] = set()
    newest: dict[bytes, int] = {}
    for header in headers:
        require(header.message_id not in ids, RULE, "one message twice")
        ids.add(header.message_id)
        in_order = header.seq > newest.get(header.sender, 0)
        require(in_order, RULE, "not in the order they were sent")
        newest[header.sender] = header.seq


def _judged(
    header: MessageHeader, body: bytes, item: ProofItem, key_of: SenderKey
) -> JudgedMessage:
    try:
        key = key_of(item.person_id, header.sender)
        if key is None:
            raise Refused(RULE, "no certificate names this device as that person's")
        check_signed(header, body, key)
        plaintext = open_body(header, body, item.key)
    except Refused as error:
        return JudgedMessage(header, item.person_id, None, f"{RULE}: {error.message}")
    return JudgedMessage(header, item.person_id, plaintext, None)
