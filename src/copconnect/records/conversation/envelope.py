"""Sealed envelopes (O2 and F2): sizes and parsing. Pure; opens nothing.

An envelope is version=1 (1) · KEM (2) · commit (32) · n (1) · n × [key id (16) · enc · ct (48)],
ascending by key id · body. A reader adds seals of the same secret for further devices (F3).
"""

from dataclasses import dataclass

from copconnect.limits import (
    JOIN_REASON_BYTES,
    MAX_ANSWER_BYTES,
    MAX_APPEAL_BYTES,
    MAX_JOIN_REQUEST_BYTES,
    MAX_REPORT_BYTES,
    REPORT_SEALS,
)
from copconnect.records.primitives.fields import (
    HASH_BYTES,
    KEY_ID_BYTES,
    SECRET_BYTES,
    TAG_BYTES,
    Reader,
    ascending,
    require,
)
from copconnect.records.primitives.kem import ENC_BYTES

ANSWER_SEALS = 24  # Devices that an answer is sealed to, at most.
ANSWER_TEXT_BYTES = 3_070  # UTF-8.
WORDS_BYTES = 4_000  # UTF-8, of an appeal, and of a reporter's words.
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeKind:
    """The facts that envelopes of one kind share. ``name``: in the labels; ``rule``: refuses one;
    ``padding``: the length shows in steps of this only."""

    name: str
    rule: str
    most_seals: int
    most_bytes: int
    length_bytes: int
    most_content: int
    padding: int


ANSWER = EnvelopeKind(
    name="answer",
    rule="O2",
    most_seals=ANSWER_SEALS,
    most_bytes=MAX_ANSWER_BYTES,
    length_bytes=2,
    most_content=ANSWER_TEXT_BYTES,
    padding=256,
)
REPORT = EnvelopeKind(
    name="report",
    rule="F2",
    most_seals=REPORT_SEALS,
    most_bytes=MAX_REPORT_BYTES,
    length_bytes=4,
    most_content=MAX_REPORT_BYTES - REPORT_SEALS * 1_200 - 8_192,
    padding=4_096,
)
APPEAL = EnvelopeKind(
    name="appeal",
    rule="F2",
    most_seals=REPORT_SEALS,
    most_bytes=MAX_APPEAL_BYTES,
    length_bytes=2,
    most_content=WORDS_BYTES,
    padding=256,
)


JOIN = EnvelopeKind(
    name="join",
    rule="F4",
    most_seals=REPORT_SEALS,
    most_bytes=MAX_JOIN_REQUEST_BYTES,
    length_bytes=2,
    most_content=JOIN_REASON_BYTES,
    padding=256,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEnvelope:
    """An envelope that parses. ``seals``: enc ‖ ct by key id, ascending."""

    kem: int
    commit: bytes
    seals: dict[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedSeal:
    """The secret of an envelope, sealed to one more device by a reader (F3). ``seal``: enc ‖ ct."""

    kem: int
    key_id: bytes
    seal: bytes


def check_added(kind: EnvelopeKind, added: AddedSeal) -> None:
    """Raise Refused for a seal of another size than its KEM makes."""
    require(added.kem in ENC_BYTES, kind.rule, "unknown KEM")
    size = ENC_BYTES[added.kem] + SECRET_BYTES + TAG_BYTES
    fits = len(added.seal) == size and len(added.key_id) == KEY_ID_BYTES
    require(fits, kind.rule, "no seal of this KEM")


def parse_envelope(kind: EnvelopeKind, data: bytes) -> SealedEnvelope:
    """Return the envelope that these bytes are. Raises Refused."""
    rule = kind.rule
    require(len(data) <= kind.most_bytes, rule, "the envelope is too large")
    reader = Reader(data, rule)
    require(reader.uint(1) == _VERSION, rule, "unknown version")
    kem = reader.uint(2)
    require(kem in ENC_BYTES, rule, "unknown KEM")
    commit, count = reader.read(HASH_BYTES), reader.uint(1)
    require(1 <= count <= kind.most_seals, rule, "wrong number of seals")
    size = ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES
    pairs = [(reader.read(KEY_ID_BYTES), reader.read(size)) for _ in range(count)]
    require(ascending([key_id for key_id, _ in pairs]), rule, "key ids do not ascend")
    body = data[reader.at :]
    padded = len(body) - TAG_BYTES
    require(padded > 0 and padded % kind.padding == 0, rule, "the content is not padded")
    return SealedEnvelope(kem=kem, commit=commit, seals=dict(pairs), body=body)
