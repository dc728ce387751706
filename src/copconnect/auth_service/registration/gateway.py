"""The gateway that takes texts, and its refusals.

Nothing here logs a number or a text, and no error's text holds one.
"""

from typing import Protocol
from urllib.parse import urlsplit

import httpx

TIMEOUT_S = 10.0
# By these a gateway says that it will never take this one text; any other refusal is of all texts.
_OF_ONE_TEXT = frozenset({400, 422})
# By these a proxy says that the gateway behind it is down. A gateway may answer a GET, which is no
# text, with any other status.
_DOWN = frozenset({502, 503, 504})


class GatewayDown(Exception):
    """The gateway takes no text at present. The only argument says why, without a number."""


class TextRefused(Exception):
    """The gateway refuses this one text. The only argument says why, without a number."""


class SmsGateway(Protocol):
    """Takes a text for a number."""

    @property
    def name(self) -> str:
        """The place that texts go to, as an operator reads it: no secret, no number."""
        ...

    async def send(self, number: str, text: str) -> None:
        """Hand over one text. Raises TextRefused, GatewayDown."""
        ...

    async def check(self) -> str:
        """Find out whether the gateway is there, without a text. Return the HTTP date of its
        answer, or nothing. Raises GatewayDown."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class NoSms:
    """The gateway of a process that registers nobody: a command-line tool."""

    name = "none"

    async def send(self, number: str, text: str) -> None:
        """Refuse."""
        del number, text
        raise GatewayDown("this process sends no texts")

    async def check(self) -> str:
        """Refuse."""
        raise GatewayDown("this process sends no texts")

    async def close(self) -> None:
        """Nothing to release."""


class HttpGateway:
    """Posts ``{"to": …, "text": …}`` to a DLT gateway; any 2xx answer means taken."""

    def __init__(self, url: str, token: str, check_url: str = "") -> None:
        """``check_url``: an address that answers a GET with 2xx while the gateway takes texts."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._check_url = check_url
        self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S)
        self.name = place(url)

    async def send(self, number: str, text: str) -> None:
        """Post one text."""
        response = await self._asked("POST", self._url, {"to": number, "text": text})
        if response.status_code in _OF_ONE_TEXT:
            raise TextRefused(f"status {response.status_code}")
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

    async def _asked(self, method: str, url: str, body: dict[str, str] | None) -> httpx.Response:
        try:
            return await self._client.request(method, url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's text may hold what was sent: its type is all that is said.
            raise GatewayDown(type(error).__name__) from error


def place(url: str) -> str:
    """Return scheme, host and port of an address: its path and the rest may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
