"""Passes wake-ups to this node's connections.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition; an entry of a cell goes only to clients that the roster names for it; after a roster
entry that removes a client nothing of the conversation goes to it, not even that entry.
Wake-ups may be lost, repeated or out of order: a gap is filled from the log after a moment, and
:meth:`heal` asks for what nobody announced. Runs in one event loop; bookkeeping never awaits, so
that it is never seen half done.
"""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, NamedTuple

import structlog

from copconnect import wire
from copconnect.bus import (
    AccountWakeup,
    AnyWakeup,
    Bus,
    ConversationWakeup,
    EnteredWakeup,
    EntryWakeup,
    LateSealWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    SealWantedWakeup,
)
from copconnect.clock import Clock
from copconnect.ids import CellId, ClientId, ConversationId, PersonId, Seq
from copconnect.sockets import framing
from copconnect.sockets.connection import Connection, push_all
from copconnect.sockets.duty import Duties
from copconnect.sockets.entering import Entering, roster_change
from copconnect.sockets.feed import Feed, Leases, Place, Seat
from copconnect.sockets.healing import Healing
from copconnect.sockets.present import Present
from copconnect.sockets.returning import Returning
from copconnect.sockets.sealed_entry import SealedFrames
from copconnect.sockets.topic import Topic

REORDER_S = 0.2  # How long an entry waits for the one before it.
_RELOAD_S = 1.0  # Between two attempts to read who sits where.
_HEAL_WINDOW_MS = 90_000  # Wider than the period, for the nodes' clocks and slow commits.
_MOST_HELD = 1_000
log = structlog.get_logger()


class Entered(NamedTuple):
    """A connection that came in, where it stands, and the frames that it had missed."""

    connection: Connection
    heads: list[wire.ConversationHead]
    missed: list[bytes]


