"""Cursors: how far the bot has received and handled, said soon after it moved, many at once."""

import asyncio

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.conversation.place import Place
from copconnect.bot.net.socket import Socket
from copconnect.ids import ConversationId, Seq

_TOGETHER_S = 0.5


class Cursors:
    """Cursors that wait to be said."""

    def __init__(self, context: Context) -> None:
        self._stores = context.stores
        self._waiting: dict[ConversationId, wire.CursorUpdate] = {}
        self._due = asyncio.Event()

    def of(self, place: Place) -> tuple[int, int]:
        """Return the positions that the bot has passed and handled: *read* stops before a message
        that no handler has finished. One that waits for its key holds back neither: the server
        counts it as not delivered while the bot asks for that key (R9)."""
        log = place.row.log
        delivered = 0 if log is None else log.cursor
        unhandled = self._stores.inbox.all(place.id, limit=1)
        read = delivered if not unhandled else min(delivered, unhandled[0].position - 1)
        return delivered, read

    def moved(self, place: Place) -> None:
        """The bot has come further in a conversation: say so soon."""
        delivered, read = self.of(place)
        self._waiting[place.id] = wire.CursorUpdate(
            conversation_id=place.id, delivered_seq=Seq(delivered), read_seq=Seq(read)
        )
        self._due.set()

    async def send(self, socket: Socket) -> None:
        """Say cursors on a connection until cancelled. Raises Unreachable."""
        while True:
            await self._due.wait()
            await asyncio.sleep(_TOGETHER_S)
            self._due.clear()
            updates, self._waiting = list(self._waiting.values()), {}
            await socket.send_cursors(updates)
