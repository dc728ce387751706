"""S9: asks holders of a conversation key for seals to cell keys that were made after it, and passes
these seals on to their cells.

A second after a roster, a cell key or a conversation key has changed, a node looks for cell keys to
which a usable conversation key is not sealed, and asks devices that hold the key, each for a few
seals. A holder is a device that made the key, or whose cell has a seal of it, and that asks for no
share of it. The node sends a new seal to one device of the cell that is connected here, other than
the helper, and to the rest of the cell once that device has said that it opened the seal, or after
``REST_MS``. If that device asks for a share instead, the node asks another holder for the seal and
tells the rest of the cell to wait. It tells cells without a seal to wait again, ``TOLD`` times at
most. If no holder is connected, it looks again when devices connect.
Deterministic: time and jitter are passed in. A lost wake-up costs a scan's period; a
device without a seal asks for a share after half a minute.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import (
    CellKeyWakeup,
    KeyWakeup,
    LateSealsWakeup,
    RosterWakeup,
    ShareAskedWakeup,
    ShareDoneWakeup,
)
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.keys.late_seals import late_sealed, usable_cell_keys
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import SealAsk
from copconnect.delivery.live.share_helpers import HelperChoice
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.delivery.store import late_seals
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.keys import StoredKey
from copconnect.ids import CellId, ClientId, ConversationId, KeyId, SealKeyId
from copconnect.records.conversation.key_share import SecretKind, SecretName
from copconnect.records.primitives.fields import KEY_ID_BYTES
from copconnect.records.primitives.kem import seal_bytes
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online

BATCH_MS = 1_000  # One request asks for seals to all cell keys that were made within it.
AGAIN_MS = 3_000  # The wait for seals before another device is asked, ``HELPED_MS`` longer if the
# first one says that it makes them.
REST_MS = 3_000  # The wait of a cell's other devices for the first one to open the seal.
ANEW = 3  # The most replacements of one seal that failed.
TOLD_MS = 25_000  # Within the shortest time for which a device waits.
TOLD = 4  # The most times that the server tells a cell to wait for one seal.
SCAN_MS = 120_000
JITTER_MS = 300
_MOST = 20_000
_KeyAndCell = tuple[ConversationId, bytes, CellId]  # A conversation, a key's reference, a cell.
_KeyAndDevice = tuple[ConversationId, bytes, bytes]  # A conversation, a key's reference, a device.


@dataclass(slots=True)
class _First:
    """A late seal that one device of a cell has; the rest of the cell gets it later."""

    cell_id: CellId
    frame: wire.KeyFrame
    due_ms: int


@dataclass(frozen=True, slots=True)
class _StoredSeals:
    """A conversation: its cells, their usable keys, and to which of these each usable conversation
    key is sealed."""

    held: ConversationRow
    cells: set[CellId]
    usable: Mapping[bytes, CellId]
    keys: Sequence[tuple[StoredKey, set[bytes]]]


class LateSealAsking:
    """The late seals as one node knows them."""

    def __init__(
        self,
        deps: DeliveryDependencies,
        connected: Callable[[], Fanout],
        choice: HelperChoice,
        jitter: Callable[[], float],
    ) -> None:
        self._deps = deps
        self._connected = connected
        self._choice = choice
        self._jitter = jitter
        self._due: dict[ConversationId, int] = {}
        self._first: dict[_KeyAndDevice, _First] = {}
        # ``_reported``: seals that a device could not open; the next look judges them. ``_failed``:
        # how many replacements of a seal this node asked for. ``_anew``: seals whose replacement it
        # has asked for and not received.
        self._reported: set[_KeyAndCell] = set()
        self._failed: dict[_KeyAndCell, int] = {}
        self._anew: set[_KeyAndCell] = set()
        # By key: its author, and the cells without a good seal of it at this node's last look.
        self._without: dict[tuple[ConversationId, bytes], tuple[bytes, set[CellId]]] = {}
        # How often the server told cells without a good seal to wait for it, and when last.
        self._told: dict[_KeyAndCell, tuple[int, int]] = {}
        # Conversations that lack seals, none of whose holders was connected.
        self._unanswered: set[ConversationId] = set()
        self._asked: dict[tuple[ConversationId, bytes, bytes], set[ClientId]] = {}
        # A device is asked for seals: ``_silent`` until it says that it makes them, then
        # ``_working`` until the next round stores that.
        self._silent: dict[tuple[ClientId, ConversationId], list[SealAsk]] = {}
        self._working: list[SealAsk] = []
        self._scan_ms = 0

    # --- What is announced ------------------------------------------------------------------

    def changed(self, wakeup: RosterWakeup | CellKeyWakeup | KeyWakeup) -> None:
        """Look soon for seals that are missing."""
        if isinstance(wakeup, RosterWakeup) and wakeup.cells < 2:
            return
        self._look(wakeup.conversation_id, BATCH_MS + round(self._jitter() * JITTER_MS))

    def entered(self) -> None:
        """Devices have connected: one of them may hold what others lack."""
        for one in self._unanswered:
            self._look(one, BATCH_MS)

    def _look(self, conversation_id: ConversationId, after_ms: int) -> None:
        at_ms = self._deps.clock.now_ms() + after_ms
        self._due[conversation_id] = min(at_ms, self._due.get(conversation_id, at_ms))

    def came(self, wakeup: LateSealsWakeup) -> None:
        """Send seals that were added to one device of each cell."""
        reference = bytes.fromhex(wakeup.key_id)[:KEY_ID_BYTES]
        now_ms = self._deps.clock.now_ms()
        for cell_id, seal in wakeup.seals.items():
            place = wakeup.conversation_id, reference, cell_id
            there = self._connected().online(wakeup.conversation_id, cell_id)
            helper = bytes.fromhex(wakeup.helper)
            first = next((one for one in there if one.device != helper), None)
            self._anew.discard(place)
            self._told.pop(place, None)
            self._without.get(place[:2], (b"", set[CellId]()))[1].discard(cell_id)
            if first is None:
                continue
            frame = wire.KeyFrame(
                conversation_id=wakeup.conversation_id, record=wakeup.record, seal=seal
            )
            receiver = wakeup.conversation_id, reference, first.device
            self._first[receiver] = _First(cell_id, frame, now_ms + REST_MS)
            told = wire.KeyFrame(
                conversation_id=frame.conversation_id, record=frame.record, seal=seal, first=True
            )
            self._connected().push_to(first.client_id, told)

    def opened(self, wakeup: ShareDoneWakeup) -> None:
        """Send the seals that a device could open to the rest of its cell."""
        device = bytes.fromhex(wakeup.device)
        for reference in _references(wakeup.opened):
            self._tell_rest((wakeup.conversation_id, reference, device))

    def failed(self, wakeup: ShareAskedWakeup) -> None:
        """Have the seal of a cell replaced whose device asks for a share: the seal may be rubbish.
        A newcomer also asks where its cell has no seal yet; nothing is replaced then."""
        c = wakeup.conversation_id
        if any(one[0] == SecretKind.CELL_KEY for one in wakeup.lacks):
            return  # It lacks its cell's key, so the seal may be good.
        if not self._has_cells(c):
            return
        for reference in _references(wakeup.lacks):
            place = c, reference, wakeup.cell_id
            _, without = self._without.get(place[:2], (b"", set[CellId]()))
            spent = place in self._anew or self._failed.get(place, 0) >= ANEW
            if not spent and wakeup.cell_id not in without:
                self._reported.add(place)
                self._look(c, 0)

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """A device says that it makes the seals that it was asked for."""
        self._working += self._silent.pop((client_id, conversation_id), [])

    def _has_cells(self, c: ConversationId) -> bool:
        """Whether devices of several cells of a conversation are connected here."""
        cells = (one.cell_id for one in self._connected().online(c))
        first = next(cells, None)
        return any(one != first for one in cells)

    def _replace(self, place: _KeyAndCell) -> None:
        """Have a seal replaced. The rest of the cell gets the next one."""
        self._anew.add(place)
        self._failed[place] = self._failed.get(place, 0) + 1
        c, reference, cell_id = place
        for one in [one for one, first in self._first.items() if first.cell_id == cell_id]:
            if one[:2] == (c, reference):
                del self._first[one]

    def waits(self, c: ConversationId, one: Online, secret: bytes) -> bool:
        """Whether a device's cell has no good seal of a conversation key, which it did not make."""
        author, cells = self._without.get((c, secret[1:]), (b"", set[CellId]()))
        return one.cell_id in cells and one.device != author

    # --- Asking -----------------------------------------------------------------------------

    async def work(self) -> None:
        """Send the seals that are due, and ask for missing ones."""
        now_ms = self._deps.clock.now_ms()
        working, self._working = self._working, []
        if working:
            async with self._deps.database.transaction() as connection:
                await ask_store.extend_seal_asks(connection, working, HELPED_MS)
        for receiver in [one for one, first in self._first.items() if first.due_ms <= now_ms]:
            self._tell_rest(receiver)
        if now_ms - self._scan_ms >= SCAN_MS:
            self._scan_ms = now_ms
            async with self._deps.database.reading() as connection:
                for one in await ask_store.conversations_of_cells(connection):
                    self._look(one, round(self._jitter() * JITTER_MS))
        due = [one for one, at_ms in self._due.items() if at_ms <= now_ms]
        for c in due:
            del self._due[c]
            self._unanswered.discard(c)
            if next(iter(self._connected().online(c)), None) is None:
                self._unanswered.add(c)
            else:
                await self._look_at(c, now_ms)

    def _tell_rest(self, receiver: _KeyAndDevice) -> None:
        first = self._first.pop(receiver, None)
        if first is None:
            return
        c, _, device = receiver
        for one in self._connected().online(c, first.cell_id):
            if one.device != device:
                self._connected().push_to(one.client_id, first.frame)

    async def _look_at(self, c: ConversationId, now_ms: int) -> None:
        reported = {one for one in self._reported if one[0] == c}
        self._reported -= reported
        async with self._deps.database.reading() as connection:
            found = await self._read(connection, c, now_ms)
        keys = [] if found is None else found.keys
        looked_at = {(c, key.key_id[:KEY_ID_BYTES]) for key, _ in keys}
        # A former key gets no late seals.
        self._failed.update((one, ANEW) for one in reported if one[:2] not in looked_at)
        if found is None:
            return
        missing: list[tuple[StoredKey, set[CellId], dict[bytes, CellId]]] = []
        for key, there in keys:
            sealed = {cell for one, cell in found.usable.items() if one in there}
            lacking = self._lacking(c, key, found, sealed, reported)
            if lacking:
                missing.append((key, sealed, lacking))
            self._tell_to_wait(c, key, now_ms)
        for bounded in (self._without, self._told, self._failed):
            _bound(bounded)
        asks: list[tuple[SealAsk, Online]] = []
        for key, sealed, lacking in missing:
            asks += self._asks(c, key, sealed, lacking)
        if not asks:
            self._unanswered.add(c)
            return
        async with self._deps.database.transaction() as connection:
            noted = await ask_store.record_seal_asks(
                connection, [ask for ask, _ in asks], now_ms, AGAIN_MS
            )
        to = dict(asks)
        frames: dict[tuple[ClientId, bytes], list[SealKeyId]] = defaultdict(list)
        for ask in noted:
            self._silent.pop((to[ask].client_id, c), None)
        for ask in noted:
            client_id = to[ask].client_id
            self._silent.setdefault((client_id, c), []).append(ask)
            frames[client_id, ask.key_id].append(SealKeyId(ask.cell_key_id.hex()))
            self._asked.setdefault((c, ask.key_id, ask.cell_key_id), set()).add(client_id)
        _bound(self._asked)
        _bound(self._silent)
        stamp = self._deps.stamps.of(c, found.held.head_hash)
        for (client_id, key_id), wanted in frames.items():
            frame = wire.SealsWanted(
                conversation_id=c,
                key_id=KeyId(key_id.hex()),
                head=found.held.head,
                stamp=stamp,
                cell_keys=wanted,
            )
            self._connected().push_to(client_id, frame)
        self._look(c, AGAIN_MS)

    def _tell_to_wait(self, c: ConversationId, key: StoredKey, now_ms: int) -> None:
        """Tell the devices of cells without a good seal to wait: at once where a seal failed, and
        again before their time is over. A new key has told them for the first time."""
        frame = wire.KeyFrame(conversation_id=c, record=key.record, seal=None, awaited=True)
        known = c, key.key_id[:KEY_ID_BYTES]
        for cell_id in self._without[known][1]:
            place = (*known, cell_id)
            failed = place in self._anew
            times, last_ms = self._told.get(place, (0, 0 if failed else now_ms))
            self._told[place] = times, last_ms
            if times < TOLD and now_ms - last_ms >= TOLD_MS:
                self._told[place] = times + 1, now_ms
                for one in self._connected().online(c, cell_id):
                    self._connected().push_to(one.client_id, frame)
            if times < TOLD:
                self._look(c, TOLD_MS)

    async def _read(
        self, connection: AsyncConnection, c: ConversationId, now_ms: int
    ) -> _StoredSeals | None:
        """Return what seals there are of the usable keys of a conversation; None: it has none, or
        one cell."""
        sealed = await late_sealed(connection, c, now_ms)
        if sealed is None:
            return None
        held, lines = sealed.held, sealed.lines
        usable = await usable_cell_keys(connection, c, lines, held.kem, now_ms)
        ids = [one.key_id for one in sealed.keys]
        stored = await self._deps.keys.records(connection, c, ids)
        late = await late_seals.sealed_to(connection, c, ids)
        keys = [(key, {*_recipients(key), *late.get(key.key_id, ())}) for key in stored.values()]
        return _StoredSeals(held, {CellId(one.cell_id.hex()) for one in lines}, usable, keys)

    def _lacking(
        self,
        c: ConversationId,
        key: StoredKey,
        found: _StoredSeals,
        sealed: set[CellId],
        reported: Collection[_KeyAndCell],
    ) -> dict[bytes, CellId]:
        """Return the cell keys that need a seal of a key, and note the cells without a good one. A
        cell that has a seal gets another one if its devices report that it failed."""
        known = c, key.key_id[:KEY_ID_BYTES]
        for cell in sealed:
            if (*known, cell) in reported:
                self._replace((*known, cell))
        good = {cell for cell in sealed if (*known, cell) not in self._anew}
        self._without.pop(known, None)
        self._without[known] = key.author, found.cells - good
        return {one: cell for one, cell in found.usable.items() if cell not in good}

    def _asks(
        self,
        c: ConversationId,
        key: StoredKey,
        sealed: set[CellId],
        lacking: Mapping[bytes, CellId],
    ) -> list[tuple[SealAsk, Online]]:
        """Return which device to ask for which of these seals; one device gets a few of them."""
        holders = self._holders(c, key, sealed)
        wanted = list(lacking)
        found: list[tuple[SealAsk, Online]] = []
        for at in range(0, len(wanted), wire.SEALS_ASKED):
            some = wanted[at : at + wire.SEALS_ASKED]
            asked = {client for one in some for client in self._asked.get((c, key.key_id, one), ())}
            helper = next((one for one in holders if one.client_id not in asked), None)
            if helper is None:  # Every holder was asked: begin again with the first.
                for one in some:
                    self._asked.pop((c, key.key_id, one), None)
                continue
            found += [(SealAsk(c, key.key_id, one, helper.device), helper) for one in some]
        return found

    def _holders(self, c: ConversationId, key: StoredKey, sealed: set[CellId]) -> Iterator[Online]:
        secret = SecretName(SecretKind.CONVERSATION_KEY, key.key_id[:KEY_ID_BYTES]).encode()
        for one in self._connected().online(c):
            holds = one.cell_id in sealed or one.device == key.author
            if holds and not self._choice.lacks(c, one.device, secret):
                yield one


def _bound(kept: dict[Any, Any]) -> None:
    while len(kept) > _MOST:
        del kept[next(iter(kept))]


def _references(secrets: list[bytes]) -> list[bytes]:
    """Return the references of the conversation keys among these secrets."""
    return [one[1:] for one in secrets if one[0] == SecretKind.CONVERSATION_KEY]


def _recipients(key: StoredKey) -> list[bytes]:
    size = seal_bytes(key.kem)
    return [key.seals[at : at + KEY_ID_BYTES] for at in range(0, len(key.seals), size)]
