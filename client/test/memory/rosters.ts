/** A conversation in memory, its roster changes: cells opened, merged and given up, heads, Removes. */
import { encode } from "@msgpack/msgpack";
import { encodeGroupId } from "../../src/mls/group-id.ts";
import { newId } from "../../src/octets.ts";
import type * as wire from "../../src/wire.ts";
import { encodeExternalRemove } from "../certificates.ts";
import { RosterTree } from "./roster-tree.ts";
import { ConversationLog, Refusal, type Cell, type Client, type Edit } from "./log.ts";

export class ConversationRosters extends ConversationLog {
  edit(edit: Edit, firstCell?: string): void {
    const before = this.tree.leaves;
    const severalBefore = this.cells.size > 1;
    const clientsBefore = new Set(before.map(({ clientId }) => clientId));
    let leaves: readonly wire.RosterLeaf[] = before.filter((leaf) => edit.drop?.(leaf) !== true);
    if (this.cells.size === 0) this.openCell(firstCell);
    for (const client of edit.add ?? []) {
      if (leaves.some((leaf) => leaf.certificateHash === client.certificateHash)) continue;
      const cellId = this.cellFor(client, leaves);
      const { personId, clientId, certificateHash } = client;
      leaves = [...leaves, { cellId, personId, clientId, certificateHash }];
    }
    for (const cell of [...this.cells.values()]) {
      const empty = !leaves.some((leaf) => leaf.cellId === cell.cellId);
      if (empty && this.cells.size > 1) this.dropCell(cell);
    }
    const clients = new Set(leaves.map(({ clientId }) => clientId)).size;
    const named = new Set(leaves.map(({ clientId }) => clientId));
    // Whose sender has gone nobody seals any more.
    const unsealed = this.log.some(
      ({ entry, sealed }) => (sealed?.missing.size ?? 0) > 0 && named.has(entry.sender ?? ""),
    );
    if (this.cells.size > 1 && clients <= Math.min(this.cellSize / 2, this.fill) && !unsealed)
      leaves = this.mergeInto(leaves, clientsBefore);
    leaves = this.giveUpDeadCells(leaves);
    this.tree = new RosterTree(leaves);
    const several = severalBefore || this.cells.size > 1;
    this.writeRoster(edit, before, several);
  }

  protected cellFor(client: Client, leaves: readonly wire.RosterLeaf[]): string {
    const own = leaves.find((leaf) => leaf.clientId === client.clientId);
    if (own !== undefined) return own.cellId;
    const count = (cellId: string): number =>
      new Set(leaves.filter((leaf) => leaf.cellId === cellId).map((leaf) => leaf.clientId)).size;
    const beside = leaves.find((leaf) => leaf.personId === client.personId);
    if (beside !== undefined && count(beside.cellId) < this.cellSize) return beside.cellId;
    const room = [...this.cells.keys()].sort().find((cellId) => count(cellId) < this.fill);
    return room ?? this.openCell().cellId;
  }

  protected mergeInto(
    leaves: readonly wire.RosterLeaf[],
    known: ReadonlySet<string>,
  ): readonly wire.RosterLeaf[] {
    const score = (cell: Cell): readonly [number, number] => [
      cell.epoch === null ? 0 : 1,
      leaves.filter((leaf) => leaf.cellId === cell.cellId).length,
    ];
    const [target] = [...this.cells.values()].sort((a, b) => {
      const [x, y] = [score(a), score(b)];
      return y[0] - x[0] || y[1] - x[1] || (a.cellId < b.cellId ? 1 : -1);
    });
    if (target === undefined) return leaves;
    for (const leaf of leaves) {
      if (leaf.cellId === target.cellId || !known.has(leaf.clientId)) continue;
      this.noteFormer(leaf);
    }
    for (const cell of [...this.cells.values()]) if (cell !== target) this.dropCell(cell);
    return leaves.map((leaf) => ({ ...leaf, cellId: target.cellId }));
  }

