"""Commits into the log, join leases, group info and Welcomes."""

import hashlib
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup
from copconnect.delivery import (
    cell_store,
    leaf_store,
    log_store,
    rules,
    sealed_rules,
    standing_store,
    store,
)
from copconnect.delivery.accepting import AlreadyAccepted, check_known
from copconnect.delivery.keys import take_record
from copconnect.delivery.parts import Parts, wakeup_of
from copconnect.delivery.roster_change import RosterEdit, edit_rosters
from copconnect.delivery.roster_plan import LeafEdit
from copconnect.delivery.sealed_rules import RecordPlace
from copconnect.ids import CellId, ClientId, ConversationId, EntryId
from copconnect.principals import Caller


async def _take_key(
    connection: AsyncConnection, place: RecordPlace, body: wire.UploadCommit, now_ms: int
) -> tuple[bytes | None, list[AnyWakeup]]:
    """Take the key record of the commit's epoch, of several cells; return its key id."""
    if body.key_record is None or body.signer_proof is None:
        return None, []
    record, more = await take_record(connection, place, body.key_record, body.signer_proof, now_ms)
    return record.key_id, more


class Commits:
    """Orders commits: one for each cell and epoch."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def upload(
        self,
        caller: Caller,
        conversation_id: ConversationId,
        cell_id: CellId,
        body: wire.UploadCommit,
    ) -> wire.Accepted:
        """Append a commit and replace the cell's group info."""
        parts = self._parts
        authority = (parts.authority.public_key, parts.authority.certificate)
        group = rules.group_id(conversation_id, cell_id)
        now_ms = parts.clock.now_ms()
        try:
            async with parts.database.transaction() as connection:
                seq = await store.advance(connection, conversation_id, None)
                found = await standing_store.standing(
                    connection,
                    conversation_id,
                    cell_id,
                    caller,
                    EntryId(body.entry_id),
                    advanced=True,
                )
                if seq is None or found is None:
                    raise errors.NotMember
                standing, known, suite = found
                check_known(known, caller, "commit")
                rules.check_place_of_commit(standing, body)
                parsed = rules.parse_commit(body, group, suite, authority)
                group_before = await cell_store.group_of(connection, cell_id)
                before = [] if group_before is None else group_before[1]
                leaves = await leaf_store.leaves_of_cells(connection, [conversation_id], [cell_id])
                roster = {
                    one.certificate_hash: one.client_id for one in leaves.get(conversation_id, [])
                }
                pending = await cell_store.removals_of(connection, [cell_id])
                effect = rules.judge_commit(
                    parsed,
                    body,
                    standing,
                    caller.client_id,
                    before,
                    roster,
                    {index for _, index in pending},
                )
                entry = wire.LogEntry(
                    conversation_id=conversation_id,
                    seq=seq,
                    kind="commit",
                    cell_id=cell_id,
                    epoch=body.epoch,
                    sender=caller.client_id,
                    entry_id=EntryId(body.entry_id),
                    sent_ms=now_ms,
                    payload=body.commit,
                )
                await log_store.add_entries(connection, [entry])
                place = RecordPlace(
                    conversation_id=conversation_id,
                    cell_id=cell_id,
                    suite=suite,
                    epoch=effect.epoch,
                    tree_hash=hashlib.sha256(parsed.after.tree_hash).digest(),
                    signer=caller.client_id,
                    roster=roster,
                )
                key_id, more = await _take_key(connection, place, body, now_ms)
                await cell_store.set_epoch(
                    connection,
                    cell_id,
                    effect.epoch,
                    seq,
                    key_id=key_id,
                    # Who was removed must not read on with the old key.
                    previous_until_ms=None if pending else now_ms + sealed_rules.GRACE_MS,
                )
                await cell_store.store_group(connection, cell_id, body.group_info, effect.leaves)
                if pending:
                    await cell_store.clear_removals(connection, cell_id)
                if body.welcome is not None:
                    await cell_store.add_welcome(
                        connection,
                        cell_id,
                        effect.epoch,
                        seq,
                        body.welcome,
                        effect.added,
                        now_ms,
                    )
                if parsed.external:
                    await cell_store.drop_welcomes(connection, [caller.client_id], cell_id)
                more += await self._drop_replaced(
                    connection,
                    conversation_id,
                    dict.fromkeys(
                        rules.replaced_certificates(
                            caller.client_id, before, effect.leaves, roster
                        ),
                        caller.client_id,
                    ),
                )
        except AlreadyAccepted as already:
            return already.accepted
        await parts.bus.publish([wakeup_of(entry), *more])
        return wire.Accepted(seq=seq, sent_ms=now_ms, epoch=effect.epoch)

    async def _drop_replaced(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        replaced: Mapping[str, ClientId],
    ) -> list[AnyWakeup]:
        """A client brought its renewed certificate into the tree: the roster drops the old one."""
        if not replaced:
            return []
        held = await store.hold(connection, [conversation_id])
        edit = RosterEdit(reason="renewed", by=None, leaves=LeafEdit(drop_certificates=replaced))
        return await edit_rosters(connection, self._parts, held, {conversation_id: edit})

    async def _give_up_cell(
        self, connection: AsyncConnection, conversation_id: ConversationId, cell_id: CellId
    ) -> list[AnyWakeup]:
        """Nobody who is online can commit the cell's Removes: found a cell without the removed."""
        held = await store.hold(connection, [conversation_id])
        edit = RosterEdit(reason="refounded", by=None, leaves=LeafEdit(give_up=cell_id))
        return await edit_rosters(connection, self._parts, held, {conversation_id: edit})

    async def lease(
        self, caller: Caller, conversation_id: ConversationId, cell_id: CellId
    ) -> wire.GroupInfoLease:
        """Give the caller the cell's group info and the right to join it for a moment."""
        parts = self._parts
        now_ms = parts.clock.now_ms()
        moved: list[AnyWakeup] = []
        refusal: errors.CopConnectError
        async with parts.database.transaction() as connection:
            if not await store.hold(connection, [conversation_id]):
                raise errors.NotMember
            found = await standing_store.standing(connection, conversation_id, cell_id, caller)
            if found is None:
                raise errors.NotMember
            standing = found[0]
            try:
                rules.check_lease(standing, caller.client_id, now_ms)
            except errors.RemovalPending:
                oldest_ms = await cell_store.oldest_removal_ms(connection, cell_id)
                if oldest_ms is None or now_ms - oldest_ms < rules.STUCK_MS:
                    raise
                moved = await self._give_up_cell(connection, conversation_id, cell_id)
                refusal = errors.CellUnfounded()
            except errors.JoinBusy as busy:
                await cell_store.turned_away(connection, cell_id, caller.client_id, now_ms)
                refusal = busy
            else:
                group = await cell_store.group_of(connection, cell_id)
                if standing.epoch is None or group is None:
                    raise errors.CellUnfounded
                await cell_store.take_lease(
                    connection, cell_id, caller.client_id, now_ms, now_ms + rules.LEASE_MS
                )
                return wire.GroupInfoLease(
                    epoch=standing.epoch, group_info=group[0], expires_in_ms=rules.LEASE_MS
                )
        await parts.bus.publish(moved)
        raise refusal

    async def welcome(
        self, caller: Caller, conversation_id: ConversationId, cell_id: CellId
    ) -> wire.PendingWelcome:
        """Return the caller's pending Welcome. Raises NotFound when there is none."""
        async with self._parts.database.reading() as connection:
            cells = await leaf_store.cells_of_client(connection, conversation_id, caller.client_id)
            if cell_id not in cells:
                raise errors.NotMember
            found = await cell_store.welcome_of(connection, cell_id, caller.client_id)
        if found is None:
            raise errors.NotFound
        return found

    async def forget_welcome(
        self, caller: Caller, conversation_id: ConversationId, cell_id: CellId
    ) -> None:
        """The caller has joined: delete its pending Welcome, if any."""
        async with self._parts.database.transaction() as connection:
            cells = await leaf_store.cells_of_client(connection, conversation_id, caller.client_id)
            if cell_id not in cells:
                raise errors.NotMember
            await cell_store.drop_welcomes(connection, [caller.client_id], cell_id)
