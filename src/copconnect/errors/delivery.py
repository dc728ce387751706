"""Errors of the Delivery Service."""

from copconnect.errors.base import CallerError


class NotMember(CallerError):
    code = "not_member"
    status = 403
    message = "The caller is not a member of this conversation."
    remedy = "Refresh the list of conversations."


class NotAdmin(CallerError):
    code = "not_admin"
    status = 403
    message = "Only an admin of this conversation may do this."
    remedy = "Ask one of its admins."


class MayNotSend(CallerError):
    code = "may_not_send"
    status = 403
    message = "Only admins may send in this conversation."
    remedy = "Ask one of its admins."


class ExportsOff(CallerError):
    code = "exports_off"
    status = 403
    message = "The department does not let its people export conversations."
    remedy = "Ask the department's technical cell."


class Sanctioned(CallerError):
    """``details``: ``kind``: ``muted`` or ``suspended``; ``until_ms``: when it ends without an
    act."""

    code = "sanctioned"
    status = 403
    message = "The caller may not send here until the time in `details`."
    remedy = "Wait until then, or appeal."


class TrainingRequired(CallerError):
    code = "training_required"
    status = 403
    message = "Only people who have done the officer course may send in large groups."
    remedy = "Do the course under Me, Training."


class JoinRefused(CallerError):
    """``details``: ``until_ms``: from then on the caller may ask again."""

    code = "join_refused"
    status = 403
    message = "An admin of this group refused the caller's request."
    remedy = "Ask again after the time in `details`, or write to one of its admins."


class LastAdmin(CallerError):
    code = "last_admin"
    status = 409
    message = "A group needs at least one admin."
    remedy = "Make somebody else an admin first."


class GroupTooLarge(CallerError):
    """``details``: ``limit``."""

    code = "group_too_large"
    status = 409
    message = "The group would have more people than the limit in `details`."
    remedy = "Choose fewer people, or ask somebody with a grant to create it."


class StaleHead(CallerError):
    """``details``: ``epoch`` of the newest roster head (D1)."""

    code = "stale_head"
    status = 409
    message = "The message names a roster head or a time that does not count any more."
    remedy = "Fetch the newest roster head and sign the message anew."


class StaleKey(CallerError):
    code = "stale_key"
    status = 409
    message = "The message's conversation key may not be used any more."
    remedy = "Use a newer conversation key, or make one, and sign the message anew."


class Rekeying(CallerError):
    """A removal was committed whose head is not signed yet (D6)."""

    code = "rekeying"
    status = 409
    message = "People are being removed; the conversation takes nothing until that is signed."
    remedy = "Wait for `retry_after_ms`, then send the same bytes; the app does it by itself."
    retry = True


class StaleRecord(CallerError):
    """``details``: ``epoch`` of the newest roster head (D2)."""

    code = "stale_record"
    status = 409
    message = "The key record names a roster head or a time that does not count any more."
    remedy = "Fetch the newest roster head and make the record anew."


class HaveKey(CallerError):
    """``details``: ``key_id`` of a key that the author can open (D2)."""

    code = "have_key"
    status = 409
    message = "The conversation has a usable key already."
    remedy = "Fetch the key in `details` and use it."


class NotNext(CallerError):
    """``details``: ``seq`` of the last message that was accepted from this device here."""

    code = "not_next"
    status = 409
    message = "The message does not follow this device's last one in the conversation."
    remedy = "Fetch the chain's end and sign the message anew after it."


class SealsInvalid(CallerError):
    """``details``: ``reason``."""

    code = "seals_invalid"
    message = "The record's seals are not those of the listed devices."
    remedy = "Fetch the roster and the keys again and seal anew."


class NotAsked(CallerError):
    code = "not_asked"
    status = 409
    message = "Nobody asked this device for this record or share."
    remedy = "Nothing is to be done: the app answers when the server asks."


class RecordInvalid(CallerError):
    """``details``: ``rule`` of docs/keys.md that refuses, and ``reason``."""

    code = "record_invalid"
    message = "The record is malformed, or its signature or public key is not valid."
    remedy = "Make the record again. If it stays, report this code."


class MessageInvalid(CallerError):
    """``details``: ``rule`` of docs/keys.md that refuses, and ``reason``."""

    code = "message_invalid"
    message = "The message is malformed, or not its sender's."
    remedy = "Send the message again. If it stays, report this code."
