"""Cell key records in, and out to senders. A record comes with its epoch's commit, or for an epoch
that has none yet because the conversation had one cell when it began."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, SealWantedWakeup
from copconnect.delivery import (
    cell_store,
    key_store,
    leaf_store,
    rules,
    sealed_rules,
    sealed_store,
    standing_store,
    store,
)
from copconnect.delivery.mls.group_info import read_group_info
from copconnect.delivery.parts import Parts
from copconnect.delivery.roster_tree import RosterTree, leaf
from copconnect.delivery.sealed.format import SealedRefused, expires_ms
from copconnect.delivery.sealed.record import CellKeyRecord, read_record
from copconnect.delivery.sealed_rules import RecordPlace
from copconnect.delivery.standing import SignedKey
from copconnect.ids import CellId, ConversationId, Epoch
from copconnect.principals import Caller


async def take_record(
    connection: AsyncConnection, place: RecordPlace, data: bytes, proof: bytes, now_ms: int
) -> tuple[CellKeyRecord, list[AnyWakeup]]:
    """Judge and keep the record that is due. The conversation's row must be held.

    Returns it with the wake-ups to publish after commit. Raises KeyRecordInvalid, StaleRoster.
    """
    try:
        record = read_record(data)
    except SealedRefused as refused:
        raise errors.KeyRecordInvalid(reason=str(refused)) from refused
    sealed_rules.check_record_place(record, place)
    certificate = await key_store.certificate(connection, record.signer)
    head = await key_store.head_at(connection, place.conversation_id, record.roster_epoch)
    sealed_rules.check_record(record, certificate or b"", proof, head, now_ms)
    until_ms = expires_ms(certificate or b"")
    await key_store.add_record(connection, record, data, proof, now_ms, until_ms)
    senders = await sealed_store.senders_missing(connection, place.cell_id)
    wanted: list[AnyWakeup] = []
    if senders:
        wanted.append(
            SealWantedWakeup(
                conversation_id=place.conversation_id,
                cell_id=place.cell_id,
                client_ids=sorted(senders),
            )
        )
    return record, wanted


class Keys:
    """Serves and takes key records. Holds no state of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put(
        self,
        caller: Caller,
        conversation_id: ConversationId,
        cell_id: CellId,
        body: wire.UploadKeyRecord,
    ) -> None:
        """Take the first record of the cell's current epoch; the same one again is fine."""
        parts = self._parts
        now_ms = parts.clock.now_ms()
        async with parts.database.transaction() as connection:
            await store.hold(connection, [conversation_id])
            found = await standing_store.standing(connection, conversation_id, cell_id, caller)
            if found is None:
                raise errors.NotMember
            standing, _, suite = found
            rules.check_placed(standing)
            if standing.cells == 1:
                raise errors.WrongMode(cells=1)
            if standing.epoch is None:
                raise errors.CellUnfounded
            existing = await key_store.record_of(connection, cell_id, standing.epoch)
            if existing is not None:
                if existing != body.record:
                    raise errors.KeyRecordExists
                return
            rules.check_settled(standing)
            place = await self._place(
                connection, caller, conversation_id, cell_id, suite, standing.epoch
            )
            record, wanted = await take_record(
                connection, place, body.record, body.signer_proof, now_ms
            )
            await key_store.set_key(connection, cell_id, record.key_id)
        await parts.bus.publish(wanted)

    async def _place(
        self,
        connection: AsyncConnection,
        caller: Caller,
        conversation_id: ConversationId,
        cell_id: CellId,
        suite: int,
        epoch: Epoch,
    ) -> RecordPlace:
        """Return the place of a record without a commit: its signer must be in the tree already."""
        group = await cell_store.group_of(connection, cell_id)
        if group is None:
            raise errors.CellUnfounded
        group_info, tree = group
        leaves = await leaf_store.leaves_of_cells(connection, [conversation_id], [cell_id])
        inside = {one.certificate_hash for one in tree}
        return RecordPlace(
            conversation_id=conversation_id,
            cell_id=cell_id,
            suite=suite,
            epoch=epoch,
            tree_hash=hashlib.sha256(read_group_info(group_info).tree_hash).digest(),
            signer=caller.client_id,
            roster={
                one.certificate_hash: one.client_id
                for one in leaves.get(conversation_id, [])
                if one.certificate_hash in inside
            },
        )

    async def newest(
        self, caller: Caller, conversation_id: ConversationId, since: int
    ) -> wire.CellKeys:
        """Return what a sender needs to seal for every cell that is ready. Raises NotMember."""
        parts = self._parts
        async with parts.database.reading() as connection:
            if not await leaf_store.cells_of_client(connection, conversation_id, caller.client_id):
                raise errors.NotMember
            found = await store.newest_roster(connection, conversation_id)
            if found is None:
                raise errors.NotMember
            head, _ = found
            version = await key_store.version(connection, conversation_id)
            cells = await key_store.states(connection, conversation_id, parts.clock.now_ms())
            signed = await key_store.newest_keys(connection, conversation_id, since)
            # The tree may have to be read, and most answers bring no key.
            tree = await parts.trees.tree(connection, conversation_id, head) if signed else None
        return wire.CellKeys(
            version=version,
            head=head,
            cells=sorted(sealed_rules.needed(cells)),
            keys=[_shown(key, tree) for key in signed] if tree is not None else [],
        )


def _shown(key: SignedKey, tree: RosterTree) -> wire.CellKey:
    """Return a key with the proof that its signer is named for its cell now, if that is so."""
    signer = leaf(key.cell_id, key.signer)
    return wire.CellKey(
        cell_id=key.cell_id,
        epoch=key.epoch,
        key_id=key.key_id,
        record=key.record,
        certificate=key.certificate,
        signer_proof=b"" if tree.find(signer) is None else tree.inclusion_proof(signer),
    )