class Fanout:
    """The connections of one node and what they subscribe to."""

    def __init__(self, feed: Feed, bus: Bus, leases: Leases, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._topics: dict[ConversationId, Topic] = {}
        self._present = Present()
        self._subscribed: dict[Connection, set[ConversationId]] = {}
        self._entering: list[Entering] = []
        self._returning = Returning(feed)
        self._healing = Healing(self.heal, bus)
        self._healed: dict[ConversationId, int] = {}
        self._looked_ms: int | None = None  # When the log was last looked at to the end.
        self._tasks: set[asyncio.Task[None]] = set()
        self.duties = Duties(feed, leases, self._topics)

    # --- Connections ------------------------------------------------------------------------

    @property
    def connections(self) -> list[Connection]:
        """Every connection of this node."""
        return self._present.connections

    async def enter(self, connections: Sequence[Connection]) -> list[Entered]:
        """Subscribe connections; return each that is still there with where it stands.

        Everything up to those heads is in the log; everything after them will be pushed.
        """
        waiting = list(connections)
        entered: list[Entered] = []
        while waiting:
            entering = Entering({one.client.client_id for one in waiting})
            self._entering.append(entering)
            try:
                places = await self._feed.places(entering.clients)
                await self._returning.read(waiting, places)
            finally:
                self._entering.remove(entering)
            again: list[Connection] = []
            for connection in waiting:
                client_id = connection.client.client_id
                if client_id in entering.roster_changed:
                    again.append(connection)
                elif connection.close_code is None:
                    entered.append(self._seat(connection, places.get(client_id, ()), entering))
            waiting = again
        return entered

    def _seat(
        self,
        connection: Connection,
        places: Sequence[Place],
        entering: Entering,
    ) -> Entered:
        self._present.add(connection)
        subscribed = self._subscribed[connection] = set()
        heads: dict[ConversationId, int] = {}
        at: dict[ConversationId, Place] = {}
        for place in places:
            at[place.conversation_id] = place
            subscribed.add(place.conversation_id)
            topic = self._topics.get(place.conversation_id)
            if topic is None:
                topic = self._topics[place.conversation_id] = Topic(place.last_seq)
            topic.seat(connection, place.cell_id, place.certificate_hash)
            if entering.head(place) > topic.head:
                # What came meanwhile may have overtaken something, or others were lost: who is
                # told of a head counts on everything up to it.
                self._repair(place.conversation_id, entering.head(place), REORDER_S)
            heads[place.conversation_id] = max(
                entering.own_head(place), topic.head_for(place.cell_id)
            )
            if place.removal_pending or place.cell_id in entering.proposed:
                self.duties.begin(place.conversation_id, place.cell_id)
        missed = self._returning.missed(connection, heads, self._topics)
        found = [
            wire.ConversationHead(
                conversation_id=conversation_id,
                last_seq=Seq(seq),
                follows=conversation_id in missed,
                info_version=at[conversation_id].info_version,
                receipts_version=at[conversation_id].receipts_version,
                delivered_seq=at[conversation_id].delivered_seq,
                read_seq=at[conversation_id].read_seq,
            )
            for conversation_id, seq in heads.items()
        ]
        connection.positions = {}
        frames = [one for those in missed.values() for one in those]
        for conversation_id in heads:
            frames += entering.said_to(connection.client.person_id, conversation_id)
        return Entered(connection, found, frames)

    def leave(self, connection: Connection) -> None:
        """Forget a connection, whether it had entered or not."""
        subscribed = self._subscribed.pop(connection, None)
        if subscribed is None:
            return
        self._present.discard(connection)
        for conversation_id in subscribed:
            topic = self._topics[conversation_id]
            topic.drop(connection)
            self._forget_if_empty(conversation_id, topic)

    def head_of(self, connection: Connection, conversation_id: ConversationId) -> int | None:
        """Return the newest seq of a conversation the connection belongs to, else None: also what
        is not passed on here yet, as the log has it for everybody."""
        topic = self._topics.get(conversation_id)
        if topic is None or not topic.has(connection):
            return None
        return max(topic.head, topic.wanted)

    def _forget_if_empty(self, conversation_id: ConversationId, topic: Topic) -> None:
        if topic.empty and not topic.reloading and self._topics.get(conversation_id) is topic:
            del self._topics[conversation_id]

    # --- Wake-ups ---------------------------------------------------------------------------

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Pass a wake-up on. Never waits for a connection or the database."""
        match wakeup:
            case EntryWakeup():
                self._entry(wakeup)
            case ReceiptsWakeup():
                self._say(wakeup.conversation_id, (), framing.binary(wakeup.frame))
            case ReceiptCountsWakeup():
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    theirs = self._present.of_person(wakeup.person_id)
                    push_all(filter(topic.has, theirs), framing.binary(wakeup.frame))
            case ConversationWakeup():
                frame = _conversation_frame(wakeup.conversation_id)
                self._say(wakeup.conversation_id, wakeup.person_ids, frame)
            case SealWantedWakeup():
                self._present.seal_wanted(wakeup)
            case LateSealWakeup():
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    push_all(topic.targets(wakeup.cell_id), framing.binary(wakeup.frame))
            case AccountWakeup():
                self._present.account(wakeup)
            case EnteredWakeup():
                self._present.entered(wakeup)

    def tell(self, wakeup: AccountWakeup, connections: Collection[Connection]) -> None:
        """Tell those of these whom it concerns that something about accounts changed."""
        self._present.account(wakeup, connections)

    def _say(
        self, conversation_id: ConversationId, person_ids: Collection[PersonId], frame: bytes
    ) -> None:
        """Push a frame to these people (none: to all) of a conversation."""
        for entering in self._entering:
            entering.note_said(conversation_id, person_ids, frame)
        topic = self._topics.get(conversation_id)
        if topic is not None:
            everybody = topic.connections
            some = (one for one in everybody if one.client.person_id in person_ids)
            push_all(some if person_ids else everybody, frame)

    # --- Entries ----------------------------------------------------------------------------

    def _entry(self, wakeup: EntryWakeup) -> None:
        conversation_id = wakeup.conversation_id
        for entering in self._entering:
            entering.note(wakeup)
        topic = self._topics.get(conversation_id)
        if topic is None:
            if wakeup.kind == "roster":
                self._first_entry(wakeup)
            return
        if wakeup.seq <= topic.head:
            return
        if wakeup.seq == topic.head + 1 and wakeup.frame and not topic.reloading:
            self._take(topic, wakeup)
            self._drain(topic)
        elif topic.reloading:
            topic.wanted = max(topic.wanted, wakeup.seq)
            if len(topic.held) < _MOST_HELD:
                topic.held[wakeup.seq] = wakeup
        elif len(topic.held) < _MOST_HELD:
            topic.held[wakeup.seq] = wakeup
            self._repair(conversation_id, wakeup.seq, REORDER_S if wakeup.frame else 0.0)

    def _first_entry(self, wakeup: EntryWakeup) -> None:
        """A roster entry of a conversation that nobody here belongs to, as far as is known: it may
        have overtaken others, or they were lost, so it is read who belongs."""
        if not wakeup.frame:
            self._spawn(self._read_first(wakeup))
            return
        change = roster_change(wakeup)
        clients = self._present.clients
        if change.whole and not any(one.client_id in clients for one in change.added):
            return
        topic = self._topics[wakeup.conversation_id] = Topic(wakeup.seq - 1)
        if change.whole and wakeup.seq == 1:
            self._take(topic, wakeup)
        else:
            self._reload_soon(topic, wakeup, None)

    async def _read_first(self, wakeup: EntryWakeup) -> None:
        for one in await self._feed.entries(wakeup.conversation_id, wakeup.seq - 1, wakeup.seq):
            self._entry(one)

    def _take(self, topic: Topic, wakeup: EntryWakeup) -> None:
        """The entry's turn has come: pass it on, now or when it is known who sits where."""
        came: Sequence[Connection] = ()
        left: Sequence[Connection] = ()
        if wakeup.kind == "roster":
            change = roster_change(wakeup)
            if not change.whole:
                self._reload_soon(topic, wakeup, change.cells)
                return
            came, left = topic.change(change, self._present.clients)
        self._pass_on(topic, wakeup, came, left)

    def _pass_on(
        self,
        topic: Topic,
        wakeup: EntryWakeup,
        came: Sequence[Connection],
        left: Sequence[Connection],
    ) -> None:
        topic.passed_on(wakeup.seq, wakeup.cell_id)
        self._returning.recent.add(wakeup)
        gone = framing.frame(wire.ConversationGone(conversation_id=wakeup.conversation_id))
        for connection in left:
            self._subscribed[connection].discard(wakeup.conversation_id)
            connection.push(gone)
        for connection in came:
            self._subscribed[connection].add(wakeup.conversation_id)
            connection.push(_conversation_frame(wakeup.conversation_id))
        if wakeup.kind == "proposal" and wakeup.cell_id is not None:
            self.duties.begin(wakeup.conversation_id, wakeup.cell_id)
        if wakeup.kind == "sealed":
            made = SealedFrames(wakeup)
            frames = {one: framing.binary(made.frame(one)) for one in topic.cells}
            for connection, cells in topic.by_connection():
                for cell_id in cells:
                    connection.push(frames[cell_id])
        else:
            push_all(topic.targets(wakeup.cell_id), framing.binary(wakeup.frame))

    def _reload_soon(
        self, topic: Topic, wakeup: EntryWakeup, cells: Sequence[CellId] | None
    ) -> None:
        topic.reloading = True
        self._spawn(self._reload(topic, wakeup, cells))

    async def _reload(
        self, topic: Topic, wakeup: EntryWakeup, cells: Sequence[CellId] | None
    ) -> None:
        """Read who sits in the cells that a roster entry changed (None: in all), then pass the
        entry on."""
        conversation_id = wakeup.conversation_id
        while (seats := await self._seats_or_none(topic, conversation_id, cells)) is None:
            await asyncio.sleep(_RELOAD_S)
            if not self._present.clients:
                # It is about nobody here any more; who comes in reads where it belongs.
                topic.reloading = False
                self._forget_if_empty(conversation_id, topic)
                return
        came, left = topic.reseat(cells, seats, self._present.clients)
        topic.reloading = False
        self._pass_on(topic, wakeup, came, left)
        self._drain(topic)
        if topic.head < topic.wanted and not topic.reloading:
            self._repair(conversation_id, topic.wanted, REORDER_S)
        self._forget_if_empty(conversation_id, topic)

    async def _seats_or_none(
        self, topic: Topic, conversation_id: ConversationId, cells: Sequence[CellId] | None
    ) -> dict[ClientId, Sequence[Seat]] | None:
        try:
            return await self._seats(topic, conversation_id, cells)
        except Exception:
            log.exception("seats_not_read")  # The database may be away.
            return None

    async def _seats(
        self, topic: Topic, conversation_id: ConversationId, cells: Sequence[CellId] | None
    ) -> dict[ClientId, Sequence[Seat]]:
        """Who leaves a cell may sit in another by now, or have entered since these were read: it
        is asked about by itself, until nothing is in doubt."""
        seats = dict(await self._feed.seats(conversation_id, cells))
        while doubtful := topic.unseated_by(cells, seats):
            places = await self._feed.places(doubtful)
            for client_id in doubtful:
                seats[client_id] = [
                    (place.cell_id, place.certificate_hash)
                    for place in places.get(client_id, ())
                    if place.conversation_id == conversation_id
                ]
        return seats

    def _drain(self, topic: Topic) -> None:
        while not topic.reloading:
            following = topic.held.get(topic.head + 1)
            if following is None or not following.frame:
                break
            self._take(topic, following)
        for seq in [seq for seq in topic.held if seq <= topic.head]:
            del topic.held[seq]

    # --- Gaps -------------------------------------------------------------------------------

    def _repair(self, conversation_id: ConversationId, upto: int, delay_s: float) -> None:
        topic = self._topics[conversation_id]
        topic.wanted = max(topic.wanted, upto)
        if not topic.repairing:
            topic.repairing = True
            self._spawn(self._read_gap(conversation_id, topic, delay_s))

    async def _read_gap(
        self, conversation_id: ConversationId, topic: Topic, delay_s: float
    ) -> None:
        """Read what is missing from the log and pass it on in order."""
        try:
            await asyncio.sleep(delay_s)
            # A reload looks for what is missing when it ends.
            while topic.head < topic.wanted and not topic.empty and not topic.reloading:
                after = topic.head
                entries = await self._feed.entries(conversation_id, after, topic.wanted)
                for entry in entries:
                    if entry.seq > topic.head and not topic.reloading:
                        # The log keeps no gaps but those that retention made.
                        self._take(topic, entry)
                if not entries and not topic.reloading:
                    topic.head = max(topic.head, topic.wanted)
                self._drain(topic)
        finally:
            topic.repairing = False
            self._forget_if_empty(conversation_id, topic)

    async def heal(self) -> None:
        """Find entries that no wake-up announced, and seals that nobody was asked for. Three
        statements, whatever the node holds.

        It looks back from where it last came to the end: the database may have been away, or this
        machine have stood still, for longer than a window."""
        now_ms = self._clock.now_ms()
        since_ms = min(now_ms, self._looked_ms or now_ms) - _HEAL_WINDOW_MS
        healed: dict[ConversationId, int] = {}
        for wakeup in await self._feed.roster_changes_since(since_ms):
            conversation_id = wakeup.conversation_id
            if conversation_id in self._topics:
                continue  # Its gap is read; should the topic be forgotten before, we look again.
            healed[conversation_id] = wakeup.seq
            if wakeup.seq > self._healed.get(conversation_id, 0):
                self._entry(wakeup)
        self._healed = healed
        for conversation_id, seq in (await self._feed.heads_since(since_ms)).items():
            topic = self._topics.get(conversation_id)
            if topic is not None and seq > topic.head:
                self._repair(conversation_id, seq, REORDER_S)
        for wanted in await self._feed.seals_wanted_since(since_ms):
            self._present.seal_wanted(wanted)
        self._looked_ms = now_ms

    async def start(self) -> None:
        """Begin to heal."""
        await self._healing.start()

    async def close(self) -> None:
        """Stop background work."""
        await self._healing.close()
        await self.duties.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("repair_failed", exc_info=task.exception())  # heal() comes back to it.


def _conversation_frame(conversation_id: ConversationId) -> bytes:
    return framing.frame(wire.ConversationFrame(conversation_id=conversation_id))
