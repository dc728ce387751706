"""Puts messages in order: early messages wait, missing ones are read from the log.

Wake-ups may be lost, repeated or out of order. A gap is filled after a moment; ``heal`` looks for
what nobody announced. A new topic whose place in the log is not known yet holds what comes.
"""

import asyncio
from collections.abc import Mapping

from copconnect.bus import EntryWakeup
from copconnect.ids import ConversationId
from copconnect.sockets.connections.tasks import Tasks
from copconnect.sockets.feed import Feed, Standing
from copconnect.sockets.passing.passing import Passing
from copconnect.sockets.topics.topic import UNKNOWN, Topic
from copconnect.sockets.topics.topics import Topics

REORDER_S = 0.2  # How long an entry waits for the one before it.
_MOST_HELD = 1_000


class Gaps:
    """Messages on their way to :class:`Passing`."""

    def __init__(self, feed: Feed, topics: Topics, passing: Passing, tasks: Tasks) -> None:
        self._feed = feed
        self._topics = topics
        self._passing = passing
        self._tasks = tasks

    def entry(self, topic: Topic, wakeup: EntryWakeup) -> None:
        """A message was announced."""
        if wakeup.seq <= topic.taken:
            return
        if wakeup.seq == topic.taken + 1 and wakeup.frame and topic.head != UNKNOWN:
            self._passing.entry(topic, wakeup)
            if topic.held:
                self.drain(topic)
            return
        if len(topic.held) < _MOST_HELD:
            topic.held[wakeup.seq] = wakeup
        self.repair(topic, wakeup.seq, REORDER_S if wakeup.frame else 0.0)

    def drain(self, topic: Topic) -> None:
        """Pass on held messages whose turn it is."""
        while (following := topic.held.get(topic.taken + 1)) is not None and following.frame:
            self._passing.entry(topic, following)
        topic.drop_held()

    def repair(self, topic: Topic, upto: int, delay_s: float) -> None:
        """Read what is missing up to a seq, after a moment."""
        topic.wanted = max(topic.wanted, upto)
        if not topic.repairing and topic.head != UNKNOWN and topic.taken < topic.wanted:
            topic.repairing = True
            self._tasks.spawn(self._read(topic, delay_s))

    async def _read(self, topic: Topic, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            while topic.taken < topic.wanted and topic.seats:
                after, wanted = topic.taken, topic.wanted
                found = await self._feed.entries(topic.conversation_id, after, wanted)
                for one in found:
                    if one.seq > topic.taken:  # The log keeps no gaps but those of retention.
                        self._passing.entry(topic, one)
                if not found:
                    topic.skip_to(wanted)
                self.drain(topic)
        finally:
            topic.repairing = False
            self._topics.forget_if_idle(topic)

    def heal(self, standings: Mapping[ConversationId, Standing]) -> None:
        """Read what was not announced, of conversations that stand there."""
        for conversation_id, standing in standings.items():
            topic = self._topics.get(conversation_id)
            if topic is not None and standing.last_seq > topic.taken:
                self.repair(topic, standing.last_seq, REORDER_S)
