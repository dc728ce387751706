"""The audit log as a file that anybody verifies with the department's certificates alone. Pure.

The file is lines of JSON: a head, then entries in order from the first, and before the first entry
that a device signed a certificate of that device. The head has the Time that the roster authority
signed for the export, with the log's size and root, and the department record by which the offline
root names that authority. An entry of another part of the tree has the hash of its content alone,
so that the chain and the root can still be verified. An older file with the Time of its export also
verifies, as the log of that time; its reader notices the age by that time, or because an entry that
was noted later is missing.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from copconnect import wire
from copconnect.audit.rules import Broken, Entry, EntryContent, LogVerifier, Noted
from copconnect.audit.signatures import Signatures
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.time_record import TimeRecord
from copconnect.wire import Wire


class _ExportedLine(Wire, frozen=True, kw_only=True, tag_field="line"):
    """A line of the file."""


class Head(_ExportedLine, frozen=True, tag="copconnect audit v2"):
    """The log's size and root when the file was made, and who may sign them. ``time``: a Time
    record whose nonce is the export's id; ``department``: a department record."""

    time: bytes
    department: bytes


class ExportedSigner(_ExportedLine, frozen=True, tag="signer"):
    """A certificate of a device that signed one of the following entries."""

    certificate: bytes


class ExportedEntry(wire.AuditEntry, frozen=True, kw_only=True, tag_field="line", tag="entry"):
    """An entry, as the console gets it."""


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Head | ExportedSigner | ExportedEntry] = msgspec.json.Decoder(
    Head | ExportedSigner | ExportedEntry
)


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file that was verified: the time of its export, the number of the department record that
    names who signed that, its newest entry, and how many entries are signed, unsigned, and of other
    parts, verified by their hashes alone."""

    time_ms: int
    department: int

    number: int
    hash: bytes
    signed: int
    unsigned: int
    hidden: int


def line(one: Head | ExportedSigner | ExportedEntry) -> bytes:
    """Return a line of the file."""
    return _ENCODER.encode(one) + b"\n"


def row(entry: Entry, *, readable: bool) -> ExportedEntry:
    """Return an entry as a line."""
    return ExportedEntry(**msgspec.structs.asdict(shown(entry, readable=readable)))


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


def verify(
    lines: Iterable[bytes],
    root_key: bytes,
    issuing_keys: Iterable[bytes],
    noted: Noted | None = None,
) -> VerifiedFile:
    """Verify a file line by line; only devices' keys are held. ``root_key`` and ``issuing_keys``:
    raw public keys of the department's offline root and issuing CAs; ``noted``: an entry that has
    to be in it. Raises Broken."""
    return _Verifying(root_key, tuple(issuing_keys), noted).all(lines)


class _Verifying:
    def __init__(
        self, root_key: bytes, issuing_keys: tuple[bytes, ...], noted: Noted | None
    ) -> None:
        self._root = root_key
        self._issuing = issuing_keys
        self._keys: dict[bytes, bytes] = {}
        self._signatures = Signatures()
        self._chain = LogVerifier(noted)
        self._hidden = 0

    def all(self, lines: Iterable[bytes]) -> VerifiedFile:
        chain, counted = self._chain, self._signatures
        signed: TimeRecord | None = None
        department = 0
        for text in lines:
            one = self._decoded(text)
            match one:
                case Head() if signed is None:
                    signed, department = self._signed(one)
                case ExportedSigner() if signed is not None:
                    self._signer(one)
                case ExportedEntry() if signed is not None:
                    self._entry(one)
                case _:
                    raise Broken(chain.number + 1, "follows a line that does not belong there")
        if signed is None:
            raise Broken(1, "is missing: the file has no signed head")
        chain.end(signed.log_size, signed.log_root)
        counted.end(chain.number)
        return VerifiedFile(
            *(signed.time, department, chain.number, chain.hash),
            *(counted.signed, counted.unsigned, self._hidden),
        )

    def _signed(self, head: Head) -> tuple[TimeRecord, int]:
        """Return the signed size and root of the log, and the number of the department record."""
        try:
            department = Department.parse(head.department)
            department.check(self._root)
            record = TimeRecord.parse(head.time)
            record.verify(department.authority)
        except Refused as error:
            reason = "follows a head that the department's roster authority did not sign"
            raise Broken(1, reason) from error
        return record, department.number

    def _decoded(self, text: bytes) -> Head | ExportedSigner | ExportedEntry:
        try:
            return _DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Broken(self._chain.number + 1, "is malformed") from error

    def _signer(self, one: ExportedSigner) -> None:
        try:
            certificate = Certificate.parse(one.certificate, self._issuing)
        except Refused as error:
            reason = "is signed by a device whose certificate is not the department's"
            raise Broken(self._chain.number + 1, reason) from error
        self._keys[certificate.device] = certificate.public_key

    def _entry(self, one: ExportedEntry) -> None:
        if one.content is None:
            self._chain.follow(one.number, one.made_ms, one.digest, one.hash)
            self._hidden += 1
            self._signatures.hidden(one.number)
            return
        told = EntryContent(**msgspec.structs.asdict(one.content))
        self._chain.follow(one.number, one.made_ms, told.digest(), one.hash)
        entry = Entry(one.number, one.made_ms, told, one.hash)
        device = self._signatures.device_of(entry)
        self._signatures.follow(entry, None if device is None else self._keys.get(device))
