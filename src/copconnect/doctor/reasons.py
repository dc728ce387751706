"""Causes of errors in a few words, without passwords and without anybody's number."""

from sqlalchemy.exc import DBAPIError

from copconnect import errors

LONGEST = 200


def reason_of(error: BaseException) -> str:
    """Return why something failed: the driver's or the system's words, on one line."""
    if isinstance(error, errors.CopConnectError):
        cause = error.__cause__
        return error.code if cause is None else reason_of(cause)
    if isinstance(error, DBAPIError):
        return reason_of(error.orig) if error.orig is not None else type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        return reason_of(error.exceptions[0])
    if isinstance(error, TimeoutError):
        return "no answer in time"
    lines = str(error).splitlines()
    return lines[0][:LONGEST] if lines and lines[0] else type(error).__name__
