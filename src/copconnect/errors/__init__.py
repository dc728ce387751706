"""The error tree of the server.

Every error has a stable ``code``, an HTTP ``status``, says who is at fault by its class
(:class:`CallerError`, :class:`DependencyError`), whether a retry of the same bytes can help, and
what to do next. Codes are listed in docs/protocol.md; a test compares the two. :mod:`base` has the
base classes, :mod:`delivery` the Delivery Service's errors, :mod:`registration`
those of registration, :mod:`conduct` those of the code of conduct, :mod:`reports` those of reports,
:mod:`links` those of previews of links;
everybody imports this package. Imports only :mod:`copconnect.wire`.
"""

from copconnect.errors.base import CallerError, DependencyError
from copconnect.errors.base import CopConnectError as CopConnectError
from copconnect.errors.conduct import *
from copconnect.errors.delivery import *
from copconnect.errors.links import *
from copconnect.errors.registration import *
from copconnect.errors.reports import *


class BadRequest(CallerError):
    code = "bad_request"
    message = "The request is malformed."
    remedy = "Update the app. If it is up to date, report this code."


class TooLarge(CallerError):
    code = "too_large"
    status = 413
    message = "The request is larger than the limit in `details`."
    remedy = "Send less at once, or send it as an attachment."


class NotFound(CallerError):
    """Also the answer for what exists but is not the caller's to see."""

    code = "not_found"
    status = 404
    message = "There is no such thing, or it is not yours to see."
    remedy = "Go back and refresh the list."


class Unauthenticated(CallerError):
    code = "unauthenticated"
    status = 401
    message = "The access token is missing, unknown or expired."
    remedy = "Let the device's key sign for another one; if that is refused, register again."


class SignedOut(CallerError):
    """``details``: ``reason``: ``suspended``, ``removed`` (from the data bank), ``device_removed``,
    ``signed_out`` (by the person) or ``locked`` (as lost); ``revocation``: the signed record in
    hex, if there is one. A locked device also gets ``locked_by``, the person who asked for it;
    ``locked_ms``, since when; ``admins``, who may unlock it: ids, each with a space and the number
    if the person is shown it, joined by commas. Only the holder of the token that ended gets
    them."""

    code = "signed_out"
    status = 401
    message = "This device was signed out for the `reason` in `details`."
    remedy = "Register this device again, or ask your unit's admin."


class RateLimited(CallerError):
    """``details``: ``limit``, the name of the limit, where it is one of a person's."""

    code = "rate_limited"
    status = 429
    message = "Too many requests."
    remedy = "Wait for `retry_after_ms`, then try again."
    retry = True


class Overloaded(DependencyError):
    code = "overloaded"
    message = "The server is busy."
    remedy = "Wait for `retry_after_ms`; the app tries again by itself."


class StorageFull(DependencyError):
    code = "storage_full"
    status = 507
    message = "The server has no space left to accept this."
    remedy = "Nothing was lost; the app keeps it and tries again. Tell the operator."


# --- Authentication Service -------------------------------------------------------------------


class ProofInvalid(CallerError):
    code = "proof_invalid"
    status = 403
    message = "The device key's proof does not verify."
    remedy = "Start the registration again on this device."


class ClockWrong(CallerError):
    code = "clock_wrong"
    status = 403
    message = "The device's clock is off by more than the limit in `details`."
    remedy = "Set the phone's clock to automatic and try again."


class ConductNotAccepted(CallerError):
    code = "conduct_not_accepted"
    status = 403
    message = "This account has not accepted the current code of conduct."
    remedy = "Read and accept the code of conduct."


class CourseUnfinished(CallerError):
    code = "course_unfinished"
    status = 409
    message = "The server does not know of every lesson of this course as done."
    remedy = "Finish the course; wait until the device was online."


class Suspended(CallerError):
    code = "suspended"
    status = 403
    message = "This person is suspended or no longer in the data bank."
    remedy = "Ask your unit's admin."


