"""Cell keys: records that devices were asked for (C1), flags (C2), and what senders seal by.

The first record that answers a question for a cell's key is stored, also if a head has come since
the question; records that the server asked nobody for are refused. Repeating the same record
changes nothing. Storing a key does not lock the conversation's row: where a removal commits at the
same time, the key is too old for every sender (S4). The keys of two cells do not wait for each
other either: a reader asks for the keys that were stored after a time. The sockets ask
(delivery/live) after the third person's flag.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import CellKeyFlaggedWakeup, CellKeyWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.proofs import cell_paths
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules import cell_keys as rules
from copconnect.delivery.rules.limits import FLAGS
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.rules.seals import check_device_seals, find_seal, recipients
from copconnect.delivery.store import cell_keys, conversations, leaves, rosters
from copconnect.delivery.store.cell_keys import StoredCellKey
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import CellId, ConversationId
from copconnect.limits import CELL_KEY_SHARED_MS
from copconnect.principals import Caller
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import CellLine
from copconnect.records.primitives.kem import seal_bytes
from copconnect.wire import CELL_SIZE

# A transaction that stores a cell key commits within this time after the time in its row, by the
# clock of another node. A row number or the database's clock would precede the commit too, and a
# number drawn at the commit would make the cells of a conversation wait for each other. A key whose
# transaction takes longer is missed by senders: late seals serve its cell (S9).
COMMITTED_MS = 10_000


@dataclass(frozen=True, slots=True)
class KeysOfCell:
    """The kept keys of a cell, oldest first, its line, and by key id its author's leaf ‖ path."""

    stored: Sequence[StoredCellKey]
    line: CellLine
    paths: Mapping[bytes, bytes]

    def of_device(
        self, history_from_ms: int, wanted: Collection[bytes], now_ms: int
    ) -> tuple[list[wire.CellKeyItem], set[bytes]]:
        """Return the keys that are sealed to a device, and the one in use if others may share it
        (H3); with the ids of all that are not sealed to it. It asks for the secrets that are sealed
        to a former one, not for that. ``wanted``: the ids of the device's keys.

        A former author that the cell does not list any more has an empty proof: a reader checks
        the secret against the record alone (C2)."""
        seals = {
            key.key_id: find_seal(key.seals, key.kem, wanted)
            for key in self.stored
            if key.created_ms >= history_from_ms
        }
        newest = max(self.stored, key=lambda key: key.order(), default=None)
        keys: list[wire.CellKeyItem] = []
        closed: set[bytes] = set()
        for key in self.stored:
            seal = seals.get(key.key_id)
            shared = (
                key is newest
                and key.usable(self.line.rekey_epoch, key.kem, now_ms)
                and key.created_ms >= history_from_ms + CELL_KEY_SHARED_MS
            )
            if seal is None:
                closed.add(key.key_id)
            if seal is not None or shared:
                proof = self.paths.get(key.key_id, b"")
                keys.append(wire.CellKeyItem(record=key.record, author_proof=proof, seal=seal))
        return keys, closed

    def usable(self, kem: int, now_ms: int) -> bytes | None:
        """Return the id of the key to which senders seal; None: the cell lacks one (S4)."""
        newest = max(self.stored, key=lambda key: key.order(), default=None)
        if newest is None or not newest.usable(self.line.rekey_epoch, kem, now_ms):
            return None
        return newest.key_id


