"""Changes rosters: new signed head, log entries, external Removes, all in the caller's transaction.

Invariants: a conversation's row is held before its roster is read; each change writes exactly one
``roster`` entry; every tree leaf whose certificate loses its place gets exactly one Remove for the
cell's current epoch. Where a Remove would leave nobody to commit it, or nobody has committed it
for long (commits.py), the cell is given up: its leaves move to a fresh, unfounded cell, so that no
conversation is ever stuck behind a dead group. What becomes of the cells is roster_plan.py's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import AnyWakeup
from copconnect.delivery import (
    cell_store,
    leaf_store,
    log_store,
    roster_head,
    roster_plan,
    rules,
    sealed_store,
    store,
)
from copconnect.delivery.mls.external_remove import external_remove
from copconnect.delivery.parts import Parts, wakeups_of
from copconnect.delivery.roster_plan import Draft, LeafEdit, Places, Settled, clients_in
from copconnect.delivery.roster_tree import RosterTree
from copconnect.delivery.roster_tree import leaf as leaf_bytes
from copconnect.delivery.standing import CellRow, Held
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, Epoch, PersonId, Seq, new_id

MOST_PEOPLE = 50  # Named in the entry of a roster of several cells.
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
_Cells = Mapping[CellId, CellRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEdit:
    """What changes in one conversation's roster, and what its entry says about it."""

    reason: Reason
    by: PersonId | None
    leaves: LeafEdit
    sender: ClientId | None = None
    entry_id: EntryId = field(default_factory=lambda: EntryId(new_id()))
    added_people: Sequence[PersonId] = ()
    removed_people: Sequence[PersonId] = ()
    made_admin: Sequence[PersonId] = ()
    revoked_admin: Sequence[PersonId] = ()
    even_if_same: bool = False  # Write the entry also when no leaf changes.


@dataclass(slots=True)
class _Written:
    """What the edits of one call write, gathered so that each table is written once."""

    entries: list[wire.LogEntry] = field(default_factory=list)
    added: list[tuple[ConversationId, wire.RosterLeaf]] = field(default_factory=list)
    removed: list[tuple[ConversationId, wire.RosterLeaf]] = field(default_factory=list)
    certificates: dict[str, bytes] = field(default_factory=dict)
    newcomers: dict[tuple[ConversationId, ClientId], Epoch] = field(default_factory=dict)
    removals: list[tuple[CellId, int]] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    clients: list[tuple[CellId, int, Seq]] = field(default_factory=list)
    new_cells: list[tuple[ConversationId, CellId, int]] = field(default_factory=list)
    dead_cells: list[CellId] = field(default_factory=list)
    successors: dict[CellId, CellId] = field(default_factory=dict)
    moved: list[tuple[ConversationId, ClientId, CellId, Seq]] = field(default_factory=list)


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
    cells = await cell_store.cells_in(connection, ids)
    drafts = await _drafts(connection, parts, held, edits, cells)
    concerned = {cell_id for drafted in drafts.values() for cell_id in drafted.concerned}
    places: dict[ConversationId, Places] = {
        one: {cell_id: [] for cell_id in drafted.concerned} for one, drafted in drafts.items()
    }
    if concerned:
        there = await leaf_store.leaves_of_cells(connection, ids, concerned)
        for conversation_id, leaves in there.items():
            for leaf in leaves:
                places[conversation_id][leaf.cell_id].append(leaf)
    losing = {cell_id for one in ids for cell_id in _losing(edits[one], drafts[one])}
    trees = await cell_store.trees_of(connection, losing) if losing else {}
    waiting = await cell_store.removals_of(connection, losing) if losing else set()
    settled = {
        one: roster_plan.settle(
            drafts[one],
            cells.get(one, {}).keys(),
            places[one],
            trees,
            waiting,
            give_up=edits[one].leaves.give_up,
            new_cell=_new_cell,
        )
        for one in ids
    }
    changed = [
        one
        for one in held
        if settled[one.conversation_id].changed or edits[one.conversation_id].even_if_same
    ]
    rosters = await _rosters(connection, parts, changed, settled)
    now_ms = parts.clock.now_ms()
    written = _Written()
    for one in changed:
        known, tree = cells.get(one.conversation_id, {}), rosters[one.conversation_id]
        edit, after = edits[one.conversation_id], settled[one.conversation_id]
        _edit(parts, one, edit, known, after, tree, now_ms, written)
    await _write(connection, written, now_ms)
    return list(wakeups_of(written.entries))


