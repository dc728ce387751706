"""Everything that the SDK raises, in one tree. Imports nothing of the project.

A message that fails a rule of docs/keys.md raises nothing here: the core keeps it, and shows it to
nobody.
"""

from collections.abc import Mapping


class BotFailure(Exception):
    """Base of everything that the SDK raises on purpose."""


class StateFailure(BotFailure):
    """The state file cannot be used: missing, readable by others, in use, wrong passphrase."""


class Untrusted(BotFailure):
    """The server shows another department than the one pinned at registration, or a certificate
    of another device. Nothing was changed; ask the department's administrators."""


class Unreachable(BotFailure):
    """No answer came from the server, or none that makes sense. The SDK tries again
    automatically."""


class NotConfirmed(BotFailure):
    """No admin has confirmed this bot yet, so that no conversation lists it (E2)."""


class SignedOut(BotFailure):
    """The server ended this bot's access."""


class NoSuchConversation(BotFailure):
    """The bot is in no conversation of that id or name."""


class NotSent(BotFailure):
    """A message was given up; ``code`` is the server's, as documented in docs/protocol.md."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the message was not sent: {code}")
        self.code = code


class ServerRefused(BotFailure):
    """The server refused a request with a code of docs/protocol.md, or the core did.

    ``retry``: whether the same request may succeed later; ``retry_after_s``: seconds until then.
    """

    def __init__(
        self, code: str, *, retry: bool, retry_after_s: float | None, details: Mapping[str, object]
    ) -> None:
        super().__init__(f"refused: {code}" + (f" {dict(details)}" if details else ""))
        self.code = code
        self.retry = retry
        self.retry_after_s = retry_after_s
        self.details = details
