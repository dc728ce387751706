"""Messages and the log: header, body, chain, log hash; marks and pins (M4). Pure."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spec.keys.reference.basics import (
    SIGNATURE,
    TAG,
    ZEROS,
    H,
    Record,
    Refused,
    T,
    hkdf,
    require,
    u,
)


class Header(Record):
    label, rule, version = "copconnect message v3", "R3", 3
    layout = """
        conversation:16 message:16 kind:u1 marked:16 sender:32 seq:u8 attempt:u1 previous:32 key:32
        epoch:u8 head:32 log_position:u8 log_hash:32 sent:u8 commit:32 body:32
    """

    def body_key(self, secret: bytes) -> bytes:
        """Return k, which encrypts this body alone."""
        bound = self.conversation + self.sender + u(self.seq) + u(self.attempt, 1)
        return hkdf(secret, self.message, T("copconnect body v2") + bound)

    def body_commit(self, key: bytes) -> bytes:
        return hkdf(key, self.message, T("copconnect body-commit v2"))

    def matches(self, key: bytes) -> None:
        require(hmac.compare_digest(self.body_commit(key), self.commit), "R7", "wrong key commit")

    def aad(self) -> bytes:
        """Return the header up to and including ``sent``."""
        return self.unsigned()[:-64]


HEADER_BYTES, NONCE = 307, bytes(12)

# Kinds of messages, and what a message is about.
PLAIN, KEPT, EDIT, DELETION = range(4)
NOTHING = bytes(16)


def seal_message(draft: Header, secret: bytes, plaintext: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a message; the draft has everything but commit, hash of the body and signature."""
    k = draft.body_key(secret)
    body = AESGCM(k).encrypt(NONCE, plaintext, draft.aad())
    return draft.but(commit=draft.body_commit(k), body=H(body)).sign(key).encode() + body


def next_log_hash(before: bytes, message: bytes) -> bytes:
    """Return Lᵢ from Lᵢ₋₁ and the message at position i."""
    return H(T("copconnect log v1") + before + H(message[: HEADER_BYTES + SIGNATURE]))


def parse_message(message: bytes, conversation: bytes) -> tuple[Header, bytes]:
    header, body = parse_entry(message, conversation)
    if body is None:
        raise Refused("R1", "body is truncated")
    return header, body


def parse_entry(message: bytes, conversation: bytes) -> tuple[Header, bytes | None]:
    """Return header and body of an entry of the log; None: the server has dropped it (R11)."""
    size = HEADER_BYTES + SIGNATURE
    header, body = Header.parse(message[:size], "R1"), message[size:]
    require(len(body) == 0 or len(body) >= TAG, "R1", "body is truncated")
    require(header.conversation == conversation, "R1", "another conversation")
    require(header.kind <= DELETION, "R1", "unknown kind")
    require((header.marked != NOTHING) == (header.kind >= EDIT), "R1", "marks nothing, or too much")
    return header, body or None


def check_chain(header: Header, accepted: Mapping[int, Header]) -> bool:
    """Return whether a message before this one is missing. Raises Refused for what was accepted
    already, and for what does not chain to its neighbours, in whatever order they came.
    Convention: attempts count from 1, and all attempts of a seq have one message id."""
    require(header.seq >= 1 and header.attempt >= 1, "R5", "numbers begin at 1")
    require((header.seq == 1) == (header.previous == ZEROS), "R5", "only the first has none before")
    if same := accepted.get(header.seq):
        require(same.message == header.message, "R5", "two messages with one seq: alarm")
        require(same.attempt < header.attempt, "R5", "accepted already, or an older attempt")
    before, after = accepted.get(header.seq - 1), accepted.get(header.seq + 1)
    require(before is None or before.hash() == header.previous, "R5", "does not chain: alarm")
    require(after is None or after.previous == header.hash(), "R5", "next does not chain: alarm")
    return header.seq > 1 and before is None


def open_body(header: Header, body: bytes, k: bytes) -> bytes:
    header.matches(k)
    try:
        return AESGCM(k).decrypt(NONCE, body, header.aad())
    except InvalidTag as error:
        raise Refused("R7", "body does not open") from error


# --- Marks ----------------------------------------------------------------------------------------

MOST_PINNED = 3
MOST_READ = 64


def mark_plaintext(message: bytes, what: dict[str, Any]) -> bytes:
    """Return the plaintext of a message that carries a mark."""
    fields = {"v": 1, "kind": "mark", "messageId": message.hex(), "what": what}
    return msgspec.msgpack.encode(fields)


@dataclass(frozen=True)
class Pin:
    """A pin or an unpin as the log has it. ``admin``: its signer's leaf has the admin right."""

    position: int
    message: bytes
    pinned: bool
    admin: bool


def pinned(pins: Iterable[Pin], *, direct: bool) -> list[bytes]:
    """Return the pinned messages, the last pinned first (M4)."""
    counting = sorted((one for one in pins if direct or one.admin), key=lambda one: one.position)
    found: list[bytes] = []
    for one in counting[-MOST_READ:]:
        found = [message for message in found if message != one.message]
        found = [one.message, *found][:MOST_PINNED] if one.pinned else found
    return found
