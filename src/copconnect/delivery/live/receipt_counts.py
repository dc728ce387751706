"""Counts the people who have received and read a message, in conversations too large for receipts.

Cursors that were stored say in which conversations somebody has come further; of several nodes one
counts for all, each conversation at most every :data:`PERIOD_S` and so that counting takes a
twentieth of the time at most, and tells the senders what has changed of their newest messages.
A client that comes back, or shows an older message, asks. A count costs three statements whatever
the number of people. People whose devices lack a message's key have not received it (R9). A lost
wake-up costs time: the next cursor or question shows what it hid.
"""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.background import Periodic
from copconnect.batch_loader import BatchLoader
from copconnect.bus import AnyWakeup, CursorsMovedWakeup, ReceiptCountsWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.live import receipt_store
from copconnect.delivery.live.receipt_store import Lacking, ReaderCount, SentMessage
from copconnect.delivery.store import members
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.leases import Leases
from copconnect.principals import Caller

PERIOD_S = 2.0
NEWEST = 8  # Messages of a sender.
_MOST_MESSAGES = 64  # In a conversation, of all its senders.
_MOST_CONVERSATIONS = 4  # In one round.
_SHARE = 20  # Counting takes so much less time than what lies between two counts.
_LEASE_S = 3 * PERIOD_S
_KEPT_MS = round(2_000 * _LEASE_S)  # A node that does not count remembers so long what is to be.
_MOST_TOLD = 10_000
_ENCODER = msgspec.msgpack.Encoder()
_CountsAsked = tuple[ConversationId, PersonId, Seq | None]


