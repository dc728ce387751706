"""Times and numbers that bound what people and devices may do (docs/keys.md). Pure.

Limits that clients hold too are in :mod:`copconnect.limits`; limits that an operator may change, in
the settings.
"""

from dataclasses import dataclass

from copconnect.limits import GROUP_PEOPLE

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

HEAD_MS = 10 * MINUTE_MS  # D1, D2: how long a head that is not the newest any more still counts.
SENT_MS = 10 * MINUTE_MS  # D1: how far a message's time may be off when it is first sent.
RECORD_MS = 10 * MINUTE_MS  # D2: the same of a record's `created`.
GATE_MS = 500  # D6: how long a device waits before it asks again whether the head is signed.
KEY_MS = 25 * HOUR_MS  # D1: the age to which the server takes messages under a key.
KEY_RENEWED_MS = 23 * HOUR_MS  # D7: from then on a key does not stop the next one.
KEY_RENEWED_MESSAGES = 9_000
KEYS_A_DAY = 3  # D2: an author's records beside the free ones.
CANNOT_OPEN_MS = 3_000  # S2: a share request this old shows that its device cannot open the key.
CELL_KEY_RENEWED_MS = 6 * DAY_MS  # C1: the server asks for the next one from then on.
FLAGS = 3  # C2: people whose flags open one more generation of a cell key.
REKEY_HISTORY_MS = 26 * HOUR_MS  # A newcomer whose history begins later needs a new key.
CELL_REKEY_HISTORY_MS = 9 * DAY_MS  # 7 days of a cell key's use, and the 26 hours of H3.
STAMP_REUSED_MS = 5 * MINUTE_MS
SHARES_KEPT_MS = 7 * DAY_MS  # A share that its device never fetched; it asks again.
# D4: so long nobody else is asked once a helper has said that it makes a share, or has sent it.
HELPED_MS = 10_000
JOIN_REQUEST_MS = 14 * DAY_MS  # A request to join that nobody answers ends then.
SHARES_WAITING = 64  # Shares that wait for one device in one conversation.
MOST_WAITING_REFERENCES = 4_096  # Secrets that one device may ask for in one conversation.


@dataclass(frozen=True, slots=True)
class PersonLimits:
    """Limits of one person, over all their devices. ``burst``: at once, after a pause."""

    messages_per_minute: int = 60
    messages_burst: int = 120
    bytes_per_minute: int = 8 * 1024 * 1024
    exports_per_hour: int = 30  # Each makes an entry of the audit log.
    share_requests_per_minute: int = 60
    shares_per_minute: int = 600  # A device itself makes at most 60 (H4).
    member_changes_per_hour: int = 100
    conversations_per_hour: int = 100
    group_people: int = GROUP_PEOPLE  # Without a grant.