class CellKeyExchange:
    """Takes and gives cell keys. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    # --- Submitting ---------------------------------------------------------------------------

    async def submit(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SubmitCellKey
    ) -> None:
        """Store the key that the calling device was asked for.

        Raises RecordInvalid, NotMember, NotAsked, StaleRecord, SealsInvalid, HaveKey.
        """
        deps = self._deps
        record = rules.read_record(
            body.record, bytes.fromhex(conversation_id), caller.device, caller.public_key
        )
        async with deps.database.transaction() as connection:
            own = await require_listed(connection, caller, conversation_id)
            (held,) = await conversations.read(connection, [conversation_id])
            known = await cell_keys.by_id(connection, conversation_id, record.key_id())
            if known is not None and known.record == body.record:
                return
            if own.cell_id != record.cell_id.hex():
                raise errors.RecordInvalid(rule="S4", reason="author is not in the cell")
            devices = await self._judge(connection, held, own, record, body)
            key = StoredCellKey(
                cell_id=own.cell_id,
                key_id=record.key_id(),
                epoch=record.epoch,
                generation=record.generation,
                created_ms=record.created,
                author=record.author,
                kem=record.kem,
                stored_ms=deps.clock.now_ms(),
                record=body.record,
                seals=body.seals,
            )
            if not await cell_keys.add(connection, conversation_id, key):
                raise errors.HaveKey
            connection.after_commit(
                CellKeyWakeup(
                    conversation_id=conversation_id,
                    cell_id=own.cell_id,
                    record=body.record,
                    seals=body.seals,
                    size=seal_bytes(held.kem),
                    devices=devices,
                )
            )

    async def _judge(
        self,
        connection: AsyncConnection,
        held: ConversationRow,
        own: PlacedLeaf,
        record: CellKey,
        body: wire.SubmitCellKey,
    ) -> list[bytes]:
        """Return the devices to which a key is sealed, in the order of the seals. Raises NotAsked,
        HaveKey, StaleRecord, SealsInvalid."""
        c, cell_id = held.conversation_id, own.cell_id
        asked = await cell_keys.asked_under(
            connection, c, cell_id, record.epoch, record.generation, record.author
        )
        if asked is None:
            raise errors.NotAsked
        if await cell_keys.has_since(connection, c, cell_id, asked, record.generation):
            raise errors.HaveKey
        (line,) = await rosters.current_lines(connection, c, [cell_id])
        rules.check_record(
            record,
            await rosters.named_head(connection, c, record.epoch),
            cell_rekey_epoch=line.rekey_epoch,
            kem=held.kem,
            newest=held.epoch,
            now_ms=self._deps.clock.now_ms(),
        )
        sealed_to = recipients(body.seals, held.kem, CELL_SIZE)
        cell = await leaves.devices_of_cells_at(connection, c, [cell_id], record.epoch)
        owners = await self._deps.devices.devices_of_keys(connection, sealed_to)
        left_out = [bytes.fromhex(one) for one in body.left_out]
        check_device_seals(sealed_to, left_out, cell, owners)
        return [owners[one] for one in sealed_to]

    async def flag(
        self, caller: Caller, conversation_id: ConversationId, body: wire.FlagCellKey
    ) -> None:
        """Note that the calling device cannot open a key of its cell (C2). Raises NotFound."""
        deps, key_id = self._deps, bytes.fromhex(body.key_id)
        async with deps.database.transaction() as connection:
            own = await require_listed(connection, caller, conversation_id)
            known = await cell_keys.by_id(connection, conversation_id, key_id)
            if known is None or known.cell_id != own.cell_id:
                raise errors.NotFound
            count = await cell_keys.flag(
                connection, conversation_id, key_id, caller.person_id, deps.clock.now_ms()
            )
            if count is not None and count >= FLAGS:
                connection.after_commit(
                    CellKeyFlaggedWakeup(conversation_id=conversation_id, cell_id=own.cell_id)
                )

    # --- Reading ------------------------------------------------------------------------------

    async def all(
        self, caller: Caller, conversation_id: ConversationId, since: int = 0
    ) -> wire.CellKeys:
        """Return all cell lines, and the cells' usable keys that were stored after a version, or
        shortly before it: their transactions may have committed later."""
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        after_ms = min(since, now_ms) - COMMITTED_MS  # The clock may have gone back since.
        async with deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            (held,) = await conversations.read(connection, [conversation_id])
            lines = await rosters.current_lines(connection, conversation_id)
            newest = await cell_keys.newest(connection, conversation_id, after_ms=after_ms)
            by_cell = {CellId(one.cell_id.hex()): one for one in lines}
            usable = {
                cell_id: key
                for cell_id, key in newest.items()
                if cell_id in by_cell and key.usable(by_cell[cell_id].rekey_epoch, held.kem, now_ms)
            }
            paths = await self._author_paths(connection, conversation_id, usable.values(), by_cell)
        return wire.CellKeys(
            version=now_ms,
            head=held.head,
            stamp=deps.stamps.of(conversation_id, held.head_hash),
            lines=b"".join([one.encode() for one in lines]),
            keys=[
                wire.CellKeyItem(record=key.record, author_proof=paths[key.key_id], seal=None)
                for key in usable.values()
                if key.key_id in paths
            ],
        )

    async def own(self, caller: Caller, conversation_id: ConversationId) -> wire.OwnCellKeys:
        """Return the keys of the calling device's cell that it can open or may be given."""
        deps = self._deps
        async with deps.database.reading() as connection:
            own = await require_listed(connection, caller, conversation_id)
            cells = await self.of_cells(connection, conversation_id, [own.cell_id])
            rows = await deps.devices.device_keys(connection, [caller.device])
        wanted = [row.key_id for row in rows.get(caller.device, ())]
        keys, _ = cells[own.cell_id].of_device(
            own.leaf.history_from_ms, wanted, deps.clock.now_ms()
        )
        return wire.OwnCellKeys(keys=keys)

    async def of_cells(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        cell_ids: Collection[CellId],
    ) -> dict[CellId, KeysOfCell]:
        """Return the kept keys of these cells. Four statements at most, however many they are."""
        stored = await self._deps.keys.of_cells(connection, conversation_id, cell_ids)
        current = await rosters.current_lines(connection, conversation_id, cell_ids)
        lines = {CellId(one.cell_id.hex()): one for one in current}
        keys = (key for own in stored.values() for key in own)
        paths = await self._author_paths(connection, conversation_id, keys, lines)
        return {one: KeysOfCell(stored[one], line, paths) for one, line in lines.items()}

    async def _author_paths(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        stored: Iterable[StoredCellKey],
        lines: Mapping[CellId, CellLine],
    ) -> dict[bytes, bytes]:
        """Return by key id the author's leaf ‖ path under its cell's current line."""
        asked = [(key, lines[key.cell_id]) for key in stored if key.cell_id in lines]
        wanted = {(line, key.author) for key, line in asked}
        found = await cell_paths(connection, self._deps.trees, conversation_id, wanted)
        return {
            key.key_id: found[line, key.author]
            for key, line in asked
            if (line, key.author) in found
        }
