"""Sends pushes that are due, each push service apart from the others.

One task for each origin takes rows in batches, asks with a bounded number of connections, and
records the outcomes of the batch. A push service that is down, slow or wants fewer requests holds
up its own rows alone. Rows that fail come again, later each time, until nobody would keep the push
any more. A crash repeats at most the batch of each origin; the Topic lets the push service replace
the first by the second.
"""

import asyncio
import random
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter, Gauge

from copconnect import errors
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import ClientId
from copconnect.push import rules, store
from copconnect.push.http_pool import Pool, Pools, PushFailed
from copconnect.push.ports import PushConversations
from copconnect.push.rules import Endpoint
from copconnect.push.store import Due
from copconnect.push.vapid import Tokens
from copconnect.sockets.dispatch.fanout import Fanout

BATCH = 500
TIMEOUT_S = 15.0
HERE_MS = 15_000  # How long a device that has a connection may take to receive the message.
MOST_WRONG = 20  # Failures in a row after which an origin is left alone for a while.
IDLE_S = 2.0
log = structlog.get_logger()

PUSHES = Counter(
    "copconnect_pushes",
    "Pushes by what became of them: taken, gone (the subscription ended), refused, slow_down "
    "(429), failed (tried again), expired (given up), received (the device had the message)",
    ["outcome"],
)
PAUSED = Gauge(
    "copconnect_push_origins_paused",
    "Push services that this process leaves alone for a while",
    multiprocess_mode="livemax",
)
OUTCOMES = ("taken", "gone", "refused", "slow_down", "failed", "expired", "received")


@dataclass(slots=True)
class _Origin:
    """A push service. ``wrong``: failures in a row."""

    task: asyncio.Task[None] | None = None
    paused_until_ms: int = 0
    wrong: int = 0
    pauses: int = 0


@dataclass(slots=True)
class _Outcomes:
    """The outcomes of a batch."""

    sent: list[Due] = field(default_factory=list)
    dropped: list[Due] = field(default_factory=list)
    later: dict[Due, tuple[int, int]] = field(default_factory=dict)
    gone: list[tuple[ClientId, str]] = field(default_factory=list)
    failing: dict[ClientId, int] = field(default_factory=dict)


