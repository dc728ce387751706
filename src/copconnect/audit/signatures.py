"""Signatures in the audit log: an entry says what somebody's device signed. Pure.

The server writes ``act``; the device signed ``signed``. An entry holds only if the signature is the
device's that the entry names, if the act is an outcome of what was signed, and if fields of the
same name have the same value in both. A signed act is in the log once, or twice where the first
is the proposal that waited for a second admin; then the entry after the second is the approval of
another person, for the hash of the first one's record. An act of weight has the proof that its
person was there (:mod:`copconnect.audit.presences`).
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import msgspec

from copconnect.audit.presences import PresenceVerifier
from copconnect.audit.rules import Broken, Entry
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.primitives.fields import Refused, sha256
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.authenticator import Authenticator
from copconnect.records.trust.endorsement import Endorsement
from copconnect.wire import ALWAYS_SECOND, OUTCOMES, snake_case

PROPOSED = "act_proposed"


@dataclass(frozen=True, slots=True)
class _Done:
    """An act just done, which the next entry may approve. ``must``: it has to."""

    act_id: str
    record: bytes
    person: str
    must: bool


@dataclass(slots=True)
class Signatures:
    """Checks entries in order. ``signed`` and ``unsigned`` count them; the latter are operators'
    acts and those of accounts that sign nothing yet."""

    signed: int = 0
    unsigned: int = 0
    # Records and proofs of presence of proposals, by act id.
    _waiting: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    _done: set[bytes] = field(default_factory=set)
    _before: _Done | None = None  # The act of the entry before.
    _presences: PresenceVerifier = field(default_factory=PresenceVerifier)

    def device_of(self, entry: Entry) -> bytes | None:
        """Return the device whose key :meth:`follow` needs; None for an unsigned entry."""
        if not entry.content.signed_as:
            return None
        return _parsed(entry)[0]

    def follow(self, entry: Entry, public_key: bytes | None) -> None:
        """Check the next entry by the public key of its device. Raises Broken."""
        content = entry.content
        done = _fields(entry, content.act)
        self._check_approved(entry, done)
        if not content.signed_as:
            if content.signed or content.presence:
                raise Broken(entry.number, "is signed as nothing")
            self.unsigned += 1
            return
        device, record = _parsed(entry)
        if not content.by.endswith(f" device {device.hex()}"):
            raise Broken(entry.number, "names another device than the one that signed")
        if public_key is None:
            raise Broken(entry.number, "names a device that is unknown")
        try:
            record.verify(public_key)
        except Refused as error:
            raise Broken(entry.number, "has a signature that does not verify") from error
        if record.created > entry.made_ms + CLOCK_LEEWAY_MS:
            raise Broken(entry.number, "was signed after it was made")
        match record:
            case SignedAct():
                self._check_act(entry, record, done)
            case Endorsement():
                said = done.get("act"), done.get("device"), content.presence
                _require_same(entry, said == ("device_confirmed", record.endorsed.hex(), b""))
                self._presences.confirmed(record.endorsed)
            case Authenticator():
                _require_same(entry, _enrols(done, record) and not content.presence)
                self._presences.enrol_own(entry.number, _person(content.by), record)
        self.signed += 1

    def hidden(self, number: int) -> None:
        """Follow an entry whose content is not known: it is no approval of the act before it, which
        touches the same units and would be known too. Raises Broken."""
        self._require_none(number, "is not the approval of the act before it")
        self._before = None
        self._presences.hidden()

    def end(self, number: int) -> None:
        """Check that nothing is missing after the last entry. Raises Broken."""
        self._require_none(number + 1, "is missing: the approval of the act before it")

    def _require_none(self, number: int, reason: str) -> None:
        if self._before is not None and self._before.must:
            raise Broken(number, reason)

    def _check_approved(self, entry: Entry, done: dict[str, Any]) -> None:
        """Check that an approval follows the very act that it approves, by another person, and that
        an act which needs one has it."""
        before, self._before = self._before, None
        if done.get("act") != OUTCOMES["approve_act"]:
            if before is not None and before.must:
                raise Broken(entry.number, "is not the approval of the act before it")
            return
        approved = done.get("act_id"), done.get("hash")
        if before is None or approved != (before.act_id, sha256(before.record).hex()):
            raise Broken(entry.number, "is not the approval of the act before it")
        if _person(entry.content.by) == before.person or entry.content.signed_as != "act":
            raise Broken(entry.number, "approves an act of the same person")

    def _check_act(self, entry: Entry, record: SignedAct, done: dict[str, Any]) -> None:
        content = entry.content
        signed = _fields(entry, record.body)
        asked, by = str(signed.get("act")), _person(content.by)
        outcome, waiting = done.get("act"), self._waiting.pop(record.act_id, None)
        given = content.signed, content.presence
        if outcome == PROPOSED:
            named = (done.get("act_id"), done.get("asked"))
            same, again = named == (record.act_id.hex(), asked), waiting is not None
            self._waiting[record.act_id] = given
        else:
            same = outcome == OUTCOMES.get(asked)
            same &= all(
                done[name] == value
                for name, value in (
                    (snake_case(one), signed[one]) for one in signed if one != "act"
                )
                if name in done
            )
            again = waiting is not None and waiting != given
        _require_same(entry, same)
        if again or record.act_id in self._done:
            raise Broken(entry.number, "repeats an act that was done before")
        if waiting is None:
            self._presences.check(entry.number, by, asked, record, content.presence)
        if outcome == PROPOSED:
            return
        self._done.add(record.act_id)
        must = waiting is not None or asked in ALWAYS_SECOND
        self._before = _Done(record.act_id.hex(), content.signed, by, must)
        if asked == "enrol_authenticator":
            enrolled = _authenticator(entry, signed)
            _require_same(entry, _enrols(done, enrolled))
            self._presences.enrol(entry.number, by, str(done.get("person_id")), enrolled)


def _require_same(entry: Entry, same: bool) -> None:
    if not same:
        raise Broken(entry.number, "says something else than what was signed")


def _enrols(done: dict[str, Any], record: Authenticator) -> bool:
    """Return whether an outcome is the enrolment of this authenticator."""
    said = done.get("act"), done.get("device"), done.get("key")
    return said == ("authenticator_enrolled", record.device.hex(), record.key().hex())


def _authenticator(entry: Entry, signed: dict[str, Any]) -> Authenticator:
    try:
        return Authenticator.parse(base64.b64decode(str(signed.get("authenticator"))))
    except ValueError as error:
        raise Broken(entry.number, "enrols what is no authenticator") from error


def _parsed(entry: Entry) -> tuple[bytes, SignedAct | Endorsement | Authenticator]:
    """Return the device that signed, and the record. Raises Broken."""
    content = entry.content
    try:
        if content.signed_as == "act":
            act = SignedAct.parse(content.signed)
            return act.device, act
        if content.signed_as == "endorsement":
            endorsement = Endorsement.parse(content.signed)
            return endorsement.endorser, endorsement
        if content.signed_as == "authenticator":
            authenticator = Authenticator.parse(content.signed)
            return authenticator.device, authenticator
    except Refused as error:
        raise Broken(entry.number, "has a signed record that is malformed") from error
    raise Broken(entry.number, "is signed as something unknown")


def _fields(entry: Entry, text: str | bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Broken(entry.number, "is malformed") from error
    return found


def _person(by: str) -> str:
    return by.partition(" device ")[0]
