"""Asks online members, one after another, to commit a cell's pending Removes."""

import asyncio
import random
from collections.abc import Mapping

import structlog

from copconnect import wire
from copconnect.ids import CellId, ConversationId
from copconnect.sockets import framing
from copconnect.sockets.connection import Connection
from copconnect.sockets.feed import Feed, Leases
from copconnect.sockets.topic import Topic

EVERY_S = 2.0
log = structlog.get_logger()


class Duties:
    """One task for each cell with Removes and members online here. A task ends when the Removes
    are committed or nobody is online; the next Remove, or the next member that connects, begins it
    again. Of several nodes one asks at a time: two members that commit at once only cost the
    loser's work."""

    def __init__(self, feed: Feed, leases: Leases, topics: Mapping[ConversationId, Topic]) -> None:
        self._feed = feed
        self._leases = leases
        self._topics = topics
        self._tasks: dict[CellId, asyncio.Task[None]] = {}
        self._begun: set[CellId] = set()  # Since their tasks last looked whether there is more.

    def begin(self, conversation_id: ConversationId, cell_id: CellId) -> None:
        """Ask until it is done."""
        self._begun.add(cell_id)
        if cell_id not in self._tasks:
            self._tasks[cell_id] = asyncio.create_task(self._ask_all(conversation_id, cell_id))

    async def close(self) -> None:
        """Stop all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask_all(self, conversation_id: ConversationId, cell_id: CellId) -> None:
        asked: set[Connection] = set()
        due = True
        while due or cell_id in self._begun:
            self._begun.discard(cell_id)
            try:
                due = await self._ask_one(conversation_id, cell_id, asked)
            except Exception:
                log.exception("duty_failed")  # The database may be away.
                due = True
                await asyncio.sleep(EVERY_S)
        del self._tasks[cell_id]

    async def _ask_one(
        self, conversation_id: ConversationId, cell_id: CellId, asked: set[Connection]
    ) -> bool:
        """Ask somebody; return, after a while, whether the next is to be asked."""
        lease = f"duty:{cell_id}"
        topic = self._topics.get(conversation_id)
        online = [] if topic is None else list(topic.cells.get(cell_id, ()))
        if not online:
            await self._leases.release(lease)
            return False
        fresh = [one for one in online if one not in asked]
        if not fresh:
            # Everybody here was asked once: before anybody is asked twice it is the turn of
            # another node's members.
            asked.clear()
            await self._leases.release(lease)
        elif await self._leases.take(lease, 2 * EVERY_S):
            chosen = random.choice(fresh)  # noqa: S311
            asked.add(chosen)
            chosen.push(framing.frame(wire.Duty(conversation_id=conversation_id, cell_id=cell_id)))
        await asyncio.sleep(EVERY_S)
        return await self._feed.removal_pending(cell_id)
