"""One conversation as this node's connections see it: its messages in order, its keys, its roster.

**A message.** A wake-up announces it (:meth:`Topic.entry`). The next one of the log is passed on
where it is received. A later one is held, and the messages before it are read from the log after a
moment (:meth:`Topic.repair`). To pass a message on is to write the same framed bytes to every seat.
A message waits in the queue only while something is read for it: readers that may lack what they
need to check its sender get that with the first message, as a supplement. A device that has checked
all messages up to some seq has then what it needs for the next, wherever it got them. One task
empties the queue; a read takes at most ``PREPARE_S``, and readers ask for what could not be read.

**A key** goes through the same queue, so that it arrives before the messages under it.

**A roster.** Each device that the roster lists and that is connected here has a seat. A roster
wake-up that follows the epoch of the seats is applied where it is received. After any other one
(the bus lost one, its lists are elsewhere, nobody here belonged) the node reads the whole change in
one snapshot.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition; after the change that removes a client nothing of the conversation goes to it. Wake-ups
may be lost, repeated or out of order: each method may be called twice with the same news.
Everything that does not await is done at once, so that nobody sees it half done.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping

import structlog

from copconnect import wire
from copconnect.bus import CellKeyWakeup, EntryWakeup, KeyWakeup, RosterWakeup
from copconnect.ids import CellId, ConversationId, Epoch, PersonId
from copconnect.limits import KNOWN_DEVICES
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection, push_all
from copconnect.sockets.connections.tasks import Tasks
from copconnect.sockets.dispatch.frames import (
    Senders,
    cell_key_frame,
    read_seals,
    sealed_key,
    supplemented,
)
from copconnect.sockets.dispatch.present import Present
from copconnect.sockets.dispatch.recent import Recent
from copconnect.sockets.feed import Feed

UNKNOWN = -1
REORDER_S = 0.2  # How long an entry or a head waits for the one before it.
AGAIN_S = 1.0  # Between two attempts to read a roster.
_MOST_HELD = 1_000
_MOST_KEYS = 64
log = structlog.get_logger()


class Topics:
    """The topics of this node, and what all of them use. A topic lives while a connection of this
    node belongs or something about it is under way. ``subscribed``: the conversations of each
    connection that has entered; ``trust``: changes of people's signed records."""

    def __init__(self, feed: Feed, present: Present, recent: Recent, tasks: Tasks) -> None:
        self.feed = feed
        self.present = present
        self.recent = recent
        self.tasks = tasks
        self.subscribed: dict[Connection, set[ConversationId]] = {}
        self.trust: Counter[PersonId] = Counter()
        self._topics: dict[ConversationId, Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def get(self, conversation_id: ConversationId) -> "Topic | None":
        """Return a topic that lives."""
        return self._topics.get(conversation_id)

    def open(self, conversation_id: ConversationId, head: int, epoch: int) -> "Topic":
        """Return the topic, a new one if there is none."""
        topic = self._topics.get(conversation_id)
        if topic is None:
            topic = self._topics[conversation_id] = Topic(self, conversation_id, head, epoch)
        return topic

    def forget_if_idle(self, topic: "Topic") -> None:
        """Forget a topic that nobody needs."""
        if topic.idle and self._topics.get(topic.conversation_id) is topic:
            del self._topics[topic.conversation_id]

    def roster(self, wakeup: RosterWakeup) -> None:
        """A roster changed. A change that may list clients of this node opens a topic."""
        topic = self._topics.get(wakeup.conversation_id)
        if topic is not None:
            topic.roster(wakeup)
        elif not wakeup.whole or wakeup.added.keys() & self.present.clients.keys():
            self.open(wakeup.conversation_id, UNKNOWN, wakeup.epoch - 1).behind(wakeup.epoch, 0.0)


class Topic:
    """Connections of one conversation.

    Messages: ``head`` is the last seq passed on, ``taken`` the last one whose turn has come; those
    between wait in the queue. ``_held`` are messages that arrived before their turn; ``_wanted`` is
    the newest seq that is known to be in the log. Keys: ``unused`` is the newest key, while no
    message is under it: a client that enters is given it, so that not everybody asks for it once
    there is one; "" while there is none, None while that is not known. Roster: ``_epoch`` is that
    of the seats, ``_wanted_epoch`` the newest that is known to be there. Changes after ``_base``
    are in the seats; changes before it are only for clients that have entered since. ``_unread``:
    changes after this epoch are to be read, which is under way while ``_catching_up``. ``seats``
    are in the order in which they came in: the memory of connections, the kernel's too, lies
    roughly in that order, and tens of thousands of sockets are written to soonest in it.
    """

    __slots__ = (
        "_base",
        "_catching_up",
        "_epoch",
        "_held",
        "_keys",
        "_pumping",
        "_queue",
        "_repairing",
        "_senders",
        "_topics",
        "_unread",
        "_wanted",
        "_wanted_epoch",
        "cells",
        "conversation_id",
        "head",
        "seats",
        "taken",
        "unused",
    )

    def __init__(
        self, topics: Topics, conversation_id: ConversationId, head: int, epoch: int
    ) -> None:
        """``head``: UNKNOWN until it is read."""
        self._topics = topics
        self.conversation_id = conversation_id
        self.head = self.taken = self._wanted = head
        self._held: dict[int, EntryWakeup] = {}
        self._queue: deque[EntryWakeup | KeyWakeup | CellKeyWakeup] = deque()
        self._senders = Senders()
        self._keys: deque[str] = deque(maxlen=_MOST_KEYS)
        self.unused: str | None = None
        self._epoch = self._base = self._wanted_epoch = epoch
        self._unread: int | None = None
        self.seats: dict[Connection, CellId] = {}
        self.cells: dict[CellId, dict[Connection, None]] = {}
        self._pumping = self._repairing = self._catching_up = False

    @property
    def idle(self) -> bool:
        """Whether no connection of this node belongs and nothing is under way."""
        return not (self.seats or self._pumping or self._repairing or self._catching_up)

    @property
    def known_head(self) -> int:
        """The newest seq that is known, passed on here or not."""
        return max(self.taken, self._wanted)

    # --- Messages in order ------------------------------------------------------------------

    def begin(self, head: int) -> None:
        """The log ends here; a topic that did not know that begins."""
        if self.head == UNKNOWN:
            self.head = self.taken = head
            self._wanted = max(self._wanted, head)
            self._drop_held()

    def entry(self, wakeup: EntryWakeup) -> None:
        """A message was announced."""
        if wakeup.seq <= self.taken:
            return
        if wakeup.seq == self.taken + 1 and wakeup.frame and self.head != UNKNOWN:
            self.pass_on(wakeup)
            if self._held:
                self._drain()
            return
        if len(self._held) < _MOST_HELD:
            self._held[wakeup.seq] = wakeup
        self.repair(wakeup.seq, REORDER_S if wakeup.frame else 0.0)

    def repair(self, upto: int, delay_s: float = REORDER_S) -> None:
        """Read the messages up to a seq that are missing, after a moment."""
        self._wanted = max(self._wanted, upto)
        if not self._repairing and self.head != UNKNOWN and self.taken < self._wanted:
            self._repairing = True
            self._topics.tasks.spawn(self._read_missing(delay_s))

    async def _read_missing(self, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            while self.taken < self._wanted and self.seats:
                wanted = self._wanted
                found = await self._topics.feed.entries(self.conversation_id, self.taken, wanted)
                for one in found:
                    if one.seq > self.taken:  # The log keeps no gaps but those of retention.
                        self.pass_on(one)
                if not found:
                    self._skip_to(wanted)
                self._drain()
        finally:
            self._repairing = False
            self._topics.forget_if_idle(self)

    def _skip_to(self, seq: int) -> None:
        """The log keeps no message up to this seq."""
        self.taken = max(self.taken, seq)
        if not self._queue:
            self.head = self.taken

    def _drain(self) -> None:
        """Pass on held messages that are next."""
        while (following := self._held.get(self.taken + 1)) is not None and following.frame:
            self.pass_on(following)
        self._drop_held()

    def _drop_held(self) -> None:
        for seq in [seq for seq in self._held if seq <= self.taken]:
            del self._held[seq]

    # --- Messages and keys to the seats -----------------------------------------------------

    def pass_on(self, wakeup: EntryWakeup) -> None:
        """Pass on the next message."""
        self.taken = wakeup.seq
        self._held.pop(wakeup.seq, None)
        lacking, _ = self._senders.lacks(wakeup, self._topics.trust[wakeup.person_id])
        if lacking or self._queue:
            self._enqueue(wakeup)
        else:
            self._push(wakeup, framing.binary(wakeup.frame))

    def key(self, wakeup: KeyWakeup | CellKeyWakeup) -> None:
        """A key was accepted."""
        if isinstance(wakeup, KeyWakeup):
            if wakeup.key_id in self._keys:
                return
            self._keys.append(wakeup.key_id)
            self.unused = wakeup.key_id
        self._enqueue(wakeup)

    def _push(self, wakeup: EntryWakeup, framed: bytes) -> None:
        self.head = wakeup.seq
        if self.unused == wakeup.key_id:
            self.unused = ""
        self._topics.recent.add(wakeup, framed)
        push_all(self.seats, framed)

    def _enqueue(self, item: EntryWakeup | KeyWakeup | CellKeyWakeup) -> None:
        self._queue.append(item)
        if not self._pumping:
            self._pumping = True
            self._topics.tasks.spawn(self._pump())

    async def _pump(self) -> None:
        try:
            while self._queue:
                match self._queue[0]:
                    case EntryWakeup() as wakeup:
                        self._push(wakeup, await self._supplemented(wakeup))
                    case KeyWakeup() as wakeup:
                        await self._pass_key(wakeup)
                    case CellKeyWakeup() as wakeup:
                        await self._pass_cell_key(wakeup)
                self._queue.popleft()
        finally:
            self._pumping = False
            self._topics.forget_if_idle(self)

    async def _supplemented(self, wakeup: EntryWakeup) -> bytes:
        """Return the framed message with what its readers may lack."""
        trust = self._topics.trust[wakeup.person_id]
        epochs, people = self._senders.lacks(wakeup, trust)
        if not epochs:
            return framing.binary(wakeup.frame)
        try:
            framed = await supplemented(self._topics.feed, wakeup, epochs, people=people)
        except Exception as error:
            # The database may be away.
            log.warning("supplement_not_read", error=type(error).__name__)
            return framing.binary(wakeup.frame)
        self._senders.given(wakeup, trust)
        return framed

    async def _pass_key(self, wakeup: KeyWakeup) -> None:
        sealed = await sealed_key(self._topics.feed, wakeup)
        if sealed is None:
            if wakeup.key_id in self._keys:
                self._keys.remove(wakeup.key_id)  # The reconciler repairs it later.
            return
        self._topics.recent.add_key(wakeup, sealed)
        for connection, cell_id in self.seats.items():
            connection.push(sealed.frame(cell_id, connection.client.device))

    async def _pass_cell_key(self, wakeup: CellKeyWakeup) -> None:
        seals = await read_seals(self._topics.feed, wakeup)
        # Devices ask for a cell key that could not be read once something is sealed to it.
        owned: Mapping[bytes, bytes] = {} if seals is None else seals.devices
        for device, seal in owned.items():
            for connection in self._topics.present.of_device(device):
                if self.seats.get(connection) == wakeup.cell_id:
                    connection.push(cell_key_frame(wakeup, seal))

    # --- Seats, as rosters change -----------------------------------------------------------

    def seat(self, connection: Connection, cell_id: CellId) -> bool:
        """Give a connection its seat; return whether it had another or none."""
        self._topics.subscribed[connection].add(self.conversation_id)
        former = self.seats.get(connection)
        if former == cell_id:
            return False
        if former is not None:
            self._leave_cell(connection, former)
        self.seats[connection] = cell_id
        self.cells.setdefault(cell_id, {})[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._unseat(connection)
        self._topics.forget_if_idle(self)

    def _unseat(self, connection: Connection) -> bool:
        """Take a connection's seat away; return whether it had one."""
        cell_id = self.seats.pop(connection, None)
        if cell_id is None:
            return False
        self._leave_cell(connection, cell_id)
        return True

    def _leave_cell(self, connection: Connection, cell_id: CellId) -> None:
        there = self.cells[cell_id]
        del there[connection]
        if not there:
            del self.cells[cell_id]

    def roster(self, wakeup: RosterWakeup) -> None:
        """The roster changed."""
        if wakeup.epoch <= self._base:
            self._catch_up(wakeup.epoch - 1, 0.0)
        elif wakeup.epoch == self._epoch + 1 and wakeup.whole and not self._catching_up:
            self._apply(wakeup, self._epoch)
        else:
            self.behind(wakeup.epoch, REORDER_S if wakeup.whole else 0.0)

    def behind(self, epoch: int, delay_s: float = REORDER_S) -> None:
        """The roster is known to be at this epoch: read what the seats lack, after a moment."""
        if epoch > self._epoch:
            self._wanted_epoch = max(self._wanted_epoch, epoch)
            self._catch_up(self._epoch, delay_s)

    def _catch_up(self, after: int, delay_s: float) -> None:
        """Read what changed after an epoch; a read that is under way is followed by one more."""
        self._unread = after if self._unread is None else min(self._unread, after)
        if not self._catching_up:
            self._catching_up = True
            self._topics.tasks.spawn(self._read_roster(delay_s))

    async def _read_roster(self, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            while (after := self._unread) is not None:
                try:
                    news = await self._topics.feed.roster_since(self.conversation_id, after)
                except Exception as error:
                    log.warning("roster_not_read", error=type(error).__name__)
                    if not self._topics.present.clients:
                        break  # Clients that come read where they belong.
                    await asyncio.sleep(AGAIN_S)
                    continue
                # Changes that were announced meanwhile may lie before this read or after it.
                if self._unread == after:
                    self._unread = None
                former = self._epoch
                self._apply(news.change, after)
                self._base = min(self._base, after)
                self.begin(news.last_seq)
                self._drain()
                self.repair(self._wanted)
                if self._unread is None and former < self._epoch < self._wanted_epoch:
                    self._unread = self._epoch
        finally:
            self._unread = None
            self._catching_up = False
            self._topics.forget_if_idle(self)

    def _apply(self, change: RosterWakeup, after: int) -> None:
        """Apply what changed after an epoch. Clients are not told again of changes that the seats
        may have already."""
        fresh = after >= self._epoch
        clients = self._topics.present.clients
        gone = framing.frame(wire.ConversationGone(conversation_id=self.conversation_id))
        for client_id in change.removed:
            for connection in clients.get(client_id, ()):
                if self._unseat(connection):
                    self._topics.subscribed[connection].discard(self.conversation_id)
                    connection.push(gone)
        told: set[Connection] = set()
        new = framing.frame(wire.ConversationFrame(conversation_id=self.conversation_id))
        for client_id in change.added.keys() & clients.keys():
            cell_id = change.added[client_id]
            for connection in clients[client_id]:
                if self.seat(connection, cell_id) or fresh:
                    connection.push(new)
                    told.add(connection)
        if change.devices <= KNOWN_DEVICES and change.epoch > self._epoch:
            head = wire.RosterFrame(conversation_id=self.conversation_id, epoch=Epoch(change.epoch))
            push_all((one for one in self.seats if one not in told), framing.frame(head))
        self._epoch = max(self._epoch, change.epoch)
        self._wanted_epoch = max(self._wanted_epoch, self._epoch)