class Sender:
    """Sends while :meth:`round` is called; app.py's service does so under a lease."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        conversations: PushConversations,
        tokens: Tokens,
        pools: Pools,
        secret: bytes,
        allowed: Collection[str],
        connections: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._conversations = conversations
        self._tokens = tokens
        self._open = pools
        self._secret = secret
        self._allowed = allowed
        self._connections = connections
        self._connected: Fanout | None = None
        self._origins: dict[str, _Origin] = {}
        self._pools: dict[str, Pool] = {}
        self._chance = random.Random()  # noqa: S311 -- waiting times.
        self._next_ms = 0
        for outcome in OUTCOMES:
            PUSHES.labels(outcome)  # Shown from the start.

    def attach(self, connected: Fanout) -> None:
        """Spare the devices that are connected here; built after this."""
        self._connected = connected

    def nudge(self) -> None:
        """Look at the queue in the next round: something was queued."""
        self._next_ms = 0

    async def round(self) -> None:
        """Begin to send what is due at origins that nothing is being sent to."""
        now = self._clock.now_ms()
        if now < self._next_ms:
            return
        async with self._database.reading() as connection:
            origins, later = await store.due_origins(connection, now)
        for origin in origins:
            state = self._origins.setdefault(origin, _Origin())
            if state.task is None and state.paused_until_ms <= now:
                state.task = asyncio.create_task(self._run(origin, state))
        idle = now + round(IDLE_S * 1000)
        self._next_ms = now if origins else min(later or idle, idle)
        PAUSED.set(sum(one.paused_until_ms > now for one in self._origins.values()))

    async def close(self) -> None:
        """Stop; pushes under way are repeated by the node that sends next."""
        tasks = [one.task for one in self._origins.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        await asyncio.sleep(0)  # Transports end in the next turn of the loop.

    async def settle(self) -> None:
        """Wait for what is under way; for tests."""
        tasks = [one.task for one in self._origins.values() if one.task is not None]
        await asyncio.gather(*tasks)

    # --- One origin ---------------------------------------------------------------------------

    async def _run(self, origin: str, state: _Origin) -> None:
        try:
            while state.paused_until_ms <= self._clock.now_ms():
                now = self._clock.now_ms()
                async with self._database.reading() as connection:
                    rows = await store.due(
                        connection, origin, self._conversations.received(), now, BATCH
                    )
                if not rows:
                    break
                outcomes = _Outcomes()
                try:
                    await self._send(origin, state, rows, outcomes)
                finally:
                    # A stop, too: pushes that were taken are not to be sent again.
                    await self._record(outcomes)
        except Exception:
            log.exception("background_work_failed", work="push")
        finally:
            state.task = None

    async def _send(
        self, origin: str, state: _Origin, rows: Iterable[Due], outcomes: _Outcomes
    ) -> None:
        now = self._clock.now_ms()
        wanted: deque[tuple[Due, Endpoint]] = deque()
        for row in rows:
            if row.received:
                outcomes.dropped.append(row)
                PUSHES.labels("received").inc()
            elif now > row.queued_ms + 1000 * rules.manner_of(row.kind).ttl_s:
                outcomes.dropped.append(row)
                PUSHES.labels("expired").inc()
            elif now < row.queued_ms + HERE_MS and self._is_here(row.client_id):
                outcomes.later[row] = row.queued_ms + HERE_MS, row.attempts
            else:
                try:
                    wanted.append((row, rules.endpoint_of(row.endpoint, self._allowed)))
                except errors.PushOriginRefused:  # The setting changed.
                    outcomes.gone.append((row.client_id, row.endpoint))
        if wanted:
            if origin not in self._pools:
                self._pools[origin] = self._open(wanted[0][1])
            pool = self._pools[origin]
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._connections, len(wanted))):
                    group.create_task(self._work(state, pool, wanted, outcomes))

    def _is_here(self, client_id: ClientId) -> bool:
        return self._connected is not None and self._connected.here(client_id)

    async def _work(
        self,
        state: _Origin,
        pool: Pool,
        wanted: deque[tuple[Due, Endpoint]],
        outcomes: _Outcomes,
    ) -> None:
        # A pause leaves the rest of the batch due.
        while wanted and state.paused_until_ms <= self._clock.now_ms():
            row, endpoint = wanted.popleft()
            origin = endpoint.origin
            try:
                answer = await pool.post(self._head(endpoint, row), TIMEOUT_S)
            except PushFailed as error:
                self._failed(state, origin, row, 0, str(error), outcomes)
                continue
            outcome = rules.outcome_of(answer.status)
            if outcome == "failed":
                self._failed(state, origin, row, answer.status, f"status {answer.status}", outcomes)
                continue
            PUSHES.labels(outcome).inc()
            state.wrong, state.pauses = 0, 0
            if outcome == "taken":
                outcomes.sent.append(row)
            elif outcome == "gone":
                outcomes.gone.append((row.client_id, row.endpoint))
            elif outcome == "slow_down":
                self._pause(state, origin, rules.pause_s(answer.retry_after, self._clock.now_ms()))
            else:
                # The same request is refused again; the next message is another.
                outcomes.dropped.append(row)
                outcomes.failing[row.client_id] = answer.status
                log.warning("push_refused", origin=origin, status=answer.status)

    def _head(self, endpoint: Endpoint, row: Due) -> bytes:
        manner = rules.manner_of(row.kind)
        topic = rules.topic(self._secret, row.endpoint, row.conversation_id)
        return (
            f"POST {endpoint.target} HTTP/1.1\r\n"
            f"Host: {endpoint.origin.removeprefix('https://')}\r\n"
            f"Authorization: {self._tokens.header(endpoint.origin)}\r\nTTL: {manner.ttl_s}\r\n"
            f"Urgency: {manner.urgency}\r\nTopic: {topic}\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def _failed(
        self,
        state: _Origin,
        origin: str,
        row: Due,
        status: int,
        reason: str,
        outcomes: _Outcomes,
    ) -> None:
        PUSHES.labels("failed").inc()
        wait_ms = round(1000 * rules.retry_s(row.attempts, self._chance))
        outcomes.later[row] = self._clock.now_ms() + wait_ms, row.attempts + 1
        outcomes.failing[row.client_id] = status
        state.wrong += 1
        if state.wrong >= MOST_WRONG:
            # It is down: a few thousand more timeouts would tell nothing new.
            state.wrong = 0
            self._pause(state, origin, rules.retry_s(state.pauses, self._chance), reason)
            state.pauses += 1

    def _pause(self, state: _Origin, origin: str, seconds: float, reason: str = "429") -> None:
        until = self._clock.now_ms() + round(1000 * seconds)
        if until > state.paused_until_ms:
            state.paused_until_ms = until
            log.warning("push_origin_paused", origin=origin, seconds=round(seconds), reason=reason)

    async def _record(self, outcomes: _Outcomes) -> None:
        now = self._clock.now_ms()
        async with self._database.transaction() as connection:
            await store.mark_sent(connection, outcomes.sent, now)
            await store.postpone(connection, outcomes.later)
            await store.drop(connection, outcomes.dropped)
            await store.note_failing(connection, outcomes.failing, now)
            await store.forget_endpoints(connection, outcomes.gone)
