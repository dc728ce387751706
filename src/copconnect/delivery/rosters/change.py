"""A change of rosters: leaves, cell lines, a signed head, the conversation's row; one transaction.

The caller holds the conversations' rows and their people's names (name_locks) and has changed the
members. Invariants: a head's root is that of the rows that are written with it; epochs have no gap
but before a conversation's first;
``created`` goes back only if the clock has gone back by more than devices allow for; a change
that takes a device out raises ``rekey_epoch`` in the same
transaction, so from its commit on the server refuses messages under older keys (D1, D6). Several
conversations cost as many statements as one. Cells that the process keeps (heads/trees.py) are
neither read nor encoded again: one changed device costs its leaf, the hashes above it and to its
right in its cell, and the number of cells, whatever the size of the conversation. A crash before
the commit leaves nothing behind.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import ConversationWakeup, RosterWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.heads.trees import LineTree
from copconnect.delivery.rules.rights import ANY_ISSUE, issuing
from copconnect.delivery.rules.roster_plan import (
    LeafEdit,
    PlacedLeaf,
    RosterLeaf,
    RosterPlan,
    plan_change,
)
from copconnect.delivery.store import conversations, leaves, rosters
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.leaves import record_of
from copconnect.delivery.store.rosters import CurrentCell, KeptHead
from copconnect.ids import CellId, ConversationId, PersonId, new_id
from copconnect.records.conversation.roster import Cell, CellLine, Leaf, LeafRights, RosterHead
from copconnect.records.primitives.fields import is_ahead, sha256
from copconnect.records.trust.incarnation import Beginning, beginning


@dataclass(frozen=True, slots=True)
class RosterEdit:
    """The changes in one conversation.

    ``members``: by how many it grows; ``info``: people, admins or policy are others; ``people``:
    whom that is about. In conversations of several cells the server notifies them alone.
    ``issuers``: people whose leaves may not issue orders yet, and perhaps shall.
    """

    leaves: LeafEdit = field(default_factory=LeafEdit)
    members: int = 0
    info: bool = False
    people: Collection[PersonId] = ()
    issuers: Collection[PersonId] = ()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A conversation's next head, drawn but not written."""

    held: ConversationRow
    epoch: int
    edit: RosterEdit
    plan: RosterPlan
    cells: Mapping[CellId, Cell]  # The touched ones that are left.
    after: Sequence[CurrentCell]
    head: KeptHead
    rekey_epoch: int
    kem: int
    listed_people: int


async def change_rosters(
    connection: Transaction,
    deps: DeliveryDependencies,
    held: Sequence[ConversationRow],
    edits: Mapping[ConversationId, RosterEdit],
) -> None:
    """Apply edits to conversations that the caller holds; notify their devices after the commit.

    A conversation whose devices do not change keeps its head, unless it has none yet, or one under
    which no key can be made: it is dated ahead (R6, D2), or the conversation is shut (D6).
    """
    edits = {**edits, **await _judge_issuing(connection, deps, held, edits)}
    now_ms = deps.clock.now_ms()
    moves = {
        one.conversation_id
        for one in held
        if one.epoch == 0
        or one.is_shut
        or is_ahead(one.head_ms, now_ms)
        or not edits[one.conversation_id].leaves.empty
    }
    moved = [one for one in held if one.conversation_id in moves]
    drawn = await _draw(connection, deps, moved, edits) if moved else []
    if drawn:
        await _write(connection, deps, drawn)
    same = [one for one in held if one.conversation_id not in moves]
    await conversations.change(
        connection,
        [
            {
                "conversation_id": one.conversation_id,
                "members": one.members + edits[one.conversation_id].members,
                "info_number": int(edits[one.conversation_id].info),
            }
            for one in same
        ],
    )
    connection.after_commit(*(_announced(one) for one in drawn))
    for one in held:
        edit = edits[one.conversation_id]
        people = sorted(edit.people) if one.cells > 1 else []
        if edit.info and one.epoch and (people or one.cells <= 1):
            connection.after_commit(
                ConversationWakeup(conversation_id=one.conversation_id, person_ids=people)
            )


async def _judge_issuing(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    held: Sequence[ConversationRow],
    edits: Mapping[ConversationId, RosterEdit],
) -> dict[ConversationId, RosterEdit]:
    """Return edits where people, or their posts, are others and somebody's leaf may issue orders or
    is asked to: with the rights of these people among the members as they will be. One statement
    where there is nobody."""
    judged = {
        one.conversation_id
        for one in held
        if one.epoch and (edits[one.conversation_id].info or edits[one.conversation_id].issuers)
    }
    listed = await leaves.issuers(connection, judged)
    for c in judged:
        if asked := edits[c].issuers:
            own = await leaves.of_people(connection, asked, [c])
            there = {one.leaf.device for one in listed.get(c, [])}
            new = [one for one in own.get(c, []) if one.leaf.device not in there]
            listed.setdefault(c, []).extend(new)
    return {c: await _with_issuing(connection, deps, c, edits[c], own) for c, own in listed.items()}


