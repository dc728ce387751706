"""Messages that returning clients have missed: from memory, and read once where many lack the same.

A client that lacks something that is not here asks the log after its admission, and learns of what
comes after its answer. So does one that says a position from before its history begins: positions
are what clients say, and the log gives each device only what is for it.
"""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from copconnect.bus import EntryWakeup
from copconnect.ids import ClientId, ConversationId
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection
from copconnect.sockets.dispatch.frames import Senders, sealed_key, supplemented
from copconnect.sockets.dispatch.recent import MOST_ENTRIES, MOST_KEYS, Passed, Recent, sent_ms
from copconnect.sockets.dispatch.topic import Topic, Topics
from copconnect.sockets.feed import Feed, LeafState

CROWD = 4  # So many who lack the same are worth a read.
_MOST_READ = 32  # Conversations, for devices that connect together.
_MOST_BYTES = 256 * 1024  # For one connection: its reader may be slow.
log = structlog.get_logger()


class Returning:
    """Answers the positions that Hellos carried."""

    def __init__(self, feed: Feed, topics: Topics, recent: Recent) -> None:
        self._feed = feed
        self._topics = topics
        self._recent = recent

    async def read(
        self, connections: Iterable[Connection], places: Mapping[ClientId, Sequence[LeafState]]
    ) -> Mapping[ConversationId, str]:
        """Read what a crowd of these connections lacks and nobody was sent since this node started.
        The few who lack something else ask the log themselves.

        Returns, for conversations where this node does not know it, the newest key that no message
        is under yet, "" for none."""
        unused = await self._read_unused(places)
        lacking: dict[ConversationId, list[int]] = {}
        heads: dict[ConversationId, int] = {}
        for connection in connections:
            for place in places.get(connection.client.client_id, ()):
                conversation_id, head = place.conversation_id, place.last_seq
                position: int = connection.positions.get(conversation_id, head)
                if position < head:
                    lacking.setdefault(conversation_id, []).append(position)
                    heads[conversation_id] = head
        crowds = [one for one, positions in lacking.items() if len(positions) >= CROWD]
        crowds.sort(key=lambda one: len(lacking[one]), reverse=True)
        for conversation_id in crowds[:_MOST_READ]:
            oldest, upto = min(lacking[conversation_id]), heads[conversation_id]
            try:
                await self._read_one(conversation_id, max(oldest, upto - MOST_ENTRIES), upto)
            except Exception as error:
                log.warning("missed_not_read", error=type(error).__name__)
        return unused

    async def _read_unused(
        self, places: Mapping[ClientId, Sequence[LeafState]]
    ) -> dict[ConversationId, str]:
        there = {place.conversation_id for those in places.values() for place in those}
        unknown = [one for one in there if not self._knows_unused(one)]
        if not unknown:
            return {}
        found = dict.fromkeys(unknown, "")
        try:
            for wakeup in await self._feed.unused_keys(unknown):
                sealed = await sealed_key(self._feed, wakeup)
                if sealed is not None:
                    self._recent.add_key(wakeup, sealed)
                    found[wakeup.conversation_id] = wakeup.key_id
        except Exception as error:
            log.warning("unused_keys_not_read", error=type(error).__name__)
            return {}
        return found

    def _knows_unused(self, conversation_id: ConversationId) -> bool:
        topic = self._topics.get(conversation_id)
        return topic is not None and topic.unused is not None

    def unused(self, topic: Topic, connection: Connection, from_ms: int) -> list[bytes]:
        """Return the frame of a topic's newest key if no message is under it yet and it is not
        from before the device's history."""
        if not topic.unused:
            return []
        sealed = self._recent.key(topic.conversation_id, topic.unused, from_ms)
        if sealed is None:
            return []
        return [sealed.frame(topic.seats[connection], connection.client.device)]

    async def _read_one(self, conversation_id: ConversationId, after: int, upto: int) -> None:
        if not self._recent.covers(conversation_id, after, upto):
            await self._fill(conversation_id, after, upto)
        for key_id in self._recent.keys_lacking(conversation_id, after, upto)[-MOST_KEYS:]:
            await self._read_key(conversation_id, key_id)

    async def _fill(self, conversation_id: ConversationId, after: int, upto: int) -> None:
        """Read these messages, in as many reads as that takes, with what their readers may lack."""
        found: list[Passed] = []
        senders = Senders()
        deletions = self._recent.deletions
        at = after
        while at < upto:
            wakeups = await self._feed.entries(conversation_id, at, upto)
            for one in wakeups:
                framed = await self._framed(one, senders)
                found.append(Passed(one.seq, one.key_id, sent_ms(one), framed))
            at = wakeups[-1].seq if wakeups else upto
        if self._recent.deletions == deletions:
            self._recent.fill(conversation_id, after, upto, found)

    async def _framed(self, wakeup: EntryWakeup, senders: Senders) -> bytes:
        epochs, people = senders.lacks(wakeup, 0)
        if not epochs:
            return framing.binary(wakeup.frame)
        framed = await supplemented(self._feed, wakeup, epochs, people=people)
        senders.given(wakeup, 0)
        return framed

    async def _read_key(self, conversation_id: ConversationId, key_id: str) -> None:
        wakeup = await self._feed.key(conversation_id, key_id)
        if wakeup is not None:
            sealed = await sealed_key(self._feed, wakeup)
            if sealed is not None:
                self._recent.add_key(wakeup, sealed)

    def missed(
        self, connection: Connection, histories: Mapping[ConversationId, int]
    ) -> dict[ConversationId, list[bytes]]:
        """Return the frames that a seated connection lacks up to where its topics are; later
        frames will be pushed. A conversation that is not here is asked of the log.
        ``histories``: from when the device may read each of its conversations."""
        found: dict[ConversationId, list[bytes]] = {}
        room = _MOST_BYTES
        for conversation_id, from_ms in histories.items():
            position = connection.positions.get(conversation_id)
            topic = self._topics.get(conversation_id)
            if position is None or topic is None:
                continue
            frames = self._frames(connection, topic, position, from_ms, room)
            if frames is not None:
                room -= sum(map(len, frames))
                found[conversation_id] = frames
        return found

    def _frames(
        self, connection: Connection, topic: Topic, position: int, from_ms: int, room: int
    ) -> list[bytes] | None:
        if position >= topic.head:
            return []
        return self._recent.since(
            topic.conversation_id,
            position,
            topic.head,
            topic.seats[connection],
            connection.client.device,
            from_ms,
            room,
        )
