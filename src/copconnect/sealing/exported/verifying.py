"""Proves the log of an exported conversation, by the rules of receiving (R1 to R7, R11).

A message that fails is a problem and is shown to nobody. The order is proven as far as the log
hashes reach that senders signed. Nothing here knows more than the file: a revocation that its
maker left out is not seen.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from copconnect.limits import MAX_MESSAGE_BYTES
from copconnect.records.conversation.message import (
    SIGNED_HEADER_BYTES,
    ChainLink,
    MessageHeader,
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
from copconnect.sealing.messages import open_body
from copconnect.sealing.view import PublicView

FORMAT = "copconnect conversation v1"
REASONS = ("not_chosen", "not_opened", "not_shown", "refused")
_MOST_LINE = MAX_MESSAGE_BYTES * 7 // 5 + 1_024
_MOST_SMALL = 64 << 20
_DEVICE_IN_LEAF = slice(32, 64)  # After cell id and person id.
_HASH_BYTES = 32


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
    """A message whose sender is proven; ``plaintext``: None where the body was dropped (R11)."""

    position: int
    server_ms: int
    header: MessageHeader
    leaf: Leaf
    plaintext: bytes | None


@dataclass(slots=True)
class ProvenLog:
    """Everything but what the messages say. ``witnesses``: the position up to which each person's
    signed log hash confirms the order."""

    manifest: ExportManifest
    trust: Trust
    messages: list[ProvenMessage] = field(default_factory=list)
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
    found = ProvenLog(manifest, trust)
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

    def take(self, line: Mapping[str, Any]) -> None:
        at, found = _whole(line, "at"), self._found
        if at != self._next or at > found.manifest.last:
            raise BadFile(f"position {self._next} is missing, or not in its place")
        self._next += 1
        why = line.get("why")
        if why is not None:
            header_hash = _bytes(line, "hash")
            if why not in REASONS or len(header_hash) != _HASH_BYTES:
                raise BadFile(f"position {at} is malformed")
            self._gap(at, why)
        else:
            message = _bytes(line, "message")
            header_hash = sha256(message[:SIGNED_HEADER_BYTES])
        self._log[at] = next_log_hash(self._log[at - 1], header_hash)
        if why is None:
            try:
                self._judge(at, message, line)
            except Refused as error:
                found.problems.append(Problem(at, error.rule, error.message))

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
        view = self._view
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
        check_chain(header, chain)
        require(header.message_id not in self._ids, "R5", "one message twice")
        view.record_for(header, self._now)
        plaintext = open_body(header, body, _bytes(line, "key")) if body else None
        self._witness(at, header, leaf)
        self._ids.add(header.message_id)
        chain[header.seq] = ChainLink(
            header.message_id, header.attempt, header.previous, header.hash()
        )
        self._floor = max(self._floor, header.epoch)
        self._found.messages.append(
            ProvenMessage(at, _whole(line, "serverMs"), header, leaf, plaintext)
        )

    def _witness(self, at: int, header: MessageHeader, leaf: Leaf) -> None:
        own = self._log.get(header.log_position)
        agrees = header.log_position < at and own in (None, header.log_hash)
        require(agrees, "R4", "its sender saw another log than this file has")
        if own is not None and header.log_position >= self._found.manifest.first:
            before = self._found.witnesses.get(leaf.person_id, 0)
            self._found.witnesses[leaf.person_id] = max(before, header.log_position)


# --- Records ------------------------------------------------------------------------------------


def _trust(records: Mapping[str, Any], root_key: bytes) -> Trust:
    try:
        departments = [Department.parse(one) for one in _all(records, "departments")]
        trust = Trust(root_key, departments)
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


def _learn(trust: Trust, person: Mapping[str, Any], issuing: tuple[bytes, ...]) -> None:
    """Take in what verifies; a record that does not is as good as none."""
    for data in _all(person, "certificates"):
        with suppress(Refused):
            trust.add_certificate(Certificate.parse(data, issuing))
    for data in [] if person.get("devices") is None else [_bytes(person, "devices")]:
        with suppress(Refused):
            trust.add_person_devices(PersonDevices.parse(data))
    for data in _all(person, "cards"):
        with suppress(Refused):
            trust.add_card(PersonCard.parse(data))
    for data in _all(person, "endorsements"):
        with suppress(Refused):
            trust.add_endorsement(Endorsement.parse(data))
    for data in _all(person, "grants"):
        with suppress(Refused):
            trust.add_grant(Grant.parse(data))
    for data in _all(person, "revocations"):
        with suppress(Refused):
            trust.add_revocation(Revocation.parse(data))


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
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile("a part is not JSON") from error
    if not isinstance(found, dict):
        raise BadFile("a part is no object")
    return found


def _whole(row: Mapping[str, Any], name: str) -> int:
    found = row.get(name)
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
