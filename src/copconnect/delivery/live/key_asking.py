"""C1, C2 and D7: asks connected devices to make cell keys and the next conversation key.

A cell of several without a usable key (S4), or whose key three people cannot open, is asked for
one: a device that is connected to this node, another after ``CELL_AGAIN_MS`` while the cell has no
key, the next after twice as long, and so on, ``WORKING_MS`` later if the device has said that it
makes the key; where none is connected, the first that connects. A
node asks for a few dozen cells at a time: after many transfers nearly all of them need a key, for
each of which a device asks about 256 others. It asks for the cells of the latest writers a second
before it asks for others. It writes the asked device down first, because the server refuses records
of others. A node whose question another node has just asked waits as long as that one.

A device is asked for a conversation's next key, so that messages rarely wait for one, if somebody
wrote under the last key and that key does not serve any more: after a removal, once the cells of
the latest writers have their keys or ``PATIENCE_MS`` have passed, every ten minutes at most; at
23 h; and at 9,000 messages. A device whose own cell has no usable key could not make one and is not
asked. The next scan finds the work that a crash or a lost wake-up leaves undone; a sender that
cannot wait makes the key itself (S2). Deterministic: time and jitter are passed in.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import CellKeyFlaggedWakeup, CellKeyWakeup, RosterWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import CellKeyRef, WantedCellKey
from copconnect.ids import CellId, ClientId, ConversationId, Epoch
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online

CELL_AGAIN_MS = 12_000  # A phone 6x slower verifies and seals to 256 people in 10 s.
CELL_LONGEST_MS = 60_000
WORKING_MS = 30_000
CELLS_AT_ONCE = 32
LOOK_MS = 1_000
PATIENCE_MS = 10_000
KEY_PAUSE_MS = 10 * 60_000
KEY_AGAIN_MS = 5_000
KEY_ATTEMPTS = 3
SCAN_MS = 30_000
JITTER_MS = 300  # So that of several nodes one asks first.
_TOGETHER = 32
_CellRef = tuple[ConversationId, CellId]
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

    def pop(self, now_ms: int) -> list[ConversationId]:
        """Return some of the conversations whose time has come, and forget their times."""
        due = [one for one, at_ms in self._at.items() if at_ms <= now_ms][:_TOGETHER]
        for one in due:
            del self._at[one]
        return due


class CellKeyAsking:
    """Asks devices for cell keys. It reads which keys are missing after a roster has changed,
    after a question had no answer in time, and after a scan; wake-ups announce new keys."""

    def __init__(
        self,
        deps: DeliveryDependencies,
        connected: Callable[[], Fanout],
        jitter: Callable[[], float],
    ) -> None:
        self._deps = deps
        self._connected = connected
        self._jitter = jitter
        self._due = _Due()
        # The keys that were wanted at this node's last read, without the ones that came since; and
        # until when only the cells of the latest writers are asked.
        self._wanted: dict[ConversationId, dict[CellKeyRef, WantedCellKey]] = {}
        self._writing: dict[ConversationId, tuple[int, Collection[_CellRef]]] = {}
        self._asked: dict[CellKeyRef, set[bytes]] = {}
        # Cells that this node waits for, and until when before it asks another device.
        self._waiting: dict[CellKeyRef, int] = {}
        # A device is asked for a key: ``_silent`` until it says that it makes the key, then
        # ``_working`` until the next round stores that.
        self._silent: dict[tuple[ClientId, ConversationId], tuple[WantedCellKey, bytes]] = {}
        self._working: list[tuple[WantedCellKey, bytes]] = []
        # Due conversations none of whose devices is connected here.
        self._asleep: set[ConversationId] = set()
        self._changed: set[ConversationId] = set()  # Since this node last looked at them.
        self._scan_ms = 0

    def changed(self, wakeup: RosterWakeup | CellKeyFlaggedWakeup) -> None:
        """A roster of several cells changed, or a cell's key is flagged."""
        if isinstance(wakeup, CellKeyFlaggedWakeup) or wakeup.cells > 1:
            now_ms = self._deps.clock.now_ms()
            self._changed.add(wakeup.conversation_id)
            self._due.add(wakeup.conversation_id, now_ms + round(self._jitter() * JITTER_MS))

    def came(self, wakeup: CellKeyWakeup) -> None:
        """Stop asking for the key of a cell that has one now."""
        wanted = self._wanted.get(wakeup.conversation_id, {})
        for place in [one for one in wanted if one[1] == wakeup.cell_id]:
            self._forget(place)

    def _forget(self, place: CellKeyRef) -> None:
        self._wanted.get(place[0], {}).pop(place, None)
        self._waiting.pop(place, None)

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """A device says that it makes the key that it was asked for."""
        asked = self._silent.pop((client_id, conversation_id), None)
        if asked is not None and asked[0].place in self._waiting:
            self._waiting[asked[0].place] += WORKING_MS
            self._working.append(asked)

    async def work(self) -> None:
        """Ask where it is due. No statement while all questions have their time."""
        now_ms = self._deps.clock.now_ms()
        working, self._working = self._working, []
        if working:  # Other nodes ask nobody meanwhile.
            async with self._deps.database.transaction() as connection:
                await ask_store.extend_cell_key_asks(connection, working, WORKING_MS)
        if now_ms - self._scan_ms >= SCAN_MS:
            self._scan_ms = now_ms
            async with self._deps.database.reading() as connection:
                for one in await ask_store.conversations_of_cells(connection):
                    self._due.add(one, now_ms + round(self._jitter() * JITTER_MS))
        late = [place for place, until in self._waiting.items() if until <= now_ms]
        due = {*self._due.pop(now_ms), *(c for c, *_ in late), *self._asleep}
        here = {one for one in due if _anybody(self._connected().online(one))}
        self._asleep = due - here
        if here:
            await self._read(here, now_ms)
        self._silent = {one: of for one, of in self._silent.items() if of[0].place in self._waiting}
        asks = self._asks(now_ms)
        if asks:
            await self._ask(asks, now_ms)

    async def _read(self, conversation_ids: set[ConversationId], now_ms: int) -> None:
        async with self._deps.database.reading() as connection:
            wanted = await ask_store.wanted_cell_keys(connection, conversation_ids, now_ms)
            changed = conversation_ids & self._changed
            writing = await ask_store.writers_cells(connection, changed) if changed else set()
        self._changed -= changed
        for c in conversation_ids:
            self._wanted[c] = {one.place: one for one in wanted if one.conversation_id == c}
            if not self._wanted[c]:
                del self._wanted[c]
            theirs = {one for one in writing if one[0] == c}
            if theirs:
                self._writing[c] = now_ms + LOOK_MS, theirs
        self._waiting = {
            place: until
            for place, until in self._waiting.items()
            if until > now_ms and place in self._wanted.get(place[0], ())
        }

    def _asks(self, now_ms: int) -> list[tuple[WantedCellKey, Online]]:
        """Return whom to ask in this round: for some cells, those of the latest writers first."""
        asks: list[tuple[WantedCellKey, Online]] = []
        for c, wanted in self._wanted.items():
            until_ms, writing = self._writing.get(c, (0, ()))
            first = [one for one in wanted.values() if (c, one.cell_id) in writing]
            if now_ms >= until_ms or not first:
                self._writing.pop(c, None)
                first = list(wanted.values())
            for want in first:
                if len(self._waiting) + len(asks) >= CELLS_AT_ONCE:
                    return asks
                if want.place not in self._waiting:
                    chosen = self._choose(want)
                    if chosen is not None:
                        asks.append((want, chosen))
        return asks

    def _choose(self, want: WantedCellKey) -> Online | None:
        """Return a device of the cell that was not asked for its key yet; once all were, they are
        asked again."""
        asked = self._asked.setdefault(want.place, set())
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
        # Another node has asked about the others: this one waits as long.
        self._waiting |= {want.place: now_ms + CELL_AGAIN_MS for want, _ in asks}
        for want, device in noted:
            asked = self._asked.setdefault(want.place, set())
            asked.add(device)
            self._waiting[want.place] = now_ms + cell_pause_ms(len(asked))
            client_id = chosen[want, device].client_id
            self._silent[client_id, want.conversation_id] = want, device
            frame = wire.CellKeyWanted(
                conversation_id=want.conversation_id,
                cell_id=want.cell_id,
                epoch=Epoch(want.epoch),
                generation=want.generation,
            )
            self._connected().push_to(client_id, frame)


