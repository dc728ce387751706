"""The start of a device in a conversation that it joins: one answer with all that it begins with.

Devices that join with one head start within the same moments: state that is the same for all of
them, or for all devices of one cell, is read once for all that ask at the same time. The server
finds out which keys of the newest page a device cannot open, and asks for shares of them at once
(D4): the device asks for nothing, and one question is about many devices. It asks for no share of a
key that a holder is to seal to the device's cell (S9): of units that move, each cell then needs one
seal in place of a share for each of its devices. A start may be repeated.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.batch_loader import BatchLoader
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.keys.cell_keys import CellKeyExchange
from copconnect.delivery.keys.conversation_keys import seals_of
from copconnect.delivery.keys.late_seals import late_sealed
from copconnect.delivery.keys.shares import KeyShares
from copconnect.delivery.log.reading import MOST_LOG_PAGE, LogReading, empty
from copconnect.delivery.rosters import showing
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import late_seals, leaves, views
from copconnect.ids import ConversationId, KeyId
from copconnect.principals import Caller
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.key_share import SecretName, key_name, secret_name
from copconnect.records.primitives.fields import KEY_ID_BYTES


@dataclass(frozen=True, slots=True)
class _Begin:
    """The request of a device."""

    conversation_id: ConversationId
    device: bytes
    entries: int


@dataclass(frozen=True, slots=True)
class _Began:
    """An answer, and the secrets of which its device needs shares."""

    start: wire.Start
    lacks: Sequence[SecretName]


@dataclass(frozen=True, slots=True)
class _StartingDevice:
    """A device that starts: what it asked for, the conversation as it is shown to it, its leaf, the
    ids of its keys and the hash of the whole log."""

    asked: _Begin
    view: wire.Conversation
    leaf: PlacedLeaf
    keys: Sequence[bytes]
    log_hash: bytes

    @property
    def page(self) -> tuple[int, int]:
        """Return from when it may read, and how many entries it asks for."""
        return self.leaf.leaf.history_from_ms, self.asked.entries


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
        statements for many devices of many cells as for one."""
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
            starting: dict[ConversationId, list[_StartingDevice]] = defaultdict(list)
            for one in asked:
                place = one.conversation_id, one.device
                if place in shown and shown[place].roster is not None:
                    own = [key.key_id for key in keys.get(one.device, ())]
                    device = _StartingDevice(
                        one, shown[place], listed[place], own, seen[place].log_hash
                    )
                    starting[one.conversation_id].append(device)
            for c, devices in starting.items():
                found |= await self._in_conversation(connection, c, devices)
        return found

    async def _in_conversation(
        self, connection: AsyncConnection, c: ConversationId, devices: Sequence[_StartingDevice]
    ) -> dict[_Begin, _Began]:
        """Return the answers to devices of one conversation."""
        now_ms = self._deps.clock.now_ms()
        admins, state = await showing.admins_and_state(connection, devices[0].view)
        own = {one.leaf.cell_id for one in devices}
        cells = await self._cell_keys.of_cells(connection, c, own)
        parts = {
            page: await self._log.newest(connection, c, *page)
            for page in {one.page for one in devices}
        }
        keys = {key_id for part in parts.values() if part for key_id in part.stored}
        late = await late_seals.to_cells(connection, c, keys, own)
        to_cells = await late_sealed(connection, c, now_ms)
        found: dict[_Begin, _Began] = {}
        for one in devices:
            cell_id, begins = one.leaf.cell_id, one.leaf.leaf.history_from_ms
            cell, part, view = cells[cell_id], parts[one.page], one.view
            items, closed = cell.of_device(begins, one.keys, now_ms)
            page = empty(view.last_seq, one.log_hash)
            sealed: Mapping[bytes, bytes | None] = {}
            if part is not None:
                of_cell = [key.key_id for key in reversed(cell.stored)]
                sealed = seals_of(part.stored.values(), begins, one.keys, of_cell, late[cell_id])
                page = part.page(sealed, view.last_seq)
            lacks = {key_id for key_id, seal in sealed.items() if _is_closed(seal, closed)}
            awaited = set[bytes]()
            if to_cells is not None:
                usable = cell.usable(to_cells.held.kem, now_ms)
                newest = {key.key_id for key in to_cells.keys}
                awaited = {one for one in lacks & newest if not _is_to(sealed[one], usable)}
            start = wire.Start(
                conversation=msgspec.structs.replace(view, admins=admins, state=state),
                page=page,
                cell_keys=items,
                asked=[],
                awaited=[KeyId(one.hex()) for one in sorted(awaited)],
            )
            asked = [key_name(one) for one in lacks - awaited]
            asked += [secret_name(CellKey.parse(of.record)) for of in items if of.seal is None]
            found[one.asked] = _Began(start, sorted(asked))
        return found


def _is_closed(seal: bytes | None, closed: set[bytes]) -> bool:
    """Whether a device has no seal for it or its cell, or one to a key of its cell that it cannot
    open."""
    return seal is None or seal[:KEY_ID_BYTES] in closed


def _is_to(seal: bytes | None, key_id: bytes | None) -> bool:
    """Whether there is a seal, and it is to this key."""
    return seal is not None and seal[:KEY_ID_BYTES] == key_id
