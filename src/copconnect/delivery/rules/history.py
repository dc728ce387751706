"""From when a person may read a conversation: the policy that its leaves sign. Pure.

Invariant: ``history_from`` is the person's, registered or not, and restarts only when they return
after a removal; devices come and go without changing it.
"""

from copconnect import wire
from copconnect.delivery.rules.limits import AUDIENCE_HISTORY_DAYS, DAY_MS


def history_from(
    kind: wire.ConversationKind, history_days: int | None, joined_ms: int, *, returned: bool
) -> int:
    """Return from when a person who joined then reads: direct conversations everything, those of an
    audience 30 days back, groups as chosen at creation, a returner from the return."""
    if kind == "direct":
        return 0
    if returned:
        return joined_ms
    days = AUDIENCE_HISTORY_DAYS if kind in ("unit", "announcement") else history_days or 0
    return max(0, joined_ms - days * DAY_MS)
