"""VAPID tokens (RFC 8292): one for each push service, used again for half of its life.

A signature takes 30 µs and a token is good for half a day, so a token costs nothing for each push,
and a push service cannot tell two pushes of this server apart by it.
"""

import base64
from typing import Protocol

import msgspec

from copconnect.clock import Clock

LIFE_S = 12 * 3600  # RFC 8292 section 2: a day at most.


class VapidSigner(Protocol):
    """The department's key for pushes; the keys folder has it."""

    @property
    def public_key(self) -> bytes:
        """The point of P-256: 65 bytes, uncompressed."""

    def sign(self, data: bytes) -> bytes:
        """Return an ES256 signature: r ‖ s, 64 bytes (RFC 7518 section 3.4)."""


class Tokens:
    """The Authorization header for each origin."""

    def __init__(self, signer: VapidSigner, contact: str, clock: Clock) -> None:
        """``contact``: the ``sub`` claim, a mailto: or https: address; empty: none."""
        self._signer = signer
        self._contact = contact
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    def header(self, origin: str) -> str:
        """Return the value of the Authorization header for a push service."""
        now_s = self._clock.now_ms() / 1000
        known = self._known.get(origin)
        if known is not None and now_s < known[1] and known[1] - now_s <= LIFE_S:
            return known[0]
        value = self._made(origin, now_s)
        self._known[origin] = value, now_s + LIFE_S / 2
        return value

    def _made(self, origin: str, now_s: float) -> str:
        claims: dict[str, str | int] = {"aud": origin, "exp": int(now_s) + LIFE_S}
        if self._contact:
            claims["sub"] = self._contact
        signed = ".".join(
            base64url(msgspec.json.encode(part))
            for part in ({"typ": "JWT", "alg": "ES256"}, claims)
        )
        token = f"{signed}.{base64url(self._signer.sign(signed.encode()))}"
        return f"vapid t={token}, k={base64url(self._signer.public_key)}"


def base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