class NextKeyAsking:
    """Asks for the next conversation key."""

    def __init__(
        self,
        deps: DeliveryDependencies,
        connected: Callable[[], Fanout],
        jitter: Callable[[], float],
    ) -> None:
        self._deps = deps
        self._connected = connected
        self._jitter = jitter
        self._due = _Due()
        # Devices that this node asked lately, and when it asked first.
        self._attempts: dict[ConversationId, tuple[int, set[bytes]]] = {}
        # Until when the keys of writers' cells are waited for, and of which; of any cell where no
        # writer's lacks one.
        self._patient: dict[ConversationId, int] = {}
        self._awaited: dict[ConversationId, Collection[CellId]] = {}
        self._scan_ms = 0

    def changed(self, wakeup: RosterWakeup) -> None:
        """A roster changed: if somebody was removed, its key is too old now."""
        if wakeup.removed or not wakeup.whole:
            now_ms = self._deps.clock.now_ms()
            if wakeup.cells > 1:
                self._patient[wakeup.conversation_id] = now_ms + PATIENCE_MS
            self._due.add(wakeup.conversation_id, now_ms + round(self._jitter() * JITTER_MS))

    def came(self, wakeup: CellKeyWakeup) -> None:
        """Look at a conversation when a cell whose key this node awaits has one."""
        if wakeup.cell_id in self._awaited.get(wakeup.conversation_id, ()):
            self._due.add(wakeup.conversation_id, self._deps.clock.now_ms())

    async def work(self) -> None:
        """Ask where it is due."""
        now_ms = self._deps.clock.now_ms()
        due: list[ConversationId] = []
        without: Mapping[ConversationId, Collection[CellId]] = {}
        looked_at = self._due.pop(now_ms)
        scans = now_ms - self._scan_ms >= SCAN_MS
        if looked_at or scans:
            async with self._deps.database.reading() as connection:
                if looked_at:
                    due = await ask_store.used_keys_due(connection, now_ms, looked_at)
                if scans:
                    self._scan_ms = now_ms
                    due += await ask_store.used_keys_due(connection, now_ms)
                due, without = await self._with_cell_keys(connection, due, now_ms)
        for pause_ms, again in ((KEY_PAUSE_MS, False), (KEY_AGAIN_MS, True)):
            asks = {
                c: chosen
                for c in due
                if self._is_again(c, now_ms) is again
                and (chosen := self._choose(c, without.get(c, ()), now_ms)) is not None
            }
            if asks:
                await self._ask(asks, now_ms, pause_ms)

    async def _with_cell_keys(
        self, connection: AsyncConnection, due: list[ConversationId], now_ms: int
    ) -> tuple[list[ConversationId], Mapping[ConversationId, Collection[CellId]]]:
        """Return the conversations whose writers' cells have their keys, or have been waited for
        long enough, with the cells that want a key; look at the others when these get them."""
        if not due:
            return due, {}
        without: dict[ConversationId, set[CellId]] = defaultdict(set)
        for want in await ask_store.wanted_cell_keys(connection, due, now_ms):
            without[want.conversation_id].add(want.cell_id)
        writing = await ask_store.writers_cells(connection, without) if without else set()
        waiting: dict[ConversationId, set[CellId]] = defaultdict(set)
        for c, cell_id in writing:
            if cell_id in without[c]:
                waiting[c].add(cell_id)
        for one in due:
            self._awaited.pop(one, None)
            until_ms = self._patient.get(one, 0)
            if until_ms <= now_ms:
                self._patient.pop(one, None)
                waiting.pop(one, None)
            elif one in without:
                self._awaited[one] = waiting.get(one) or without[one]
                self._due.add(one, until_ms)
        return [one for one in due if one not in waiting], without

    def _lately(self, conversation_id: ConversationId, now_ms: int) -> tuple[int, set[bytes]]:
        """Return when this node asked first within the pause, and whom."""
        first_ms, asked = self._attempts.get(conversation_id, (now_ms, set[bytes]()))
        return (first_ms, asked) if now_ms - first_ms < KEY_PAUSE_MS else (now_ms, set[bytes]())

    def _is_again(self, conversation_id: ConversationId, now_ms: int) -> bool:
        """Whether a device was asked just now and has not made the key."""
        first_ms, asked = self._lately(conversation_id, now_ms)
        return bool(asked) and now_ms - first_ms < KEY_ATTEMPTS * KEY_AGAIN_MS

    def _choose(
        self, conversation_id: ConversationId, without: Collection[CellId], now_ms: int
    ) -> Online | None:
        _, asked = self._lately(conversation_id, now_ms)
        for one in self._connected().online(conversation_id):
            if one.device not in asked and one.cell_id not in without:
                return one
        return None

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
