"""Proves the log of an exported conversation, by the rules of receiving (R1 to R7, R11).

A message that fails is a problem and is shown to nobody. The order is proven as far as the log
hashes reach that senders signed. Nothing here knows more than the file: a revocation that its
maker left out is not seen.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from copconnect.limits import MAX_MESSAGE_BYTES
from copconnect.records.conversation.message import (
    LOG_START,
    SIGNED_HEADER_BYTES,
    ChainLink,
    MessageHeader,
    MessageKind,
    check_chain,
    check_signed,
    next_log_hash,
)
from copconnect.records.conversation.roster import Leaf
from copconnect.records.primitives.fields import TAG_BYTES, Refused, require, sha256
from copconnect.records.trust.department import Department, authority_number_of
from copconnect.records.trust.device import Certificate, spki_hash
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.trust import Trust
from copconnect.sealing.exported.archive import Archive
from copconnect.sealing.exported.contents import content_of, is_declared
from copconnect.sealing.messages import open_body
from copconnect.sealing.view import PublicView

FORMAT = "copconnect conversation v1"
REASONS = ("not_chosen", "not_opened", "not_shown", "refused")
_MOST_LINE = MAX_MESSAGE_BYTES * 7 // 5 + 1_024
_MOST_SMALL = 64 << 20
_MOST_TITLE = 1_024  # UTF-16 units, as the app counts.
_BODY_KEY_BYTES = 32
_DEVICE_IN_LEAF = slice(32, 64)  # After cell id and person id.
_HASH_BYTES = 32
R = TypeVar("R")


class BadFile(Exception):
    """No exported conversation, or a damaged one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest:
    """The frame of an export. ``title``, ``exported_by`` and ``made_ms`` are its maker's words;
    ``before``: the log hash before ``first``."""

    conversation_id: bytes
    title: str
    exported_by: bytes
    made_ms: int
    first: int
    last: int
    before: bytes
    log: bytes
    trust: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A part that does not hold; ``position``: None for the file as a whole."""

    position: int | None
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Positions of which the file has the hash of the header alone; ``why``: its maker's word."""

    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True)
class ProvenMessage:
    """A message whose sender is proven; ``plaintext``: None where the body was dropped (R11);
    ``gap``: the sender's message before is no proven one of the file."""

    position: int
    server_ms: int
    header: MessageHeader
    leaf: Leaf
    plaintext: bytes | None
    gap: bool


