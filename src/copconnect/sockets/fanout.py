"""Passes wake-ups to this node's connections.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition; an entry of a cell goes only to clients that the roster names for it; after a roster
entry that removes a client nothing of the conversation goes to it, not even that entry.
Wake-ups may be lost, repeated or out of order: a gap is filled from the log after a moment, and
:meth:`heal` asks for what nobody announced. Runs in one event loop; bookkeeping never awaits, so
that it is never seen half done.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
    EntryWakeup,
    ReceiptsWakeup,
)
from copconnect.clock import Clock
from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.sockets import framing
from copconnect.sockets.connection import Connection
from copconnect.sockets.duty import Duties
from copconnect.sockets.feed import Feed, Leases, Place
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
    roster_changed: set[ClientId] = field(default_factory=set)


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

    async def enter(
        self, connections: Sequence[Connection]
    ) -> list[tuple[Connection, list[wire.ConversationHead]]]:
        """Subscribe connections; return each that is still there with where it stands.

        Everything up to those heads is in the log; everything after them will be pushed.
        """
        waiting = list(connections)
        entered: list[tuple[Connection, list[wire.ConversationHead]]] = []
        while waiting:
            entering = _Entering({one.client.client_id for one in waiting})
            self._entering.append(entering)
            try:
                places = await self._feed.places(entering.clients)
            finally:
                self._entering.remove(entering)
            again: list[Connection] = []
            for connection in waiting:
                client_id = connection.client.client_id
                if client_id in entering.roster_changed:
                    again.append(connection)
                elif connection.close_code is None:
                    heads = self._seat(connection, places.get(client_id, ()), entering.seen)
                    entered.append((connection, heads))
            waiting = again
        return entered

    def _seat(
        self,
        connection: Connection,
        places: Sequence[Place],
        seen: Mapping[ConversationId, int],
    ) -> list[wire.ConversationHead]:
        caller = connection.client
        self._clients.setdefault(caller.client_id, set()).add(connection)
        self._people.setdefault(caller.person_id, set()).add(connection)
        subscribed = self._subscribed[connection] = set()
        heads: dict[ConversationId, int] = {}
        for place in places:
            subscribed.add(place.conversation_id)
            head = max(place.last_seq, seen.get(place.conversation_id, 0))
            topic = self._topics.get(place.conversation_id)
            if topic is None:
                topic = self._topics[place.conversation_id] = Topic(head)
            topic.seat(connection, place.cell_id, place.certificate_hash)
            heads[place.conversation_id] = max(head, topic.head)
            if place.removal_pending:
                self.duties.begin(place.conversation_id, place.cell_id)
        return [
            wire.ConversationHead(conversation_id=conversation_id, last_seq=Seq(seq))
            for conversation_id, seq in heads.items()
        ]

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
        if topic.empty and self._topics.get(conversation_id) is topic:
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
                self.duties.begin(wakeup.conversation_id, wakeup.cell_id)
            case AccountWakeup():
                self._account(wakeup)

    def _push(self, conversation_id: ConversationId, frame: bytes) -> None:
        topic = self._topics.get(conversation_id)
        if topic is not None:
            for connection in topic.connections:
                connection.push(frame)

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

    # --- Entries ----------------------------------------------------------------------------

    def _entry(self, wakeup: EntryWakeup) -> None:
        conversation_id = wakeup.conversation_id
        for entering in self._entering:
            entering.seen[conversation_id] = max(wakeup.seq, entering.seen.get(conversation_id, 0))
            if wakeup.kind == "roster":
                entering.roster_changed |= _named(wakeup, entering.clients)
        topic = self._topics.get(conversation_id)
        if topic is None:
            if wakeup.kind == "roster":
                self._first_entry(wakeup)
            return
        if wakeup.seq <= topic.head:
            return
        if wakeup.seq == topic.head + 1 and wakeup.frame:
            self._pass_on(topic, wakeup)
            self._drain(topic)
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
        self._pass_on(topic, wakeup)
        self._forget_if_empty(wakeup.conversation_id, topic)

    async def _read_first(self, wakeup: EntryWakeup) -> None:
        for one in await self._feed.entries(wakeup.conversation_id, wakeup.seq - 1, wakeup.seq):
            self._entry(one)

    def _pass_on(self, topic: Topic, wakeup: EntryWakeup) -> None:
        topic.head = wakeup.seq
        topic.held.pop(wakeup.seq, None)
        if wakeup.kind == "roster":
            came, left = topic.change(_change(wakeup), self._clients)
            gone = _framed(wire.ConversationGone(conversation_id=wakeup.conversation_id))
            for connection in left:
                self._subscribed[connection].discard(wakeup.conversation_id)
                connection.push(gone)
            for connection in came:
                self._subscribed[connection].add(wakeup.conversation_id)
                connection.push(_conversation_frame(wakeup.conversation_id))
        elif wakeup.kind == "commit" and wakeup.cell_id is not None:
            self.duties.end(wakeup.cell_id)
        frame = framing.binary(wakeup.frame)
        for connection in topic.targets(wakeup.cell_id):
            connection.push(frame)

    def _drain(self, topic: Topic) -> None:
        while (following := topic.held.get(topic.head + 1)) is not None and following.frame:
            self._pass_on(topic, following)
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
            while topic.head < topic.wanted and not topic.empty:
                after = topic.head
                entries = await self._feed.entries(conversation_id, after, topic.wanted)
                for entry in entries:
                    if entry.seq > topic.head:
                        # The log keeps no gaps but those that retention made.
                        self._pass_on(topic, entry)
                if not entries:
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
    return clients & {leaf.client_id for leaf in (*change.added, *change.removed)}
