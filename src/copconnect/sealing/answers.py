"""Sealed answers to orders (KEYS.md section 3): made by the device that answers, opened by readers.

A secret A is sealed to the DeviceKey of each reader's device; the text is encrypted under a key
that is derived from A. Every seal and the key name the order and the answering device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copconnect.limits import MAX_ANSWER_BYTES
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    HASH_BYTES,
    ID_BYTES,
    KEY_ID_BYTES,
    SECRET_BYTES,
    TAG_BYTES,
    Reader,
    Refused,
    exact,
    hkdf,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.kem import ENC_BYTES
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke

RULE = "O2"
ANSWER_SEALS = 24  # Devices that an answer is sealed to, at most.
ANSWER_TEXT_BYTES = 3_070  # UTF-8.
_VERSION = 1
_PADDING = 256
_NONCE = bytes(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPlace:
    """The order that an answer is for, and the device that answers. ``header_hash``:
    H(header ‖ signature) of the order."""

    conversation_id: bytes
    message_id: bytes
    header_hash: bytes
    device: bytes

    def joined(self) -> bytes:
        """Return all four, one after another."""
        return b"".join(
            (
                exact(self.conversation_id, ID_BYTES),
                exact(self.message_id, ID_BYTES),
                exact(self.header_hash, HASH_BYTES),
                exact(self.device, DEVICE_BYTES),
            )
        )

    def info(self, key_id: bytes) -> bytes:
        """Return the HPKE info of the seal to a key."""
        return tag("copconnect answer-seal v1") + self.joined() + key_id

    def commit(self, secret: bytes) -> bytes:
        """Return the commitment to A."""
        return hkdf(secret, self.message_id, tag("copconnect answer-commit v1"))

    def key(self, secret: bytes) -> AESGCM:
        """Return the key of the text; it encrypts once."""
        info = tag("copconnect answer-body v1") + self.joined()
        return AESGCM(hkdf(secret, self.message_id, info))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAnswer:
    """An answer that parses. ``seals``: enc ‖ ct by key id, ascending."""

    kem: int
    commit: bytes
    seals: dict[bytes, bytes]
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> "SealedAnswer":
        """Return the answer that these bytes are. Raises Refused."""
        require(len(data) <= MAX_ANSWER_BYTES, RULE, "the answer is too large")
        reader = Reader(data, RULE)
        require(reader.uint(1) == _VERSION, RULE, "unknown version")
        kem = reader.uint(2)
        require(kem in ENC_BYTES, RULE, "unknown KEM")
        commit, count = reader.take(HASH_BYTES), reader.uint(1)
        require(1 <= count <= ANSWER_SEALS, RULE, "wrong number of seals")
        size = ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES
        pairs = [(reader.take(KEY_ID_BYTES), reader.take(size)) for _ in range(count)]
        ids = [key_id for key_id, _ in pairs]
        require(ids == sorted(set(ids)), RULE, "key ids do not ascend")
        body = data[reader.at :]
        padded = len(body) - TAG_BYTES
        require(padded > 0 and padded % _PADDING == 0, RULE, "the text is not padded")
        return cls(kem=kem, commit=commit, seals=dict(pairs), body=body)


def seal_answer(place: AnswerPlace, text: str, to: Sequence[DeviceKey], secret: bytes) -> bytes:
    """Return an answer sealed to checked DeviceKeys of one KEM (S3), 1 to 24 of them. ``secret``:
    32 random bytes that serve this answer alone. Raises ValueError for a text that is too long."""
    kems = {key.kem for key in to}
    if len(kems) != 1 or len(to) > ANSWER_SEALS:
        raise ValueError("an answer is sealed to 1 to 24 devices, under one KEM")
    encoded = text.encode()
    if len(encoded) > ANSWER_TEXT_BYTES:
        raise ValueError("the answer is too long")
    padded = uint(len(encoded), 2) + encoded
    padded += bytes(-len(padded) % _PADDING)
    seals = sorted(
        key.key_id() + hpke.seal(key.kem, key.pk, place.info(key.key_id()), secret, RULE)
        for key in to
    )
    opening = (uint(_VERSION, 1), uint(kems.pop(), 2), place.commit(secret), uint(len(seals), 1))
    return b"".join((*opening, *seals, place.key(secret).encrypt(_NONCE, padded, None)))


def open_answer(
    answer: SealedAnswer, place: AnswerPlace, key_id: bytes, key: hpke.PrivateKey
) -> str:
    """Return the text of an answer that is sealed to this key. The caller has checked its record
    (O1). Raises Refused."""
    sealed = answer.seals.get(key_id)
    if sealed is None:
        raise Refused(RULE, "sealed to another key")
    secret = hpke.open_sealed(answer.kem, key, place.info(key_id), sealed, RULE)
    require(place.commit(secret) == answer.commit, RULE, "the secret is another answer's")
    try:
        reader = Reader(place.key(secret).decrypt(_NONCE, answer.body, None), RULE)
    except InvalidTag as error:
        raise Refused(RULE, "the answer does not open") from error
    try:
        return reader.take(reader.uint(2)).decode()
    except UnicodeDecodeError as error:
        raise Refused(RULE, "the answer is no text") from error
