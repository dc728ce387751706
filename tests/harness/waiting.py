"""Waiting for what will happen, however busy the machine is. No test asserts on seconds."""

import asyncio
import ssl
import time
from collections.abc import Callable

PATIENCE_S = 60.0

# For httpx's ``verify``: servers of tests speak plain HTTP, and to read the list of certificate
# authorities takes 10 ms for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def until(done: Callable[[], object], what: str = "it") -> None:
    """Return once ``done()`` is true. Raises TimeoutError if it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {PATIENCE_S:.0f} s")
        time.sleep(0.02)


async def until_async(done: Callable[[], object], what: str = "it") -> None:
    """As :func:`until`, on an event loop."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.02)
