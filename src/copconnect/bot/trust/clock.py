"""T1: the department's time, and S1's question whether a roster head is still the newest.

The roster authority signs a time for a nonce that the bot chose; from then on the bot counts by its
own clocks. The monotonic clock may stop while the machine sleeps and the wall clock may be set by
hand, so the time that has passed is the longer of both: a stamp is never taken for younger than it
is. The answer counts from when the question was asked, for the same reason.

Invariants: signed times never go back, across restarts too; a stamp of another head is never older
than the last one accepted for its conversation. One question at a time serves everybody who waits.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from copconnect.bot.failures import Unreachable
from copconnect.bot.net.api import Api
from copconnect.bot.state import rows
from copconnect.bot.state.stores import Stores
from copconnect.records.conversation.roster import HeadStamp, RosterHead
from copconnect.records.primitives.fields import HOUR_MS, MINUTE_MS, Refused, require
from copconnect.records.trust.time_record import TimeRecord

_ANCHOR_MS = 6 * HOUR_MS  # So long one anchor serves while both clocks agree.
_DOUBT_MS = 30_000  # Clocks that differ by more have seen sleep, or were set.
_CORRECTION_MS = MINUTE_MS  # A server's clock may be corrected by so much.
_LONGEST_TRIP_MS = 15_000  # A slower answer says too little about the time.
_ONE = "one"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The machine's clocks in ms: one that people may set, and one that never goes back."""

    wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class _Anchor:
    time_ms: int
    wall_ms: int
    monotonic_ms: int


class TrustedTime:
    """The department's time on this machine."""

    def __init__(
        self, api: Api, stores: Stores, authority: Callable[[], bytes], clocks: Clocks
    ) -> None:
        self._api = api
        self._stores = stores
        self._authority = authority
        self._clocks = clocks
        self._anchor: _Anchor | None = None
        self._turn = asyncio.Lock()
        self._stamps: dict[bytes, HeadStamp] = {}  # The last one of each conversation.

    def now(self) -> int | None:
        """Return the department's time in ms, or None before it is known."""
        if self._anchor is None:
            return None
        wall, counted = self._passed(self._anchor)
        return self._anchor.time_ms + max(wall, counted)

    def require_now(self) -> int:
        """Return the department's time. Raises Refused (T1)."""
        now = self.now()
        if now is None:
            raise Refused("T1", "the time is not known yet")
        return now

    def best_now(self) -> int:
        """Return the department's time, or the machine's before it is known: for judging what is
        read (R6), never for signing."""
        return self.now() or self._clocks.wall()

    async def anchor(self) -> None:
        """Ask for the time unless it is known well enough. Raises Refused (T1), Unreachable."""
        async with self._turn:
            if self._anchor is None or self._is_doubtful(self._anchor):
                await self._ask()

    def require_newest(self, stamp_bytes: bytes, head: RosterHead, floor: int) -> None:
        """Take a stamp of a checked head (S1); ``floor``: the highest epoch known. Call
        :meth:`anchor` before. Raises Refused."""
        stamp = HeadStamp.parse(stamp_bytes)
        stamp.check(head, self._authority(), self.require_now(), floor)
        last = self._stamps.get(head.conversation_id)
        if last is not None and stamp.time < last.time:
            # Two answers that overtook each other; of the same head either serves.
            require(last.head == stamp.head, "S1", "another head has a later stamp")
            return
        self._stamps[head.conversation_id] = stamp

    def is_still_newest(self, head: RosterHead, floor: int) -> bool:
        """Return whether the last stamp of the conversation shows this head, and counts (S1)."""
        stamp = self._stamps.get(head.conversation_id)
        now = self.now()
        if stamp is None or now is None:
            return False
        try:
            stamp.check(head, self._authority(), now, floor)
        except Refused:
            return False
        return True

    async def _ask(self) -> None:
        found = await self._answer() or await self._answer()
        if found is None:
            raise Unreachable("the answer about the time took too long")
        # The monotonic clock alone never counts too much: below it, the server's time went back.
        former = self._anchor
        counted = 0 if former is None else former.time_ms + self._passed(former)[1]
        stored = self._stores.times.get(_ONE)
        highest = max(counted, stored.highest_ms if stored else 0)
        forward = found.time_ms >= highest - _CORRECTION_MS
        require(forward, "T1", "the department's time went back")
        if stored is None or found.time_ms > stored.highest_ms:
            self._stores.times.put(_ONE, rows.TimeRow(highest_ms=found.time_ms))
        self._anchor = found

    async def _answer(self) -> _Anchor | None:
        nonce = secrets.token_bytes(16)
        asked = _Anchor(0, self._clocks.wall(), self._clocks.monotonic())
        record = TimeRecord.parse(await self._api.time(nonce))
        wall, counted = self._passed(asked)
        if max(abs(wall), counted) > _LONGEST_TRIP_MS:
            return None
        record.check(self._authority(), nonce)
        return _Anchor(record.time, asked.wall_ms, asked.monotonic_ms)

    def _passed(self, anchor: _Anchor) -> tuple[int, int]:
        wall = self._clocks.wall() - anchor.wall_ms
        return wall, max(0, self._clocks.monotonic() - anchor.monotonic_ms)

    def _is_doubtful(self, anchor: _Anchor) -> bool:
        wall, counted = self._passed(anchor)
        return abs(wall - counted) > _DOUBT_MS or counted > _ANCHOR_MS
