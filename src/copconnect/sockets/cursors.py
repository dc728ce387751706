"""Coalesces cursors in memory and stores them in bulk.

Only the newest cursor of each (conversation, client) is kept, so the buffer is bounded by the
connections. A crash loses at most half a second of cursors, which clients send again.
"""

import asyncio

import structlog

from copconnect.background import Periodic
from copconnect.ids import ClientId, ConversationId, Seq
from copconnect.sockets.feed import Feed, SeenCursor

FLUSH_S = 0.5
LAST_FLUSH_S = 1.5
_BATCH = 5_000
log = structlog.get_logger()
_LeafKey = tuple[ConversationId, ClientId]


class CursorBuffer:
    """Collects cursors; one task flushes them."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waiting: dict[_LeafKey, SeenCursor] = {}
        self._flushing = Periodic("cursors", self.flush, FLUSH_S)

    def add(self, cursor: SeenCursor) -> None:
        """Take a cursor in; it never goes back."""
        key = (cursor.conversation_id, cursor.client_id)
        known = self._waiting.get(key)
        if known is not None:
            cursor = SeenCursor(
                conversation_id=cursor.conversation_id,
                client_id=cursor.client_id,
                person_id=cursor.person_id,
                delivered_seq=Seq(max(known.delivered_seq, cursor.delivered_seq)),
                read_seq=Seq(max(known.read_seq, cursor.read_seq)),
            )
        self._waiting[key] = cursor

    async def flush(self) -> None:
        """Store all waiting cursors. A cursor that could not be stored keeps waiting."""
        while self._waiting:
            batch = [self._waiting.pop(key) for key in list(self._waiting)[:_BATCH]]
            try:
                await self._feed.store_cursors(batch)
            except BaseException:
                for cursor in batch:
                    self.add(cursor)
                raise

    async def start(self) -> None:
        """Begin to flush."""
        await self._flushing.start()

    async def close(self) -> None:
        """Flush a last time and stop. Clients send again the cursors that the database does not
        take in time."""
        await self._flushing.close()
        try:
            async with asyncio.timeout(LAST_FLUSH_S):
                await self.flush()
        except TimeoutError:
            log.warning("cursors_not_stored", cursors=len(self._waiting))
