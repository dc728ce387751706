"""Passes messages and keys on to connections, in the order in which their turns come.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition, a key before what comes after it. Every reader gets the same bytes of a message, framed
once. When readers may lack what they need to check its sender, the first message has it as a
supplement: a device that has checked all messages up to some seq has then what it needs for the
next, wherever it got them. Supplements that cannot be read in time are left out, and readers ask
for them themselves; no frame waits longer than ``PREPARE_S`` for one. Concurrency: one task for
each conversation that waits for something; all others are passed on where they are received.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

import msgspec
import structlog

from copconnect import wire
from copconnect.bus import CellKeyWakeup, EntryWakeup, KeyWakeup, LateSealsWakeup
from copconnect.ids import PersonId
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import push_all
from copconnect.sockets.connections.tasks import Tasks
from copconnect.sockets.feed import Feed
from copconnect.sockets.passing.recent import Recent
from copconnect.sockets.passing.sealed_key import SealedKey, cell_key_frame
from copconnect.sockets.topics.present import Present
from copconnect.sockets.topics.topic import Queued, Topic
from copconnect.sockets.topics.topics import Topics

PREPARE_S = 2.0
_FRAME = msgspec.msgpack.Decoder(wire.EntryFrame)
log = structlog.get_logger()


class Passing:
    """``recent`` is told of all that is passed on."""

    def __init__(
        self, feed: Feed, topics: Topics, present: Present, recent: Recent, tasks: Tasks
    ) -> None:
        self._feed = feed
        self._topics = topics
        self._present = present
        self._recent = recent
        self._tasks = tasks
        self._trust: Counter[PersonId] = Counter()  # Changes of people's signed records.

    def trust_changed(self, person_ids: Iterable[PersonId]) -> None:
        """The next message of each of these people comes with their records."""
        self._trust.update(person_ids)

    def entry(self, topic: Topic, wakeup: EntryWakeup) -> None:
        """A message's turn has come."""
        topic.taken = wakeup.seq
        topic.held.pop(wakeup.seq, None)
        lacking, _ = topic.senders.lacks(wakeup, self._trust[wakeup.person_id])
        if lacking or topic.queue:
            self._queue(topic, wakeup)
        else:
            self._push(topic, wakeup, framing.binary(wakeup.frame))

    def key(self, topic: Topic, wakeup: KeyWakeup | CellKeyWakeup) -> None:
        """A key was accepted."""
        if isinstance(wakeup, CellKeyWakeup) or topic.new_key(wakeup.key_id):
            self._queue(topic, wakeup)

    def late_seals(self, wakeup: LateSealsWakeup) -> None:
        """Forget a key that got late seals; the code that asked for the seals sends them."""
        self._recent.late_seals(wakeup.conversation_id, wakeup.key_id)

    def _queue(self, topic: Topic, item: Queued) -> None:
        topic.queue.append(item)
        if not topic.pumping:
            topic.pumping = True
            self._tasks.spawn(self._pump(topic))

    async def _pump(self, topic: Topic) -> None:
        try:
            while topic.queue:
                match topic.queue[0]:
                    case EntryWakeup() as wakeup:
                        self._push(topic, wakeup, await self._supplemented(topic, wakeup))
                    case KeyWakeup() as wakeup:
                        await self._pass_key(topic, wakeup)
                    case CellKeyWakeup() as wakeup:
                        await self._pass_cell_key(topic, wakeup)
                topic.queue.popleft()
        finally:
            topic.pumping = False
            self._topics.forget_if_idle(topic)

    # --- Messages ---------------------------------------------------------------------------

    def _push(self, topic: Topic, wakeup: EntryWakeup, framed: bytes) -> None:
        topic.head = wakeup.seq
        if topic.unused == wakeup.key_id:
            topic.unused = ""
        self._recent.add(wakeup, framed)
        push_all(topic.seats, framed)

    async def _supplemented(self, topic: Topic, wakeup: EntryWakeup) -> bytes:
        """Return the framed message with what its readers may lack."""
        trust = self._trust[wakeup.person_id]
        epochs, people = topic.senders.lacks(wakeup, trust)
        if not epochs:
            return framing.binary(wakeup.frame)
        try:
            framed = await supplemented(self._feed, wakeup, epochs, people=people)
        except Exception as error:
            # The database may be away.
            log.warning("supplement_not_read", error=type(error).__name__)
            return framing.binary(wakeup.frame)
        topic.senders.given(wakeup, trust)
        return framed

    # --- Keys -------------------------------------------------------------------------------

    async def _pass_key(self, topic: Topic, wakeup: KeyWakeup) -> None:
        sealed = await sealed_key(self._feed, wakeup)
        if sealed is None:
            topic.forget_key(wakeup.key_id)  # Healing comes back to it.
            return
        self._recent.add_key(wakeup, sealed)
        for connection, cell_id in topic.seats.items():
            connection.push(sealed.frame(cell_id, connection.client.device))

    async def _pass_cell_key(self, topic: Topic, wakeup: CellKeyWakeup) -> None:
        try:
            async with asyncio.timeout(PREPARE_S):
                seals = await self._feed.seals(wakeup)
        except Exception as error:
            # Its devices ask for it once something is sealed to it.
            log.warning("seals_not_read", error=type(error).__name__)
            return
        for device, seal in seals.devices.items():
            for connection in self._present.of_device(device):
                if topic.seats.get(connection) == wakeup.cell_id:
                    connection.push(cell_key_frame(wakeup, seal))


async def supplemented(feed: Feed, wakeup: EntryWakeup, epochs: set[int], *, people: bool) -> bytes:
    """Return a framed message with the heads and proofs of these epochs, and the sender's records
    if ``people``. Raises what the feed does, and TimeoutError."""
    async with asyncio.timeout(PREPARE_S):
        supplement = await feed.supplement(
            wakeup.conversation_id, wakeup.device, epochs, wakeup.person_id if people else None
        )
    frame = _FRAME.decode(wakeup.frame)
    return framing.frame(msgspec.structs.replace(frame, supplement=supplement))


async def sealed_key(feed: Feed, wakeup: KeyWakeup) -> SealedKey | None:
    """Return a conversation key with its seals; None where they cannot be read now: devices ask
    for a key that a message names and they lack."""
    try:
        async with asyncio.timeout(PREPARE_S):
            return SealedKey(wakeup, await feed.seals(wakeup))
    except Exception as error:
        log.warning("seals_not_read", error=type(error).__name__)
        return None
