"""The web server's HTTP protocol with a limit on how long a request's head may take.

uvicorn waits for ever for a connection that begins a request and does not end its head, or never
begins one: a few thousand of those hold every file descriptor. Bodies have limits of size, and a
WebSocket must say Hello in time; both begin after the head.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 20.0


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request head does not come in time."""

    head_s = HEAD_S
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect the first head."""
        super().connection_made(transport)
        self._expect()

    def on_message_begin(self) -> None:
        """Expect the rest of a head: the first one's time already runs."""
        super().on_message_begin()
        if self._due is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._forget()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._due = self.loop.call_later(self.head_s, self._late)

    def _forget(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _late(self) -> None:
        self._due = None
        self.transport.abort()
