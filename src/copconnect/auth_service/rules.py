"""Decisions of the Authentication Service over plain values. Pure: time and secrets are passed in.

Numbers are E.164 text; times are ms; hashes are lowercase hex.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from typing import Literal

from copconnect import errors, wire
from copconnect.principals import Ended
from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import Refused

FAILURE_SLOT_MS = 5 * 60_000
HOUR_MS = 3_600_000
CLOCK_TOLERANCE_MS = 10 * 60_000
DAY_MS = 24 * HOUR_MS
LONGEST_RENEWAL_DAYS = 30
TICKET_LIFETIME_MS = 30 * 60_000
ENROLMENT_ATTEMPTS = 5
FORMER_KEYS_KEPT_MS = 48 * HOUR_MS  # DeviceKeys, after they were replaced (K1).
MOST_DIGITS = 12  # Digits of an OTP; wire.SubmitCode takes 16 characters.
TOKENS_OF_DEVICE = 4  # Those of answers that were lost stay beside the one in use.


SecondFactor = Literal["none", "enrolment_code"]
Next = Literal["enrolment_code", "device", "refused"]

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
    return hmac.digest(secret, message, "sha256").hex()


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


def budget_wait_ms(requested_ms: Sequence[int], now_ms: int, per_day: int) -> int:
    """Return the milliseconds until a budget of ``per_day`` requests allows another one, 0 if it
    does now. ``requested_ms``: the times of former requests; the budget counts the last 24 hours.
    """
    recent = sorted(time for time in requested_ms if now_ms - DAY_MS < time <= now_ms)
    if len(recent) < per_day:
        return 0
    return recent[-per_day] + DAY_MS - now_ms


def after_code(second_factor: SecondFactor) -> Next:
    """Return what follows a correct OTP."""
    return "device" if second_factor == "none" else second_factor


def code_digits(failures: int, threshold: int, shortest: int) -> int:
    """Return how many digits a code has after so many wrong ones: further guesses then find no more
    codes than ``threshold`` guesses find among codes of ``shortest`` digits."""
    digits = shortest
    while failures >= threshold and digits < MOST_DIGITS:
        digits += 1
        threshold *= 10
    return digits


def registration_proof(ticket: str, client_id: str, public_key: bytes) -> bytes:
    """Return the bytes that the device key signs when it registers."""
    return (
        b"copconnect register v1\0"
        + ticket.encode("ascii", "replace")
        + bytes.fromhex(client_id)
        + public_key
    )


def renewal_proof(client_id: str, created_ms: int, token_hash: bytes) -> bytes:
    """Return the bytes that the device key signs when it renews its token and certificate."""
    at = created_ms.to_bytes(8, "big")
    return b"copconnect renew v2\0" + bytes.fromhex(client_id) + at + token_hash


def sign_out_proof(client_id: str, created_ms: int) -> bytes:
    """Return the bytes that the device key signs when its person signs it out."""
    return b"copconnect sign-out v1\0" + bytes.fromhex(client_id) + created_ms.to_bytes(8, "big")


def signed_out(ended: Ended) -> errors.SignedOut:
    """Return the refusal of a device that was removed, signed out or locked."""
    details = dict(ended.lock)
    if ended.revocation is not None:
        details["revocation"] = ended.revocation.hex()
    return errors.SignedOut(retry_after_ms=None, reason=ended.reason, **details)


def check_proof(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Verify Ed25519 by a key of prime order, canonically encoded (docs/keys.md, D3): by
    others, verifiers disagree about signatures. Raises ProofInvalid."""
    try:
        ed25519.check_public_key(public_key, "D3")
        ed25519.verify(public_key, signature, message, "D3")
    except Refused as error:
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


def failure_slots(now_ms: int) -> tuple[int, int]:
    """Return the slot that wrong codes count in now, and the first of the last hour's."""
    slot = now_ms // FAILURE_SLOT_MS
    return slot, slot - HOUR_MS // FAILURE_SLOT_MS + 1


def me_version(records: int, accepted: int | None) -> str:
    """Return a text that differs whenever a person's devices or acceptance of the code differ.

    ``records``: the version of the person's records; ``accepted``: of the code of conduct.
    """
    return f"{records}.{'' if accepted is None else accepted}"
