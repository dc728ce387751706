"""Conversation keys: records that devices submit (D2), and seals for devices that ask.

A record is stored with the head of its epoch still counting, in a transaction that holds the
conversation, so a removal that commits first refuses it. Two authors at once make two keys only
where neither can open the other's. Repeating the same record changes nothing (D6). Seals stay one
blob for each record; a device is given its own seal, else its cell's.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import KeyWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules import conversation_keys as rules
from copconnect.delivery.rules.conversation_keys import KnownKey
from copconnect.delivery.rules.limits import (
    CANNOT_OPEN_MS,
    DAY_MS,
    HEAD_MS,
    KEYS_A_DAY,
)
from copconnect.delivery.rules.messages import check_gate
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.rules.seals import check_device_seals, find_seal, recipients
from copconnect.delivery.store import (
    cell_keys,
    conversations,
    keys,
    late_seals,
    leaves,
    rosters,
    shares,
)
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.keys import NewKey, StoredKey
from copconnect.ids import CellId, ConversationId, KeyId
from copconnect.limits import CELL_KEY_AGE_MS
from copconnect.principals import Caller
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import CellLine
from copconnect.records.primitives.kem import seal_bytes
from copconnect.wire import CELL_SIZE

_MOST_SEALS = CELL_SIZE * CELL_SIZE


class ConversationKeys:
    """Takes and gives conversation keys. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    # --- Submitting (D2) ----------------------------------------------------------------------

    async def submit(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SubmitKey
    ) -> wire.KeyAccepted:
        """Store a record and its seals.

        Raises RecordInvalid, NotMember, StaleRecord, HaveKey, SealsInvalid, RateLimited.
        """
        deps = self._deps
        record = rules.read_record(
            body.record, bytes.fromhex(conversation_id), caller.device, caller.public_key
        )
        accepted = wire.KeyAccepted(key_id=KeyId(record.hash().hex()))
        async with deps.database.transaction() as connection:
            held = await conversations.hold_one(connection, conversation_id)
            own = await require_listed(connection, caller, conversation_id)
            if await keys.is_known(connection, conversation_id, record.hash()):
                return accepted
            await self._judge(connection, held, own, record, body)
            free = await self._require_allowed(connection, held, caller, record)
            key = NewKey(
                conversation_id=conversation_id,
                key_id=record.hash(),
                epoch=record.epoch,
                created_ms=record.created,
                stored_ms=deps.clock.now_ms(),
                author=caller.device,
                author_person=caller.person_id,
                free=free,
                kem=held.kem,
                record=body.record,
                seals=body.seals,
            )
            await keys.add(connection, key)
            connection.after_commit(
                KeyWakeup(
                    conversation_id=conversation_id,
                    key_id=accepted.key_id,
                    record=body.record,
                    seals=body.seals,
                    size=seal_bytes(held.kem),
                )
            )
        return accepted

    async def _judge(
        self,
        connection: AsyncConnection,
        held: ConversationRow,
        own: PlacedLeaf,
        record: ConversationKey,
        body: wire.SubmitKey,
    ) -> None:
        now_ms, c = self._deps.clock.now_ms(), held.conversation_id
        check_gate(held.rekey_epoch, held.epoch)
        head = await rosters.named_head(connection, c, record.epoch)
        rules.check_record(record, head, held.rekey_epoch, held.epoch, now_ms)
        blocking = await self._openable(connection, held, own)
        if blocking is not None:
            raise errors.HaveKey(key_id=blocking.hex())
        cell = await leaves.devices_of_cells_at(connection, c, [own.cell_id], record.epoch)
        if record.author not in cell:
            raise errors.StaleRecord(epoch=held.epoch)
        sealed_to = recipients(body.seals, held.kem, _MOST_SEALS)
        lines = (await rosters.lines_between(connection, {c: (record.epoch, record.epoch)}))[c]
        if len(lines) > 1:
            usable = await self._usable_cell_keys(
                connection, held, [one.line for one, _, _ in lines]
            )
            rules.check_seals(sealed_to, usable, own.cell_id)
        else:
            owners = await self._deps.devices.devices_of_keys(connection, sealed_to)
            left_out = [bytes.fromhex(one) for one in body.left_out]
            check_device_seals(sealed_to, left_out, cell, owners)

    async def _openable(
        self, connection: AsyncConnection, held: ConversationRow, own: PlacedLeaf
    ) -> bytes | None:
        """Return a key that serves and that the device can open: it made it, or has a seal of it
        and no open share request for it (which says that it cannot)."""
        deps, now_ms, c = self._deps, self._deps.clock.now_ms(), held.conversation_id
        known = await keys.since_rekey(connection, c, held.rekey_epoch)
        serving = [one for one in known if one.serves(held.rekey_epoch, now_ms)]
        if not serving:
            return None
        asked = await shares.asked_before(connection, c, own.leaf.device, now_ms - CANNOT_OPEN_MS)
        for one in rules.newest_first(serving):
            if one.author == own.leaf.device:
                return one.key_id
            if one.key_id[:16] in asked:
                continue
            stored = await deps.keys.records(connection, c, [one.key_id])
            sealed = await seals_for(connection, deps, c, own, stored.values())
            if sealed[one.key_id] is not None:
                return one.key_id
        return None

    async def _usable_cell_keys(
        self, connection: AsyncConnection, held: ConversationRow, lines: Collection[CellLine]
    ) -> dict[bytes, CellId]:
        """Return the keys of these cells that S4 allows, also where a newer one came just now."""
        since_ms = self._deps.clock.now_ms() - CELL_KEY_AGE_MS
        rekeyed = {CellId(line.cell_id.hex()): line.rekey_epoch for line in lines}
        made = await cell_keys.places(connection, held.conversation_id, held.kem, since_ms)
        return {
            key_id: cell_id
            for key_id, cell_id, epoch in made
            if cell_id in rekeyed and epoch >= rekeyed[cell_id]
        }

    async def _require_allowed(
        self,
        connection: AsyncConnection,
        held: ConversationRow,
        caller: Caller,
        record: ConversationKey,
    ) -> bool:
        """Return whether the record is free: its author's first for this rekey_epoch, or one that
        the server asked for. Raises RateLimited beyond three others a day."""
        now_ms, c = self._deps.clock.now_ms(), held.conversation_id
        if await keys.was_asked(connection, c, caller.device, now_ms - HEAD_MS):
            await keys.answered(connection, c, caller.device)
            return True
        known = await keys.since_rekey(connection, c, held.rekey_epoch)
        if all(one.author != record.author for one in known):
            return True
        made, oldest_ms = await keys.counted_today(connection, c, caller.person_id, now_ms)
        if made >= KEYS_A_DAY:
            retry_after_ms = max(1, (oldest_ms or now_ms) + DAY_MS - now_ms)
            raise errors.RateLimited(retry_after_ms=retry_after_ms, limit="key_records_per_day")
        return False

    # --- Reading ------------------------------------------------------------------------------

    async def read(
        self, caller: Caller, conversation_id: ConversationId, key_id: bytes | None
    ) -> wire.Keys:
        """Return one key, or the newest that is usable now, with what its author is proven by.

        Raises NotMember; NotFound for an id that is not kept.
        """
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        async with deps.database.reading() as connection:
            own = await require_listed(connection, caller, conversation_id)
            if key_id is None:
                key_id = await self._newest(connection, conversation_id, now_ms)
            if key_id is None:
                return wire.Keys(key=None, head=None, proof=None)
            stored = (await deps.keys.records(connection, conversation_id, [key_id])).get(key_id)
            if stored is None:
                raise errors.NotFound
            sealed = await seals_for(connection, deps, conversation_id, own, [stored])
            asked = conversation_id, stored.epoch, stored.author
            proven = await prove(connection, deps.trees, [asked])
        head = proven.heads.get(asked[:2])
        return wire.Keys(
            key=wire.KeyItem(record=stored.record, seal=sealed[key_id]),
            head=None if head is None else head.head,
            proof=proven.proofs.get(asked),
        )

    async def _newest(
        self, connection: AsyncConnection, conversation_id: ConversationId, now_ms: int
    ) -> bytes | None:
        (held,) = await conversations.read(connection, [conversation_id])
        known = await keys.since_rekey(connection, conversation_id, held.rekey_epoch)
        usable = [one for one in known if one.usable(held.rekey_epoch, now_ms)]
        return _first(rules.newest_first(usable))


