"""Texts by SMS to people whom a flash order does not reach.

Somebody who belongs to the order's conversation for N minutes since the order, has received it on
no device and has not acknowledged it gets one text. It names nothing of the order
(:mod:`copconnect.orders.text_rules`). Registered people or not: the order counts them all.

A text's row: recorded as **sending**, and committed, before the gateway is asked; then **taken**,
**refused** (this one, for good), **waiting** (the gateway certainly did not take it: tried again
while the person stays silent, later each time), or **unsure** (the gateway was asked and did not
answer). A crash between the commit and the outcome leaves **sending**, which becomes unsure. An
unsure text is never sent again: one text too few is made up for by pushes and reminders, and two
would teach people to ignore them. A receipt or an acknowledgement ends everything that waits,
because each try looks at silence again.

One node sends for all. A gateway that takes nothing is left alone, longer each time, and then tried
with one text; the alarm is the gateway's (``copconnect_sms_gateway_alarm``).
"""

import asyncio
import random
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import Select

from copconnect.database.among import among
from copconnect.ids import MessageId, PersonId
from copconnect.leases import Leases
from copconnect.orders import store, text_rules, text_store
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.ports import Handed, TextGateway
from copconnect.orders.rules import MINUTE_MS, KnownOrder
from copconnect.orders.text_store import Claimed, TextState
from copconnect.settings import Settings

PERIOD_S = 15.0
LEASE_S = 120.0  # Longer than a batch takes at a gateway that does not answer.
LOOK_AGAIN_MS = MINUTE_MS  # At an order of which everybody who is silent has a text.
LAST_MS = 6 * 60 * MINUTE_MS  # Nobody gets a first text, or another try, so long after the others.
AT_ONCE = 8
BATCH = 48
PER_PERSON = 3  # Texts within PER_PERSON_MS, however many flash orders there are.
PER_PERSON_MS = 60 * MINUTE_MS
UNFINISHED_MS = 2 * MINUTE_MS
REFUSALS = 3  # A batch with so many refusals and no success: the template is refused.
MOST_REFUSALS = 5  # Tries of a text that such batches refuse.
ORDER_TEXTS = Counter(
    "copconnect_order_texts",
    "Texts about flash orders by what the gateway said: taken, refused, unsure (no answer, never "
    "sent again), failed (not taken, tried again)",
    ["outcome"],
)
log = structlog.get_logger()


