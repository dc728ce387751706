"""Passes wake-ups to this node's connections.

Invariants: on one connection the entries of a conversation arrive in ascending seq without
repetition, and only while the roster lists its client; everybody gets the same bytes of a message.
Wake-ups may be lost, repeated or out of order: :mod:`.topic` keeps the order and reads what is
missing, and :meth:`Fanout.reconcile` asks for what nobody announced: every 15 s, and each second
while the bus is away and once after. Runs in one event loop; bookkeeping never awaits, so that it
is never seen half done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from copconnect import wire
from copconnect.background import Periodic
from copconnect.bus import (
    AccountWakeup,
    AcknowledgedWakeup,
    AnyWakeup,
    Bus,
    CellKeyWakeup,
    ConversationWakeup,
    EnteredWakeup,
    EntryWakeup,
    KeyWakeup,
    LateSealsWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    RosterWakeup,
    ShareWakeup,
    TrustWakeup,
)
from copconnect.clock import Clock
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId, Seq
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection, push_all
from copconnect.sockets.connections.tasks import Tasks
from copconnect.sockets.dispatch.present import Present
from copconnect.sockets.dispatch.recent import Recent
from copconnect.sockets.dispatch.returning import Returning
from copconnect.sockets.dispatch.topic import Topic, Topics
from copconnect.sockets.feed import Feed, LeafState, Online

RECONCILE_S = 15.0
OUTAGE_RECONCILE_S = 1.0
_RECONCILED_MS = 90_000  # Wider than the period, for the nodes' clocks and slow commits.


class Entered(NamedTuple):
    """A new connection, its conversations' heads, and the frames that it had missed."""

    connection: Connection
    heads: list[wire.ConversationHead]
    missed: list[bytes]


@dataclass(slots=True)
class Entering:
    """Clients that come in together. The places of ``roster_changed`` are to be read again; other
    frames about their conversations meanwhile reach them once they are in."""

    clients: set[ClientId]
    roster_changed: set[ClientId] = field(default_factory=set)
    _seen: dict[ConversationId, int] = field(default_factory=dict)
    _said: dict[ConversationId, list[tuple[Collection[PersonId], bytes]]] = field(
        default_factory=dict
    )

    def note_entry(self, conversation_id: ConversationId, seq: int) -> None:
        """A message was announced."""
        self._seen[conversation_id] = max(seq, self._seen.get(conversation_id, 0))

    def note_roster(self, wakeup: RosterWakeup) -> None:
        """A roster changed; one whose lists are elsewhere may name everybody."""
        if wakeup.whole:
            self.roster_changed |= self.clients & (wakeup.added.keys() | set(wakeup.removed))
        else:
            self.roster_changed |= self.clients

    def note_said(
        self, conversation_id: ConversationId, person_ids: Collection[PersonId], frame: bytes
    ) -> None:
        """A frame went to these people (none: to all) of a conversation."""
        self._said.setdefault(conversation_id, []).append((person_ids, frame))

    def said_to(self, person_id: PersonId, conversation_id: ConversationId) -> list[bytes]:
        """Return the frames that a person of a conversation would have been sent."""
        said = self._said.get(conversation_id, ())
        return [frame for people, frame in said if not people or person_id in people]

    def seen(self, conversation_id: ConversationId) -> int:
        """Return the newest seq that was announced."""
        return self._seen.get(conversation_id, 0)


