"""Errors of reports, sanctions and appeals."""

from copconnect.errors.base import CallerError


class ReportInvalid(CallerError):
    """``details``: ``reason``: ``header_hash`` (the log has another message under this id),
    ``own_message``, ``readers`` (sealed to a key that no moderator has now: seal again),
    ``nobody_moderates``, ``sealed`` (malformed), ``report_id`` (taken), ``seals`` (too many)."""

    code = "report_invalid"
    message = "The report or appeal does not fit what the server knows."
    remedy = "Update the app. If it is up to date, report this code."


class OwnCase(CallerError):
    code = "own_case"
    status = 403
    message = "A moderator decides no case of their own."
    remedy = "Leave it to another moderator."


class ReportDecided(CallerError):
    code = "report_decided"
    status = 409
    message = "This is decided already."
    remedy = "Refresh the case."


class DecidedFirst(CallerError):
    code = "decided_first"
    status = 403
    message = "A moderator who decided the sanction does not decide the appeal against it."
    remedy = "Leave it to another moderator."


class AppealLate(CallerError):
    """``details``: ``until_ms``: until when there could be an appeal."""

    code = "appeal_late"
    status = 409
    message = "The sanction has ended; there is nothing left to appeal against."
    remedy = "Refresh the list of sanctions."


class AppealMade(CallerError):
    code = "appeal_made"
    status = 409
    message = "There is an appeal against this sanction already."
    remedy = "Refresh the list of sanctions."
