"""A new incarnation of every conversation, after a backup of the server was restored.

Devices may know heads that the backup has not. So the roster authority signs, for each
conversation, a head whose epoch is the incarnation's number: devices take the higher epoch (they
check ``previous`` only where they hold the head before), every former key and cell key is unusable,
and each device sends again those of its messages that the log lost (S8). Versions that devices
compare rise to the same number, so that nothing that was lost is newer, and no epoch repeats.

The server is stopped meanwhile. Conversations are taken some at a time, each batch in one
transaction; after a crash in between, running it again begins another incarnation and moves all
once more, which harms nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.store import conversations, rosters
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.rosters import CurrentCell, KeptHead
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.roster import RosterHead, lines_tree
from copconnect.records.primitives.fields import sha256

_TOGETHER = 200


async def begin_incarnation(deps: DeliveryDependencies, number: int) -> int:
    """Sign the head of every conversation in the incarnation of this number; return how many there
    are."""
    done, after = 0, ""
    while True:
        async with deps.database.transaction() as connection:
            found = await rosters.all_ids(connection, after, _TOGETHER)
            if not found:
                return done
            await _renew(connection, deps, found, number)
        done, after = done + len(found), found[-1]


async def _renew(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    conversation_ids: Sequence[ConversationId],
    number: int,
) -> None:
    held = await conversations.hold(connection, conversation_ids)
    cells = await rosters.current_cells(connection, conversation_ids)
    epochs = {one.conversation_id: max(one.epoch + 1, number) for one in held}
    renewed = {
        one: [replace(cell, line=replace(cell.line, rekey_epoch=epoch)) for cell in cells[one]]
        for one, epoch in epochs.items()
    }
    # Devices refuse a KEM that goes back (R4): the backup may be of before it was raised.
    kems = {one.conversation_id: max(one.kem, deps.options.kem) for one in held}
    heads = [
        _head(deps, one, epochs[one.conversation_id], kems, renewed[one.conversation_id])
        for one in held
    ]
    places = [(c, CellId(cell.line.cell_id.hex())) for c, own in cells.items() for cell in own]
    await rosters.close_lines(connection, [(c, cell, epochs[c]) for c, cell in places])
    await rosters.open_lines(
        connection, [(c, epochs[c], cell) for c, own in renewed.items() for cell in own]
    )
    await rosters.add_heads(connection, heads)
    await conversations.change(
        connection,
        [
            {
                "conversation_id": one.conversation_id,
                "roster_epoch": one.epoch,
                "rekey_epoch": one.epoch,
                "kem": kems[one.conversation_id],
                "head": one.head,
                "head_hash": one.hash,
                "head_ms": one.created_ms,
            }
            for one in heads
        ],
    )
    await conversations.raise_versions(connection, conversation_ids, number)


def _head(
    deps: DeliveryDependencies,
    held: ConversationRow,
    epoch: int,
    kems: Mapping[ConversationId, int],
    cells: Sequence[CurrentCell],
) -> KeptHead:
    draft = RosterHead(
        conversation_id=bytes.fromhex(held.conversation_id),
        epoch=epoch,
        previous=held.head_hash,
        kem=kems[held.conversation_id],
        rekey_epoch=epoch,
        latest_history_from=max((cell.latest_history_from for cell in cells), default=0),
        created=max(deps.clock.now_ms(), held.head_ms),
        devices=held.devices,
        root=lines_tree([cell.line for cell in cells]).root,
    )
    encoded = deps.signer.signed(draft).encode()
    return KeptHead(held.conversation_id, epoch, encoded, sha256(encoded), draft.created)
