"""The SMS outbox: keeps the texts that a gateway would have sent.

The texts are in a separate SQLite file in the data folder, which all workers and nodes of one
machine share; any of them shows the texts of all. The file is opened for each call, and nothing is
flushed to the disk: a demo may lose texts in a power cut.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from copconnect.auth_service.registration.gateway import NO_FIELDS

KEPT = 1000
SHOWN = 100
BUSY_S = 30.0
_TABLE = """CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY, number TEXT NOT NULL, text TEXT NOT NULL, sent_ms INTEGER NOT NULL
)"""


class Outbox:
    """Takes texts as any :class:`~copconnect.auth_service.registration.gateway.SmsGateway` does,
    and shows them."""

    name = "the demo's outbox"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "outbox.sqlite3"

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        """Store one text; only the newest thousand are kept."""
        del more  # The ids of a registered template.
        await asyncio.to_thread(self._add, number, text)

    async def check(self) -> str:
        """The outbox is always there."""
        return ""

    async def close(self) -> None:
        """Nothing to release."""

    async def newest(self, number: str | None) -> list[dict[str, str | int]]:
        """Return the newest texts, of one number if given."""
        return await asyncio.to_thread(self._newest, number)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
            yield connection

    def _add(self, number: str, text: str) -> None:
        with self._opened() as connection:
            added = connection.execute(
                "INSERT INTO texts (number, text, sent_ms) VALUES (?, ?, ?)",
                (number, text, time.time_ns() // 1_000_000),
            )
            connection.execute("DELETE FROM texts WHERE id <= ?", ((added.lastrowid or 0) - KEPT,))

    def _newest(self, number: str | None) -> list[dict[str, str | int]]:
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT number, text, sent_ms FROM texts WHERE ?1 IS NULL OR number = ?1 "
                "ORDER BY id DESC LIMIT ?2",
                (number, SHOWN),
            ).fetchall()
        return [{"number": number, "text": text, "sentMs": sent} for number, text, sent in rows]
