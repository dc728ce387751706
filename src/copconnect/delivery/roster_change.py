"""Changes rosters: new signed head, log entries, external Removes, all in the caller's transaction.

Invariants: a conversation's row is held before its roster is read; each change writes exactly one
``roster`` entry; every tree leaf whose certificate loses its place gets exactly one Remove for the
cell's current epoch. Where a Remove would leave nobody to commit it, or nobody has committed it
for long (commits.py), the cell is given up: the roster moves to a fresh, unfounded cell, so that no
conversation is ever stuck behind a dead group.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup
from copconnect.delivery import cell_store, log_store, roster_head, rules, store
from copconnect.delivery.mls.external_remove import external_remove
from copconnect.delivery.parts import Parts, wakeups_of
from copconnect.delivery.roster_tree import RosterTree
from copconnect.delivery.roster_tree import leaf as leaf_bytes
from copconnect.delivery.standing import CellState, Held
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, Epoch, PersonId, Seq, new_id
from copconnect.principals import RegisteredClient

log = structlog.get_logger()
Reason = Literal[
    "created",
    "members",
    "left",
    "device_added",
    "device_removed",
    "renewed",
    "refounded",
    "department",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEdit:
    """What changes in one conversation's roster."""

    reason: Reason
    by: PersonId | None
    sender: ClientId | None = None
    entry_id: EntryId = field(default_factory=lambda: EntryId(new_id()))
    add: Collection[RegisteredClient] = ()
    drop_clients: Collection[ClientId] = ()
    drop_people: Collection[PersonId] = ()
    drop_certificates: Collection[str] = ()
    added_people: Sequence[PersonId] = ()
    removed_people: Sequence[PersonId] = ()
    made_admin: Sequence[PersonId] = ()
    revoked_admin: Sequence[PersonId] = ()
    leave_out_if_full: bool = False  # Instead of refusing: the client stays out of the cell.
    give_up_cell: bool = False  # Move everybody to a fresh cell.
    even_if_same: bool = False  # Write the entry also when no leaf changes.


@dataclass(slots=True)
class _Written:
    """What the edits of one call write, gathered so that each table is written once."""

    entries: list[wire.LogEntry] = field(default_factory=list)
    added: list[tuple[ConversationId, wire.RosterLeaf]] = field(default_factory=list)
    removed: list[tuple[ConversationId, wire.RosterLeaf]] = field(default_factory=list)
    certificates: dict[str, bytes] = field(default_factory=dict)
    removals: list[tuple[CellId, int]] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    clients: dict[CellId, int] = field(default_factory=dict)
    new_cells: list[tuple[ConversationId, CellId, int]] = field(default_factory=list)
    dead_cells: list[CellId] = field(default_factory=list)


async def edit_rosters(
    connection: AsyncConnection,
    parts: Parts,
    held: Sequence[Held],
    edits: Mapping[ConversationId, RosterEdit],
) -> list[AnyWakeup]:
    """Apply one edit to each held conversation, in a constant number of statements.

    Returns the wake-ups to publish after commit. Raises CellFull.
    """
    ids = [one.conversation_id for one in held]
    cells: dict[ConversationId, CellState] = {}
    for cell in await cell_store.cells_in(connection, ids):
        cells.setdefault(cell.conversation_id, cell)  # One cell for now.
    leaves = await cell_store.leaves_in(connection, ids)
    pending = await cell_store.removals_of(connection, [cell.cell_id for cell in cells.values()])
    now_ms = parts.clock.now_ms()
    written = _Written()
    for one in held:
        cell = cells[one.conversation_id]
        waiting = {index for cell_id, index in pending if cell_id == cell.cell_id}
        current = leaves.get(one.conversation_id, [])
        _edit(parts, one, edits[one.conversation_id], cell, current, waiting, now_ms, written)
    await _write(connection, written, now_ms)
    return list(wakeups_of(written.entries))


