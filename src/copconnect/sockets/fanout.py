"""Passes wake-ups to this node's connections.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition; an entry of a cell goes only to clients that the roster names for it; after a roster
entry that removes a client nothing of the conversation goes to it, not even that entry.
Wake-ups may be lost, repeated or out of order: a gap is filled from the log after a moment, and
:meth:`heal` asks for what nobody announced. Runs in one event loop; bookkeeping never awaits, so
that it is never seen half done.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog

from copconnect import wire
from copconnect.background import Periodic
from copconnect.bus import (
    AccountWakeup,
    AnyWakeup,
    Bus,
    ConversationWakeup,
    DutyWakeup,
    EnteredWakeup,
    EntryWakeup,
    LateSealWakeup,
    ReceiptsWakeup,
    SealWantedWakeup,
)
from copconnect.clock import Clock
from copconnect.ids import CellId, ClientId, ConversationId, PersonId, Seq
from copconnect.sockets import framing
from copconnect.sockets.connection import Connection
from copconnect.sockets.duty import Duties
from copconnect.sockets.feed import Feed, Leases, Place, Seat
from copconnect.sockets.returning import Returning
from copconnect.sockets.sealed_entry import SealedFrames
from copconnect.sockets.topic import Topic

REORDER_S = 0.2  # How long an entry waits for the one before it.
HEAL_S = 15.0
OUTAGE_HEAL_S = 1.0
_HEAL_WINDOW_MS = 90_000  # Wider than the period, for the nodes' clocks and slow commits.
_MOST_HELD = 1_000
_ENCODER = msgspec.msgpack.Encoder()
_ENTRY = msgspec.msgpack.Decoder(wire.EntryFrame)
_CHANGE = msgspec.msgpack.Decoder(wire.RosterChange)
log = structlog.get_logger()
K = TypeVar("K")


@dataclass(slots=True)
class _Entering:
    """Clients whose places are being read: what happened meanwhile."""

    clients: set[ClientId]
    seen: dict[ConversationId, int] = field(default_factory=dict)
    seen_of: dict[tuple[ConversationId, CellId | None], int] = field(default_factory=dict)
    roster_changed: set[ClientId] = field(default_factory=set)


class Entered(NamedTuple):
    """A connection that came in, where it stands, and the frames that it had missed."""

    connection: Connection
    heads: list[wire.ConversationHead]
    missed: list[bytes]


class Fanout:
    """The connections of one node and what they subscribe to."""

    def __init__(self, feed: Feed, bus: Bus, leases: Leases, clock: Clock) -> None:
        self._bus = bus
        self._feed = feed
        self._clock = clock
        self._topics: dict[ConversationId, Topic] = {}
        self._clients: dict[ClientId, set[Connection]] = {}
        self._people: dict[PersonId, set[Connection]] = {}
        self._subscribed: dict[Connection, set[ConversationId]] = {}
        self._entering: list[_Entering] = []
        self._returning = Returning(feed)
        self._healing = Periodic("heal", self._look, OUTAGE_HEAL_S)
        self._heard = True
        self._rounds = 0
        self._healed: dict[ConversationId, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.duties = Duties(feed, leases, self._topics)

    # --- Connections ------------------------------------------------------------------------

    @property
    def connections(self) -> list[Connection]:
        """Every connection of this node."""
        return [one for those in self._clients.values() for one in those]

    async def enter(self, connections: Sequence[Connection]) -> list[Entered]:
        """Subscribe connections; return each that is still there with where it stands.

        Everything up to those heads is in the log; everything after them will be pushed.
        """
        waiting = list(connections)
        entered: list[Entered] = []
        while waiting:
            entering = _Entering({one.client.client_id for one in waiting})
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
        entering: _Entering,
    ) -> Entered:
        caller = connection.client
        for older in self._clients.get(caller.client_id, ()):
            older.close(wire.CLOSE_REPLACED)
        self._clients.setdefault(caller.client_id, set()).add(connection)
        self._people.setdefault(caller.person_id, set()).add(connection)
        subscribed = self._subscribed[connection] = set()
        heads: dict[ConversationId, int] = {}
        for place in places:
            subscribed.add(place.conversation_id)
            topic = self._topics.get(place.conversation_id)
            if topic is None:
                head = max(place.last_seq, entering.seen.get(place.conversation_id, 0))
                topic = self._topics[place.conversation_id] = Topic(head)
            topic.seat(connection, place.cell_id, place.certificate_hash)
            heads[place.conversation_id] = max(
                place.own_seq,
                topic.head_for(place.cell_id),
                entering.seen_of.get((place.conversation_id, None), 0),
                entering.seen_of.get((place.conversation_id, place.cell_id), 0),
            )
            if place.removal_pending:
                self.duties.begin(place.conversation_id, place.cell_id)
        missed = self._returning.missed(connection, heads, self._topics)
        found = [
            wire.ConversationHead(
                conversation_id=conversation_id,
                last_seq=Seq(seq),
                follows=conversation_id in missed,
            )
            for conversation_id, seq in heads.items()
        ]
        connection.positions = {}
        return Entered(connection, found, [one for those in missed.values() for one in those])

    def leave(self, connection: Connection) -> None:
        """Forget a connection, whether it had entered or not."""
        subscribed = self._subscribed.pop(connection, None)
        if subscribed is None:
            return
        _discard(self._clients, connection.client.client_id, connection)
        _discard(self._people, connection.client.person_id, connection)
        for conversation_id in subscribed:
            topic = self._topics[conversation_id]
            topic.drop(connection)
            self._forget_if_empty(conversation_id, topic)

    def head_of(self, connection: Connection, conversation_id: ConversationId) -> int | None:
        """Return the newest seq of a conversation the connection belongs to, else None."""
        topic = self._topics.get(conversation_id)
        return topic.head if topic is not None and topic.has(connection) else None

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
                self._push(wakeup.conversation_id, framing.binary(wakeup.frame))
            case ConversationWakeup():
                self._changed(wakeup)
            case DutyWakeup():
                self._duty(wakeup)
            case SealWantedWakeup():
                self._seal_wanted(wakeup)
            case LateSealWakeup():
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    _push_all(topic.targets(wakeup.cell_id), framing.binary(wakeup.frame))
            case AccountWakeup():
                self._account(wakeup)
            case EnteredWakeup():
                self._entered(wakeup)

    def _push(self, conversation_id: ConversationId, frame: bytes) -> None:
        topic = self._topics.get(conversation_id)
        if topic is not None:
            _push_all(topic.connections, frame)

    def _duty(self, wakeup: DutyWakeup) -> None:
        topic = self._topics.get(wakeup.conversation_id)
        if topic is not None and topic.reloading:
            topic.due.add(wakeup.cell_id)  # Whom to ask is not known yet.
        else:
            self.duties.begin(wakeup.conversation_id, wakeup.cell_id)

    def _seal_wanted(self, wakeup: SealWantedWakeup) -> None:
        frame = _framed(
            wire.SealWanted(conversation_id=wakeup.conversation_id, cell_id=wakeup.cell_id)
        )
        for client_id in wakeup.client_ids:
            _push_all(self._clients.get(client_id, ()), frame)

    def _changed(self, wakeup: ConversationWakeup) -> None:
        topic = self._topics.get(wakeup.conversation_id)
        if topic is None:
            return
        frame = _conversation_frame(wakeup.conversation_id)
        for connection in topic.connections:
            if not wakeup.person_ids or connection.client.person_id in wakeup.person_ids:
                connection.push(frame)

    def _account(self, wakeup: AccountWakeup) -> None:
        if wakeup.person_ids or wakeup.client_ids:
            concerned = {one for p in wakeup.person_ids for one in self._people.get(p, ())}
            concerned |= {one for c in wakeup.client_ids for one in self._clients.get(c, ())}
        else:
            concerned = set(self.connections)
        try:
            frame = _framed(
                msgspec.convert({"t": "account", "event": wakeup.event}, wire.AccountFrame)
            )
        except msgspec.ValidationError:
            log.error("unknown_account_event", account_event=wakeup.event)
            return
        for connection in concerned:
            connection.push(frame)
            if wakeup.event == "signed_out":
                connection.close(wire.CLOSE_SIGNED_OUT, wakeup.reason)

    def _entered(self, wakeup: EnteredWakeup) -> None:
        """End the connections that these clients had here before they connected elsewhere."""
        for client_id in self._clients.keys() & wakeup.clients.keys():
            for connection in self._clients[client_id]:
                if connection.hello_ms < wakeup.clients[client_id]:
                    connection.close(wire.CLOSE_REPLACED)

    # --- Entries ----------------------------------------------------------------------------

    def _entry(self, wakeup: EntryWakeup) -> None:
        conversation_id = wakeup.conversation_id
        for entering in self._entering:
            of_cell = conversation_id, wakeup.cell_id
            entering.seen[conversation_id] = max(wakeup.seq, entering.seen.get(conversation_id, 0))
            entering.seen_of[of_cell] = max(wakeup.seq, entering.seen_of.get(of_cell, 0))
            if wakeup.kind == "roster":
                entering.roster_changed |= _named(wakeup, entering.clients)
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
        """A roster entry of a conversation that nobody here belongs to yet."""
        if not wakeup.frame:
            self._spawn(self._read_first(wakeup))
            return
        topic = Topic(wakeup.seq - 1)
        self._topics[wakeup.conversation_id] = topic
        self._take(topic, wakeup)
        self._forget_if_empty(wakeup.conversation_id, topic)

    async def _read_first(self, wakeup: EntryWakeup) -> None:
        for one in await self._feed.entries(wakeup.conversation_id, wakeup.seq - 1, wakeup.seq):
            self._entry(one)

    def _take(self, topic: Topic, wakeup: EntryWakeup) -> None:
        """The entry's turn has come: pass it on, now or when it is known who sits where."""
        came: Sequence[Connection] = ()
        left: Sequence[Connection] = ()
        if wakeup.kind == "roster":
            change = _change(wakeup)
            if not change.whole:
                topic.reloading = True
                self._spawn(self._reload(topic, wakeup, change.cells))
                return
            came, left = topic.change(change, self._clients)
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
        gone = _framed(wire.ConversationGone(conversation_id=wakeup.conversation_id))
        for connection in left:
            self._subscribed[connection].discard(wakeup.conversation_id)
            connection.push(gone)
        for connection in came:
            self._subscribed[connection].add(wakeup.conversation_id)
            connection.push(_conversation_frame(wakeup.conversation_id))
        if wakeup.kind == "commit" and wakeup.cell_id is not None:
            self.duties.end(wakeup.cell_id)
        if wakeup.kind == "sealed":
            frames = SealedFrames(wakeup)
            for cell_id, connections in topic.cells.items():
                _push_all(connections, framing.binary(frames.frame(cell_id)))
        else:
            _push_all(topic.targets(wakeup.cell_id), framing.binary(wakeup.frame))

    async def _reload(self, topic: Topic, wakeup: EntryWakeup, cells: Sequence[CellId]) -> None:
        """Read who sits in the cells that a roster entry changed, then pass the entry on."""
        conversation_id = wakeup.conversation_id
        while True:
            try:
                seats = await self._seats(topic, conversation_id, cells)
                break
            except Exception:
                log.exception("seats_not_read")
                await asyncio.sleep(1.0)
        came, left = topic.reseat(cells, seats, self._clients)
        topic.reloading = False
        self._pass_on(topic, wakeup, came, left)
        self._drain(topic)
        while topic.due and not topic.reloading:
            self.duties.begin(conversation_id, topic.due.pop())
        if topic.head < topic.wanted and not topic.reloading:
            self._repair(conversation_id, topic.wanted, REORDER_S)
        self._forget_if_empty(conversation_id, topic)

    async def _seats(
        self, topic: Topic, conversation_id: ConversationId, cells: Sequence[CellId]
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
        """Find entries that no wake-up announced. Two statements, whatever the node holds."""
        since_ms = self._clock.now_ms() - _HEAL_WINDOW_MS
        healed: dict[ConversationId, int] = {}
        for wakeup in await self._feed.roster_changes_since(since_ms):
            conversation_id = wakeup.conversation_id
            healed[conversation_id] = wakeup.seq
            known = conversation_id in self._topics
            if not known and wakeup.seq > self._healed.get(conversation_id, 0):
                self._entry(wakeup)
        self._healed = healed
        for conversation_id, seq in (await self._feed.heads_since(since_ms)).items():
            topic = self._topics.get(conversation_id)
            if topic is not None and seq > topic.head:
                self._repair(conversation_id, seq, REORDER_S)

    async def _look(self) -> None:
        """Heal now and then, and each second while the bus is away and once after."""
        hears = self._bus.hears
        self._rounds += 1
        if hears and self._heard and self._rounds * OUTAGE_HEAL_S < HEAL_S:
            return
        self._heard, self._rounds = hears, 0
        await self.heal()

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


def _push_all(connections: Iterable[Connection], frame: bytes) -> None:
    for connection in connections:
        connection.push(frame)


def _discard(index: dict[K, set[Connection]], key: K, connection: Connection) -> None:
    those = index.get(key)
    if those is not None:
        those.discard(connection)
        if not those:
            del index[key]


def _framed(frame: wire.ServerFrame) -> bytes:
    return framing.binary(_ENCODER.encode(frame))


def _conversation_frame(conversation_id: ConversationId) -> bytes:
    return _framed(wire.ConversationFrame(conversation_id=conversation_id))


def _change(wakeup: EntryWakeup) -> wire.RosterChange:
    return _CHANGE.decode(_ENTRY.decode(wakeup.frame).entry.payload)


def _named(wakeup: EntryWakeup, clients: set[ClientId]) -> set[ClientId]:
    """Return which of these clients a roster entry concerns; an unread one may concern each."""
    if not wakeup.frame:
        return clients
    change = _change(wakeup)
    if not change.whole:
        return clients
    return clients & {leaf.client_id for leaf in (*change.added, *change.removed)}
