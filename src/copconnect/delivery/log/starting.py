"""The start of a device in a conversation that it joins: one answer with all that it begins with.

Devices that join with one head start within the same moments: state that is the same for all of
them, or for all devices of one cell, is read once for all that ask at the same time. The server
finds out which keys of the newest page a device cannot open, and asks for shares of them at once
(D4): the device asks for nothing, and one question is about many devices. A start may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.batch_loader import BatchLoader
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.keys.cell_keys import CellKeyExchange, KeysOfCell
from copconnect.delivery.keys.conversation_keys import seals_of
from copconnect.delivery.keys.shares import KeyShares
from copconnect.delivery.log.reading import MOST_LOG_PAGE, LogPart, LogReading, empty
from copconnect.delivery.rosters import showing
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import late_seals, leaves, views
from copconnect.ids import CellId, ConversationId, PersonId
from copconnect.principals import Caller
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import SecretName, secret_name
from copconnect.records.primitives.fields import KEY_ID_BYTES


@dataclass(frozen=True, slots=True)
class _Begin:
    """The request of a device."""

    conversation_id: ConversationId
    device: bytes
    entries: int


@dataclass(frozen=True, slots=True)
class _Began:
    """An answer, and the secrets that its device lacks."""

    start: wire.Start
    lacks: Sequence[SecretName]


@dataclass(frozen=True, slots=True)
class _StartingDevice:
    """A device: its leaf, the ids of its keys, the hash of the whole log, and how many entries it
    asks for."""

    leaf: PlacedLeaf
    keys: Sequence[bytes]
    log_hash: bytes
    entries: int


class Starting:
    """Starts devices. It keeps nothing between requests."""

    def __init__(
        self,
        deps: DeliveryDependencies,
        log: LogReading,
        cell_keys: CellKeyExchange,
        shares: KeyShares,
    ) -> None:
        self._deps = deps
        self._log = log
        self._cell_keys = cell_keys
        self._shares = shares
        self._beginning: BatchLoader[_Begin, _Began] = BatchLoader(self._begin)

    async def start(
        self, caller: Caller, conversation_id: ConversationId, body: wire.StartConversation
    ) -> wire.Start:
        """Return a conversation, the newest page of its log and the own cell's keys, and have other
        devices asked for what the calling device cannot open. Raises NotMember."""
        count = max(1, min(body.entries, MOST_LOG_PAGE))
        began = await self._beginning.load(_Begin(conversation_id, caller.device, count))
        if began is None:
            raise errors.NotMember
        asked = [
            wire.ShareReference(kind=name.kind.value, reference=name.reference.hex())
            for name in began.lacks[: wire.SHARE_SECRETS]
        ]
        if asked:
            try:
                await self._shares.ask(caller, conversation_id, wire.ShareRequest(references=asked))
            except errors.RateLimited:
                asked = []  # The device asks for them later.
        return msgspec.structs.replace(began.start, asked=asked)

    async def _begin(self, asked: Sequence[_Begin]) -> dict[_Begin, _Began]:
        """Read the answers to these devices; a device that is not listed gets none. As many
        statements for many devices of a cell as for one."""
        deps = self._deps
        found: dict[_Begin, _Began] = {}
        async with deps.database.reading() as connection:
            places = {(one.conversation_id, one.device) for one in asked}
            listed = await leaves.current_of_devices(connection, places)
            seen = await views.of_devices(connection, listed)
            keys = await deps.devices.device_keys(connection, {device for _, device in seen})
            rosters = await showing.with_rosters(
                connection, deps, [(device, one) for (_, device), one in seen.items()]
            )
            shown = dict(zip(seen, rosters, strict=True))
            same = _Same(connection, self._log, self._cell_keys)
            for one in asked:
                place = one.conversation_id, one.device
                if place in shown and shown[place].roster is not None:
                    own = [key.key_id for key in keys.get(one.device, ())]
                    reader = _StartingDevice(listed[place], own, seen[place].log_hash, one.entries)
                    found[one] = await self._of_device(same, shown[place], reader)
        return found

    async def _of_device(
        self, same: "_Same", view: wire.Conversation, reader: _StartingDevice
    ) -> _Began:
        c, begins = view.conversation_id, reader.leaf.leaf.history_from_ms
        admins, state = await same.of_conversation(view)
        cell = await same.of_cell(c, reader.leaf.cell_id)
        items, closed = cell.of_device(begins, reader.keys, self._deps.clock.now_ms())
        page = empty(view.last_seq, reader.log_hash)
        part = await same.part(c, begins, reader.entries)
        if part is not None:
            of_cell = [key.key_id for key in reversed(cell.stored)]
            late = await same.late(c, tuple(part.stored), of_cell)
            sealed = seals_of(part.stored.values(), begins, reader.keys, of_cell, late)
            page = part.page(sealed, view.last_seq)
        start = wire.Start(
            conversation=msgspec.structs.replace(view, admins=admins, state=state),
            page=page,
            cell_keys=items,
            asked=[],
        )
        return _Began(start, sorted(lacking(page.keys, items, closed)))


class _Same:
    """The parts of answers that many devices share, each read once."""

    def __init__(
        self, connection: AsyncConnection, log: LogReading, cell_keys: CellKeyExchange
    ) -> None:
        self._connection = connection
        self._log = log
        self._cell_keys = cell_keys
        self._conversations: dict[ConversationId, tuple[list[PersonId], wire.LogEntry | None]] = {}
        self._cells: dict[tuple[ConversationId, CellId], KeysOfCell] = {}
        self._parts: dict[tuple[ConversationId, int, int], LogPart | None] = {}
        self._late: dict[tuple[ConversationId, tuple[bytes, ...], bytes], dict[bytes, bytes]] = {}

    async def of_conversation(
        self, view: wire.Conversation
    ) -> tuple[list[PersonId], wire.LogEntry | None]:
        """Return the admins and the newest state message."""
        c = view.conversation_id
        if c not in self._conversations:
            found = await showing.admins_and_state(self._connection, view)
            self._conversations[c] = found
        return self._conversations[c]

    async def of_cell(self, c: ConversationId, cell_id: CellId) -> KeysOfCell:
        """Return the keys of a cell."""
        if (c, cell_id) not in self._cells:
            found = await self._cell_keys.of_cell(self._connection, c, cell_id)
            self._cells[c, cell_id] = found
        return self._cells[c, cell_id]

    async def part(self, c: ConversationId, from_ms: int, limit: int) -> LogPart | None:
        """Return the newest entries from a time on."""
        if (c, from_ms, limit) not in self._parts:
            found = await self._log.newest(self._connection, c, from_ms, limit)
            self._parts[c, from_ms, limit] = found
        return self._parts[c, from_ms, limit]

    async def late(
        self, c: ConversationId, key_ids: tuple[bytes, ...], of_cell: Sequence[bytes]
    ) -> dict[bytes, bytes]:
        """Return the late seals of these keys to a cell's."""
        if not of_cell:
            return {}
        if (c, key_ids, of_cell[0]) not in self._late:
            found = await late_seals.to_cell(self._connection, c, key_ids, of_cell)
            self._late[c, key_ids, of_cell[0]] = found
        return self._late[c, key_ids, of_cell[0]]


def lacking(
    keys: list[wire.KeyItem], own: list[wire.CellKeyItem], closed: set[bytes]
) -> set[SecretName]:
    """Return the secrets that a device lacks: of conversation keys without a seal for it or its
    cell, or that are sealed to a key of its cell that it cannot open (``closed``), and of the key
    of its cell that is in use."""
    found = {
        secret_name(ConversationKey.parse(one.record))
        for one in keys
        if one.seal is None or one.seal[:KEY_ID_BYTES] in closed
    }
    return found | {secret_name(CellKey.parse(one.record)) for one in own if one.seal is None}
