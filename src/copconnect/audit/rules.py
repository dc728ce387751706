"""The chain of the audit log. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

ZEROS = bytes(32)
_LABEL = b"copconnect audit v1\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``by``: as principals.named; ``act``: JSON; ``hash``: as stored."""

    number: int  # From 1.
    made_ms: int
    by: str
    act: bytes
    hash: bytes


def entry_hash(previous: bytes, number: int, made_ms: int, by: str, act: bytes) -> bytes:
    """Return an entry's hash; ``previous``: that of the entry before, zeros for the first."""
    who = by.encode()
    fields = (
        *(_LABEL, previous, number.to_bytes(8), made_ms.to_bytes(8)),
        *(len(who).to_bytes(2), who, len(act).to_bytes(4), act),
    )
    return hashlib.sha256(b"".join(fields)).digest()


class Broken(Exception):
    """The chain does not hold."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"entry {number}: {reason}")
        self.number = number


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
            wanted = entry_hash(self.hash, one.number, one.made_ms, one.by, one.act)
            if one.hash != wanted:
                raise Broken(one.number, "was changed, or the one before it was")
            self.number, self.hash = one.number, one.hash

    def end(self, number: int, head: bytes) -> None:
        """Check that the last entry is the newest that was written. Raises Broken."""
        if (self.number, self.hash) != (number, head):
            raise Broken(self.number + 1, "is missing, or the head was changed")
