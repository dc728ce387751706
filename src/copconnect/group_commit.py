"""Group commit: writes what several tasks of one process ask for, many in one transaction.

Invariants: an item is answered only after the transaction that holds it has committed; items are
written in the order they came. Items that arrive while a transaction runs wait for the next one. If
anything goes wrong the transaction rolls back, and each of its items is tried again in a separate
one, so that none fails for another. A crash loses nothing that was answered.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
A = TypeVar("A")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _PendingItem(Generic[T, A]):
    item: T
    answer: asyncio.Future[A] = field(default_factory=asyncio.Future)


class GroupCommit(Generic[T, A]):
    """Used from one event loop.

    ``commit`` writes items in one transaction and returns what to answer each, or the error to
    raise. ``size`` says how much of ``most`` an item takes; an item of a larger size goes alone.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[A | Exception]]],
        most: int,
        size: Callable[[T], int] = lambda _: 1,
        pause_s: float = 0.0,
    ) -> None:
        self._commit = commit
        self._most = most
        self._size = size
        self._pause_s = pause_s
        self._waiting: deque[_PendingItem[T, A]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def write(self, item: T) -> A:
        """Return the answer to an item after its commit, or raise its error."""
        waiting: _PendingItem[T, A] = _PendingItem(item)
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await waiting.answer

    async def close(self) -> None:
        """Wait until everything is written."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        batch: list[_PendingItem[T, A]] = []
        try:
            while self._waiting:
                batch = self._next()
                await self._write(batch)
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
        except BaseException:
            for one in (*batch, *self._waiting):
                one.answer.cancel()
            self._waiting.clear()
            raise
        finally:
            self._task = None

    def _next(self) -> list[_PendingItem[T, A]]:
        batch = [self._waiting.popleft()]
        size = self._size(batch[0].item)
        while self._waiting and (size := size + self._size(self._waiting[0].item)) <= self._most:
            batch.append(self._waiting.popleft())
        return batch

    async def _write(self, batch: Sequence[_PendingItem[T, A]]) -> None:
        answers: Sequence[A | Exception]
        try:
            answers = await self._commit([one.item for one in batch])
        except Exception as error:
            if len(batch) > 1:
                log.warning("written_apart", items=len(batch), exc_info=error)
                for one in batch:
                    await self._write([one])
                return
            answers = [error]
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():  # The caller may have gone.
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
