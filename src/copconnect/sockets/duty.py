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
    are committed or nobody is online; the next member that connects begins it again. Of several
    nodes one asks at a time: two members that commit at once only cost the loser's work."""

    def __init__(self, feed: Feed, leases: Leases, topics: Mapping[ConversationId, Topic]) -> None:
        self._feed = feed
        self._leases = leases
        self._topics = topics
        self._tasks: dict[CellId, asyncio.Task[None]] = {}

    def begin(self, conversation_id: ConversationId, cell_id: CellId) -> None:
        """Ask until it is done."""
        if cell_id not in self._tasks:
            task = asyncio.create_task(self._ask(conversation_id, cell_id))
            self._tasks[cell_id] = task
            task.add_done_callback(lambda done: self._ended(cell_id, done))

    def end(self, cell_id: CellId) -> None:
        """The cell's commit came: stop asking."""
        task = self._tasks.pop(cell_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, cell_id: CellId, task: asyncio.Task[None]) -> None:
        if self._tasks.get(cell_id) is task:
            del self._tasks[cell_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("duty_failed", exc_info=task.exception())

    async def _ask(self, conversation_id: ConversationId, cell_id: CellId) -> None:
        duty = wire.Duty(conversation_id=conversation_id, cell_id=cell_id)
        frame = framing.frame(duty)
        lease = f"duty:{cell_id}"
        asked: set[Connection] = set()
        while True:
            topic = self._topics.get(conversation_id)
            online = [] if topic is None else list(topic.cells.get(cell_id, ()))
            if not online:
                await self._leases.release(lease)
                return
            fresh = [one for one in online if one not in asked]
            if not fresh:
                # Everybody here was asked once: before anybody is asked twice it is the turn of
                # another node's members.
                asked.clear()
                await self._leases.release(lease)
            elif await self._leases.take(lease, 2 * EVERY_S):
                chosen = random.choice(fresh)  # noqa: S311
                asked.add(chosen)
                chosen.push(frame)
            await asyncio.sleep(EVERY_S)
            if not await self._feed.removal_pending(cell_id):
                return