  protected noteFormer({ clientId, cellId }: wire.RosterLeaf): void {
    const former = this.former.get(clientId) ?? [];
    this.former.set(clientId, [...former, { cellId, until: this.lastSeq }]);
  }

  protected dropCell({ cellId, welcomes }: Cell): void {
    this.cells.delete(cellId);
    for (const { sealed } of this.log) sealed?.missing.delete(cellId);
    for (const clientId of welcomes.keys()) this.neverEntered.add(`${cellId}/${clientId}`);
  }

  /** A cell whose Removes would leave nobody in the tree moves to a fresh one. */
  protected giveUpDeadCells(leaves: readonly wire.RosterLeaf[]): readonly wire.RosterLeaf[] {
    let after = leaves;
    for (const cell of [...this.cells.values()]) {
      const named = new Set(
        after.filter((leaf) => leaf.cellId === cell.cellId).map((leaf) => leaf.certificateHash),
      );
      const stays = cell.leaves.filter(
        (leaf) => named.has(leaf.certificateHash) && !cell.removals.has(leaf.leafIndex),
      );
      if (cell.leaves.length === 0 || stays.length > 0) continue;
      after = this.moveToFresh(cell, after);
    }
    return after;
  }

  protected moveToFresh(
    cell: Cell,
    leaves: readonly wire.RosterLeaf[],
  ): readonly wire.RosterLeaf[] {
    const fresh = this.openCell();
    for (const { sealed } of this.log)
      if (sealed?.missing.delete(cell.cellId) === true) sealed.missing.add(fresh.cellId);
    this.dropCell(cell);
    return leaves.map((leaf) => {
      if (leaf.cellId !== cell.cellId) return leaf;
      this.noteFormer(leaf);
      return { ...leaf, cellId: fresh.cellId };
    });
  }

  /** Nobody could commit a cell's Removes for long, and somebody waits: its place is a fresh one. */
  refound(cell: Cell): void {
    const before = this.tree.leaves;
    const several = this.cells.size > 1;
    this.tree = new RosterTree(this.moveToFresh(cell, before));
    this.writeRoster({ reason: "refounded", by: null }, before, several);
  }

  protected writeRoster(edit: Edit, before: readonly wire.RosterLeaf[], several: boolean): void {
    const leaves = this.tree.leaves;
    const has = (list: readonly wire.RosterLeaf[], leaf: wire.RosterLeaf): boolean =>
      list.some(
        (one) => one.cellId === leaf.cellId && one.certificateHash === leaf.certificateHash,
      );
    const added = leaves.filter((leaf) => !has(before, leaf));
    const removed = before.filter((leaf) => !has(leaves, leaf));
    const head = this.department.signRoster(
      this.id,
      leaves.map((leaf) => ({
        cellId: leaf.cellId,
        client: { ...leaf, certificate: new Uint8Array() },
      })),
      this.signedHeads.length === 0
        ? null
        : { head: this.newestHead(), epoch: this.signedHeads.length },
      this.now(),
    ).head;
    this.signedHeads.push(head);
    const there = new Set(leaves.map(({ clientId }) => clientId));
    for (const clientId of this.namedAt.keys())
      if (!there.has(clientId)) this.namedAt.delete(clientId);
    for (const clientId of there)
      if (!this.namedAt.has(clientId)) this.namedAt.set(clientId, this.signedHeads.length);
    this.headMs.push(this.now());
    const { addedPeople = [], removedPeople = [] } = edit;
    const change: wire.RosterChange = {
      head,
      added: several ? [] : added,
      removed: several ? [] : removed,
      addedPeople: [...addedPeople],
      removedPeople: [...removedPeople],
      madeAdmin: [...(edit.madeAdmin ?? [])],
      revokedAdmin: [...(edit.revokedAdmin ?? [])],
      by: edit.by,
      reason: edit.reason,
      cells: [...new Set([...added, ...removed].map(({ cellId }) => cellId))],
      whole: !several,
      peopleAdded: addedPeople.length,
      peopleRemoved: removedPeople.length,
    };
    const entry = this.append({
      kind: "roster",
      cellId: null,
      epoch: null,
      sender: null,
      entryId: edit.entryId ?? newId(),
      payload: encode(change),
    });
    const places = new Map(leaves.map(({ clientId, cellId }) => [clientId, cellId]));
    this.rosters.push({ seq: entry.seq, epoch: this.signedHeads.length, several, places });
    const entries = [entry, ...this.propose()];
    const now = new Set(leaves.map(({ clientId }) => clientId));
    const was = new Set(before.map(({ clientId }) => clientId));
    const conversationId = this.id;
    this.pushes.frame(
      [...was].filter((id) => !now.has(id)),
      { t: "gone", conversationId },
    );
    this.pushes.frame(
      [...now].filter((id) => !was.has(id)),
      { t: "conversation", conversationId },
    );
    for (const one of entries) this.pushEntry(one);
    for (const cell of this.cells.values()) this.duty(cell.cellId);
  }

