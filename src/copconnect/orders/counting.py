"""Counts who has received, read and acknowledged, by unit.

A count reads the rows of everybody who owes, in one statement, and is kept for a short time: all
who ask about an order meanwhile share it, so that counting takes a quarter of the time at most,
however many dashboards are open. Counts are not stored.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from copconnect.batch_loader import BatchLoader
from copconnect.ids import MessageId
from copconnect.orders import rules, store
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.rules import KnownOrder, Tree

FRESH_S = 0.9
SHARE = 3  # Between two counts of an order lies so much more time than one takes.
_MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class _CachedTree:
    tree: Tree
    until: float


class Counting:
    """The counts that were asked for last. Used from one event loop."""

    def __init__(self, deps: OrderDependencies, fresh_s: float = FRESH_S) -> None:
        self._deps = deps
        self._fresh_s = fresh_s
        self._kept: dict[MessageId, _CachedTree] = {}
        self._asked = BatchLoader(self._count)

    async def tree(self, order_id: MessageId) -> Tree | None:
        """Return the counts of an order, about a second old at most; None for no such order."""
        kept = self._kept.get(order_id)
        if kept is not None and time.monotonic() < kept.until:
            return kept.tree
        return await self._asked.load(order_id)

    async def _count(self, order_ids: Sequence[MessageId]) -> dict[MessageId, Tree]:
        found: dict[MessageId, Tree] = {}
        for order_id in order_ids:
            started = time.monotonic()
            tree = await self._count_one(order_id)
            if tree is None:
                continue
            took = time.monotonic() - started
            self._kept.pop(order_id, None)
            until = started + took + max(self._fresh_s, SHARE * took if self._fresh_s else 0)
            self._kept[order_id] = _CachedTree(tree, until)
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            found[order_id] = tree
        return found

    async def _count_one(self, order_id: MessageId) -> Tree | None:
        deps = self._deps
        async with deps.database.reading() as connection:
            row = await store.one(connection, order_id)
            if row is None:
                return None
            order: KnownOrder = store.known(row)
            counted_ms = deps.clock.now_ms()
            standings = await store.standings(
                connection,
                order,
                deps.conversations.readers(order.conversation_id),
                deps.conversations.reached(order.conversation_id, order.seq),
                deps.people.placed(),
            )
            paths = await deps.people.unit_paths(connection)
        return rules.tree(standings, order.choices, order.items, paths, counted_ms)