class Texting:
    """Sends while it runs under its lease."""

    def __init__(
        self, deps: OrderDependencies, leases: Leases, texts: TextGateway, settings: Settings
    ) -> None:
        self._deps = deps
        self._leases = leases
        self._texts = texts
        self._after_ms = settings.sms_order_minutes * MINUTE_MS
        self._per_minute = settings.sms_order_per_minute
        self._template, self.problems = text_rules.template_of(settings)
        self._chance = random.Random()  # noqa: S311 -- waiting times.
        self._failures = 0
        self._paused_until_ms = 0
        self._looked_at: dict[MessageId, int] = {}
        self._found: dict[MessageId, list[PersonId]] = {}
        self._rounds = leases.periodic("order_texts", self.round, PERIOD_S, LEASE_S)
        for outcome in ("taken", "refused", "unsure", "failed"):
            ORDER_TEXTS.labels(outcome)  # Shown from the start.

    async def start(self) -> None:
        """Begin, if the settings want texts. A template that is wrong sends none."""
        if self._after_ms == 0:
            return
        if self.problems:
            log.error("order_texts_wrong", problems=self.problems)
            return
        await self._rounds.start()

    async def close(self) -> None:
        """Stop; texts under way are recorded as unsure by the node that sends next."""
        await self._rounds.close()

    async def round(self) -> int:
        """Text who is silent, a fourth of a minute's texts at most; return how many the gateway was
        asked to take."""
        now_ms = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            await text_store.give_up_unfinished(connection, now_ms - UNFINISHED_MS)
        left = -(-self._per_minute // 4)
        asked = 0
        while left > 0 and (done := await self._batch(left)):
            asked, left = asked + done, left - done
            if not await self._leases.acquire("order_texts", LEASE_S):
                break
        return asked

    async def _batch(self, most: int) -> int:
        """Send some texts about one order; return how many."""
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        if now_ms < self._paused_until_ms:
            return 0
        async with deps.database.reading() as connection:
            orders = await text_store.open_orders(
                connection,
                now_ms,
                oldest_ms=now_ms - self._after_ms - LAST_MS,
                newest_ms=now_ms - self._after_ms,
            )
            if not orders:
                return 0
            spent = await text_store.asked_since(connection, now_ms - MINUTE_MS)
        limit = min(most, self._per_minute - spent, 1 if self._failures else BATCH)
        if limit <= 0:
            return 0
        self._looked_at = {one: at for one, at in self._looked_at.items() if at > now_ms}
        wanted = {row.order_id for row in orders}
        self._found = {one: people for one, people in self._found.items() if one in wanted}
        for row in orders:
            if row.order_id in self._looked_at:
                continue
            order = store.known(row)
            claimed = await self._claim(order, now_ms, limit)
            if claimed:
                await self._send(order, claimed)
                return len(claimed)
            self._looked_at[row.order_id] = now_ms + LOOK_AGAIN_MS
        return 0

    async def _claim(self, order: KnownOrder, now_ms: int, limit: int) -> list[Claimed]:
        """Claim texts of people whom the last look found; look again when none of them is left."""
        left = self._found.pop(order.order_id, [])
        if left and (claimed := await self._claim_of(left, order, now_ms, limit)):
            return claimed
        async with self._deps.database.reading() as connection:
            wanted = self._wanted(order, now_ms)
            found = await text_store.look(connection, wanted, self._per_minute)
        return await self._claim_of(found, order, now_ms, limit) if found else []

    async def _claim_of(
        self, people: list[PersonId], order: KnownOrder, now_ms: int, limit: int
    ) -> list[Claimed]:
        wanted = self._wanted(order, now_ms, people).limit(limit)
        async with self._deps.database.transaction() as connection:
            claimed = await text_store.claim(connection, order.order_id, wanted, now_ms)
        if claimed:
            self._found[order.order_id] = people[people.index(claimed[-1].person_id) + 1 :]
        return claimed

    def _wanted(
        self, order: KnownOrder, now_ms: int, people: list[PersonId] | None = None
    ) -> Select[Any]:
        """``people``: of these alone, without a look at others."""
        conversations = self._deps.conversations
        readers = conversations.readers(order.conversation_id)
        reached = conversations.reached(order.conversation_id, order.seq)
        if people is not None:
            readers = readers.where(among(readers.selected_columns.person_id, people))
            reached = reached.where(among(reached.selected_columns.person_id, people))
        return text_store.wanted(
            order,
            readers,
            reached,
            self._deps.people.numbers(),
            now_ms=now_ms,
            added_before_ms=now_ms - self._after_ms,
            per_person=PER_PERSON,
            per_person_since_ms=now_ms - PER_PERSON_MS,
        )

    async def _send(self, order: KnownOrder, claimed: list[Claimed]) -> None:
        waited_ms = self._deps.clock.now_ms() - order.issued_ms
        text, more = self._template.filled(order.order_id, waited_ms)
        turn = asyncio.Semaphore(AT_ONCE)

        async def hand_over(one: Claimed) -> Handed:
            async with turn:
                return await self._texts.hand_over(one.number, text, more)

        answers = await asyncio.gather(*(hand_over(one) for one in claimed))
        for answer in answers:
            ORDER_TEXTS.labels(answer).inc()
        now_ms = self._deps.clock.now_ms()
        all_refused = answers.count("refused") >= REFUSALS and "taken" not in answers
        outcomes: dict[Claimed, tuple[TextState, int | None]] = {}
        for one, answer in zip(claimed, answers, strict=True):
            hopeless = not all_refused or one.attempts + 1 >= MOST_REFUSALS
            if answer == "failed" or (answer == "refused" and not hopeless):
                wait_ms = text_rules.retry_ms(one.attempts, self._chance)
                outcomes[one] = "waiting", now_ms + wait_ms
            else:
                outcomes[one] = answer, None
        async with self._deps.database.transaction() as connection:
            await text_store.settle(connection, order.order_id, outcomes)
        if all_refused or "failed" in answers or "unsure" in answers:
            self._failures += 1
            self._paused_until_ms = now_ms + text_rules.pause_ms(self._failures)
            log.warning("order_texts_paused", seconds=(self._paused_until_ms - now_ms) // 1000)
        else:
            self._failures = 0
