"""C1, C2 and D7: asks connected devices to make cell keys and the next conversation key.

A cell of several without a usable key (S4), or whose key three people cannot open, is asked for
one: one device that is connected to this node, another after ``CELL_AGAIN_MS`` while there is none,
the next after twice as long, and so on; where none is connected, the first that
connects. A node asks for a few dozen cells at a time: after many
transfers nearly all of them need a key, for each of which a device asks about 256 others. The asked
device is written down first, because records of others are refused; a question that another node
has asked just now is not asked again. A conversation whose last key was used and does not serve any
more is asked for the next key, so that messages rarely pay for it: after a removal once its cells
have theirs, as devices of others would ask for shares, or after ``PATIENCE_MS``; at most every ten
minutes; at 23 h and at 9,000 messages. Deterministic: time and jitter are passed in. The next scan
finds work that a crash or a lost wake-up leaves undone; a sender that cannot wait makes the key
itself (S2).
"""

from collections.abc import Callable, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import CellKeyMarkedWakeup, RosterWakeup
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import WantedCellKey
from copconnect.ids import CellId, ConversationId, Epoch
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online

CELL_AGAIN_MS = 12_000  # A phone 6x slower verifies and seals to 256 people in 10 s.
CELL_LONGEST_MS = 60_000
CELLS_AT_ONCE = 32
LOOK_MS = 1_000
SETTLE_MS = 2_000  # Cells get their keys before the conversation does.
PATIENCE_MS = 10_000
KEY_PAUSE_MS = 10 * 60_000
KEY_AGAIN_MS = 5_000
KEY_ATTEMPTS = 3
SCAN_MS = 30_000
JITTER_MS = 300  # So that of several nodes one asks first.
_TOGETHER = 32
_MOST_ASKED = 20_000


def cell_pause_ms(asked: int) -> int:
    """Return how long a cell's key is waited for when so many devices were asked."""
    return int(min(CELL_AGAIN_MS * 2 ** max(asked - 1, 0), CELL_LONGEST_MS))


class _Due:
    """Conversations that are to be looked at, each at its time."""

    def __init__(self) -> None:
        self._at: dict[ConversationId, int] = {}

    def add(self, conversation_id: ConversationId, at_ms: int) -> None:
        """Look at a conversation at a time, or earlier."""
        self._at[conversation_id] = min(at_ms, self._at.get(conversation_id, at_ms))

    def take(self, now_ms: int) -> list[ConversationId]:
        """Return those whose time has come, some at a time."""
        due = [one for one, at_ms in self._at.items() if at_ms <= now_ms][:_TOGETHER]
        for one in due:
            del self._at[one]
        return due


class CellKeyAsking:
    """Asks for cell keys."""

    def __init__(
        self, deps: Dependencies, connected: Callable[[], Fanout], jitter: Callable[[], float]
    ) -> None:
        self._deps = deps
        self._connected = connected
        self._jitter = jitter
        self._due = _Due()
        self._asked: dict[WantedCellKey, set[bytes]] = {}
        # Cells that this node waits for, and until when before it asks another device.
        self._waiting: dict[WantedCellKey, int] = {}
        # Cells that want a key, none of whose devices is connected here; None: not looked at.
        self._asleep: set[tuple[ConversationId, CellId | None]] = set()
        self._scan_ms = 0

    def changed(self, wakeup: RosterWakeup | CellKeyMarkedWakeup) -> None:
        """A roster of several cells changed, or a cell's key is marked."""
        if isinstance(wakeup, CellKeyMarkedWakeup) or wakeup.cells > 1:
            now_ms = self._deps.clock.now_ms()
            self._due.add(wakeup.conversation_id, now_ms + round(self._jitter() * JITTER_MS))

    async def work(self) -> None:
        """Ask where it is due."""
        now_ms = self._deps.clock.now_ms()
        if now_ms - self._scan_ms >= SCAN_MS:
            self._scan_ms = now_ms
            async with self._deps.database.reading() as connection:
                for one in await ask_store.conversations_of_cells(connection):
                    self._due.add(one, now_ms + round(self._jitter() * JITTER_MS))
        awake = {place for place in self._asleep if _anybody(self._connected().online(*place))}
        self._asleep -= awake
        for conversation_id, _ in awake:
            self._due.add(conversation_id, now_ms)
        due = set(self._due.take(now_ms))
        here = {one for one in due if _anybody(self._connected().online(one))}
        self._asleep |= {(one, None) for one in due - here}
        if not here:
            return
        async with self._deps.database.reading() as connection:
            wanted = await ask_store.wanted_cell_keys(connection, here, now_ms)
        answered = {one for one in self._waiting if one.conversation_id in here} - set(wanted)
        self._waiting = {
            one: until
            for one, until in self._waiting.items()
            if until > now_ms and one not in answered
        }
        free = [want for want in wanted if want not in self._waiting]
        asks = [(want, chosen) for want in free if (chosen := self._choose(want)) is not None]
        self._asleep |= {
            (want.conversation_id, want.cell_id)
            for want in free
            if not _anybody(self._connected().online(want.conversation_id, want.cell_id))
        }
        for one in {one.conversation_id for one in (*self._waiting, *(want for want, _ in asks))}:
            self._due.add(one, now_ms + LOOK_MS)
        asks = asks[: max(CELLS_AT_ONCE - len(self._waiting), 0)]
        if asks:
            await self._ask(asks, now_ms)

    def _choose(self, want: WantedCellKey) -> Online | None:
        """Return a device of the cell that was not asked for this key yet; once all were, they are
        asked anew."""
        asked = self._asked.setdefault(want, set())
        if len(self._asked) > _MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        there = [
            one
            for one in self._connected().online(want.conversation_id, want.cell_id)
            if one.device not in want.not_by
        ]
        fresh = [one for one in there if one.device not in asked]
        if not fresh:
            asked.clear()
            fresh = there
        return fresh[0] if fresh else None

    async def _ask(self, asks: list[tuple[WantedCellKey, Online]], now_ms: int) -> None:
        chosen = {(want, one.device): one for want, one in asks}
        async with self._deps.database.transaction() as connection:
            noted = await ask_store.record_cell_key_asks(
                connection, list(chosen), now_ms, cell_pause_ms
            )
        for want, device in noted:
            asked = self._asked.setdefault(want, set())
            asked.add(device)
            self._waiting[want] = now_ms + cell_pause_ms(len(asked))
            frame = wire.CellKeyWanted(
                conversation_id=want.conversation_id,
                cell_id=want.cell_id,
                epoch=Epoch(want.epoch),
                generation=want.generation,
            )
            self._connected().push_to(chosen[want, device].client_id, frame)


