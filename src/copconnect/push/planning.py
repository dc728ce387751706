"""Decides whom a message wakes, after its commit and beside its path.

Every node notes the conversations that wake-ups name, in memory; the one that holds the lease plans
them once devices had their time to receive the message over their connections. A wake-up that is
lost, or noted by a node that dies, costs time: the newest seq of each conversation is compared with
what was planned when a node begins to plan, and each minute. A planned conversation is looked at
once more after a minute. Planning costs a constant number of statements for up to 100
conversations, however many devices they have. A large conversation is planned in 16 parts, so that
no transaction delays messages, and takes a tenth of the time at most.
"""

import time
from collections.abc import Mapping, Sequence

from prometheus_client import Counter

from copconnect.bus import AnyWakeup, EntryWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database, chunks
from copconnect.ids import ConversationId
from copconnect.principals import News
from copconnect.push import plan_store
from copconnect.push.plan_store import NewestMessage
from copconnect.push.ports import PushConversations
from copconnect.push.rules import CALL

DAY_MS = 86_400_000
CATCH_UP_MS = 60_000
AGAIN_MS = 60_000  # A device may have fetched just before a message that it was not pushed about.
SHARE = 10
PARTS_FROM = 4_000  # Devices.
TOGETHER = 100  # Conversations.
_EVERYBODY = (("", "g"),)  # Client ids are hex digits.
_SIXTEENTHS = tuple(
    (digit, following)
    for digit, following in zip("0123456789abcdef", "123456789abcdefg", strict=True)
)
QUEUED = Counter("copconnect_pushes_queued", "Devices that messages of this process's plans wake")


class Planner:
    """Plans in rounds. ``on_wakeup`` is to be subscribed to the bus."""

    def __init__(
        self, database: Database, clock: Clock, conversations: PushConversations, delay_ms: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._conversations = conversations
        self._delay_ms = delay_ms
        dialect = database.engine.dialect.name
        self._enqueuing = {  # Built once: building costs more than executing.
            calls_all: plan_store.enqueuing(dialect, conversations, calls_all=calls_all)
            for calls_all in (True, False)
        }
        self._due: dict[ConversationId, int] = {}  # When each is to be planned.
        self._not_before: dict[ConversationId, int] = {}
        self._again: dict[ConversationId, tuple[int, News]] = {}
        self._caught_up_ms = 0

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Note where a message came."""
        if isinstance(wakeup, EntryWakeup):
            self._note(wakeup.conversation_id, self._clock.now_ms() + self._delay_ms)

    def _note(self, conversation_id: ConversationId, due_ms: int) -> None:
        self._due[conversation_id] = min(self._due.get(conversation_id, due_ms), due_ms)

    def rest(self) -> None:
        """Another node plans: forget what that one has had the time for."""
        old = self._clock.now_ms() - CATCH_UP_MS
        self._due = {one: due_ms for one, due_ms in self._due.items() if due_ms > old}
        self._again.clear()
        self._caught_up_ms = 0

    async def round(self) -> int:
        """Plan what is due; return how many pushes were queued."""
        now = self._clock.now_ms()
        if not 0 <= now - self._caught_up_ms < CATCH_UP_MS:
            await self._catch_up(now)
            self._caught_up_ms = now
        due = [
            one
            for one, due_ms in self._due.items()
            if due_ms <= now and self._not_before.get(one, 0) <= now
        ]
        queued = 0
        for some in chunks(due, TOGETHER):
            due_ms = {one: self._due.pop(one) for one in some}
            started = time.perf_counter()
            try:
                queued += await self._plan(some)
            except BaseException:
                for one in some:
                    self._note(one, due_ms[one])  # The database may be away.
                raise
            took_s = time.perf_counter() - started
            self._not_before |= dict.fromkeys(some, now + round(1_000 * SHARE * took_s))
        self._not_before = {one: at for one, at in self._not_before.items() if at > now}
        again = [one for one, (at, _) in self._again.items() if at <= now]
        for some in chunks(again, TOGETHER):
            queued += await self._enqueue({one: self._again.pop(one)[1] for one in some}, now)
        QUEUED.inc(queued)
        return queued

    async def _catch_up(self, now: int) -> None:
        async with self._database.reading() as connection:
            moved = await self._conversations.moved_since(connection, now - DAY_MS)
            known = await plan_store.planned(connection, [one for one, _ in moved])
        for conversation_id, seq in moved:
            if known.get(conversation_id, 0) < seq:
                self._note(conversation_id, now + self._delay_ms)

    async def _plan(self, conversation_ids: Sequence[ConversationId]) -> int:
        now = self._clock.now_ms()
        async with self._database.reading() as connection:
            known = await plan_store.planned(connection, conversation_ids)
            after = {one: known.get(one, 0) for one in conversation_ids}
            news = await self._conversations.news(connection, after, now - self._delay_ms)
        for conversation_id, one in news.items():
            if one.more:
                self._note(conversation_id, now + self._delay_ms)
        loud = {conversation_id: one for conversation_id, one in news.items() if one.loud}
        queued = await self._enqueue(loud, now)
        for conversation_id, one in loud.items():
            self._again[conversation_id] = now + AGAIN_MS, one
        moved = {c: one.upto for c, one in news.items() if one.upto > after[c]}
        if moved:
            async with self._database.transaction() as connection:
                await plan_store.set_planned(connection, moved)
        return queued

    async def _enqueue(self, news: Mapping[ConversationId, News], now: int) -> int:
        large = {c for c, one in news.items() if one.devices > PARTS_FROM}
        queued = await self._enqueue_within(
            {c: one for c, one in news.items() if c not in large}, now, _EVERYBODY
        )
        for c in large:
            queued += await self._enqueue_within({c: news[c]}, now, _SIXTEENTHS)
        return queued

    async def _enqueue_within(
        self, news: Mapping[ConversationId, News], now: int, parts: Sequence[tuple[str, str]]
    ) -> int:
        queued = 0
        for calls_all in (True, False):
            asked = [
                NewestMessage(c, loud.seq, loud.sender, CALL if calls_all else one.kind)
                for c, one in news.items()
                for loud in one.loud
                if loud.calls_all is calls_all
            ]
            for within in parts if asked else ():
                async with self._database.transaction() as connection:
                    queued += await plan_store.enqueue(
                        connection, self._enqueuing[calls_all], asked, within, now, now - DAY_MS
                    )
        return queued
