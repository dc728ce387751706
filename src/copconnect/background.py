"""Work that is done again and again in the background of a server process."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Periodic:
    """Runs ``work`` every ``period_s`` seconds from :meth:`start` to :meth:`close`, in one task.

    Whatever a round raises is logged under ``name``, and the next round comes all the same: the
    database may be away, or the disk full.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        period_s: float,
        *,
        soon: bool = False,
    ) -> None:
        """``soon``: the first round comes at once instead of after the first period."""
        self._name = name
        self._work = work
        self._period_s = period_s
        self._soon = soon
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; a round that is running is cut off."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        wait_s = 0.0 if self._soon else self._period_s
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._period_s
            try:
                await self._work()
            except Exception:
                log.exception("background_work_failed", work=self._name)