@dataclass(slots=True)
class ProvenLog:
    """Everything but what the messages say. ``witnesses``: the position up to which each person's
    signed log hash confirms the order."""

    manifest: ExportManifest
    trust: Trust
    messages: list[ProvenMessage] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # Names of entries by attachment.
    gaps: list[Gap] = field(default_factory=list)
    witnesses: dict[bytes, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def prove(archive: Archive, root_key: bytes, now_ms: int) -> ProvenLog:
    """Prove the log of an export. ``root_key``: the raw public key of the department's offline
    root. Raises BadArchive, BadFile."""
    manifest = _manifest(_small(archive, "manifest.json"))
    text = _small(archive, "trust.json")
    records = _object(text)
    trust = _trust(records, root_key)
    found = ProvenLog(manifest, trust, files=_files(archive))
    digest = hashlib.sha256()
    walk = _Walk(found, _view(records, manifest, trust), now_ms)
    for line in _lines(archive):
        digest.update(line)
        walk.take(_object(line))
    walk.end()
    if (digest.digest(), sha256(text)) != (manifest.log, manifest.trust):
        found.problems.append(
            Problem(None, "file", "a part is not the one that the manifest names")
        )
    return found


class _Walk:
    def __init__(self, found: ProvenLog, view: PublicView, now_ms: int) -> None:
        self._found, self._view, self._now = found, view, now_ms
        manifest = found.manifest
        self._next, self._floor = manifest.first, 0
        self._log = {manifest.first - 1: manifest.before}
        self._chains: dict[bytes, dict[int, ChainLink]] = {}
        self._ids: set[bytes] = set()
        self._lines: set[bytes] = set()  # H(header ‖ signature) of each line so far.

    def take(self, line: Mapping[str, Any]) -> None:
        at, found = _whole(line, "at"), self._found
        if at != self._next or at > found.manifest.last:
            raise BadFile(f"position {self._next} is missing, or not in its place")
        self._next += 1
        why = line.get("why") if "hash" in line else None
        if "hash" in line:
            header_hash = _bytes(line, "hash")
            if why not in REASONS or len(header_hash) != _HASH_BYTES:
                raise BadFile(f"position {at} is malformed")
        else:
            message = _bytes(line, "message")
            header_hash = sha256(message[:SIGNED_HEADER_BYTES])
        self._log[at] = next_log_hash(self._log[at - 1], header_hash)
        try:
            require(header_hash not in self._lines, "R5", "one message twice")
            if why is None:
                self._judge(at, message, line)
            else:
                self._gap(at, why)
        except Refused as error:
            found.problems.append(Problem(at, error.rule, error.message))
        self._lines.add(header_hash)

    def end(self) -> None:
        if self._next <= self._found.manifest.last:
            raise BadFile(f"position {self._next} is missing")

    def _gap(self, at: int, why: str) -> None:
        gaps = self._found.gaps
        if gaps and gaps[-1].last == at - 1 and gaps[-1].why == why:
            gaps[-1] = Gap(gaps[-1].first, at, why)
        else:
            gaps.append(Gap(at, at, why))

    def _judge(self, at: int, message: bytes, line: Mapping[str, Any]) -> None:
        view, server_ms, key = self._view, _whole(line, "serverMs"), _key(line)
        header = MessageHeader.parse(message[:SIGNED_HEADER_BYTES], "R1")
        body = message[SIGNED_HEADER_BYTES:]
        require(not body or len(body) >= TAG_BYTES, "R1", "body is truncated")
        same = header.conversation_id == view.conversation_id
        require(same, "R1", "another conversation")
        proven = max(header.epoch, self._floor)
        present = authority_number_of(header.epoch) == authority_number_of(proven)
        require(present, "R2", "a former roster authority's head")
        sender, leaf = view.sender(header, proven)
        if body:
            check_signed(header, body, sender.public_key)
        else:
            header.verify(sender.public_key)
        require(header.head == view.head_hash(header.epoch), "R4", "another roster head")
        chain = self._chains.setdefault(header.sender, {})
        gap = check_chain(header, chain)
        require(header.message_id not in self._ids, "R5", "one message twice")
        # The log hash of a sender that had seen nothing of the file confirms nothing; the sender's
        # chain does.
        chained = not chain or header.previous in self._lines
        require(chained, "R5", "an earlier message of its sender is left out, or moved")
        view.record_for(header, self._now)
        plaintext = _open(header, body, key) if body else None
        agrees = self._agrees(at, header)
        self._ids.add(header.message_id)
        chain[header.seq] = ChainLink(
            header.message_id, header.attempt, header.previous, header.hash()
        )
        self._floor = max(self._floor, header.epoch)
        self._found.messages.append(ProvenMessage(at, server_ms, header, leaf, plaintext, gap))
        if agrees and header.log_position >= self._found.manifest.first:
            before = self._found.witnesses.get(leaf.person_id, 0)
            self._found.witnesses[leaf.person_id] = max(before, header.log_position)

    def _agrees(self, at: int, header: MessageHeader) -> bool:
        """Return whether the file has the log that the sender saw; False beyond the file."""
        own = self._log.get(header.log_position)
        agrees = header.log_position < at and own in (None, header.log_hash)
        require(agrees, "R4", "its sender saw another log than this file has")
        return own is not None


def _open(header: MessageHeader, body: bytes, key: bytes | None) -> bytes:
    """Open a body, whose content is of the kind that the header says (R7)."""
    if key is None:
        raise Refused("R9", "key is missing")
    plaintext = open_body(header, body, key)
    # Phones go by the header of a deletion alone.
    said = header.kind == MessageKind.DELETION or is_declared(header, content_of(plaintext))
    require(said, "R7", "another kind than the header says")
    return plaintext


# --- Records ------------------------------------------------------------------------------------


def _trust(records: Mapping[str, Any], root_key: bytes) -> Trust:
    try:
        trust = Trust(root_key, _departments(records, root_key))
    except Refused as error:
        reason = "the root of this department did not sign the file's department record"
        raise BadFile(reason) from error
    named = {issuer for one in trust.departments for issuer in one.issuers}
    issuing = tuple(key for key in _all(records, "issuing") if spki_hash(key) in named)
    people = records.get("people")
    if not isinstance(people, list):
        raise BadFile("no people")
    for one in people:
        _learn(trust, one if isinstance(one, dict) else {}, issuing)
    return trust


def _departments(records: Mapping[str, Any], root_key: bytes) -> list[Department]:
    """Return the records that the root signed; other records are ignored."""
    found: list[Department] = []

    def add(one: Department) -> None:
        one.verify(root_key)
        if one not in found:
            found.append(one)

    _each(_all(records, "departments"), Department.parse, add)
    return found


def _learn(trust: Trust, person: Mapping[str, Any], issuing: tuple[bytes, ...]) -> None:
    """Add a person's records to ``trust``; a record that does not verify is ignored."""

    def certificate(data: bytes) -> Certificate:
        return Certificate.parse(data, issuing)

    devices = [] if person.get("devices") is None else [_bytes(person, "devices")]
    _each(_all(person, "certificates"), certificate, trust.add_certificate)
    _each(devices, PersonDevices.parse, trust.add_person_devices)
    _each(_all(person, "cards"), PersonCard.parse, trust.add_card)
    _each(_all(person, "endorsements"), Endorsement.parse, trust.add_endorsement)
    _each(_all(person, "grants"), Grant.parse, trust.add_grant)
    _each(_all(person, "revocations"), Revocation.parse, trust.add_revocation)


def _each(found: Sequence[bytes], parse: Callable[[bytes], R], add: Callable[[R], object]) -> None:
    """Parse and add the records that verify."""
    for data in found:
        with suppress(Refused):
            add(parse(data))


def _view(records: Mapping[str, Any], manifest: ExportManifest, trust: Trust) -> PublicView:
    view = PublicView(trust, manifest.conversation_id)
    for data in _all(records, "heads"):
        with suppress(Refused):
            view.add_head(data)
    proofs = records.get("proofs")
    for one in proofs if isinstance(proofs, list) else []:
        row = one if isinstance(one, dict) else {}
        proof = _bytes(row, "proof")
        view.add_proof(_whole(row, "epoch"), proof[_DEVICE_IN_LEAF], proof)
    for data in _all(records, "keys"):
        with suppress(Refused):
            view.add_record(data)
    return view


# --- Reading ------------------------------------------------------------------------------------


def _manifest(text: bytes) -> ExportManifest:
    row = _object(text)
    first, last, before = _whole(row, "first"), _whole(row, "last"), _bytes(row, "before")
    title = row.get("title")
    fits = row.get("format") == FORMAT and 1 <= first <= last and len(before) == _HASH_BYTES
    if not fits or not isinstance(title, str):
        raise BadFile("no manifest of an exported conversation")
    if len(title.encode("utf-16-le", "surrogatepass")) // 2 > _MOST_TITLE:
        raise BadFile("the title is too long")
    if first == 1 and before != LOG_START:
        raise BadFile("the log begins with another hash")
    return ExportManifest(
        conversation_id=_hex(row, "conversation"),
        title=title,
        exported_by=_hex(row, "exportedBy"),
        made_ms=_whole(row, "madeMs"),
        first=first,
        last=last,
        before=before,
        log=_hex(row, "log"),
        trust=_hex(row, "trust"),
    )


def _files(archive: Archive) -> dict[str, str]:
    """Return the files by attachment: one each, or a foreign one hides behind a proven one."""
    found: dict[str, str] = {}
    for name in archive.sizes:
        if name.startswith("files/") and found.setdefault(name[6:38], name) != name:
            raise BadFile("two files of one attachment")
    return found


def _small(archive: Archive, name: str) -> bytes:
    if archive.sizes.get(name, 0) > _MOST_SMALL:
        raise BadFile(f"{name} is too large")
    return b"".join(archive.blocks(name))


def _lines(archive: Archive) -> Iterator[bytes]:
    rest = b""
    for block in archive.blocks("log.jsonl"):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _MOST_LINE:
            raise BadFile("a line is too long")
        yield from (line + b"\n" for line in lines)
    if rest:
        raise BadFile("a line does not end")


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadFile("a part is not JSON") from error
    if not isinstance(found, dict):
        raise BadFile("a part is no object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def _key(line: Mapping[str, Any]) -> bytes | None:
    key = None if line.get("key", "") is None else _bytes(line, "key")
    if key is not None and len(key) != _BODY_KEY_BYTES:
        raise BadFile("no key")
    return key


def _whole(row: Mapping[str, Any], name: str) -> int:
    found = row.get(name)
    if isinstance(found, float) and found.is_integer():
        found = int(found)  # JavaScript reads 1.0 as the integer 1, and the app must agree.
    if type(found) is not int or not 0 <= found < 1 << 53:
        raise BadFile(f"{name} is no number")
    return found


def _hex(row: Mapping[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(str(row.get(name, "")))
    except ValueError as error:
        raise BadFile(f"{name} is not hex") from error


def _bytes(row: Mapping[str, Any], name: str) -> bytes:
    return _base64(row.get(name), name)


def _all(row: Mapping[str, Any], name: str) -> Sequence[bytes]:
    found = row.get(name)
    if not isinstance(found, list):
        raise BadFile(f"{name} is no list")
    return [_base64(one, name) for one in found]


def _base64(value: object, name: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadFile(f"{name} is not base64") from error