  protected propose(): wire.LogEntry[] {
    const entries: wire.LogEntry[] = [];
    for (const cell of this.cells.values()) {
      const named = new Set(this.tree.cell(cell.cellId).leaves.map((leaf) => leaf.certificateHash));
      for (const leaf of cell.leaves) {
        if (named.has(leaf.certificateHash) || cell.removals.has(leaf.leafIndex)) continue;
        cell.removals.add(leaf.leafIndex);
        const { privateKey } = this.department.roster;
        const group = encodeGroupId({ conversationId: this.id, cellId: cell.cellId });
        entries.push(
          this.append({
            kind: "proposal",
            cellId: cell.cellId,
            epoch: cell.epoch,
            sender: null,
            entryId: newId(),
            payload: encodeExternalRemove(privateKey, group, cell.epoch ?? 0, leaf.leafIndex),
          }),
        );
      }
    }
    return entries;
  }

  /** Ask everybody in a cell with Removes to commit them; the server asks one after another. */
  duty(cellId: string): void {
    if ((this.cells.get(cellId)?.removals.size ?? 0) === 0) return;
    const inside = [...this.clientsIn(cellId)];
    this.pushes.frame(inside, { t: "duty", conversationId: this.id, cellId });
  }

  // --- People ----------------------------------------------------------------------------------

  changeMembers(
    client: Client,
    body: wire.ChangeMembers,
    clientsOf: (personId: string) => readonly Client[],
  ): void {
    if (this.log.some(({ entry }) => entry.entryId === body.changeId)) return;
    const person = this.members.get(client.personId);
    const leaving = body.remove.length === 1 && body.remove[0] === client.personId;
    if (person === undefined) throw new Refusal("not_member");
    if (!person.admin && !leaving) throw new Refusal("not_admin");
    const addedPeople = body.add.filter((id) => !this.members.has(id));
    const removedPeople = body.remove.filter((id) => this.members.has(id));
    const addedMs = this.now();
    for (const id of addedPeople)
      this.members.set(id, { admin: false, addedMs, deliveredSeq: 0, readSeq: 0 });
    for (const id of removedPeople) this.members.delete(id);
    for (const [ids, admin] of [
      [body.makeAdmin, true],
      [body.revokeAdmin, false],
    ] as const)
      for (const id of ids) {
        const found = this.members.get(id);
        if (found !== undefined) found.admin = admin;
      }
    this.edit({
      reason: leaving ? "left" : "members",
      by: client.personId,
      entryId: body.changeId,
      add: addedPeople.flatMap(clientsOf),
      drop: (leaf) => removedPeople.includes(leaf.personId),
      addedPeople,
      removedPeople,
      madeAdmin: body.makeAdmin,
      revokedAdmin: body.revokeAdmin,
    });
  }
}