class NextKeyAsking:
    """Asks for the next conversation key."""

    def __init__(
        self, deps: Dependencies, connected: Callable[[], Fanout], jitter: Callable[[], float]
    ) -> None:
        self._deps = deps
        self._connected = connected
        self._jitter = jitter
        self._due = _Due()
        # Devices that this node asked lately, and when it asked first.
        self._attempts: dict[ConversationId, tuple[int, set[bytes]]] = {}
        # Until when cells' keys are waited for.
        self._patient: dict[ConversationId, int] = {}
        self._scan_ms = 0

    def changed(self, wakeup: RosterWakeup) -> None:
        """A roster changed: if somebody was removed, its key is too old now."""
        if wakeup.removed or not wakeup.whole:
            now_ms, wait_ms = self._deps.clock.now_ms(), 0
            if wakeup.cells > 1:
                wait_ms = SETTLE_MS
                self._patient[wakeup.conversation_id] = now_ms + PATIENCE_MS
            at_ms = now_ms + wait_ms + round(self._jitter() * JITTER_MS)
            self._due.add(wakeup.conversation_id, at_ms)

    async def work(self) -> None:
        """Ask where it is due."""
        now_ms = self._deps.clock.now_ms()
        due: list[ConversationId] = []
        looked_at = self._due.take(now_ms)
        scans = now_ms - self._scan_ms >= SCAN_MS
        if looked_at or scans:
            async with self._deps.database.reading() as connection:
                if looked_at:
                    due = await ask_store.used_keys_due(connection, now_ms, looked_at)
                    due = await self._with_cell_keys(connection, due, now_ms)
                if scans:
                    self._scan_ms = now_ms
                    due += await ask_store.used_keys_due(connection, now_ms)
        for pause_ms, again in ((KEY_PAUSE_MS, False), (KEY_AGAIN_MS, True)):
            asks = {
                c: chosen
                for c in due
                if self._is_again(c, now_ms) is again
                and (chosen := self._choose(c, now_ms)) is not None
            }
            if asks:
                await self._ask(asks, now_ms, pause_ms)

    async def _with_cell_keys(
        self, connection: AsyncConnection, due: list[ConversationId], now_ms: int
    ) -> list[ConversationId]:
        """Return those whose cells have their keys, or have been waited for long enough; look at
        the others again soon."""
        patient = {one for one in due if self._patient.get(one, 0) > now_ms}
        wanted = await ask_store.wanted_cell_keys(connection, patient, now_ms) if patient else []
        waiting = {want.conversation_id for want in wanted}
        for one in due:
            if one in waiting:
                self._due.add(one, now_ms + LOOK_MS)
            else:
                self._patient.pop(one, None)
        return [one for one in due if one not in waiting]

    def _lately(self, conversation_id: ConversationId, now_ms: int) -> tuple[int, set[bytes]]:
        """Return when this node asked first within the pause, and whom."""
        first_ms, asked = self._attempts.get(conversation_id, (now_ms, set[bytes]()))
        return (first_ms, asked) if now_ms - first_ms < KEY_PAUSE_MS else (now_ms, set[bytes]())

    def _is_again(self, conversation_id: ConversationId, now_ms: int) -> bool:
        """Whether a device was asked just now and has not made the key."""
        first_ms, asked = self._lately(conversation_id, now_ms)
        return bool(asked) and now_ms - first_ms < KEY_ATTEMPTS * KEY_AGAIN_MS

    def _choose(self, conversation_id: ConversationId, now_ms: int) -> Online | None:
        _, asked = self._lately(conversation_id, now_ms)
        there = self._connected().online(conversation_id)
        return next((one for one in there if one.device not in asked), None)

    async def _ask(self, asks: dict[ConversationId, Online], now_ms: int, pause_ms: int) -> None:
        pairs = [(c, one.device) for c, one in asks.items()]
        async with self._deps.database.transaction() as connection:
            noted = await ask_store.record_key_asks(connection, pairs, now_ms, pause_ms)
        for c, device in noted:
            first_ms, asked = self._lately(c, now_ms)
            self._attempts.pop(c, None)
            self._attempts[c] = first_ms, asked | {device}  # The newest last.
            self._connected().push_to(asks[c].client_id, wire.KeyWanted(conversation_id=c))
            self._due.add(c, now_ms + KEY_AGAIN_MS)
        while len(self._attempts) > _MOST_ASKED:
            del self._attempts[next(iter(self._attempts))]


def _anybody(devices: Iterable[Online]) -> bool:
    return next(iter(devices), None) is not None