async def _with_issuing(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    c: ConversationId,
    edit: RosterEdit,
    listed: Sequence[PlacedLeaf],
) -> RosterEdit:
    """Return the edit of a conversation with the rights to issue orders of the people of these
    leaves, and of nobody else."""
    rights = {
        person: issuing(LeafRights(0), await deps.orders.issuable(connection, c, person))
        for person in sorted({one.leaf.person_id for one in listed})
    }
    changed = edit.leaves
    known = {one.leaf.device for one in (*changed.drop, *changed.alter)}
    others = [
        one
        for one in listed
        if one.leaf.device not in known and _may_issue(one.leaf, rights) != one.leaf
    ]
    alter = [
        PlacedLeaf(_may_issue(one.leaf, rights), one.cell_id) for one in (*changed.alter, *others)
    ]
    add = [_may_issue(leaf, rights) for leaf in changed.add]
    return replace(edit, leaves=LeafEdit(add=add, drop=changed.drop, alter=alter))


def _may_issue(leaf: RosterLeaf, rights: Mapping[PersonId, LeafRights]) -> RosterLeaf:
    """Return a leaf with its person's rights to issue orders, none for anybody else."""
    own = rights.get(leaf.person_id, LeafRights(0))
    return replace(leaf, rights=leaf.rights & ~ANY_ISSUE | own)


async def _draw(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    held: Sequence[ConversationRow],
    edits: Mapping[ConversationId, RosterEdit],
) -> list[_Drawn]:
    now_ms = deps.clock.now_ms()
    ids = [one.conversation_id for one in held]
    heads = {one.conversation_id: one.head for one in held if one.epoch}
    trees = await deps.trees.current_lines(connection, heads)
    before = {one: trees.get(one) or LineTree([]) for one in ids}
    plans: dict[ConversationId, RosterPlan] = {}
    touched: dict[ConversationId, list[CellLine]] = {}
    for one in ids:
        lines = {CellId(cell.line.cell_id.hex()): cell.line for cell in before[one].cells}
        sizes = {cell_id: line.devices for cell_id, line in lines.items()}
        plans[one] = plan_change(edits[one].leaves, sizes, deps.options.cell_size, now_ms, new_id)
        touched[one] = [lines[cell] for cell in plans[one].touched & lines.keys()]
    current = await deps.trees.current_cells(connection, touched)
    people = await _listed_people(connection, held, edits)
    # A restore of a backup may have lost a conversation of the same id: a new one begins above it.
    new = any(one.epoch == 0 for one in held)
    first = beginning(await deps.devices.incarnation(connection) if new else None)
    return [
        _draw_one(deps, one, edits[one.conversation_id], plans[one.conversation_id],
                  before[one.conversation_id], current, people[one.conversation_id], first, now_ms)
        for one in held
    ]  # fmt: skip


def _draw_one(
    deps: DeliveryDependencies,
    held: ConversationRow,
    edit: RosterEdit,
    plan: RosterPlan,
    former: LineTree,
    current: Mapping[bytes, Cell],
    listed_people: int,
    first: Beginning,
    now_ms: int,
) -> _Drawn:
    epoch = held.epoch + 1 if held.epoch else first.number
    kem = max(held.kem, deps.options.kem) if held.epoch else held.kem
    rekeys = plan.rekeys or held.epoch == 0 or kem != held.kem
    before = {cell.line.cell_id.hex(): cell.line for cell in former.cells}
    gone = {one.leaf.device for one in (*edit.leaves.drop, *edit.leaves.alter)}
    new: dict[CellId, list[Leaf]] = {}
    for placed in (*plan.added, *edit.leaves.alter):
        new.setdefault(placed.cell_id, []).append(record_of(placed))
    cells: dict[CellId, Cell] = {}
    for cell_id in plan.touched:
        line, own = before.get(cell_id), new.get(cell_id, [])
        again = line is None or cell_id in plan.rekeyed_cells
        rekey_epoch = epoch if again or line is None else line.rekey_epoch
        was = None if line is None else current[line.root]
        cell = Cell(bytes.fromhex(cell_id), rekey_epoch, own, was, gone)
        if cell.encoded:
            cells[cell_id] = cell
    kept = [cell for cell in former.cells if cell.line.cell_id.hex() not in plan.touched]
    drawn = [CurrentCell(cell.line, cell.latest_history_from) for cell in cells.values()]
    after = sorted([*kept, *drawn], key=lambda one: one.line.cell_id)
    rekey_epoch = epoch if rekeys else held.rekey_epoch
    draft = RosterHead(
        conversation_id=bytes.fromhex(held.conversation_id),
        epoch=epoch,
        previous=held.head_hash if held.epoch else first.previous,
        kem=kem,
        rekey_epoch=rekey_epoch,
        latest_history_from=max((cell.latest_history_from for cell in after), default=0),
        created=now_ms if is_ahead(held.head_ms, now_ms) else max(now_ms, held.head_ms),
        devices=sum(cell.line.devices for cell in after),
        root=deps.trees.keep_lines(after, former).tree.root,
    )
    encoded = deps.signer.signed(draft).encode()
    head = KeptHead(held.conversation_id, epoch, encoded, sha256(encoded), draft.created)
    return _Drawn(held, epoch, edit, plan, cells, after, head, rekey_epoch, kem, listed_people)


