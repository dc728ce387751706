"""Decides what a push says and what a push service's answer means. Pure.

RFC 8030 (TTL, Urgency, Topic, statuses), RFC 8292 (VAPID).
"""

import base64
import hashlib
import hmac
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

from copconnect import errors
from copconnect.ids import ConversationId

DAY_S = 86_400
MOST_ENDPOINT = 2048  # Characters.
FIRST_RETRY_S = 2.0
MOST_RETRY_S = 900.0
MOST_PAUSE_S = 3_600.0  # However long a push service asks to be left alone.
PAUSE_S = 30.0  # After a 429 that says no time.

REMINDER = "reminder"  # The kind of a push about a message that the device may have received.

CALL = "call"  # It goes past mute.

LESSONS = "lessons"  # A reminder of open lessons; it is about no conversation.

DEVICE = "device"  # The device itself was locked or unlocked; about no conversation either.

PushOutcome = Literal["taken", "gone", "refused", "slow_down", "failed"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a push travels: the seconds for which a push service keeps it, and RFC 8030's Urgency.
    Only ``high`` wakes a phone that dozes."""

    ttl_s: int
    urgency: Literal["normal", "high"]


_MANNERS = {
    "direct": Manner(DAY_S, "high"),
    "group": Manner(DAY_S, "normal"),
    "unit": Manner(3 * DAY_S, "high"),
    "announcement": Manner(7 * DAY_S, "high"),
    REMINDER: Manner(DAY_S, "high"),
    CALL: Manner(7 * DAY_S, "high"),
    LESSONS: Manner(4 * 3_600, "normal"),  # Later it would come in the evening.
    DEVICE: Manner(7 * DAY_S, "high"),
}


def manner_of(kind: str) -> Manner:
    """Return how pushes about a conversation of a kind, or reminders, travel."""
    return _MANNERS[kind]


def topic(secret: bytes, endpoint: str, conversation_id: ConversationId) -> str:
    """Return the Topic: 32 characters that replace an older push about the same conversation, and
    look random to anybody who lacks the server's secret. Two devices of one conversation have
    nothing in common, and neither has a device that subscribed again."""
    named = f"push topic\0{endpoint}\0{conversation_id}".encode()
    digest = hmac.digest(secret, named, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()


# --- Endpoints --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place that pushes go to. ``target``: path and query, as the request line has them."""

    origin: str
    host: str
    port: int
    target: str


def endpoint_of(url: str, allowed: Collection[str]) -> Endpoint:
    """Return the parts of an endpoint. Raises PushOriginRefused for an address that is not https
    or whose origin is none of those ``allowed`` (``https://*.example`` allows every host below)."""
    # An address that a parser would repair is refused, so that nobody reads it in another way.
    if len(url) > MOST_ENDPOINT or not url.isascii() or not url.isprintable() or " " in url:
        raise errors.PushOriginRefused(origin="")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        raise errors.PushOriginRefused(origin="") from error
    shown = f"[{host}]" if ":" in host else host
    origin = f"https://{shown}" + (f":{port}" if port != 443 else "")
    plain = parts.scheme == "https" and parts.netloc.lower() in (shown, f"{shown}:{port}")
    if not plain or "\\" in url or not host or not _allows(allowed, origin):
        raise errors.PushOriginRefused(origin=origin if plain else "")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(origin, host, port, target)


def _allows(allowed: Collection[str], origin: str) -> bool:
    for one in allowed:
        head, star, tail = one.partition("https://*.")
        if not star and one == origin:
            return True
        if star and not head and origin.endswith(f".{tail}"):
            return True
    return False


def allowed_origins(setting: str) -> tuple[str, ...]:
    """Return the origins of the setting, which commas separate."""
    return tuple(one.strip().rstrip("/").lower() for one in setting.split(",") if one.strip())


# --- Answers ----------------------------------------------------------------------------------


def outcome_of(status: int) -> PushOutcome:
    """Return what the answer of a push service means for the push.

    taken: it will be delivered; gone: the subscription has ended; refused: this request is wrong
    and stays so; slow_down: the origin wants fewer; failed: try again.
    """
    if 200 <= status < 300:
        return "taken"
    if status in (404, 410):
        return "gone"
    if status == 429:
        return "slow_down"
    if status in (400, 401, 403, 413):
        return "refused"
    return "failed"


def pause_s(retry_after: str, now_ms: int) -> float:
    """Return the seconds of a Retry-After header: a number or an HTTP date, within limits."""
    text = retry_after.strip()
    wanted = PAUSE_S
    if text.isascii() and text.isdigit() and len(text) < 10:
        wanted = float(text)
    elif text:
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            until = None
        if until is not None:
            wanted = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - now_ms / 1000
    return min(max(wanted, 1.0), MOST_PAUSE_S)


def retry_s(attempts: int, chance: random.Random) -> float:
    """Return how long to wait before another try: twice as long each time, half of it by chance, so
    that thousands do not come back at once."""
    longest: float = min(FIRST_RETRY_S * 2 ** min(attempts, 20), MOST_RETRY_S)
    return longest * (0.5 + chance.random() / 2)
