"""Decisions of the Authentication Service over plain values. Pure: time and secrets are passed in.

Numbers are E.164 text; times are ms; hashes are lowercase hex.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect import errors, wire

FAILURE_SLOT_MS = 5 * 60_000
HOUR_MS = 3_600_000
CLOCK_TOLERANCE_MS = 10 * 60_000
DAY_MS = 24 * HOUR_MS
LONGEST_RENEWAL_DAYS = 30
TICKET_LIFETIME_MS = 30 * 60_000
APPROVAL_LIFETIME_MS = 7 * 24 * HOUR_MS
ENROLMENT_ATTEMPTS = 5
ENDED_TOKEN_KEPT_MS = 90 * 24 * HOUR_MS  # A phone that was off so long is told why it is out.


Policy = Literal["none", "enrolment_code", "approval"]
Next = Literal["enrolment_code", "approval", "device", "refused"]

SMS_TEXTS: dict[wire.Language, str] = {
    "en": "{code} is your Cop Connect code, valid for {minutes} minutes. "
    "Do not tell it to anybody. The department never asks for it.",
    "te": "{code} మీ కాప్ కనెక్ట్ కోడ్ ({minutes} ని.). ఎవరికీ చెప్పవద్దు.",
    "ur": "{code} آپ کا کاپ کنیکٹ کوڈ ہے ({minutes} منٹ)۔ کسی کو نہ بتائیں۔",
    "hi": "{code} आपका कॉप कनेक्ट कोड ({minutes} मिनट)। किसी को न बताएँ।",
}


def keyed_hash(secret: bytes, purpose: str, *parts: str) -> str:
    """Return HMAC-SHA256 under the server's secret, separated by purpose."""
    message = "\0".join((purpose, *parts)).encode("utf-8", "surrogatepass")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def code_hash(secret: bytes, challenge_id: str, code: str) -> str:
    """Return what is stored of an OTP: bound to its challenge, useless without the secret."""
    return keyed_hash(secret, "otp v1", challenge_id, code)


def enrolment_hash(secret: bytes, person_id: str, code: str) -> str:
    """Return what is stored of an enrolment code."""
    return keyed_hash(secret, "enrolment v1", person_id, clean_enrolment_code(code))


def clean_enrolment_code(code: str) -> str:
    """Return a code as it is compared: upper case, without spaces and dashes."""
    folded = unicodedata.normalize("NFKC", code)
    return "".join(folded.split()).replace("-", "").upper()


def token_hash(token: str) -> str:
    """Return what is stored of a ticket or an access token (256 random bits: no key needed)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def equal(left: str, right: str) -> bool:
    """Compare hashes in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def otp(number: int, length: int) -> str:
    """Write a random number below 10**length as a code."""
    return f"{number:0{length}d}"


def sms_text(language: wire.Language, code: str, lifetime_ms: int) -> str:
    """Return the OTP text: at most 160 characters of GSM-7, or 70 of Unicode."""
    return SMS_TEXTS[language].format(code=code, minutes=max(1, lifetime_ms // 60_000))


def code_request_wait_ms(
    requested_ms: Sequence[int], now_ms: int, *, resend_ms: int, per_hour: int
) -> int:
    """Return how long a number must wait for its next code, 0 if it need not.

    ``requested_ms`` are the times of its requests, of which only the last hour counts.
    """
    recent = sorted(time for time in requested_ms if now_ms - HOUR_MS < time <= now_ms)
    wait = 0
    if recent:
        wait = max(wait, recent[-1] + resend_ms - now_ms)
    if len(recent) >= per_hour:
        wait = max(wait, recent[-per_hour] + HOUR_MS - now_ms)
    return wait


def after_code(policy: Policy) -> Next:
    """Return what follows a correct OTP."""
    return "device" if policy == "none" else policy


def ticket_lifetime_ms(step: Next) -> int:
    """Return how long a ticket lives: a unit admin may take days to approve."""
    return APPROVAL_LIFETIME_MS if step == "approval" else TICKET_LIFETIME_MS


def registration_proof(ticket: str, client_id: str, public_key: bytes) -> bytes:
    """Return the bytes that the device key signs when it registers."""
    return (
        b"copconnect register v1\0"
        + ticket.encode("ascii", "replace")
        + bytes.fromhex(client_id)
        + public_key
    )


def renewal_proof(client_id: str, created_ms: int) -> bytes:
    """Return the bytes that the device key signs when it renews. Raises ClockWrong for a time
    that eight bytes cannot hold."""
    if not 0 <= created_ms < 2**63:
        raise errors.ClockWrong(limit_ms=CLOCK_TOLERANCE_MS)
    return b"copconnect renew v1\0" + bytes.fromhex(client_id) + created_ms.to_bytes(8, "big")


def check_proof(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Verify Ed25519. Raises ProofInvalid."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise errors.ProofInvalid from error


def check_clock(created_ms: int, now_ms: int) -> None:
    """Raises ClockWrong when a device's time is off by more than ten minutes."""
    if abs(created_ms - now_ms) > CLOCK_TOLERANCE_MS:
        raise errors.ClockWrong(limit_ms=CLOCK_TOLERANCE_MS, server_ms=now_ms)


def renewal_due(expires_ms: int, now_ms: int, certificate_days: int) -> bool:
    """Return whether a certificate may be replaced now: in the last third of the life that is set,
    and in the last 30 days of a long one."""
    left_ms = expires_ms - now_ms
    return left_ms <= min(LONGEST_RENEWAL_DAYS * DAY_MS, certificate_days * DAY_MS // 3)


def clean_label(text: str) -> str:
    """Return a device label without control characters; never empty."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return " ".join(kept.split())[:64] or "Device"


def failure_slots(now_ms: int) -> tuple[int, int, int]:
    """Return the slot that wrong codes count in now, the first of the last hour's, and how long
    the current one lasts."""
    slot, past_ms = divmod(now_ms, FAILURE_SLOT_MS)
    return slot, slot - HOUR_MS // FAILURE_SLOT_MS + 1, FAILURE_SLOT_MS - past_ms