class ReceiptCounting:
    """Counts in rounds, and when asked. ``on_wakeup`` is to be subscribed to the bus."""

    def __init__(self, deps: DeliveryDependencies, leases: Leases) -> None:
        self._deps = deps
        self._leases = leases
        self._moved: dict[ConversationId, int] = {}
        self._not_before: dict[ConversationId, int] = {}
        self._told: dict[tuple[ConversationId, Seq], wire.ReceiptCount] = {}
        self._asked = BatchLoader(self._answer)
        self.rounds = Periodic("receipt_counts", self.round, PERIOD_S)

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Note where somebody has come further."""
        if isinstance(wakeup, CursorsMovedWakeup):
            now_ms = self._deps.clock.now_ms()
            for conversation_id in wakeup.conversation_ids:
                self._moved[conversation_id] = now_ms

    # --- In rounds ----------------------------------------------------------------------------

    async def round(self) -> None:
        """Count where it is due, if this node counts, and tell the senders."""
        if not self._moved:
            return
        now_ms = self._deps.clock.now_ms()
        if not await self._leases.acquire("receipt_counts", _LEASE_S):
            kept = {one: since for one, since in self._moved.items() if since > now_ms - _KEPT_MS}
            self._moved = kept
            return
        due = [one for one in self._moved if self._not_before.get(one, 0) <= now_ms]
        due.sort(key=lambda one: self._not_before.get(one, 0))
        for conversation_id in due[:_MOST_CONVERSATIONS]:
            del self._moved[conversation_id]
            started = time.perf_counter()
            try:
                wakeups = await self._count(conversation_id)
            except Exception:
                self._moved.setdefault(conversation_id, now_ms)  # The database may be away.
                raise
            took_s = time.perf_counter() - started
            self._not_before[conversation_id] = now_ms + round(1_000 * _SHARE * took_s)
            await self._deps.bus.publish(wakeups)
        if len(self._not_before) > _MOST_TOLD:
            self._not_before.clear()

    async def _count(self, conversation_id: ConversationId) -> list[AnyWakeup]:
        async with self._deps.database.reading() as connection:
            found = await receipt_store.newest_messages(connection, conversation_id, _MOST_MESSAGES)
            newest = _newest_of_each(found)
            counts = await self._counts(connection, conversation_id, newest)
        news: dict[PersonId, list[wire.ReceiptCount]] = {}
        for message in newest:
            key, count = (conversation_id, message.seq), counts[message.seq]
            if self._told.get(key) != count:
                self._told[key] = count
                news.setdefault(message.person_id, []).append(count)
        while len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]
        return [
            ReceiptCountsWakeup(
                conversation_id=conversation_id,
                person_id=person_id,
                frame=_ENCODER.encode(
                    wire.ReceiptCounts(conversation_id=conversation_id, counts=changed)
                ),
            )
            for person_id, changed in news.items()
        ]

    # --- When asked ---------------------------------------------------------------------------

    async def of(
        self, caller: Caller, conversation_id: ConversationId, seq: Seq | None
    ) -> wire.CountedReceipts:
        """Return the counts of a message of the caller's person, or of their newest ones here.

        Requests that arrive meanwhile share the next count. Raises NotMember, and NotFound for
        a message that is not theirs.
        """
        async with self._deps.database.reading() as connection:
            if not await members.belongs_to_any(connection, [conversation_id], caller.person_id):
                raise errors.NotMember
        counts = await self._asked.load((conversation_id, caller.person_id, seq))
        if seq is not None and not counts:
            raise errors.NotFound
        return wire.CountedReceipts(counts=counts or [])

    async def _answer(
        self, asked: Sequence[_CountsAsked]
    ) -> Mapping[_CountsAsked, list[wire.ReceiptCount]]:
        found: dict[_CountsAsked, list[SentMessage]] = {}
        answers: dict[_CountsAsked, list[wire.ReceiptCount]] = {}
        async with self._deps.database.reading() as connection:
            for one in asked:
                conversation_id, person_id, seq = one
                found[one] = (
                    await receipt_store.newest_messages(
                        connection, conversation_id, NEWEST, person_id
                    )
                    if seq is None
                    else await receipt_store.messages_at(
                        connection, conversation_id, person_id, [seq]
                    )
                )
            for conversation_id in {one for one, _, _ in asked}:
                of_here = [one for one in asked if one[0] == conversation_id]
                messages = [message for one in of_here for message in found[one]]
                counts = await self._counts(connection, conversation_id, messages)
                for one in of_here:
                    answers[one] = [counts[message.seq] for message in found[one]]
        return answers

    async def _counts(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        messages: Collection[SentMessage],
    ) -> dict[Seq, wire.ReceiptCount]:
        if not messages:
            return {}
        asked = list(messages)
        standings = await receipt_store.standings(connection, conversation_id, asked)
        lacking = await receipt_store.lacking(connection, conversation_id, asked)
        return count(standings, messages, lacking)


def _newest_of_each(messages: Iterable[SentMessage]) -> list[SentMessage]:
    """Return the newest messages of each sender."""
    seen: Counter[PersonId] = Counter()
    newest: list[SentMessage] = []
    for message in messages:
        seen[message.person_id] += 1
        if seen[message.person_id] <= NEWEST:
            newest.append(message)
    return newest


def count(
    standings: Sequence[ReaderCount],
    messages: Collection[SentMessage],
    lacking: Sequence[Lacking] = (),
) -> dict[Seq, wire.ReceiptCount]:
    """Count for each message, by seq, the people it is for: the members when it was
    accepted, registered or not, but its sender. ``lacking``: those of them who passed some of the
    messages without their key. Pure."""
    # People who came or went between these messages are counted for each message; the many others
    # are counted by how far they came.
    some = [one for one in standings if one.added_ms or one.removed_ms is not None]
    always = [one for one in standings if not one.added_ms and one.removed_ms is None]
    delivered = _Reached((one.delivered_seq, one.people) for one in always)
    phoneless = _Reached((one.delivered_seq, one.people) for one in always if not one.phone)
    read = _Reached((one.read_seq, one.people) for one in always)
    counts: dict[Seq, wire.ReceiptCount] = {}
    for message in messages:
        seq, sender = message.seq, message.person_id
        for_it = [one for one in some if one.belonged(message.sent_ms)]
        own = [
            one for one in standings if one.person_id == sender and one.belonged(message.sent_ms)
        ]
        without = [
            one.standing
            for one in lacking
            if one.lack(message)
            and one.standing.person_id != sender
            and one.standing.belonged(message.sent_ms)
        ]
        people = delivered.least(0) + _sum(for_it) - _sum(own)
        absent = phoneless.least(0) - phoneless.least(seq)
        absent += _sum(one for one in for_it if not one.phone and one.delivered_seq < seq)
        absent -= _sum(one for one in own if not one.phone and one.delivered_seq < seq)
        counts[seq] = wire.ReceiptCount(
            seq=seq,
            people=people,
            phones=people - absent,
            delivered=delivered.least(seq)
            + _sum(one for one in for_it if one.delivered_seq >= seq)
            - _sum(one for one in [*own, *without] if one.delivered_seq >= seq),
            read=read.least(seq)
            + _sum(one for one in for_it if one.read_seq >= seq)
            - _sum(one for one in [*own, *without] if one.read_seq >= seq),
        )
    return counts


def _sum(standings: Iterable[ReaderCount]) -> int:
    return sum(one.people for one in standings)


class _Reached:
    """How many people have come at least so far."""

    def __init__(self, come: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(come, reverse=True)
        self._seqs = [-seq for seq, _ in ordered]
        self._people = [0, *accumulate(people for _, people in ordered)]

    def least(self, seq: int) -> int:
        return self._people[bisect_right(self._seqs, -seq)]
