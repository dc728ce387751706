"""The audit log as a file that anybody verifies with the department's certificates alone. Pure.

The file is lines of JSON: a head, then entries in order from the first, and before the first entry
that a device signed a certificate of that device. An entry of another part of the tree has the hash
of its content alone, so that the chain holds all the same. A file that ends early does not reach
the newest entry that its head names; a head that somebody else made shows by the number and the
hash that were noted on paper.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from copconnect import wire
from copconnect.audit.rules import ZEROS, Broken, Content, Entry, entry_hash
from copconnect.audit.signatures import Signatures
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.device import Certificate
from copconnect.wire import Wire


class _Line(Wire, frozen=True, kw_only=True, tag_field="line"):
    """A line of the file."""


class Head(_Line, frozen=True, tag="copconnect audit v1"):
    """The newest entry when the file was made."""

    newest: int
    newest_hash: bytes


class Signer(_Line, frozen=True, tag="signer"):
    """A certificate of a device that signed one of the following entries."""

    certificate: bytes


class Row(wire.AuditEntry, frozen=True, kw_only=True, tag_field="line", tag="entry"):
    """An entry, as the console gets it."""


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Head | Signer | Row] = msgspec.json.Decoder(Head | Signer | Row)


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file that holds: its newest entry, and how many entries are signed, unsigned, and of other
    parts, verified by their hashes alone."""

    number: int
    hash: bytes
    signed: int
    unsigned: int
    hidden: int


def line(one: Head | Signer | Row) -> bytes:
    """Return a line of the file."""
    return _ENCODER.encode(one) + b"\n"


def row(entry: Entry, *, readable: bool) -> Row:
    """Return an entry as a line."""
    return Row(**msgspec.structs.asdict(shown(entry, readable=readable)))


def shown(entry: Entry, *, readable: bool) -> wire.AuditEntry:
    """Return an entry as others see it; without its content where they may not read that."""
    content = entry.content
    return wire.AuditEntry(
        number=entry.number,
        made_ms=entry.made_ms,
        digest=content.digest(),
        hash=entry.hash,
        content=wire.AuditContent(**dataclasses.asdict(content)) if readable else None,
    )


def verify(lines: Iterable[bytes], issuing_keys: Iterable[bytes]) -> VerifiedFile:
    """Verify a file line by line; only devices' keys are held. ``issuing_keys``: raw public keys of
    the department's issuing CAs. Raises Broken."""
    return _Verifying(tuple(issuing_keys)).all(lines)


class _Verifying:
    def __init__(self, issuing_keys: tuple[bytes, ...]) -> None:
        self._issuing = issuing_keys
        self._keys: dict[bytes, bytes] = {}
        self._signatures = Signatures()
        self._number, self._hash, self._hidden = 0, ZEROS, 0

    def all(self, lines: Iterable[bytes]) -> VerifiedFile:
        head: Head | None = None
        for text in lines:
            one = self._decoded(text)
            match one:
                case Head() if head is None and self._number == 0:
                    head = one
                case Signer():
                    self._signer(one)
                case Row() if head is not None:
                    self._entry(one)
                case _:
                    raise Broken(self._number + 1, "follows a line that does not belong there")
        if head is None or (self._number, self._hash) != (head.newest, head.newest_hash):
            raise Broken(self._number + 1, "is missing, or the head was changed")
        self._signatures.end(self._number)
        counted = self._signatures
        return VerifiedFile(
            self._number, self._hash, counted.signed, counted.unsigned, self._hidden
        )

    def _decoded(self, text: bytes) -> Head | Signer | Row:
        try:
            return _DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Broken(self._number + 1, "is malformed") from error

    def _signer(self, one: Signer) -> None:
        try:
            certificate = Certificate.parse(one.certificate, self._issuing)
        except Refused as error:
            reason = "is signed by a device whose certificate is not the department's"
            raise Broken(self._number + 1, reason) from error
        self._keys[certificate.device] = certificate.public_key

    def _entry(self, one: Row) -> None:
        if one.number != self._number + 1:
            raise Broken(self._number + 1, "is missing")
        content = one.content
        digest = one.digest
        if content is None:
            self._hidden += 1
            self._signatures.hidden(one.number)
        else:
            told = Content(**msgspec.structs.asdict(content))
            entry = Entry(one.number, one.made_ms, told, one.hash)
            digest = entry.content.digest()
        if one.hash != entry_hash(self._hash, one.number, one.made_ms, digest):
            raise Broken(one.number, "was changed, or the one before it was")
        if content is not None:
            device = self._signatures.device_of(entry)
            self._signatures.follow(entry, None if device is None else self._keys.get(device))
        self._number, self._hash = one.number, one.hash
