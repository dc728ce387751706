"""Work that is done again and again in the background of a server process."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


async def cut_off(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel the started ones of these tasks, and wait until they have ended."""
    started = [task for task in tasks if task is not None]
    for task in started:
        task.cancel()
    for task in started:
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Periodic:
    """Runs ``work`` every ``period_s`` seconds from :meth:`start` to :meth:`close`, in one task.

    :meth:`hurry` brings the next round forward. Whatever a round raises is logged under ``name``,
    and the next round comes all the same: the database may be away, or the disk full.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        period_s: float,
        *,
        soon: bool = False,
        gather_s: float = 0.05,
    ) -> None:
        """``soon``: the first round comes at once instead of after the first period. ``gather_s``:
        reasons to hurry in this time make one round."""
        self._name = name
        self._work = work
        self._period_s = period_s
        self._soon = soon
        self._gather_s = gather_s
        self._task: asyncio.Task[None] | None = None
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Begin the next round in ``gather_s``, or after the one that is running."""
        self._hurried.set()

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; a round that is running is cut off."""
        await cut_off(self._task)

    async def _run(self) -> None:
        wait_s = 0.0 if self._soon else self._period_s
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), wait_s)
                await asyncio.sleep(self._gather_s)
            self._hurried.clear()
            wait_s = self._period_s
            try:
                await self._work()
            except Exception:
                log.exception("background_work_failed", work=self._name)
