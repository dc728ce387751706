"""The base classes of every error."""

from copconnect import wire


class CopConnectError(Exception):
    """Base of every error the server answers on purpose."""

    code = "internal"
    status = 500
    message = "The server failed to answer this request."
    remedy = "Try again. If it stays, tell the department's operator the time and this code."
    retry = True
    reported = False
    """Whether operators hear of the cause by its own alarm, and not from each request."""

    def __init__(self, *, retry_after_ms: int | None = None, **details: str | int) -> None:
        super().__init__(self.code)
        self.retry_after_ms = retry_after_ms
        self.details = details

    def body(self) -> wire.ErrorBody:
        """Return the wire form."""
        return wire.ErrorBody(
            code=self.code,
            message=self.message,
            remedy=self.remedy,
            retry=self.retry,
            retry_after_ms=self.retry_after_ms,
            details=dict(self.details),
        )


class CallerError(CopConnectError):
    """The request cannot be carried out as it is; the same bytes will be refused again."""

    status = 400
    retry = False


class DependencyError(CopConnectError):
    """Something this server needs did not answer; the same bytes may succeed later."""

    status = 503
    retry = True