async def _listed_people(
    connection: AsyncConnection,
    held: Sequence[ConversationRow],
    edits: Mapping[ConversationId, RosterEdit],
) -> dict[ConversationId, int]:
    """Return how many people will have a listed device in each conversation."""
    found: dict[ConversationId, int] = {}
    wanted: dict[ConversationId, set[PersonId]] = {}
    for one in held:
        edit = edits[one.conversation_id].leaves
        people = {leaf.person_id for leaf in edit.add}
        people |= {placed.leaf.person_id for placed in edit.drop}
        wanted[one.conversation_id] = people if one.epoch else set()
        found[one.conversation_id] = one.listed_people
    before = await leaves.devices_by_person(connection, wanted)
    for one in held:
        edit = edits[one.conversation_id].leaves
        counts: dict[PersonId, int] = {}
        for leaf in edit.add:
            counts[leaf.person_id] = counts.get(leaf.person_id, 0) + 1
        for placed in edit.drop:
            counts[placed.leaf.person_id] = counts.get(placed.leaf.person_id, 0) - 1
        for person_id, change in counts.items():
            had = before.get((one.conversation_id, person_id), 0)
            found[one.conversation_id] += (had + change > 0) - (had > 0)
    return found


async def _write(
    connection: AsyncConnection, deps: DeliveryDependencies, drawn: Sequence[_Drawn]
) -> None:
    ended = [
        (one.held.conversation_id, one.epoch, leaf)
        for one in drawn
        for leaf in (*one.edit.leaves.drop, *one.edit.leaves.alter)
    ]
    begun = [
        (one.held.conversation_id, one.epoch, leaf)
        for one in drawn
        for leaf in (*one.plan.added, *one.edit.leaves.alter)
    ]
    await leaves.close(connection, ended)
    await leaves.open_(connection, begun)
    await rosters.close_lines(
        connection,
        [(one.held.conversation_id, cell, one.epoch) for one in drawn for cell in one.plan.touched],
    )
    await rosters.open_lines(
        connection,
        [
            (one.held.conversation_id, one.epoch, cell)
            for one in drawn
            for cell in one.after
            if cell.line.cell_id.hex() in one.cells
        ],
    )
    await rosters.add_heads(connection, [one.head for one in drawn])
    await conversations.change(connection, [_row(one) for one in drawn])
    for one in drawn:
        for cell in one.cells.values():
            deps.trees.keep_cell(cell)


def _row(one: _Drawn) -> dict[str, Any]:
    return {
        "conversation_id": one.held.conversation_id,
        "members": one.held.members + one.edit.members,
        "listed_people": one.listed_people,
        "info_number": int(one.edit.info or one.listed_people != one.held.listed_people)
        + (one.epoch - 1 if one.held.epoch == 0 else 0),
        "kem": one.kem,
        "roster_epoch": one.epoch,
        "rekey_epoch": one.rekey_epoch,
        "head": one.head.head,
        "head_hash": one.head.hash,
        "head_ms": one.head.created_ms,
        "devices": sum(cell.line.devices for cell in one.after),
        "cells": len(one.after),
    }


def _announced(one: _Drawn) -> RosterWakeup:
    return RosterWakeup(
        conversation_id=one.held.conversation_id,
        epoch=one.epoch,
        cells=len(one.after),
        devices=sum(cell.line.devices for cell in one.after),
        added={leaf.leaf.client_id: leaf.cell_id for leaf in one.plan.added},
        removed=sorted({leaf.leaf.client_id for leaf in one.edit.leaves.drop}),
        whole=True,
    )
