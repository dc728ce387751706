"""The chain of the audit log. Pure.

An entry's hash covers the hash of its content and not the content itself, so that somebody who may
read only a part of the log verifies the whole chain: they get the digests of other entries. The
salt keeps a digest from telling what a guess would confirm.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from copconnect.principals import SignedAs
from copconnect.records.primitives.merkle import appended, edge_root, leaf_hash

ZEROS = bytes(32)
SALT_BYTES = 16
_ENTRY, _CONTENT = b"copconnect audit v1\0", b"copconnect audit content v2\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryContent:
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
    content: EntryContent
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


class Noted(NamedTuple):
    """An entry's number and hash that somebody noted elsewhere, for example on paper."""

    number: int
    hash: bytes


@dataclass(slots=True)
class LogVerifier:
    """Verifies entries in order. ``noted``: an entry that has to be among them."""

    noted: Noted | None = None
    number: int = 0
    hash: bytes = ZEROS
    edge: list[bytes] = field(default_factory=list)  # The tree over all entries' hashes.

    def follow(self, number: int, made_ms: int, digest: bytes, stored: bytes) -> None:
        """Check the next entry by the hash of its content and its own. Raises Broken."""
        if number != self.number + 1:
            raise Broken(self.number + 1, "is missing")
        if stored != entry_hash(self.hash, number, made_ms, digest):
            raise Broken(number, "was changed, or the one before it was")
        if self.noted is not None and self.noted.number == number and self.noted.hash != stored:
            raise Broken(number, "is another than the one that was noted")
        self.edge, _ = appended(self.edge, self.number, leaf_hash(stored))
        self.number, self.hash = number, stored

    def end(self, size: int, root: bytes) -> None:
        """Check that the log has so many entries and that their tree has this root. Raises
        Broken."""
        if self.number < size:
            raise Broken(self.number + 1, f"is missing: there were {size:,} entries")
        if self.number > size:
            raise Broken(size + 1, f"was added: there were {size:,} entries")
        if edge_root(self.edge) != root:
            raise Broken(self.number, "ends another log than the one whose root was kept or signed")
        if self.noted is not None and self.noted.number > self.number:
            raise Broken(self.number + 1, f"is missing: entry {self.noted.number:,} was noted")
