"""Seats of connections in topics, given and taken as rosters change.

A roster wake-up that follows the epoch of the seats is applied where it is received. Any other one
(the bus lost one, its lists are elsewhere, or nobody here belonged) makes this node read what
changed, in one snapshot. Idempotent: a change may be announced twice, by the bus and by the wake-up
log, which loses none. After the change that removes a client nothing of the conversation goes to
it.
"""

import asyncio
from collections.abc import Mapping

import structlog

from copconnect import wire
from copconnect.bus import RosterWakeup
from copconnect.ids import CellId, ConversationId, Epoch
from copconnect.limits import KNOWN_DEVICES
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection, push_all
from copconnect.sockets.connections.tasks import Tasks
from copconnect.sockets.feed import Feed, Standing
from copconnect.sockets.passing.gaps import REORDER_S, Gaps
from copconnect.sockets.topics.present import Present
from copconnect.sockets.topics.topic import UNKNOWN, Topic
from copconnect.sockets.topics.topics import Topics

AGAIN_S = 1.0  # Between two attempts to read who sits where.
log = structlog.get_logger()


class Seating:
    """``subscribed``: the conversations of each connection that has entered."""

    def __init__(
        self,
        feed: Feed,
        topics: Topics,
        present: Present,
        subscribed: Mapping[Connection, set[ConversationId]],
        gaps: Gaps,
        tasks: Tasks,
    ) -> None:
        self._feed = feed
        self._topics = topics
        self._present = present
        self._subscribed = subscribed
        self._gaps = gaps
        self._tasks = tasks

    def roster(self, wakeup: RosterWakeup) -> None:
        """A roster changed."""
        topic = self._topics.get(wakeup.conversation_id)
        if topic is None:
            if not wakeup.whole or wakeup.added.keys() & self._present.clients.keys():
                topic = self._topics.open(wakeup.conversation_id, UNKNOWN, wakeup.epoch - 1)
                topic.wanted_epoch = wakeup.epoch
                self._catch_up(topic, wakeup.epoch - 1, 0.0)
        elif wakeup.epoch <= topic.base:
            self._catch_up(topic, wakeup.epoch - 1, 0.0)
        elif wakeup.epoch == topic.epoch + 1 and wakeup.whole and not topic.catching_up:
            self._apply(topic, wakeup, topic.epoch)
        elif wakeup.epoch > topic.epoch:
            topic.wanted_epoch = max(topic.wanted_epoch, wakeup.epoch)
            self._catch_up(topic, topic.epoch, REORDER_S if wakeup.whole else 0.0)

    def behind(self, topic: Topic, epoch: int) -> None:
        """The roster is known to be at this epoch."""
        if epoch > topic.epoch:
            topic.wanted_epoch = max(topic.wanted_epoch, epoch)
            self._catch_up(topic, topic.epoch, REORDER_S)

    def heal(self, standings: Mapping[ConversationId, Standing]) -> None:
        """Read changes that were not announced, of conversations that stand there."""
        for conversation_id, standing in standings.items():
            topic = self._topics.get(conversation_id)
            if topic is not None:
                self.behind(topic, standing.roster_epoch)

    def unseat(self, topic: Topic, connection: Connection) -> None:
        """Forget a connection that has ended."""
        topic.unseat(connection)
        self._topics.forget_if_idle(topic)

    def _catch_up(self, topic: Topic, after: int, delay_s: float) -> None:
        """Read what changed after an epoch; a read that is under way is followed by one more."""
        topic.unread = after if topic.unread is None else min(topic.unread, after)
        if not topic.catching_up:
            topic.catching_up = True
            self._tasks.spawn(self._read(topic, delay_s))

    async def _read(self, topic: Topic, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            while (after := topic.unread) is not None:
                try:
                    news = await self._feed.roster_since(topic.conversation_id, after)
                except Exception as error:
                    log.warning("roster_not_read", error=type(error).__name__)
                    if not self._present.clients:
                        break  # Clients that come read where they belong.
                    await asyncio.sleep(AGAIN_S)
                    continue
                # Changes that were announced meanwhile may lie before this read or after it.
                if topic.unread == after:
                    topic.unread = None
                former = topic.epoch
                self._apply(topic, news.change, after)
                topic.base = min(topic.base, after)
                topic.begin(news.last_seq)
                self._gaps.drain(topic)
                self._gaps.repair(topic, topic.wanted, REORDER_S)
                if topic.unread is None and former < topic.epoch < topic.wanted_epoch:
                    topic.unread = topic.epoch
        finally:
            topic.unread = None
            topic.catching_up = False
            self._topics.forget_if_idle(topic)

    def _apply(self, topic: Topic, change: RosterWakeup, after: int) -> None:
        """Apply what changed after an epoch. Changes that the seats may have already are not told
        again."""
        conversation_id = topic.conversation_id
        fresh = after >= topic.epoch
        clients = self._present.clients
        gone = framing.frame(wire.ConversationGone(conversation_id=conversation_id))
        for client_id in change.removed:
            for connection in clients.get(client_id, ()):
                if topic.unseat(connection):
                    self._subscribed[connection].discard(conversation_id)
                    connection.push(gone)
        told: set[Connection] = set()
        new = framing.frame(wire.ConversationFrame(conversation_id=conversation_id))
        for client_id in change.added.keys() & clients.keys():
            cell_id = change.added[client_id]
            for connection in clients[client_id]:
                if self._seat(topic, connection, cell_id) or fresh:
                    connection.push(new)
                    told.add(connection)
        if change.devices <= KNOWN_DEVICES and change.epoch > topic.epoch:
            head = wire.RosterFrame(conversation_id=conversation_id, epoch=Epoch(change.epoch))
            push_all((one for one in topic.seats if one not in told), framing.frame(head))
        topic.epoch = max(topic.epoch, change.epoch)
        topic.wanted_epoch = max(topic.wanted_epoch, topic.epoch)

    def _seat(self, topic: Topic, connection: Connection, cell_id: CellId) -> bool:
        self._subscribed[connection].add(topic.conversation_id)
        return topic.seat(connection, cell_id)
