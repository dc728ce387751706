"""The chain of the audit log. Pure.

An entry's hash covers the hash of its content and not the content itself, so that somebody who may
read only a part of the log verifies the whole chain: of other entries they are told the digest. The
salt keeps a digest from telling what a guess would confirm.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from copconnect.principals import SignedAs

ZEROS = bytes(32)
SALT_BYTES = 16
_ENTRY, _CONTENT = b"copconnect audit v1\0", b"copconnect audit content v2\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An act as it was done. ``by``: as principals.named; ``path``: of a unit at or above all that
    it touched, "" for the department; ``act``: JSON; ``signed``: a record of the kind
    ``signed_as``, by which somebody's device asked for it, empty for an operator's act;
    ``presence``: the proof that the person was there, of an act of weight."""

    salt: bytes
    by: str
    path: str
    act: str
    signed_as: SignedAs | Literal[""] = ""
    signed: bytes = b""
    presence: bytes = b""

    def digest(self) -> bytes:
        """Return the hash of the content."""
        who, path, kind = self.by.encode(), self.path.encode(), self.signed_as.encode()
        act = self.act.encode()
        fields = (
            *(_CONTENT, self.salt, len(who).to_bytes(2), who, len(path).to_bytes(2), path),
            *(len(act).to_bytes(4), act, len(kind).to_bytes(2), kind),
            *(len(self.signed).to_bytes(4), self.signed),
            *(len(self.presence).to_bytes(4), self.presence),
        )
        return hashlib.sha256(b"".join(fields)).digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``hash``: as stored."""

    number: int  # From 1.
    made_ms: int
    content: Content
    hash: bytes


def entry_hash(previous: bytes, number: int, made_ms: int, digest: bytes) -> bytes:
    """Return an entry's hash; ``previous``: that of the entry before, zeros for the first."""
    fields = (_ENTRY, previous, number.to_bytes(8), made_ms.to_bytes(8), digest)
    return hashlib.sha256(b"".join(fields)).digest()


class Broken(Exception):
    """The log does not hold."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"entry {number}: {reason}")
        self.number = number
        self.reason = reason


@dataclass(slots=True)
class Chain:
    """Verifies entries in order, some at a time."""

    number: int = 0
    hash: bytes = ZEROS

    def follow(self, entries: Iterable[Entry]) -> None:
        """Check the next entries. Raises Broken."""
        for one in entries:
            if one.number != self.number + 1:
                raise Broken(self.number + 1, "is missing")
            digest = one.content.digest()
            if one.hash != entry_hash(self.hash, one.number, one.made_ms, digest):
                raise Broken(one.number, "was changed, or the one before it was")
            self.number, self.hash = one.number, one.hash

    def end(self, number: int, head: bytes) -> None:
        """Check that the last entry is the newest that was written. Raises Broken."""
        if (self.number, self.hash) != (number, head):
            raise Broken(self.number + 1, "is missing, or the head was changed")