def _first(found: Sequence[KnownKey]) -> bytes | None:
    return found[0].key_id if found else None


async def seals_for(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    conversation_id: ConversationId,
    own: PlacedLeaf,
    stored: Collection[StoredKey],
) -> Mapping[bytes, bytes | None]:
    """Return by key id the device's seal of each key: its own, else a late seal of its cell (S9),
    else the author's seal to its cell, else None.

    Keys from before the device's history begins are left out. Three statements.
    """
    rows = await deps.devices.device_keys(connection, [own.leaf.device])
    wanted = [row.key_id for row in rows.get(own.leaf.device, ())]
    cell_id = own.cell_id
    of_cell = (await cell_keys.ids_of_cells(connection, conversation_id, [cell_id]))[cell_id]
    late: Mapping[bytes, bytes] = {}
    if of_cell:
        ids = [one.key_id for one in stored]
        late = (await late_seals.to_cells(connection, conversation_id, ids, [cell_id]))[cell_id]
    return seals_of(stored, own.leaf.history_from_ms, wanted, of_cell, late)


def seals_of(
    stored: Collection[StoredKey],
    history_from_ms: int,
    wanted: Collection[bytes],
    of_cell: Collection[bytes],
    late: Mapping[bytes, bytes],
) -> Mapping[bytes, bytes | None]:
    """Return what :func:`seals_for` says. ``wanted``: the ids of the device's keys; ``of_cell``:
    those of its cell's; ``late``: late seals to these, by conversation key."""
    readable = [one for one in stored if one.created_ms >= history_from_ms]
    found: dict[bytes, bytes | None] = {one.key_id: None for one in stored}
    for one in readable:
        found[one.key_id] = (
            find_seal(one.seals, one.kem, wanted)
            or late.get(one.key_id)
            or find_seal(one.seals, one.kem, of_cell)
        )
    return found
