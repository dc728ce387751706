"""How a program on the server's machine shows that it may read the server's secret. Pure.

The proof is an HMAC over the time under a key made from the secret: it says nothing of the secret,
and one that somebody saw on the way is good for minutes, for what
:mod:`copconnect.operator.operations` answers alone.
"""

import hashlib
import hmac

SCHEME = "Operator"
GOOD_FOR_MS = 10 * 60_000
_PURPOSE = b"copconnect operator proof v1"


def make(secret: bytes, now_ms: int) -> str:
    """Return the value of an Authorization header."""
    return f"{SCHEME} {now_ms}.{_digest(secret, now_ms)}"


def holds(secret: bytes, header: str, now_ms: int) -> bool:
    """Return whether the header's value was made with this secret within the last minutes."""
    scheme, _, proof = header.partition(" ")
    time, _, digest = proof.partition(".")
    if scheme != SCHEME or not (time.isascii() and time.isdigit() and len(time) < 20):
        return False
    made_ms = int(time)
    if abs(now_ms - made_ms) > GOOD_FOR_MS:
        return False
    return hmac.compare_digest(digest.encode(), _digest(secret, made_ms).encode())


def _digest(secret: bytes, time_ms: int) -> str:
    key = hmac.digest(secret, _PURPOSE, "sha256")
    return hmac.new(key, str(time_ms).encode(), hashlib.sha256).hexdigest()