async def _drafts(
    connection: AsyncConnection,
    parts: Parts,
    held: Sequence[Held],
    edits: Mapping[ConversationId, RosterEdit],
    cells: Mapping[ConversationId, _Cells],
) -> dict[ConversationId, Draft]:
    old = [one.conversation_id for one in held if one.roster_epoch != rules.NO_ROSTER]
    people = {person for one in old for person in edits[one].leaves.people}
    clients = {client for one in old for client in edits[one].leaves.clients}
    named: leaf_store.Leaves = {}
    if people or clients:
        named = await leaf_store.leaves_named(connection, old, clients, people)
    several = [one.conversation_id for one in held if one.cells > 1]
    unsealed = await sealed_store.with_missing_seals(connection, several) if several else set()
    return {
        one.conversation_id: roster_plan.draft(
            edits[one.conversation_id].leaves,
            cells.get(one.conversation_id, {}),
            named.get(one.conversation_id, []),
            only_cell=one.kind == "direct",
            may_merge=one.conversation_id not in unsealed,
            cell_size=parts.cell_size_of(one.suite),
            new_cell=_new_cell,
        )
        for one in held
    }


def _losing(edit: RosterEdit, drafted: Draft) -> set[CellId]:
    """Return the cells whose MLS trees may hold leaves that go."""
    losing = {cell_id for cell_id, _ in drafted.dropped}
    more = (drafted.merge_into, edit.leaves.give_up)
    return losing | {cell_id for cell_id in more if cell_id is not None}


async def _rosters(
    connection: AsyncConnection,
    parts: Parts,
    held: Sequence[Held],
    settled: Mapping[ConversationId, Settled],
) -> dict[ConversationId, RosterTree]:
    """Return the Merkle trees after the edits: from what was read where that is everything, else
    from the tree before."""
    before = await parts.trees.trees(
        connection,
        {
            one.conversation_id: one.roster_head
            for one in held
            if len(settled[one.conversation_id].before) < one.cells
        },
    )
    trees: dict[ConversationId, RosterTree] = {}
    for one in held:
        after = settled[one.conversation_id]
        known = before.get(one.conversation_id)
        if known is None:
            leaves = (leaf for those in after.after.values() for leaf in those)
            trees[one.conversation_id] = RosterTree(map(_leaf_bytes, leaves))
        else:
            gone = set(map(_leaf_bytes, after.removed))
            trees[one.conversation_id] = known.edited(list(map(_leaf_bytes, after.added)), gone)
            parts.trees.keep(trees[one.conversation_id])
    return trees


