"""M3 as far as the server can check it: who deletes which message, and when. Pure. Devices judge
it again (client/src/messages/deletions.ts)."""

from dataclasses import dataclass

from copconnect import errors
from copconnect.delivery.rules.limits import DAY_MS
from copconnect.ids import PersonId, Seq

_DELETABLE_MS = 2 * DAY_MS


@dataclass(frozen=True, slots=True)
class MarkedMessage:
    """A message of the log that a mark edits or deletes. ``kept``: nobody deletes it; ``dropped``:
    the log has its header alone."""

    seq: Seq
    person_id: PersonId
    sent_ms: int
    kept: bool
    dropped: bool = False


def check_deletion(
    message: MarkedMessage, person_id: PersonId, now_ms: int, *, admin: bool
) -> None:
    """Raise NotAdmin unless its author deletes a message within two days, or an admin does."""
    own = message.person_id == person_id and now_ms <= message.sent_ms + _DELETABLE_MS
    if not (own or admin):
        raise errors.NotAdmin
