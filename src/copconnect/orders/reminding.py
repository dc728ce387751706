"""Wakes people who owe an acknowledgement, and heads of units where few have given one.

An order's terms say when; besides, somebody who sees all of an order may remind at once.

One node does it for all. An order's row says when somebody is to be woken next; waking and moving
that time are one transaction, which also queues the pushes: a crash repeats all of it or nothing,
so each reminder wakes a phone once. People who have acknowledged are woken only while something
that the order asks for is open, an item of the checklist or a photo.
"""

from typing import Any

from sqlalchemy import Row, select

from copconnect import errors, wire
from copconnect.database.among import among
from copconnect.database.engine import Transaction
from copconnect.ids import MessageId, PersonId, UnitId
from copconnect.leases import Leases
from copconnect.limits import REMIND_AGAIN_MS
from copconnect.orders import rules, store
from copconnect.orders.counting import Counting
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.reading import OrderReads
from copconnect.orders.rules import ACKNOWLEDGED, MINUTE_MS, OWED, Tree
from copconnect.principals import Caller

PERIOD_S = 15.0
PRUNE_PERIOD_S = 3_600.0
_MOST_ORDERS = 20  # In one round.
_BATCH = 20  # Orders that are forgotten in one transaction.


class Reminding:
    """Reminds, escalates and forgets."""

    def __init__(
        self, deps: OrderDependencies, reading: OrderReads, counting: Counting, leases: Leases
    ) -> None:
        self._deps = deps
        self._reading = reading
        self._counting = counting
        self.rounds = leases.periodic("orders", self.round, PERIOD_S, 3 * PERIOD_S)
        self.pruning = leases.periodic("orders_pruning", self.prune, PRUNE_PERIOD_S)

    async def round(self) -> int:
        """Wake people whose time has come; return how many pushes were queued."""
        now_ms = self._deps.clock.now_ms()
        async with self._deps.database.reading() as connection:
            due = await store.due(connection, now_ms, _MOST_ORDERS)
        woken = 0
        for row in due:
            terms = store.terms(row)
            escalates = terms.escalate_minutes is not None and _fell_due(
                row, terms.escalate_minutes, now_ms
            )
            tree = await self._counting.tree(row.order_id) if escalates else None
            async with self._deps.database.transaction() as connection:
                held = (await store.hold(connection, [row.order_id])).get(row.order_id)
                if held is None or held.due_ms != row.due_ms:
                    continue  # Withdrawn meanwhile, or another node was faster.
                over = row.valid_until_ms is not None and row.valid_until_ms <= now_ms
                if not over:
                    if any(_fell_due(row, one, now_ms) for one in terms.remind_minutes):
                        woken += await self._remind(connection, row)
                    if tree is not None:
                        woken += await self._escalate(connection, row, tree)
                next_ms = None if over else rules.next_due(terms, row.asked_ms, now_ms)
                values: dict[str, Any] = {"due_ms": next_ms}
                if escalates and not over:
                    values["escalated_ms"] = now_ms
                await store.change(connection, row.order_id, **values)
        return woken

    async def remind(
        self, caller: Caller, order_id: MessageId, body: wire.RemindOfOrder
    ) -> wire.OrderReminded:
        """Wake the people who owe now. A repeat, soon after a reminder that the caller did not know
        of, wakes nobody. Raises NotFound, NotAllowed for somebody who does not see all of it,
        OrderInvalid where nobody owes it any more, RateLimited soon after another reminder."""
        seen = await self._reading.oversight(caller.person_id, order_id)
        if seen.units is not None:
            raise errors.NotAllowed(right=rules.OVERSEE, path="")
        async with self._deps.database.transaction() as connection:
            row = (await store.hold(connection, [order_id])).get(order_id)
            if row is None:
                raise errors.NotFound
            now_ms, before_ms = self._deps.clock.now_ms(), row.reminded_ms
            if before_ms is not None and now_ms < before_ms + REMIND_AGAIN_MS:
                if body.reminded_ms is None or body.reminded_ms < before_ms:
                    return wire.OrderReminded(reminded_ms=before_ms)
                wait_ms = before_ms + REMIND_AGAIN_MS - now_ms
                raise errors.RateLimited(retry_after_ms=wait_ms, limit="order_reminders")
            if row.withdrawn_ms is not None or (
                row.valid_until_ms is not None and row.valid_until_ms <= now_ms
            ):
                raise errors.OrderInvalid(reason="nobody owes it any more")
            await self._remind(connection, row)
            await store.change(connection, order_id, reminded_ms=now_ms)
        return wire.OrderReminded(reminded_ms=now_ms)

    async def _remind(self, connection: Transaction, row: Row[Any]) -> int:
        order, deps = store.known(row), self._deps
        readers = deps.conversations.readers(order.conversation_id)
        owing = store.still_owing(order, readers, deps.people.placed())
        return await deps.pushes.remind(connection, order.conversation_id, order.seq, owing)

    async def _escalate(self, connection: Transaction, row: Row[Any], tree: Tree) -> int:
        """Wake the heads of units whose own people have acknowledged too rarely; of a unit without
        a head those of the nearest unit above that has one."""
        order, deps = store.known(row), self._deps
        few = [
            tree.paths[unit].split("/")
            for unit, counts in tree.own.items()
            if counts[OWED] and 100 * counts[ACKNOWLEDGED] < row.escalate_below * counts[OWED]
        ]
        units = {UnitId(one) for path in few for one in path}
        heads_of = await deps.people.heads(connection, units)
        heads: set[PersonId] = set()
        for path in few:
            nearest = next((UnitId(one) for one in reversed(path) if UnitId(one) in heads_of), None)
            if nearest is not None:
                heads.update(heads_of[nearest])
        reader = deps.conversations.readers(order.conversation_id).subquery()
        woken = select(reader.c.person_id).where(among(reader.c.person_id, heads))
        return await deps.pushes.remind(connection, order.conversation_id, order.seq, woken)

    async def prune(self) -> None:
        """Forget orders whose messages the log has forgotten."""
        now_ms = self._deps.clock.now_ms()
        before_ms = now_ms - self._deps.log_days * rules.DAY_MS
        held = self._deps.conversations.held(now_ms)
        at_ms: int | None = 0
        while at_ms is not None:
            async with self._deps.database.transaction() as connection:
                forgotten, at_ms = await store.forget(connection, at_ms, before_ms, held, _BATCH)
                await self._deps.photos.forget_orders(connection, forgotten)


def _fell_due(row: Row[Any], minutes: int, now_ms: int) -> bool:
    """Return whether a time after everybody was asked has come since the row was last looked at."""
    return bool(row.due_ms <= row.asked_ms + minutes * MINUTE_MS <= now_ms)