class OrderInvalid(CallerError):
    """``details``: ``reason``."""

    code = "order_invalid"
    status = 400
    message = "No order can have these terms, or change so, for the reason in `details`."
    remedy = "Correct the order."


class MayNotIssue(CallerError):
    """``details``: ``right``, and how many people of the conversation are ``outside`` the caller's
    part; without it the caller has the right over nobody."""

    code = "may_not_issue"
    status = 403
    message = "The caller may not issue such an order to everybody of this conversation."
    remedy = "Choose another audience, or ask the head of a unit above."


class AudienceInvalid(CallerError):
    """``details``: ``reason``, and the ``unit_id`` or ``post_id`` that is not there."""

    code = "audience_invalid"
    status = 400
    message = "The rule of this audience cannot be used, for the reason in `details`."
    remedy = "Correct the rule."


class PlaceInvalid(CallerError):
    """``details``: ``reason``, and the ``unit_id``, ``post_id``, ``role`` or ``rank`` that is not
    there."""

    code = "place_invalid"
    status = 400
    message = "The person cannot hold this post, for the reason in `details`."
    remedy = "Choose a unit, roles and a rank of the data bank, and another post than the present."


class PostVacant(CallerError):
    """``details``: ``post_id``, and, where somebody heads a unit above, that post's id as
    ``ask_post_id`` and its holder's as ``ask_person_id``."""

    code = "post_vacant"
    status = 409
    message = "Nobody holds this post, and nobody officiates."
    remedy = "Write to the post in `details` that heads the unit or one above it."


class ReorganisationInvalid(CallerError):
    """``details``: ``problems``, how many; of the first one ``step`` (from 1), ``reason`` (as
    wire.StepProblemCode), ``unit_id`` and ``value``."""

    code = "reorganisation_invalid"
    status = 400
    message = "The reorganisation cannot be done: a step has the problem in `details`."
    remedy = "Correct the step; a preview names every problem with its step."


class ReorganisationChanged(CallerError):
    """``details``: ``units`` and ``people``, the first of each, separated by spaces; ``count``."""

    code = "reorganisation_changed"
    status = 409
    message = "The reorganisation cannot be undone: what it changed was changed since."
    remedy = "Look at the units and people in `details`, and make a new reorganisation."


class TooManyDevices(CallerError):
    """``details``: ``limit``."""

    code = "too_many_devices"
    status = 409
    message = "This person has as many devices as the limit in `details` allows."
    remedy = "Sign out of a device that is not used any more, then register this one."


class DeviceUnconfirmed(CallerError):
    code = "device_unconfirmed"
    status = 403
    message = "This device is not confirmed yet."
    remedy = "Compare digits with your other phone or with an admin of your unit."


class EndorsementInvalid(CallerError):
    """``details``: ``reason``, ``rule`` (of docs/keys.md)."""

    code = "endorsement_invalid"
    message = "The endorsement does not count."
    remedy = "Compare the digits again, and see the rule in `details`."


class GrantInvalid(CallerError):
    """``details``: ``reason``, ``rule`` (of docs/keys.md)."""

    code = "grant_invalid"
    message = "The grant does not count."
    remedy = "Ask somebody who holds the unit, and see the rule in `details`."


class RevocationInvalid(CallerError):
    """``details``: ``reason``, ``rule`` (of docs/keys.md)."""

    code = "revocation_invalid"
    message = "The revocation does not count."
    remedy = "Ask an admin of the unit, and see the rule in `details`."


class ConfirmationOver(CallerError):
    code = "confirmation_over"
    status = 410
    message = "This comparison of digits has expired, was cancelled or is finished."
    remedy = "Begin it again."


# --- Pushes -----------------------------------------------------------------------------------


class PushOriginRefused(CallerError):
    """``details``: ``origin``; empty where the address has none that this server can read."""

    code = "push_origin_refused"
    status = 422
    message = "This server sends no pushes to the push service of this browser."
    remedy = "Use another browser, or ask the department's operator to allow the push service."


# --- Attachments ------------------------------------------------------------------------------


