"""Signatures in the audit log: an entry says what somebody's device signed. Pure.

The server writes ``act``; the device signed ``signed``. An entry holds only if the signature is the
device's that the entry names, if the act is an outcome of what was signed, and if fields of the
same name have the same value in both. A signed act stands in the log once, or twice where the first
is the proposal that waited for a second admin; then the entry after the second is the approval of
another person.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from copconnect.audit.rules import Broken, Entry
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.endorsement import Endorsement
from copconnect.wire import snake_case

PROPOSED = "act_proposed"
# The tags of audit.acts that may follow from each act of wire.admin.
OUTCOMES = {
    "suspend_person": "person_suspended",
    "restore_person": "person_restored",
    "transfer_person": "person_transferred",
    "plan_transfer": "transfer_planned",
    "cancel_transfer": "planned_transfer_cancelled",
    "abolish_post": "post_abolished",
    "restore_post": "post_restored",
    "give_charge": "charge_given",
    "end_charge": "charge_ended",
    "reorganise_units": "units_reorganised",
    "undo_reorganisation": "reorganisation_undone",
    "make_enrolment_codes": "enrolment_codes_made",
    "revoke_device": "device_revoked",
    "give_grant": "grant_given",
    "withdraw_grant": "grant_withdrawn",
    "set_rights": "rights_set",
    "apply_import": "data_bank_imported",
    "undo_import": "import_undone",
    "create_group": "audience_conversation_created",
    "change_group": "audience_conversation_changed",
    "end_group": "audience_conversation_ended",
    "set_group_policy": "group_policy_set",
    "assign_report": "report_assigned",
    "decide_report": "report_decided",
    "decide_appeal": "appeal_decided",
    "publish_lesson": "lesson_published",
    "publish_conduct": "conduct_published",
    "set_guard_policy": "guard_policy_set",
    "mark_picture": "picture_marked",
    "unmark_picture": "picture_unmarked",
    "approve_act": "act_approved",
    "refuse_act": "act_refused",
}


@dataclass(slots=True)
class Signatures:
    """Checks entries in order. ``signed`` and ``unsigned`` count them; the latter are operators'
    acts and those of accounts that sign nothing yet."""

    signed: int = 0
    unsigned: int = 0
    _waiting: dict[bytes, bytes] = field(default_factory=dict)  # Records of proposals, by act id.
    _done: set[bytes] = field(default_factory=set)
    _approving: tuple[str, str] | None = None  # Act id and person of a waiting act just done.

    def device_of(self, entry: Entry) -> bytes | None:
        """Return the device whose key :meth:`follow` needs; None for an unsigned entry."""
        if not entry.content.signed_as:
            return None
        return _parsed(entry)[0]

    def follow(self, entry: Entry, public_key: bytes | None) -> None:
        """Check the next entry by the public key of its device. Raises Broken."""
        content = entry.content
        self._check_approved(entry)
        if not content.signed_as:
            if content.signed:
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
        done = _fields(entry, content.act)
        if isinstance(record, SignedAct):
            self._check_act(entry, record, done)
        elif (done.get("act"), done.get("device")) != ("device_confirmed", record.endorsed.hex()):
            raise Broken(entry.number, "says something else than what was signed")
        self.signed += 1

    def hidden(self, number: int) -> None:
        """Follow an entry whose content is not known: it is no approval of the act before it, which
        touches the same units and would be known too. Raises Broken."""
        if self._approving is not None:
            raise Broken(number, "is not the approval of the act before it")

    def _check_approved(self, entry: Entry) -> None:
        """Check that another person's approval follows a waiting act that was done."""
        if self._approving is None:
            return
        (act_id, by), self._approving = self._approving, None
        done = _fields(entry, entry.content.act)
        if (done.get("act"), done.get("act_id")) != ("act_approved", act_id):
            raise Broken(entry.number, "is not the approval of the act before it")
        if _person(entry.content.by) == by or entry.content.signed_as != "act":
            raise Broken(entry.number, "approves an act of the same person")

    def end(self, number: int) -> None:
        """Check that nothing is missing after the last entry. Raises Broken."""
        if self._approving is not None:
            raise Broken(number + 1, "is missing: the approval of the act before it")

    def _check_act(self, entry: Entry, record: SignedAct, done: dict[str, Any]) -> None:
        signed = _fields(entry, record.body)
        outcome, waiting = done.get("act"), self._waiting.pop(record.act_id, None)
        if outcome == PROPOSED:
            named = (done.get("act_id"), done.get("asked"))
            same, again = named == (record.act_id.hex(), signed.get("act")), waiting is not None
            self._waiting[record.act_id] = entry.content.signed
        else:
            same = outcome == OUTCOMES.get(str(signed.get("act")))
            same &= all(
                done[name] == value
                for name, value in (
                    (snake_case(one), signed[one]) for one in signed if one != "act"
                )
                if name in done
            )
            again = waiting is not None and waiting != entry.content.signed
            if waiting is not None:
                self._approving = record.act_id.hex(), _person(entry.content.by)
        if not same:
            raise Broken(entry.number, "says something else than what was signed")
        if again or record.act_id in self._done:
            raise Broken(entry.number, "repeats an act that was done before")
        if outcome != PROPOSED:
            self._done.add(record.act_id)


def _parsed(entry: Entry) -> tuple[bytes, SignedAct | Endorsement]:
    """Return the device that signed, and the record. Raises Broken."""
    content = entry.content
    try:
        if content.signed_as == "act":
            act = SignedAct.parse(content.signed)
            return act.device, act
        if content.signed_as == "endorsement":
            endorsement = Endorsement.parse(content.signed)
            return endorsement.endorser, endorsement
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
