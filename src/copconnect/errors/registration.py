"""Errors of registration."""

from copconnect.errors.base import CallerError, DependencyError


class NumberInvalid(CallerError):
    code = "number_invalid"
    message = "This is not a phone number."
    remedy = "Enter the ten digits of the number that your department has on file."


class CodeWrong(CallerError):
    """Also the answer for every code to an unknown number."""

    code = "code_wrong"
    status = 403
    message = "The code is wrong."
    remedy = "Enter the newest code you received, or ask for another."


class CodeExpired(CallerError):
    code = "code_expired"
    status = 403
    message = "The code has expired or was used."
    remedy = "Ask for a new code."


class CodeTriesUsedUp(CallerError):
    """Also the answer for an unknown number after as many tries."""

    code = "code_tries_used_up"
    status = 403
    message = "Too many wrong codes were tried in place of this one."
    remedy = "Ask for a new code."


class SmsUnavailable(DependencyError):
    """The same for every number: while it lasts, nobody is sent a code."""

    reported = True
    code = "sms_unavailable"
    message = "The department's SMS gateway is down: no code can be sent."
    remedy = "Try again after `retry_after_ms`. The operators have an alarm."


class TextsUsedUp(CallerError):
    """``details``: ``limit``, the name of the budget. The same for every number."""

    code = "texts_used_up"
    status = 429
    message = "This number gets no more texts for now."
    remedy = "Ask your unit's admin for an enrolment code, or wait for `retry_after_ms`."
    retry = True


class TextPossible(CallerError):
    code = "text_possible"
    status = 409
    message = "A text can still be sent to this number."
    remedy = "Ask for a code by text first."


class TicketInvalid(CallerError):
    code = "ticket_invalid"
    status = 403
    message = "This registration has expired or is finished."
    remedy = "Start again with your number."


class EnrolmentCodeWrong(CallerError):
    code = "enrolment_code_wrong"
    status = 403
    message = "The enrolment code is wrong."
    remedy = "Check the code on your enrolment letter, or ask your unit's admin."