def _edit(
    parts: Parts,
    held: Held,
    edit: RosterEdit,
    cell: CellState,
    current: list[wire.RosterLeaf],
    waiting: set[int],
    now_ms: int,
    written: _Written,
) -> None:
    conversation_id = held.conversation_id
    removed = [leaf for leaf in current if _drops(edit, leaf)]
    kept = [leaf for leaf in current if not _drops(edit, leaf)]
    added = _added(parts, edit, cell.cell_id, kept, written)
    if not (added or removed or edit.give_up_cell or edit.even_if_same):
        return
    named = {leaf.certificate_hash for leaf in (*kept, *added)}
    lost = [
        leaf.index
        for leaf in cell.leaves
        if leaf.certificate_hash not in named and leaf.index not in waiting
    ]
    if edit.give_up_cell or (lost and len(lost) + len(waiting) >= len(cell.leaves)):
        fresh = CellId(new_id())
        removed = current
        added = [msgspec.structs.replace(leaf, cell_id=fresh) for leaf in (*kept, *added)]
        kept, lost = [], []
        written.dead_cells.append(cell.cell_id)
        written.new_cells.append((conversation_id, fresh, _count(added)))
        log.info("cell_given_up", conversation_id=conversation_id, cell_id=cell.cell_id)
    else:
        written.clients[cell.cell_id] = _count([*kept, *added])
    head = roster_head.next_head(
        conversation_id,
        held.roster_head or None,
        RosterTree(leaf_bytes(leaf.cell_id, leaf.certificate_hash) for leaf in (*kept, *added)),
        now_ms,
        parts.authority.sign,
    )
    change = wire.RosterChange(
        head=head,
        added=added,
        removed=removed,
        added_people=list(edit.added_people),
        removed_people=list(edit.removed_people),
        made_admin=list(edit.made_admin),
        revoked_admin=list(edit.revoked_admin),
        by=edit.by,
        reason=edit.reason,
        cells=sorted({leaf.cell_id for leaf in (*added, *removed)}),
        people_added=len(edit.added_people),
        people_removed=len(edit.removed_people),
    )
    seq = held.last_seq + 1
    written.entries.append(
        wire.LogEntry(
            conversation_id=conversation_id,
            seq=Seq(seq),
            kind="roster",
            cell_id=None,
            epoch=None,
            sender=edit.sender,
            entry_id=edit.entry_id,
            sent_ms=now_ms,
            payload=msgspec.msgpack.encode(change),
        )
    )
    for index in lost:
        seq += 1
        written.entries.append(_proposal(parts, cell, index, Seq(seq), now_ms))
        written.removals.append((cell.cell_id, index))
    written.added += [(conversation_id, leaf) for leaf in added]
    written.removed += [(conversation_id, leaf) for leaf in removed]
    written.conversations.append(
        {
            "id": conversation_id,
            "last_seq": seq,
            "roster_epoch": held.roster_epoch + 1,
            "roster_head": head,
            "members": held.members + len(edit.added_people) - len(edit.removed_people),
        }
    )


def _drops(edit: RosterEdit, leaf: wire.RosterLeaf) -> bool:
    return (
        leaf.client_id in edit.drop_clients
        or leaf.person_id in edit.drop_people
        or leaf.certificate_hash in edit.drop_certificates
    )


def _added(
    parts: Parts,
    edit: RosterEdit,
    cell_id: CellId,
    kept: Sequence[wire.RosterLeaf],
    written: _Written,
) -> list[wire.RosterLeaf]:
    known = {leaf.certificate_hash for leaf in kept}
    placed = {leaf.client_id for leaf in kept}
    added: list[wire.RosterLeaf] = []
    for client in sorted(edit.add, key=lambda one: one.certificate_hash):
        if client.certificate_hash in known:
            continue
        if client.client_id not in placed and len(placed) >= parts.cell_size:
            if not edit.leave_out_if_full:
                raise errors.CellFull(limit=parts.cell_size)
            log.warning("client_left_out_of_full_cell", cell_id=cell_id)
            continue
        known.add(client.certificate_hash)
        placed.add(client.client_id)
        written.certificates[client.certificate_hash] = client.certificate
        added.append(
            wire.RosterLeaf(
                cell_id=cell_id,
                certificate_hash=client.certificate_hash,
                client_id=client.client_id,
                person_id=client.person_id,
            )
        )
    return added


def _proposal(parts: Parts, cell: CellState, index: int, seq: Seq, now_ms: int) -> wire.LogEntry:
    epoch = cell.epoch or Epoch(0)
    return wire.LogEntry(
        conversation_id=cell.conversation_id,
        seq=seq,
        kind="proposal",
        cell_id=cell.cell_id,
        epoch=epoch,
        sender=None,
        entry_id=EntryId(new_id()),
        sent_ms=now_ms,
        payload=external_remove(
            rules.group_id(cell.conversation_id, cell.cell_id),
            epoch,
            index,
            parts.authority.sign,
        ),
    )


def _count(leaves: Sequence[wire.RosterLeaf]) -> int:
    return len({leaf.client_id for leaf in leaves})


async def _write(connection: AsyncConnection, written: _Written, now_ms: int) -> None:
    if not written.entries:
        return
    await cell_store.change_leaves(connection, written.added, written.removed, written.certificates)
    if written.dead_cells:
        await cell_store.drop_cells(connection, written.dead_cells)
        await cell_store.add_cells(connection, written.new_cells)
    await cell_store.set_clients(connection, written.clients)
    await cell_store.add_removals(connection, written.removals, now_ms)
    await store.change_conversations(connection, written.conversations)
    heads = [(c["id"], c["roster_epoch"], c["roster_head"]) for c in written.conversations]
    await store.add_roster_heads(connection, heads, now_ms)
    await log_store.add_entries(connection, written.entries)
