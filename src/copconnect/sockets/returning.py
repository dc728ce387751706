"""What clients that come back have missed: from memory, and read once where many lack the same.

Nobody is sent a message without its seal from memory, since that may have come late: who asks the
log once it is in is told of what comes after its answer. Its position then passes the message, so
that each device asks once, however long its cell has no seal. A message for whose seals a crowd was
sent there is read again: where many were revoked at once every cell lacked one for a moment, and
nearly all have come when everybody is back.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from copconnect.ids import ClientId, ConversationId
from copconnect.sockets.connection import Connection
from copconnect.sockets.feed import Feed, Place
from copconnect.sockets.recent import MOST_ENTRIES, Recent, Stretch
from copconnect.sockets.topic import Topic

CROWD = 4  # So many who lack the same are worth a read.
_MOST_READ = 32  # Conversations, for those who come in together.
_MOST_BYTES = 256 * 1024  # For one connection: its reader may be slow.
# Between two times that messages are read for late seals: where nobody of a cell is there to
# commit, there are none for long.
_AGAIN_S = 2.0
_MOST_AGAIN = 8  # Messages at a time.


class Returning:
    """Answers the positions that Hellos carried. ``recent`` is told of all that is passed on."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.recent = Recent()
        self._again_s = 0.0  # By the loop's time.

    async def read(
        self, connections: Iterable[Connection], places: Mapping[ClientId, Sequence[Place]]
    ) -> None:
        """Read what a crowd of these connections lacks and nobody was sent since this node
        started, and the seals that crowds before them lacked. The few who lack something else ask
        the log themselves."""
        await self._read_seals()
        lacking: dict[ConversationId, list[int]] = {}
        heads: dict[ConversationId, int] = {}
        for connection in connections:
            for place in places.get(connection.client.client_id, ()):
                conversation_id, head = place.conversation_id, place.last_seq
                position = connection.positions.get(conversation_id, place.own_seq)
                oldest = max(position, head - MOST_ENTRIES)
                covered = self.recent.covers(conversation_id, oldest, head)
                if position < place.own_seq and not covered:
                    lacking.setdefault(conversation_id, []).append(oldest)
                    heads[conversation_id] = head
        crowds = [one for one, positions in lacking.items() if len(positions) >= CROWD]
        crowds.sort(key=lambda one: len(lacking[one]), reverse=True)
        for conversation_id in crowds[:_MOST_READ]:
            after, upto = min(lacking[conversation_id]), heads[conversation_id]
            found = await self._stretch(conversation_id, after, upto)
            self.recent.fill(conversation_id, found.after, upto, found.wakeups)

    async def _stretch(self, conversation_id: ConversationId, after: int, upto: int) -> Stretch:
        """Read the newest of these entries that are kept, in as many reads as that takes."""
        stretch = Stretch(after, after)
        while stretch.upto < upto:
            found = await self._feed.entries(conversation_id, stretch.upto, upto)
            stretch.extend(found, found[-1].seq if found else upto)
        return stretch

    async def _read_seals(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._again_s:
            return
        for conversation_id, seq in self.recent.unsealed(CROWD)[:_MOST_AGAIN]:
            self._again_s = now_s + _AGAIN_S
            found = await self._feed.entries(conversation_id, seq - 1, seq)
            self.recent.renew(conversation_id, seq, found)

    def missed(
        self,
        connection: Connection,
        heads: Mapping[ConversationId, int],
        topics: Mapping[ConversationId, Topic],
    ) -> dict[ConversationId, list[bytes]]:
        """Return the frames that a seated connection lacks up to where its topics are; what comes
        after that will be pushed. A conversation that is not here is asked of the log."""
        found: dict[ConversationId, list[bytes]] = {}
        room = _MOST_BYTES
        for conversation_id, head in heads.items():
            position = connection.positions.get(conversation_id)
            topic = topics[conversation_id]
            cells = topic.cells_of(connection)
            if position is None or len(cells) != 1:
                continue
            frames: list[bytes] | None = []
            if position < head:
                (cell_id,) = cells
                frames = self.recent.since(conversation_id, position, topic.head, cell_id, room)
            if frames is not None:
                room -= sum(map(len, frames))
                found[conversation_id] = frames
        return found