class QuotaExceeded(CallerError):
    """``details``: ``used``, ``limit``."""

    code = "quota_exceeded"
    status = 413
    message = "The attachment quota of today is used up."
    remedy = "Send it tomorrow, or a smaller file."


class ChunkInvalid(CallerError):
    """``details``: ``expected`` and ``received`` bytes."""

    code = "chunk_invalid"
    message = "The chunk has the wrong index or size."
    remedy = "Ask for the attachment's status and send the missing chunks."


class ChunkDiffers(CallerError):
    """``details``: ``chunk``, its index."""

    code = "chunk_differs"
    status = 409
    message = "Other bytes are stored for this chunk, and they stay."
    remedy = "Delete the upload and send the file again as another attachment."


class AttachmentIncomplete(CallerError):
    code = "attachment_incomplete"
    status = 409
    message = "The attachment is not fully uploaded."
    remedy = "Upload the missing chunks first."


# --- Administration ---------------------------------------------------------------------------


class ActInvalid(CallerError):
    """``details``: ``reason``."""

    code = "act_invalid"
    message = "The administrative act is malformed, or the calling device did not sign it."
    remedy = "Update the console and do it again. If it stays, report this code."


class ActStale(CallerError):
    """``details``: ``server_ms``, ``created_ms``."""

    code = "act_stale"
    status = 403
    message = "The administrative act is not dated within ten minutes of the server's clock."
    remedy = "Set this device's clock to automatic and do it again."


class ActDiffers(CallerError):
    code = "act_differs"
    status = 409
    message = "Another administrative act with this id is known."
    remedy = "Do it again as a new act."


class EffectChanged(CallerError):
    code = "effect_changed"
    status = 409
    message = "The act would do something else now than what its approver was shown."
    remedy = "Look at its preview again."


class ActOver(CallerError):
    code = "act_over"
    status = 410
    message = "The administrative act waits no more: it was done, refused or has expired."
    remedy = "Look it up in the audit log."


class PresenceNeeded(CallerError):
    """``details``: ``by``: ``authenticator`` or ``pin``."""

    code = "presence_needed"
    status = 403
    message = "This administrative act asks for the person: by an authenticator, or by the PIN."
    remedy = "Prove that you are there, by what `details` names. Update an old app first."


class PresenceInvalid(CallerError):
    """``details``: ``reason``."""

    code = "presence_invalid"
    status = 403
    message = "The proof that the person is there does not count."
    remedy = "Do it again. After a lost authenticator ask another admin to enrol the new one."


class AuthenticatorsFull(CallerError):
    code = "authenticators_full"
    status = 409
    message = "This device has enrolled as many authenticators as it may."
    remedy = "Use one of them."


class NotAllowed(CallerError):
    """``details``: ``right``, and mostly ``path`` of a unit over which the caller lacks it."""

    code = "not_allowed"
    status = 403
    message = "The caller lacks the right in `details` over a unit that this touches."
    remedy = "Ask somebody who holds the right over the unit."


class NeedsAnother(CallerError):
    """``details``: ``reason``: ``oneself``; ``made``: confirmed, granted or made by the asker
    within 30 days; ``below``: whose part lies below the asker's."""

    code = "needs_another"
    status = 403
    message = "This person cannot approve what the asker asked for."
    remedy = "Ask another admin with the right over the same units, who is not below the asker."


class ImportTaken(CallerError):
    """``details``: ``count``, and the first ``rows``: lines of the file, each with its column;
    ``asked``: how many rows brought a code or number that is new in the caller's part."""

    code = "import_taken"
    status = 409
    message = "Nothing was imported: somebody outside your part has codes or numbers of the file."
    remedy = "Correct the rows in `details`, or let an admin above both units import them."


class ImportRefused(CallerError):
    """``details``: ``reason``, a code of docs/operations.md, "Imports"."""

    code = "import_refused"
    status = 409
    message = "Nothing was imported, for the reason in `details`."
    remedy = "Look at the preview again, and correct the file or the columns."
