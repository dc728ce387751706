"""A batch loader: keys that several tasks ask for at once are read together.

A key asked for while a read runs waits for the next read; no read is delayed to fill a batch.
Every answer comes from a read that began after its question. A read that fails fails the tasks
whose keys it read, no others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

MOST = 512
K = TypeVar("K")
V = TypeVar("V")
BatchRead = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]


class BatchLoader(Generic[K, V]):
    """Used from one event loop."""

    def __init__(self, read: BatchRead[K, V]) -> None:
        self._read = read
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, key: K) -> V | None:
        """Return what the read says of ``key``, None if nothing."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        # A cancelled caller must not cancel the read that others await.
        return await asyncio.shield(asked)

    async def _run(self) -> None:
        try:
            while self._asked:
                keys = list(self._asked)[:MOST]
                waiting = {key: self._asked.pop(key) for key in keys}
                try:
                    found = await self._read(keys)
                except BaseException as error:
                    for one in waiting.values():
                        _fail(one, error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    for key, one in waiting.items():
                        one.set_result(found.get(key))
        except BaseException as error:
            for one in self._asked.values():
                _fail(one, error)
            self._asked.clear()
            raise
        finally:
            self._task = None


def _fail(asked: asyncio.Future[V | None], error: BaseException) -> None:
    if isinstance(error, Exception):
        asked.set_exception(error)
        asked.exception()  # Mark it as retrieved, in case all callers were cancelled.
    else:
        asked.cancel()
