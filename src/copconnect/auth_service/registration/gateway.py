"""The gateway that takes texts, and its refusals.

Nothing here logs a number or a text, and no error's text holds one.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

import httpx

TIMEOUT_S = 10.0
NO_FIELDS: Mapping[str, object] = MappingProxyType({})
# By these a gateway says that it will never take this one text; any other refusal is of all texts.
_OF_ONE_TEXT = frozenset({400, 422})
# By these a proxy says that the gateway behind it is down. A gateway may answer a GET, which is no
# text, with any other status.
_DOWN = frozenset({502, 503, 504})
_TOO_LATE = 504  # A proxy passed the text on and heard nothing.
# The request did not reach the gateway, or not whole.
_NOT_ASKED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)


class GatewayDown(Exception):
    """The gateway takes no text at present. The only argument says why, without a number."""


class TextUnsure(GatewayDown):
    """The gateway may have taken the text: it was asked and gave no answer."""


class TextRefused(Exception):
    """The gateway refuses this one text. The only argument says why, without a number."""


class SmsGateway(Protocol):
    """Takes a text for a number."""

    @property
    def name(self) -> str:
        """The place that texts go to, as an operator reads it: no secret, no number."""

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        """Hand over one text; ``more``: fields for the gateway beside it, such as a template's id.
        Raises TextRefused, TextUnsure, GatewayDown."""

    async def check(self) -> str:
        """Find out whether the gateway is there, without a text. Return the HTTP date of its
        answer, or nothing. Raises GatewayDown."""

    async def close(self) -> None:
        """Release what it holds."""


class NoSms:
    """The gateway of a process that registers nobody: a command-line tool."""

    name = "none"

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        """Refuse."""
        del number, text, more
        raise GatewayDown("this process sends no texts")

    async def check(self) -> str:
        """Refuse."""
        raise GatewayDown("this process sends no texts")

    async def close(self) -> None:
        """Nothing to release."""


class HttpGateway:
    """Sends ``{"to": …, "text": …}`` and more fields to a DLT gateway; any 2xx answer means taken,
    whatever its body is. The answer is not waited for longer than :data:`TIMEOUT_S`."""

    def __init__(self, url: str, token: str, check_url: str = "") -> None:
        """``check_url``: an address that answers a GET with 2xx while the gateway takes texts."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._check_url = check_url
        self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S)
        self.name = place(url)

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        """Send one text."""
        response = await self._asked("POST", self._url, {"to": number, "text": text, **more})
        if response.status_code in _OF_ONE_TEXT:
            raise TextRefused(f"status {response.status_code}")
        if response.status_code == _TOO_LATE:
            raise TextUnsure(f"status {response.status_code}")
        if not response.is_success:
            raise GatewayDown(f"status {response.status_code}")

    async def check(self) -> str:
        """Ask the address for checks, or whether anything answers where texts go."""
        response = await self._asked("GET", self._check_url or self._url, None)
        wrong = not response.is_success if self._check_url else response.status_code in _DOWN
        if wrong:
            raise GatewayDown(f"status {response.status_code}")
        return str(response.headers.get("date", ""))

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _asked(self, method: str, url: str, body: dict[str, object] | None) -> httpx.Response:
        # An error's text may hold what was sent: its type is all that is said.
        try:
            async with asyncio.timeout(TIMEOUT_S):  # A gateway that answers byte by byte, too.
                return await self._client.request(method, url, json=body)
        except _NOT_ASKED as error:
            raise GatewayDown(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise TextUnsure(type(error).__name__) from error


def place(url: str) -> str:
    """Return scheme, host and port of an address: its path and the rest may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