class Fanout:
    """The connections of one node and what they subscribe to."""

    def __init__(self, feed: Feed, bus: Bus, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._bus = bus
        self._present = Present()
        self._entering: list[Entering] = []
        self._tasks = Tasks()
        self._recent = Recent()
        self._topics = Topics(feed, self._present, self._recent, self._tasks)
        self._returning = Returning(feed, self._topics, self._recent)
        self._reconciler = Periodic("reconciler", self._reconcile_if_due, OUTAGE_RECONCILE_S)
        self._heard = True
        self._seconds = 0  # Since the log was last looked at.
        self._looked_ms: int | None = None  # When the log was last looked at to the end.

    # --- Connections ------------------------------------------------------------------------

    @property
    def connections(self) -> list[Connection]:
        """Every connection of this node."""
        return self._present.connections

    @property
    def conversations(self) -> int:
        """How many conversations have a connection here, or work under way."""
        return len(self._topics)

    @property
    def under_way(self) -> int:
        """How many reads and repairs run in the background."""
        return len(self._tasks)

    @property
    def subscribed(self) -> int:
        """How many connections belong to conversations."""
        return len(self._topics.subscribed)

    async def enter(self, connections: Sequence[Connection]) -> list[Entered]:
        """Subscribe connections; return each that is still open with its conversations' heads.

        Everything up to those heads is in the log; everything after them will be pushed. Devices
        that nobody has confirmed are in no conversation.
        """
        waiting = list(connections)
        entered: list[Entered] = []
        while waiting:
            entering = Entering({one.client.client_id for one in waiting if one.client.confirmed})
            self._entering.append(entering)
            try:
                places = await self._feed.places(entering.clients) if entering.clients else {}
                unused = await self._returning.read(waiting, places)
            finally:
                self._entering.remove(entering)
            again: list[Connection] = []
            for connection in waiting:
                client_id = connection.client.client_id
                if client_id in entering.roster_changed:
                    again.append(connection)
                elif connection.close_code is None:
                    there = places.get(client_id, ())
                    entered.append(self._seat(connection, there, entering, unused))
            waiting = again
        return entered

    def _seat(
        self,
        connection: Connection,
        places: Sequence[LeafState],
        entering: Entering,
        unused: Mapping[ConversationId, str],
    ) -> Entered:
        self._present.add(connection)
        self._topics.subscribed[connection] = set()
        topics: list[Topic] = []
        heads: dict[ConversationId, int] = {}
        for place in places:
            conversation_id = place.conversation_id
            topic = self._topics.open(conversation_id, place.last_seq, place.roster_epoch)
            topic.begin(place.last_seq)
            topic.seat(connection, place.cell_id)
            if topic.unused is None:
                topic.unused = unused.get(conversation_id)
            topics.append(topic)
            topic.behind(place.roster_epoch)
            # A wake-up that came meanwhile may have overtaken another, or others were lost: a
            # client that learns of a head counts on everything up to it.
            head = max(place.last_seq, entering.seen(conversation_id))
            topic.repair(head)
            heads[conversation_id] = max(head, topic.head)
        from_ms = {place.conversation_id: place.history_from_ms for place in places}
        missed = self._returning.missed(connection, from_ms)
        connection.positions = {}
        frames = [one for those in missed.values() for one in those]
        for topic in topics:
            frames += self._returning.unused(topic, connection, from_ms[topic.conversation_id])
            frames += entering.said_to(connection.client.person_id, topic.conversation_id)
        found = [
            _head(place, heads[place.conversation_id], follows=place.conversation_id in missed)
            for place in places
        ]
        return Entered(connection, found, frames)

    def leave(self, connection: Connection) -> None:
        """Forget a connection, whether it had entered or not."""
        subscribed = self._topics.subscribed.pop(connection, None)
        if subscribed is None:
            return
        self._present.discard(connection)
        for conversation_id in subscribed:
            topic = self._topics.get(conversation_id)
            if topic is not None:
                topic.leave(connection)

    def head_of(self, connection: Connection, conversation_id: ConversationId) -> int | None:
        """Return the newest seq of a conversation the connection belongs to, else None: also what
        is not passed on here yet, as the log has it for everybody."""
        topic = self._topics.get(conversation_id)
        if topic is None or connection not in topic.seats:
            return None
        return topic.known_head

    # --- Wake-ups ---------------------------------------------------------------------------

    async def receive(self, wakeup: AnyWakeup) -> None:
        """Pass a wake-up on. Never waits for a connection or the database."""
        match wakeup:
            case EntryWakeup():
                for entering in self._entering:
                    entering.note_entry(wakeup.conversation_id, wakeup.seq)
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    topic.entry(wakeup)
            case RosterWakeup():
                for entering in self._entering:
                    entering.note_roster(wakeup)
                self._topics.roster(wakeup)
            case KeyWakeup() | CellKeyWakeup():
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    topic.key(wakeup)
            case LateSealsWakeup():
                # The code that asked for the seals sends them.
                self._recent.late_seals(wakeup.conversation_id, wakeup.key_id)
            case ReceiptsWakeup():
                self._say(wakeup.conversation_id, (), framing.binary(wakeup.frame))
            case ReceiptCountsWakeup():
                topic = self._topics.get(wakeup.conversation_id)
                if topic is not None:
                    theirs = self._present.of_person(wakeup.person_id)
                    here = (one for one in theirs if one in topic.seats)
                    push_all(here, framing.binary(wakeup.frame))
            case AcknowledgedWakeup():
                told = framing.frame(wire.OrderAcknowledged(order_id=wakeup.order_id))
                for person_id, client_id in wakeup.people.items():
                    theirs = self._present.of_person(person_id)
                    others = [one for one in theirs if one.client.client_id != client_id]
                    push_all(others, told)
            case ConversationWakeup():
                frame = wire.ConversationFrame(conversation_id=wakeup.conversation_id)
                self._say(wakeup.conversation_id, wakeup.person_ids, framing.frame(frame))
            case ShareWakeup():
                share = wire.ShareFrame(conversation_id=wakeup.conversation_id, share=wakeup.share)
                self.push_to(wakeup.client_id, share)
            case TrustWakeup():
                self._topics.trust.update(wakeup.person_ids)
            case AccountWakeup():
                self._present.account(wakeup)
            case EnteredWakeup():
                self._present.entered(wakeup)
            case _:
                pass  # Wake-ups for code that asks devices for something.

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
            some = (one for one in topic.seats if one.client.person_id in person_ids)
            push_all(some if person_ids else topic.seats, frame)

    def say(self, conversation_id: ConversationId, frame: bytes) -> None:
        """Push a frame to the connections of a conversation that are here now."""
        topic = self._topics.get(conversation_id)
        if topic is not None:
            push_all(topic.seats, frame)

    # --- For callers that ask devices ----------------------------------------------------------

    def online(
        self, conversation_id: ConversationId, cell_id: CellId | None = None
    ) -> Iterable[Online]:
        """Yield the devices of a conversation, or of one cell, that are connected here, roughly
        those first that have been for longest."""
        topic = self._topics.get(conversation_id)
        if topic is not None:
            some = topic.seats if cell_id is None else topic.cells.get(cell_id, {})
            yield from _online(topic, some)

    def online_of_person(
        self, conversation_id: ConversationId, person_id: PersonId
    ) -> Iterable[Online]:
        """Yield the devices of a person in a conversation that are connected here."""
        topic = self._topics.get(conversation_id)
        if topic is not None:
            theirs = self._present.of_person(person_id)
            yield from _online(topic, (one for one in theirs if one in topic.seats))

    def here(self, client_id: ClientId) -> bool:
        """Return whether a client is connected here."""
        return client_id in self._present.clients

    def push_to(self, client_id: ClientId, frame: wire.ServerFrame) -> bool:
        """Push a frame to a client; return whether it is connected here."""
        connections = self._present.clients.get(client_id, ())
        push_all(connections, framing.frame(frame))
        return bool(connections)

    # --- Reconciling ------------------------------------------------------------------------

    async def reconcile(self) -> None:
        """Find messages, heads and keys that no wake-up announced. Two statements, whatever the
        node holds.

        It looks back from where it last came to the end: the database may have been away, or this
        machine have stood still, for longer than a window."""
        now_ms = self._clock.now_ms()
        since_ms = min(now_ms, self._looked_ms or now_ms) - _RECONCILED_MS
        for key in await self._feed.keys_since(since_ms):
            topic = self._topics.get(key.conversation_id)
            if topic is not None:
                topic.key(key)
        standings = await self._feed.standings_since(since_ms)
        for conversation_id, standing in standings.items():
            topic = self._topics.get(conversation_id)
            if topic is not None:
                topic.behind(standing.roster_epoch)
                topic.repair(standing.last_seq)
        self._looked_ms = now_ms

    async def _reconcile_if_due(self) -> None:
        hears = self._bus.hears
        self._seconds += 1
        if not hears or not self._heard or self._seconds * OUTAGE_RECONCILE_S >= RECONCILE_S:
            self._heard, self._seconds = hears, 0
            await self.reconcile()

    async def start(self) -> None:
        """Begin to reconcile."""
        await self._reconciler.start()

    async def close(self) -> None:
        """Stop background work."""
        await self._reconciler.close()
        await self._tasks.close()


def _online(topic: Topic, connections: Iterable[Connection]) -> Iterable[Online]:
    for connection in connections:
        if connection.close_code is None:
            who = connection.client
            yield Online(who.client_id, who.person_id, who.device, topic.seats[connection])


def _head(place: LeafState, seq: int, *, follows: bool) -> wire.ConversationHead:
    return wire.ConversationHead(
        conversation_id=place.conversation_id,
        last_seq=Seq(seq),
        follows=follows,
        roster_epoch=Epoch(place.roster_epoch),
        info_version=place.info_version,
        receipts_version=place.receipts_version,
        delivered_seq=place.delivered_seq,
        read_seq=place.read_seq,
        shares=place.shares,
    )
