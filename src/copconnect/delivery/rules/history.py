"""From when a person may read a conversation: the policy that its leaves sign. Pure.

Invariant: ``history_from`` is the person's, registered or not, and restarts only when they return
after a removal; devices come and go without changing it.
"""

from copconnect import wire
from copconnect.delivery.rules.limits import DAY_MS


def history_from(
    kind: wire.ConversationKind, history_days: int | None, joined_ms: int, *, returned: bool
) -> int:
    """Return from when a person who joined then reads: direct conversations everything, all others
    as many days back as they were created with, a returner from the return."""
    if kind == "direct":
        return 0
    if returned:
        return joined_ms
    return max(0, joined_ms - (history_days or 0) * DAY_MS)
