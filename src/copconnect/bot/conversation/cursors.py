"""Cursors: how far the bot has received and handled, said soon after it moved, many at once."""

import asyncio

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.conversation.inbox import Inbox
from copconnect.bot.conversation.place import Place
from copconnect.bot.net.socket import Socket
from copconnect.ids import ConversationId, Seq

_TOGETHER_S = 0.5


class Cursors:
    """Cursors that wait to be said."""

    def __init__(self, context: Context, inbox: Inbox) -> None:
        self._stores = context.stores
        self._inbox = inbox
        self._waiting: dict[ConversationId, wire.CursorUpdate] = {}
        self._due = asyncio.Event()

    def of(self, place: Place) -> tuple[int, int]:
        """Return the positions up to which the bot has received and handled: both stop before a
        message that waits for its key (R9), *read* before one that no handler has finished."""
        log = place.row.log
        cursor = 0 if log is None else log.cursor
        waiting = self._inbox.waiting_from(place)
        delivered = cursor if waiting is None else min(cursor, waiting - 1)
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
