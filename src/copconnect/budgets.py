"""Budgets of people, systems and operators, counted in the database: one for all nodes.

A budget is so much within a window, which rolls on in 24 steps. :func:`take` counts in the caller's
transaction, so that a refusal or a rollback is not counted. An :class:`Allowance` takes from
its budget in portions and hands out of them in memory, so that most requests cost no statement; a
restart loses what is left of a portion. :mod:`copconnect.rates` bounds the load of one node.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Index, String, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.database.engine import METADATA, Database, Transaction, upsert_for

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_STEPS = 24
MOST_LEAVING = 0.05  # The share of the force that may leave unless somebody allows more.
FEW = 5  # So many may always leave: a small department has officers who retire, too.
_MOST_KEPT = 20_000  # Portions in memory; more, and all are dropped.

SPENT = Table(
    "budgets_spent",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("spender", String(80), primary_key=True),
    Column("step_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    Index(None, "step_ms"),
)
_S = SPENT.c


@dataclass(frozen=True, slots=True)
class Budget:
    """``limit``: so much within ``window_ms``, a day at most."""

    name: str
    limit: int
    window_ms: int

    @property
    def step_ms(self) -> int:
        """How long a step of the window is."""
        return self.window_ms // _STEPS


async def spent(connection: AsyncConnection, budget: Budget, spender: str, now_ms: int) -> int:
    """Return how much was spent within the window."""
    since_ms = now_ms - budget.window_ms
    query = select(func.sum(_S.amount)).where(
        _S.name == budget.name, _S.spender == spender, _S.step_ms > since_ms
    )
    return int(await connection.scalar(query) or 0)


async def count(
    connection: AsyncConnection, budget: Budget, spender: str, amount: int, now_ms: int
) -> int:
    """Count an amount, whatever the limit; return how much is spent within the window. Others who
    count for the same spender wait for this transaction."""
    step_ms = now_ms - now_ms % budget.step_ms
    statement = upsert_for(connection.dialect.name, SPENT).values(
        name=budget.name, spender=spender, step_ms=step_ms, amount=amount
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_S.name, _S.spender, _S.step_ms],
            set_={"amount": _S.amount + statement.excluded.amount},
        )
    )
    return await spent(connection, budget, spender, now_ms)


async def spend(
    connection: AsyncConnection, budget: Budget, spender: str, amount: int, now_ms: int
) -> int:
    """Count an amount; return how much is spent. Raises RateLimited beyond the limit, which rolls
    the caller's transaction back."""
    total = await count(connection, budget, spender, amount, now_ms)
    if total > budget.limit:
        wait_ms = await _wait_ms(connection, budget, spender, total, now_ms)
        raise errors.RateLimited(retry_after_ms=wait_ms, limit=budget.name)
    return total


async def _wait_ms(
    connection: AsyncConnection, budget: Budget, spender: str, total: int, now_ms: int
) -> int:
    """Return after how long enough has left the window."""
    query = select(_S.step_ms, _S.amount).where(
        _S.name == budget.name, _S.spender == spender, _S.step_ms > now_ms - budget.window_ms
    )
    for row in await connection.execute(query.order_by(_S.step_ms)):
        total -= row.amount
        if total <= budget.limit:
            return max(1, int(row.step_ms) + budget.window_ms - now_ms)
    return budget.window_ms


PEOPLE_CHANGED = Budget("people_changed_per_day", 0, DAY_MS)  # By acts that one admin signed.
PHONES_LOCKED = Budget("phones_locked_per_day", 1, DAY_MS)  # Unless by an admin.
PEOPLE_LEAVING = Budget("people_leaving_per_day", 0, DAY_MS)  # By all ways, alone.


def many_leave(leaving: int, people: int, limit: float = MOST_LEAVING) -> bool:
    """Return whether so many of so many people are more than may leave without a second look. The
    budgets above have no fixed limit: it is a share of the force."""
    return leaving > max(FEW, limit * people)


Taken = Callable[[Transaction, int], Awaitable[None]]


class Allowance:
    """One limit of all people, on all nodes. ``portion``: how much a node takes at once."""

    def __init__(
        self,
        database: Database,
        budget: Budget,
        portion: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._budget = budget
        self._portion = min(portion, budget.limit)
        self._now_ms = now_ms
        self._left: dict[str, tuple[int, int]] = {}  # The amount that is left, and until when.
        self._forgot_ms = 0  # When this node last deleted what is older than any window.

    async def spend(self, spender: str, amount: int = 1, taken: Taken | None = None) -> None:
        """Spend an amount; the caller holds no connection. ``taken``: called with the portion in
        the transaction that takes it from the budget. Raises RateLimited."""
        now_ms = self._now_ms()
        left, until_ms = self._left.get(spender, (0, 0))
        left = left if now_ms < until_ms else 0
        if amount > left:
            # An amount larger than the whole budget needs a full one.
            needed = min(amount - left, self._budget.limit)
            await self._more(spender, needed, now_ms, taken)
            left, _ = self._left.get(spender, (0, 0))
            amount = min(amount, left)
        self._left[spender] = left - amount, self._left[spender][1]

    async def _more(self, spender: str, needed: int, now_ms: int, taken: Taken | None) -> None:
        portion = max(needed, self._portion)
        async with self._database.transaction() as connection:
            total = await count(connection, self._budget, spender, portion, now_ms)
            surplus = min(portion - needed, max(total - self._budget.limit, 0))
            if surplus or total > self._budget.limit:
                await spend(connection, self._budget, spender, -surplus, now_ms)
                portion -= surplus
            if now_ms - self._forgot_ms >= HOUR_MS:
                self._forgot_ms = now_ms
                await connection.execute(delete(SPENT).where(_S.step_ms < now_ms - 2 * DAY_MS))
            if taken is not None:
                await taken(connection, portion)
        if len(self._left) >= _MOST_KEPT:
            self._left.clear()
        left, until_ms = self._left.get(spender, (0, 0))
        kept = left if now_ms < until_ms else 0
        self._left[spender] = kept + portion, now_ms + self._budget.window_ms
