"""Everything that the SDK raises, in one tree. Imports nothing of the project but the wire's body.

A failure says who can do something about it: ``Refused`` (of ``copconnect.records``) never leaves
the SDK, because a message that fails a rule of docs/keys.md is recorded and shown to nobody.
"""

from copconnect.wire.base import ErrorBody


class BotFailure(Exception):
    """Base of everything that the SDK raises on purpose."""


class StateFailure(BotFailure):
    """The state file cannot be used: missing, readable by others, in use, wrong passphrase."""


class Untrusted(BotFailure):
    """The server shows another department than the one pinned at registration, or a certificate
    of another device. Nothing was changed; ask the department's administrators."""


class Unreachable(BotFailure):
    """No answer came from the server, or none that makes sense. The SDK tries again by itself."""


class NotConfirmed(BotFailure):
    """No admin has confirmed this bot yet, so that no conversation lists it (E2)."""


class SignedOut(BotFailure):
    """The server ended this bot's access, or another process runs with the same state."""


class NoSuchConversation(BotFailure):
    """The bot is in no conversation of that id or name."""


class NotPosted(BotFailure):
    """A message was given up; ``code`` is the server's, as documented in docs/protocol.md."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the message was not posted: {code}")
        self.code = code


class ServerRefused(BotFailure):
    """The server refused a request with a documented error.

    ``retry``: whether the same request may succeed later; ``retry_after_s``: seconds until then.
    """

    def __init__(self, status: int, body: ErrorBody) -> None:
        super().__init__(f"{body.code}: {body.message} {body.remedy}".strip())
        self.status = status
        self.code = body.code
        self.retry = body.retry
        self.retry_after_s = None if body.retry_after_ms is None else body.retry_after_ms / 1000
        self.details = body.details


def has_code(error: BaseException, *codes: str) -> bool:
    """Return whether the server refused with one of these codes."""
    return isinstance(error, ServerRefused) and error.code in codes
