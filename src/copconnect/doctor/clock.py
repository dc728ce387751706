"""Is this machine's clock right? Devices refuse what is dated more than minutes off, leases of
several nodes compare clocks, and the law (CERT-In) asks for NTP."""

import ctypes
from email.utils import parsedate_to_datetime

from copconnect.doctor.findings import Finding, failure, ok, warning

NOTED_MS = 3_000  # An HTTP date has whole seconds.
WRONG_MS = 60_000
_NTP = "Let chrony or systemd-timesyncd keep the clock by NTP; it must reach its servers."
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of adjtimex(2).


class _Timex(ctypes.Structure):
    """The beginning of struct timex; the kernel writes the rest into ``_more``."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_more", ctypes.c_char * 512),
    )


def compared(other: str, offset_ms: float) -> Finding:
    """Judge by how much this clock is ahead of another's."""
    off = abs(offset_ms)
    seconds = off / 1000
    way = "ahead of" if offset_ms > 0 else "behind"
    if off >= WRONG_MS:
        words = f"This clock is {seconds:,.0f} s {way} that of {other}."
        return failure("clock", words, f"Find out which of the two is wrong. {_NTP}")
    if off >= NOTED_MS:
        words = f"This clock is {seconds:.1f} s {way} that of {other}."
        return warning("clock", words, _NTP)
    return ok("clock", f"This clock agrees with that of {other}.")


def by_http_date(other: str, date: str, now_ms: int) -> list[Finding]:
    """Judge by the Date header of an answer that has just come; nothing for one without it."""
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return []
    # The header is cut to whole seconds: half a second is its mean error.
    return [compared(other, now_ms - theirs.timestamp() * 1000 - 500)]


def synchronised(status: int | None) -> Finding:
    """Judge the kernel's status word; None: it does not tell."""
    if status is None:
        words = "The kernel does not tell whether NTP keeps the clock."
        return warning("ntp", words, "Look by hand, for example with `timedatectl`.")
    if status & _UNSYNCHRONISED:
        return failure("ntp", "The kernel says that nothing keeps the clock by NTP.", _NTP)
    return ok("ntp", "The clock is kept by NTP.")


def kernel_status() -> int | None:
    """Return the status word of adjtimex(2), which any account may read; None: not to be had."""
    timex = _Timex()
    try:
        result = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    if result < 0:
        return None
    return int(timex.status)