def _edit(
    parts: Parts,
    held: Held,
    edit: RosterEdit,
    cells: _Cells,
    settled: Settled,
    tree: RosterTree,
    now_ms: int,
    written: _Written,
) -> None:
    conversation_id = held.conversation_id
    count = len(cells) + len(settled.opened) - len(settled.gone)
    head = roster_head.next_head(
        conversation_id, held.roster_head or None, tree, now_ms, parts.authority.sign
    )
    seq = Seq(held.last_seq + 1)
    written.entries.append(
        wire.LogEntry(
            conversation_id=conversation_id,
            seq=seq,
            kind="roster",
            cell_id=None,
            epoch=None,
            sender=edit.sender,
            entry_id=edit.entry_id,
            sent_ms=now_ms,
            payload=msgspec.msgpack.encode(
                _change(head, edit, settled, whole=max(len(cells), count) == 1)
            ),
        )
    )
    newest: dict[CellId, Seq] = {}
    for at, (cell_id, index) in enumerate(settled.lost, start=1):
        newest[cell_id] = Seq(seq + at)
        epoch = cells[cell_id].epoch or Epoch(0)
        written.entries.append(
            _proposal(parts, conversation_id, cell_id, epoch, index, newest[cell_id], now_ms)
        )
    written.removals += settled.lost
    written.added += [(conversation_id, leaf) for leaf in settled.added]
    written.removed += [(conversation_id, leaf) for leaf in settled.removed]
    clients_before = {leaf.client_id for those in settled.before.values() for leaf in those}
    written.newcomers |= {
        (conversation_id, leaf.client_id): Epoch(held.roster_epoch + 1)
        for leaf in settled.added
        if leaf.client_id not in clients_before
    }
    named = {leaf.certificate_hash for leaf in settled.added}
    written.certificates |= {
        one.certificate_hash: one.certificate
        for one in edit.leaves.add
        if one.certificate_hash in named
    }
    if len(cells) == 1 < count:
        # Until now a message was the only cell's own: from now on that is asked of its newest one.
        for cell_id, cell in cells.items():
            newest.setdefault(cell_id, held.last_seq)
            if cell_id not in settled.after:
                written.clients.append((cell_id, cell.clients, newest[cell_id]))
    for cell_id, leaves in settled.after.items():
        if cell_id in settled.opened:
            written.new_cells.append((conversation_id, cell_id, clients_in(leaves)))
        else:
            written.clients.append((cell_id, clients_in(leaves), newest.get(cell_id, Seq(0))))
    written.dead_cells += settled.gone
    written.successors |= settled.successor
    written.moved += [(conversation_id, c, k, held.last_seq) for c, k in settled.moved]
    written.conversations.append(
        {
            "id": conversation_id,
            "last_seq": seq + len(settled.lost),
            "shared_seq": seq,
            "roster_epoch": held.roster_epoch + 1,
            "roster_head": head,
            "members": held.members + len(edit.added_people) - len(edit.removed_people),
            "cells": count,
        }
    )
    if cells and (settled.opened or settled.gone):
        log.info(
            "cells_changed",
            conversation_id=conversation_id,
            opened=len(settled.opened),
            gone=len(settled.gone),
            cells=count,
        )


def _change(head: bytes, edit: RosterEdit, settled: Settled, *, whole: bool) -> wire.RosterChange:
    added, removed = settled.added, settled.removed
    people = (edit.added_people, edit.removed_people, edit.made_admin, edit.revoked_admin)
    named = whole or sum(map(len, people)) <= MOST_PEOPLE
    return wire.RosterChange(
        head=head,
        added=added if whole else [],
        removed=removed if whole else [],
        added_people=list(edit.added_people) if named else [],
        removed_people=list(edit.removed_people) if named else [],
        made_admin=list(edit.made_admin) if named else [],
        revoked_admin=list(edit.revoked_admin) if named else [],
        by=edit.by,
        reason=edit.reason,
        cells=sorted({leaf.cell_id for leaf in (*added, *removed)}),
        whole=whole,
        people_added=len(edit.added_people),
        people_removed=len(edit.removed_people),
    )


def _proposal(
    parts: Parts,
    conversation_id: ConversationId,
    cell_id: CellId,
    epoch: Epoch,
    index: int,
    seq: Seq,
    now_ms: int,
) -> wire.LogEntry:
    group = rules.group_id(conversation_id, cell_id)
    return wire.LogEntry(
        conversation_id=conversation_id,
        seq=seq,
        kind="proposal",
        cell_id=cell_id,
        epoch=epoch,
        sender=None,
        entry_id=EntryId(new_id()),
        sent_ms=now_ms,
        payload=external_remove(group, epoch, index, parts.authority.sign),
    )


def _leaf_bytes(leaf: wire.RosterLeaf) -> bytes:
    return leaf_bytes(leaf.cell_id, leaf.certificate_hash)


def _new_cell() -> CellId:
    return CellId(new_id())


async def _write(connection: AsyncConnection, written: _Written, now_ms: int) -> None:
    if not written.entries:
        return
    await leaf_store.change_leaves(
        connection, written.added, written.removed, written.certificates, written.newcomers
    )
    if written.dead_cells:
        await leaf_store.add_former_places(connection, written.moved, now_ms)
        await cell_store.drop_cells(connection, written.dead_cells, written.successors)
    await cell_store.add_cells(connection, written.new_cells)
    await cell_store.set_clients(connection, written.clients)
    await cell_store.add_removals(connection, written.removals, now_ms)
    await store.change_conversations(connection, written.conversations)
    heads = [(c["id"], c["roster_epoch"], c["roster_head"]) for c in written.conversations]
    await store.add_roster_heads(connection, heads, now_ms)
    await log_store.add_entries(connection, written.entries)
