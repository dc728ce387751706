"""Sealed envelopes, what orders and reports carry in them, and acknowledgements (O, F). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spec.keys.reference.basics import (
    SECRET,
    TAG,
    ZEROS,
    H,
    Reader,
    Record,
    Refused,
    T,
    ascending,
    field_bytes,
    hkdf,
    require,
    u,
)
from spec.keys.reference.hpke import ENC_BYTES, PrivateKey, hpke_open, hpke_seal
from spec.keys.reference.keys import KEY_ID, DeviceKey
from spec.keys.reference.messages import NONCE, Header, open_body, parse_message

CHOICES, ITEMS, UNREADABLE = 6, 12, 255
OWN, IN_PERSON = 0, 1
PROVEN_MESSAGES = 6


class Acknowledgement(Record):
    label, rule, version = "copconnect acknowledgement v4", "O1", 4
    layout = """
        conversation:16 message:16 header:32 text:32 device:32 person:16 told:u1 choice:u1
        done:u2 answer:32 photo:32 created:u8
    """

    def check(self) -> None:
        require(self.told in (OWN, IN_PERSON), self.rule, "told neither by itself nor in person")
        unreadable = self.choice == UNREADABLE and self.told == OWN and self.answer == ZEROS
        known = unreadable or self.choice <= CHOICES
        require(known, self.rule, "more choices than an order may have")
        require(self.done < 1 << ITEMS, self.rule, "more items than an order may have")
        said = self.told == OWN and not unreadable
        require(said or self.done == 0, self.rule, "items done by somebody who did not say so")
        require(said or self.photo == ZEROS, self.rule, "a photo by somebody who did not say so")


class Kind(NamedTuple):
    """Facts that envelopes of one kind share."""

    name: str  # In the labels.
    rule: str
    most_seals: int
    length_bytes: int
    padding: int


ANSWER = Kind("answer", "O2", 24, 2, 256)
PHOTO = Kind("photo", "O2", 24, 2, 256)
REPORT = Kind("report", "F2", 64, 4, 4096)
APPEAL = Kind("appeal", "F2", 64, 2, 256)


class Place(NamedTuple):
    """``salt``: names the envelope; ``joined``: P, all that it belongs to."""

    salt: bytes
    joined: bytes


@dataclass(frozen=True)
class Envelope:
    """``seals``: enc ‖ ct by key id."""

    kind: Kind
    kem: int
    commit: bytes
    seals: Mapping[bytes, bytes]
    body: bytes

    @classmethod
    def seal(
        cls, kind: Kind, place: Place, content: bytes, to: Sequence[DeviceKey], secret: bytes
    ) -> Self:
        """``secret``: A, 32 random bytes for this envelope alone."""
        padded = u(len(content), kind.length_bytes) + content
        padded += bytes(-len(padded) % kind.padding)
        return cls(
            kind,
            to[0].kem,
            hkdf(secret, place.salt, T(f"copconnect {kind.name}-commit v1")),
            dict(sorted((key.key_id(), seal_for(kind, place, secret, key)) for key in to)),
            AESGCM(_body_key(kind, place, secret)).encrypt(NONCE, padded, None),
        )

    def encode(self) -> bytes:
        opening = u(1, 1) + u(self.kem, 2) + self.commit + u(len(self.seals), 1)
        return opening + b"".join(k + seal for k, seal in self.seals.items()) + self.body

    @classmethod
    def parse(cls, kind: Kind, data: bytes) -> Self:
        reader = Reader(data, kind.rule)
        require(reader.uint(1) == 1, kind.rule, "unknown version")
        kem: int = reader.field("kem", 0)
        commit, count = reader.take(32), reader.uint(1)
        require(1 <= count <= kind.most_seals, kind.rule, "wrong number of seals")
        size = ENC_BYTES[kem] + SECRET + TAG
        seals = [(reader.take(KEY_ID), reader.take(size)) for _ in range(count)]
        require(ascending([key_id for key_id, _ in seals]), kind.rule, "key ids do not ascend")
        body = data[reader.at :]
        padded = len(body) - TAG
        require(padded > 0 and padded % kind.padding == 0, kind.rule, "content is not padded")
        return cls(kind, kem, commit, dict(seals), body)

    def open(self, place: Place, key_id: bytes, key: PrivateKey) -> bytes:
        require(key_id in self.seals, self.kind.rule, "sealed to another key")
        return self.open_added(place, self.kem, key_id, self.seals[key_id], key)

    def open_added(
        self, place: Place, kem: int, key_id: bytes, seal: bytes, key: PrivateKey
    ) -> bytes:
        """Return the content by a seal that a reader added (F3)."""
        kind = self.kind
        secret = hpke_open(kem, key, _info(kind, place, key_id), seal, kind.rule)
        commit = hkdf(secret, place.salt, T(f"copconnect {kind.name}-commit v1"))
        require(commit == self.commit, kind.rule, "another envelope's secret")
        try:
            padded = AESGCM(_body_key(kind, place, secret)).decrypt(NONCE, self.body, None)
        except InvalidTag as error:
            raise Refused(kind.rule, "content does not open") from error
        reader = Reader(padded, kind.rule)
        return reader.take(reader.uint(kind.length_bytes))


def seal_for(kind: Kind, place: Place, secret: bytes, key: DeviceKey) -> bytes:
    """Return enc ‖ ct of A for one device, for more of them later too (F3)."""
    return hpke_seal(key.kem, key.pk, _info(kind, place, key.key_id()), secret, kind.rule)


def _info(kind: Kind, place: Place, key_id: bytes) -> bytes:
    return T(f"copconnect {kind.name}-seal v1") + place.joined + key_id


def _body_key(kind: Kind, place: Place, secret: bytes) -> bytes:
    return hkdf(secret, place.salt, T(f"copconnect {kind.name}-body v1") + place.joined)


# --- Proofs of reported messages (F1) -------------------------------------------------------------


class Item(NamedTuple):
    """A message, its k, and the person whose device sent it."""

    person: bytes
    key: bytes
    message: bytes


class Proof(NamedTuple):
    """The reported message first, then those before it in the order of the log."""

    clause: int
    words: str
    items: tuple[Item, ...]

    def encode(self) -> bytes:
        opening = u(1, 1) + u(self.clause, 1) + field_bytes("text", self.words)
        return opening + u(len(self.items), 1) + b"".join(
            one.person + one.key + u(len(one.message), 4) + one.message for one in self.items
        )  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> Self:
        reader = Reader(data, "F1")
        require(reader.uint(1) == 1, "F1", "unknown version")
        clause, words, count = reader.uint(1), reader.text(), reader.uint(1)
        require(clause >= 1 and 1 <= count <= PROVEN_MESSAGES, "F1", "no clause, or no messages")
        items = [
            Item(reader.take(16), reader.take(32), reader.take(reader.uint(4)))
            for _ in range(count)
        ]  # fmt: skip
        reader.end()
        return cls(clause, words, tuple(items))

    def judge(
        self,
        conversation: bytes,
        message: bytes,
        header: bytes,
        keys: Mapping[tuple[bytes, bytes], bytes],
    ) -> list[bytes | None]:
        """Return each text, None where the proof of it fails. ``header``: H(header ‖ signature) of
        the reported message; ``keys``: by person and device, as certificates name them."""
        try:
            parsed = [parse_message(one.message, conversation) for one in self.items]
        except Refused as refused:
            raise Refused("F1", str(refused)) from refused
        reported = parsed[0][0]
        same = (reported.message, reported.hash()) == (message, header)
        require(same, "F1", "not the reported message")
        newest: dict[bytes, int] = {}
        for one, _ in (*parsed[1:], parsed[0]):
            require(one.seq > newest.get(one.sender, 0), "F1", "not in the order they were sent")
            newest[one.sender] = one.seq
        require(len({one.message for one, _ in parsed}) == len(parsed), "F1", "one message twice")
        return [
            _opened(one, body, item, keys)
            for (one, body), item in zip(parsed, self.items, strict=True)
        ]


def _opened(
    header: Header, body: bytes, item: Item, keys: Mapping[tuple[bytes, bytes], bytes]
) -> bytes | None:
    try:
        key = keys.get((item.person, header.sender))
        require(key is not None, "F1", "no certificate names this device as that person's")
        header.verify(key or b"")
        require(H(body) == header.body, "F1", "not the body that was signed")
        return open_body(header, body, item.key)
    except Refused:
        return None
