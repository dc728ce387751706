/**
 * One conversation at a Delivery Service in memory: membership, roster, cells, log, keys, sealed
 * messages and late seals, by the rules of docs/protocol.md. It follows the server's rules, so that
 * the client can be run against thousands of histories; where the two differ the server is right,
 * and the tests beside this run against that one too.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "@msgpack/msgpack";
import { cellsDigest, encodeSeal, parseSeals, parseSignedHeader } from "../../src/cells/message.ts";
import { parseRecord } from "../../src/cells/record.ts";
import { treeIn } from "../../src/mls/group-info.ts";
import { decodeGroupInfo, decodePublicMessage } from "../../src/mls/messages.ts";
import { encodeGroupId } from "../../src/mls/group-id.ts";
import { membersOf } from "../../src/mls/tree.ts";
import type { CellMember } from "../../src/mls/types.ts";
import { equalBytes, fromHex, newId, toHex } from "../../src/octets.ts";
import { parseHead } from "../../src/roster/head.ts";
import { provenCell } from "../../src/roster/proofs.ts";
import type * as wire from "../../src/wire.ts";
import { encodeExternalRemove, type Department } from "../certificates.ts";
import { RosterTree } from "./roster-tree.ts";

const LEASE_MS = 5_000;
const GRACE_MS = 30_000;
const ROSTER_MAY_BE_OLD_MS = 600_000;

export class Refusal extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly retryAfterMs: number | null;
  constructor(
    code: string,
    details: Readonly<Record<string, string | number>> = {},
    retryAfterMs: number | null = null,
  ) {
    super(code);
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Client {
  readonly personId: string;
  readonly clientId: string;
  certificate: Uint8Array;
  certificateHash: string;
}

interface Cell {
  readonly cellId: string;
  readonly opened: number;
  epoch: number | null;
  leaves: readonly CellMember[];
  groupInfo: Uint8Array;
  /** Leaf indexes that a Remove is pending for. */
  readonly removals: Set<number>;
  lease: { readonly clientId: string; readonly untilMs: number } | null;
  keyId: string | null;
  previousKeyId: string | null;
  previousUntilMs: number;
  readonly welcomes: Map<string, wire.PendingWelcome>;
}

interface Stored {
  readonly entry: wire.LogEntry;
  readonly sealed: {
    readonly common: Omit<wire.SealedPayload, "seal">;
    readonly seals: Map<string, Uint8Array>;
    readonly missing: Set<string>;
  } | null;
}

interface Person {
  admin: boolean;
  readonly addedMs: number;
  deliveredSeq: number;
  readSeq: number;
}

export interface Edit {
  readonly reason: wire.RosterChange["reason"];
  readonly by: string | null;
  readonly entryId?: string;
  readonly add?: readonly Client[];
  readonly drop?: (leaf: wire.RosterLeaf) => boolean;
  readonly addedPeople?: readonly string[];
  readonly removedPeople?: readonly string[];
  readonly madeAdmin?: readonly string[];
  readonly revokedAdmin?: readonly string[];
}

/** What a conversation tells its server's connections. */
export interface Pushes {
  /** An entry, to the clients that it concerns. */
  entry(clientIds: readonly string[], entry: (clientId: string) => wire.LogEntry): void;
  frame(clientIds: readonly string[], frame: wire.ServerFrame): void;
}

export class MemoryConversation {
  readonly id: string;
  readonly kind: wire.ConversationKind;
  readonly createdBy: string;
  readonly createdMs: number;
  readonly members = new Map<string, Person>();
  readonly cells = new Map<string, Cell>();
  readonly log: Stored[] = [];
  /** The seq of the commit with which a client came in last. */
  readonly joinedAt = new Map<string, number>();
  whoMayPost: wire.WhoMayPost;
  suite = 1;
  readonly #department: Department;
  readonly #cellSize: number;
  readonly #pushes: Pushes;
  readonly #now: () => number;
  readonly #heads: Uint8Array[] = [];
  readonly #headMs: number[] = [];
  readonly #keys = new Map<string, wire.CellKey & { readonly version: number }>();
  readonly #chains = new Map<string, { readonly seq: number; readonly hash: string }>();
  /** Cells that a client was in before it was moved, and until which seq. */
  readonly #former = new Map<string, { readonly cellId: string; readonly until: number }[]>();
  #tree = new RosterTree([]);
  #version = 0;
  #opened = 0;

  constructor(
    department: Department,
    cellSize: number,
    pushes: Pushes,
    body: Pick<wire.CreateConversation, "conversationId" | "kind" | "whoMayPost">,
    createdBy: string,
    now: () => number,
  ) {
    this.#now = now;
    this.createdMs = now();
    this.#department = department;
    this.#cellSize = cellSize;
    this.#pushes = pushes;
    this.id = body.conversationId;
    this.kind = body.kind;
    this.whoMayPost = body.kind === "direct" ? "everyone" : body.whoMayPost;
    this.createdBy = createdBy;
  }

  get lastSeq(): number {
    return this.log.length;
  }

  get #fill(): number {
    return Math.max(1, this.#cellSize - 4);
  }

  // --- Views -----------------------------------------------------------------------------------

  leafOf(clientId: string): wire.RosterLeaf | undefined {
    return this.#tree.leaves.find((leaf) => leaf.clientId === clientId);
  }

  #requirePlace(clientId: string): wire.RosterLeaf {
    const leaf = this.leafOf(clientId);
    if (leaf === undefined) throw new Refusal("not_member");
    return leaf;
  }

  view(client: Client): wire.Conversation {
    const person = this.members.get(client.personId);
    if (person === undefined) throw new Refusal("not_member");
    const own = this.leafOf(client.clientId);
    const cells = [...this.cells.values()].map((cell) => ({
      cellId: cell.cellId,
      epoch: cell.epoch,
      removalPending: cell.removals.size > 0,
      clients: this.#clientsIn(cell.cellId).size,
    }));
    const several = this.cells.size > 1;
    const ready = [...this.cells.values()].filter(
      (cell) => cell.epoch !== null && (!several || cell.keyId !== null),
    );
    const others = [...this.members.keys()].filter((id) => id !== client.personId);
    return {
      conversationId: this.id,
      kind: this.kind,
      suite: this.suite,
      createdBy: this.createdBy,
      createdMs: this.createdMs,
      lastSeq: this.lastSeq,
      lastMessageMs: null,
      members: this.members.size,
      whoMayPost: this.whoMayPost,
      admin: person.admin,
      admins: [...this.members].filter(([, one]) => one.admin).map(([id]) => id),
      cells: cells.filter(({ cellId }) => cellId === own?.cellId),
      cellsTotal: this.cells.size,
      cellsReady: ready.length,
      rosterEpoch: this.#heads.length,
      audience: null,
      directPersonId: this.kind === "direct" ? (others[0] ?? null) : null,
      deliveredSeq: person.deliveredSeq,
      readSeq: person.readSeq,
      preferences: { mutedUntilMs: null, pinned: false },
      infoVersion: `${String(this.#heads.length)}.${this.whoMayPost}`,
    };
  }

  memberPage(client: Client): wire.Members {
    if (!this.members.has(client.personId)) throw new Refusal("not_member");
    const members = [...this.members].map(([personId, person]) => ({ personId, ...person }));
    return { members, next: null, receiptsVersion: 0 };
  }

  roster(client: Client): wire.SignedRoster {
    this.#requirePlace(client.clientId);
    if (this.cells.size > 1) throw new Refusal("wrong_mode", { cells: this.cells.size });
    return { head: this.#head(), leaves: [...this.#tree.leaves], certificates: [] };
  }

  cellRoster(client: Client, cellId: string): wire.CellRoster {
    if (this.#requirePlace(client.clientId).cellId !== cellId) throw new Refusal("not_member");
    const { first, leaves } = this.#tree.cell(cellId);
    const proof = this.#tree.rangeProof(first, leaves.length);
    return { head: this.#head(), cellId, first, leaves: [...leaves], proof };
  }

  heads(client: Client, from: number, to: number): wire.RosterHeads {
    if (!this.members.has(client.personId)) throw new Refusal("not_member");
    return { heads: this.#heads.slice(Math.max(0, from - 1), to).slice(0, 256) };
  }

  #head(): Uint8Array {
    return this.#heads.at(-1) ?? new Uint8Array();
  }

  #clientsIn(cellId: string): Set<string> {
    return new Set(this.#tree.cell(cellId).leaves.map(({ clientId }) => clientId));
  }

  /** Whether a stored entry concerns a client that is, or was then, in one of these cells. */
  #concerns(clientId: string, { entry }: Stored): boolean {
    if (entry.cellId === null) return true;
    return this.#cellAt(clientId, entry.seq).includes(entry.cellId);
  }

  #cellAt(clientId: string, seq: number): readonly string[] {
    const former = this.#former.get(clientId) ?? [];
    const cells = former.filter(({ until }) => seq <= until).map(({ cellId }) => cellId);
    const now = this.leafOf(clientId)?.cellId;
    return now === undefined ? cells : [...cells, now];
  }

  #shown(clientId: string, stored: Stored): wire.LogEntry {
    const { entry, sealed } = stored;
    if (sealed === null) return entry;
    const cellId = this.#cellAt(clientId, entry.seq)[0] ?? null;
    const seal = cellId === null ? null : (sealed.seals.get(cellId) ?? null);
    return { ...entry, cellId, payload: encode({ ...sealed.common, seal }) };
  }

  page(client: Client, after: number, limit: number): wire.LogPage {
    this.#requirePlace(client.clientId);
    const all = this.log.slice(after).filter((one) => this.#concerns(client.clientId, one));
    const entries = all.slice(0, limit).map((one) => this.#shown(client.clientId, one));
    return { entries, lastSeq: this.lastSeq, more: all.length > limit };
  }

  // --- Writing ---------------------------------------------------------------------------------

  #append(
    entry: Omit<wire.LogEntry, "conversationId" | "seq" | "sentMs">,
    sealed: Stored["sealed"] = null,
  ): wire.LogEntry {
    const seq = this.lastSeq + 1;
    const whole = { ...entry, conversationId: this.id, seq, sentMs: this.#now() };
    this.log.push({ entry: whole, sealed });
    return whole;
  }

  #push(entry: wire.LogEntry): void {
    const stored = this.log[entry.seq - 1] as Stored;
    const clients = [...new Set(this.#tree.leaves.map(({ clientId }) => clientId))];
    const { cellId } = entry;
    const concerned = clients.filter((id) => cellId === null || this.leafOf(id)?.cellId === cellId);
    this.#pushes.entry(concerned, (clientId) => this.#shown(clientId, stored));
  }

  #known(entryId: string, clientId: string): wire.Accepted | null {
    const found = this.log.find(({ entry }) => entry.entryId === entryId)?.entry;
    if (found === undefined) return null;
    if (found.sender !== clientId) throw new Refusal("bad_request");
    const epoch = found.kind === "commit" ? (found.epoch ?? 0) + 1 : (found.epoch ?? 0);
    return { seq: found.seq, sentMs: found.sentMs, epoch };
  }

  #openCell(cellId = newId()): Cell {
    const cell: Cell = {
      cellId,
      opened: this.#opened++,
      epoch: null,
      leaves: [],
      groupInfo: new Uint8Array(),
      removals: new Set(),
      lease: null,
      keyId: null,
      previousKeyId: null,
      previousUntilMs: 0,
      welcomes: new Map(),
    };
    this.cells.set(cellId, cell);
    return cell;
  }

  edit(edit: Edit, firstCell?: string): void {
    const before = this.#tree.leaves;
    const severalBefore = this.cells.size > 1;
    const clientsBefore = new Set(before.map(({ clientId }) => clientId));
    let leaves: readonly wire.RosterLeaf[] = before.filter((leaf) => edit.drop?.(leaf) !== true);
    if (this.cells.size === 0) this.#openCell(firstCell);
    for (const client of edit.add ?? []) {
      if (leaves.some((leaf) => leaf.certificateHash === client.certificateHash)) continue;
      const cellId = this.#cellFor(client, leaves);
      const { personId, clientId, certificateHash } = client;
      leaves = [...leaves, { cellId, personId, clientId, certificateHash }];
    }
    for (const cell of [...this.cells.values()]) {
      const empty = !leaves.some((leaf) => leaf.cellId === cell.cellId);
      if (empty && this.cells.size > 1) this.cells.delete(cell.cellId);
    }
    const clients = new Set(leaves.map(({ clientId }) => clientId)).size;
    const unsealed = this.log.some(({ sealed }) => (sealed?.missing.size ?? 0) > 0);
    if (this.cells.size > 1 && clients <= Math.min(this.#cellSize / 2, this.#fill) && !unsealed)
      leaves = this.#mergeInto(leaves, clientsBefore);
    leaves = this.#giveUpDeadCells(leaves);
    this.#tree = new RosterTree(leaves);
    const several = severalBefore || this.cells.size > 1;
    this.#writeRoster(edit, before, several);
  }

  #cellFor(client: Client, leaves: readonly wire.RosterLeaf[]): string {
    const own = leaves.find((leaf) => leaf.clientId === client.clientId);
    if (own !== undefined) return own.cellId;
    const count = (cellId: string): number =>
      new Set(leaves.filter((leaf) => leaf.cellId === cellId).map((leaf) => leaf.clientId)).size;
    const beside = leaves.find((leaf) => leaf.personId === client.personId);
    if (beside !== undefined && count(beside.cellId) < this.#cellSize) return beside.cellId;
    const room = [...this.cells.keys()].sort().find((cellId) => count(cellId) < this.#fill);
    return room ?? this.#openCell().cellId;
  }

  #mergeInto(
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
      this.#noteFormer(leaf);
    }
    for (const cellId of [...this.cells.keys()])
      if (cellId !== target.cellId) this.cells.delete(cellId);
    return leaves.map((leaf) => ({ ...leaf, cellId: target.cellId }));
  }

  #noteFormer({ clientId, cellId }: wire.RosterLeaf): void {
    const former = this.#former.get(clientId) ?? [];
    this.#former.set(clientId, [...former, { cellId, until: this.lastSeq }]);
  }

  /** A cell whose Removes would leave nobody in the tree moves to a fresh one. */
  #giveUpDeadCells(leaves: readonly wire.RosterLeaf[]): readonly wire.RosterLeaf[] {
    let after = leaves;
    for (const cell of [...this.cells.values()]) {
      const named = new Set(
        after.filter((leaf) => leaf.cellId === cell.cellId).map((leaf) => leaf.certificateHash),
      );
      const stays = cell.leaves.filter(
        (leaf) => named.has(leaf.certificateHash) && !cell.removals.has(leaf.leafIndex),
      );
      if (cell.leaves.length === 0 || stays.length > 0) continue;
      after = this.#moveToFresh(cell, after);
    }
    return after;
  }

  #moveToFresh(cell: Cell, leaves: readonly wire.RosterLeaf[]): readonly wire.RosterLeaf[] {
    const fresh = this.#openCell();
    this.cells.delete(cell.cellId);
    return leaves.map((leaf) => {
      if (leaf.cellId !== cell.cellId) return leaf;
      this.#noteFormer(leaf);
      return { ...leaf, cellId: fresh.cellId };
    });
  }

  /** Nobody could commit a cell's Removes for long, and somebody waits: its place is a fresh one. */
  #refound(cell: Cell): void {
    const before = this.#tree.leaves;
    const several = this.cells.size > 1;
    this.#tree = new RosterTree(this.#moveToFresh(cell, before));
    this.#writeRoster({ reason: "refounded", by: null }, before, several);
  }

  #writeRoster(edit: Edit, before: readonly wire.RosterLeaf[], several: boolean): void {
    const leaves = this.#tree.leaves;
    const has = (list: readonly wire.RosterLeaf[], leaf: wire.RosterLeaf): boolean =>
      list.some(
        (one) => one.cellId === leaf.cellId && one.certificateHash === leaf.certificateHash,
      );
    const added = leaves.filter((leaf) => !has(before, leaf));
    const removed = before.filter((leaf) => !has(leaves, leaf));
    const head = this.#department.signRoster(
      this.id,
      leaves.map((leaf) => ({
        cellId: leaf.cellId,
        client: { ...leaf, certificate: new Uint8Array() },
      })),
      this.#heads.length === 0 ? null : { head: this.#head(), epoch: this.#heads.length },
    ).head;
    this.#heads.push(head);
    this.#headMs.push(this.#now());
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
    const entry = this.#append({
      kind: "roster",
      cellId: null,
      epoch: null,
      sender: null,
      entryId: edit.entryId ?? newId(),
      payload: encode(change),
    });
    const entries = [entry, ...this.#propose()];
    const now = new Set(leaves.map(({ clientId }) => clientId));
    const was = new Set(before.map(({ clientId }) => clientId));
    const conversationId = this.id;
    this.#pushes.frame(
      [...was].filter((id) => !now.has(id)),
      { t: "gone", conversationId },
    );
    this.#pushes.frame(
      [...now].filter((id) => !was.has(id)),
      { t: "conversation", conversationId },
    );
    for (const one of entries) this.#push(one);
    for (const cell of this.cells.values()) this.duty(cell.cellId);
  }

  #propose(): wire.LogEntry[] {
    const entries: wire.LogEntry[] = [];
    for (const cell of this.cells.values()) {
      const named = new Set(
        this.#tree.cell(cell.cellId).leaves.map((leaf) => leaf.certificateHash),
      );
      for (const leaf of cell.leaves) {
        if (named.has(leaf.certificateHash) || cell.removals.has(leaf.leafIndex)) continue;
        cell.removals.add(leaf.leafIndex);
        const { privateKey } = this.#department.roster;
        const group = encodeGroupId({ conversationId: this.id, cellId: cell.cellId });
        entries.push(
          this.#append({
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
    const inside = [...this.#clientsIn(cellId)];
    this.#pushes.frame(inside, { t: "duty", conversationId: this.id, cellId });
  }

  // --- Cells -----------------------------------------------------------------------------------

  #requireCell(client: Client, cellId: string): Cell {
    const cell = this.cells.get(cellId);
    if (cell === undefined || this.#requirePlace(client.clientId).cellId !== cellId)
      throw new Refusal("not_member");
    return cell;
  }

  lease(client: Client, cellId: string): wire.GroupInfoLease {
    const cell = this.#requireCell(client, cellId);
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.removals.size > 0) {
      const others = cell.leaves.some(
        (leaf) => !cell.removals.has(leaf.leafIndex) && this.online(leaf.clientId),
      );
      if (!others) this.#refound(cell);
      else this.duty(cellId);
      throw new Refusal("removal_pending");
    }
    const now = this.#now();
    const { lease } = cell;
    if (lease !== null && lease.untilMs > now && lease.clientId !== client.clientId)
      throw new Refusal("join_busy", {}, 20);
    cell.lease = { clientId: client.clientId, untilMs: now + LEASE_MS };
    return { epoch: cell.epoch, groupInfo: cell.groupInfo, expiresInMs: LEASE_MS };
  }

  /** Set by the server: whether a client is connected. */
  online: (clientId: string) => boolean = () => true;

  commit(client: Client, cellId: string, body: wire.UploadCommit): wire.Accepted {
    const known = this.#known(body.entryId, client.clientId);
    if (known !== null) return known;
    const cell = this.#requireCell(client, cellId);
    if (cell.epoch === null ? !body.founding : body.founding)
      throw new Refusal(body.founding ? "cell_founded" : "cell_unfounded");
    if (body.epoch !== (cell.epoch ?? 0)) throw new Refusal("stale_epoch");
    const several = this.cells.size > 1;
    if (several !== (body.keyRecord !== null && body.signerProof !== null))
      throw new Refusal("wrong_mode", { cells: this.cells.size });
    const { content } = decodePublicMessage(body.commit);
    if (content.contentType !== "commit") throw new Refusal("commit_invalid");
    const external = content.sender.senderType === "new_member_commit";
    const references = content.commit.proposals.filter(
      (one) => one.proposalOrRefType === "reference",
    ).length;
    if (external && cell.lease?.clientId !== client.clientId) throw new Refusal("join_busy");
    if (cell.removals.size > 0 && (external || references !== cell.removals.size))
      throw new Refusal("removal_pending");
    const info = decodeGroupInfo(body.groupInfo);
    const leaves = membersOf(treeIn(info));
    const named = new Map(this.#tree.cell(cellId).leaves.map((l) => [l.certificateHash, l]));
    if (leaves.some((leaf) => !named.has(leaf.certificateHash)))
      throw new Refusal("commit_invalid", { reason: "not named" });
    const epoch = body.epoch + 1;
    if (Number(info.groupContext.epoch) !== epoch) throw new Refusal("commit_invalid");
    if (body.keyRecord !== null && body.signerProof !== null)
      this.#storeKey(client, cell, epoch, body.keyRecord, body.signerProof, cell.removals.size > 0);
    const entry = this.#append({
      kind: "commit",
      cellId,
      epoch: body.epoch,
      sender: client.clientId,
      entryId: body.entryId,
      payload: body.commit,
    });
    if (body.keyRecord === null) cell.keyId = cell.previousKeyId = null;
    const before = cell.leaves;
    cell.epoch = epoch;
    cell.leaves = leaves;
    cell.groupInfo = body.groupInfo;
    cell.removals.clear();
    cell.lease = null;
    for (const clientId of body.welcomeClients)
      if (body.welcome !== null)
        cell.welcomes.set(clientId, { cellId, epoch, seq: entry.seq, welcome: body.welcome });
    if (external) cell.welcomes.delete(client.clientId);
    for (const { clientId } of leaves) {
      const inside = before.some((leaf) => leaf.clientId === clientId);
      if (!inside || (external && clientId === client.clientId))
        this.joinedAt.set(clientId, entry.seq);
    }
    this.#push(entry);
    this.#dropReplaced(client, before, leaves);
    if (several) this.#wantSeals(cellId);
    return { seq: entry.seq, sentMs: entry.sentMs, epoch };
  }

  /** A client brought its renewed certificate into the tree: the roster drops the old one. */
  #dropReplaced(client: Client, before: readonly CellMember[], after: readonly CellMember[]): void {
    const gone = before.filter(
      (leaf) =>
        leaf.clientId === client.clientId &&
        !after.some((one) => one.certificateHash === leaf.certificateHash),
    );
    const hashes = new Set(gone.map((leaf) => leaf.certificateHash));
    if (!this.#tree.leaves.some((leaf) => hashes.has(leaf.certificateHash))) return;
    this.edit({ reason: "renewed", by: null, drop: (leaf) => hashes.has(leaf.certificateHash) });
  }

  #storeKey(
    client: Client,
    cell: Cell,
    epoch: number,
    record: Uint8Array,
    signerProof: Uint8Array,
    removing: boolean,
  ): void {
    const parsed = parseRecord(record);
    const fits =
      parsed.conversationId === this.id &&
      parsed.cellId === cell.cellId &&
      parsed.epoch === epoch &&
      parsed.signer === client.certificateHash &&
      parsed.rosterEpoch >= 1 &&
      parsed.rosterEpoch <= this.#heads.length &&
      this.#proves(parsed.rosterEpoch, client, signerProof) === cell.cellId;
    if (!fits) throw new Refusal("key_record_invalid");
    cell.previousKeyId = removing ? null : cell.keyId;
    cell.previousUntilMs = this.#now() + GRACE_MS;
    cell.keyId = parsed.keyId;
    this.#keys.set(cell.cellId, {
      cellId: cell.cellId,
      epoch,
      keyId: fromHex(parsed.keyId),
      record,
      certificate: client.certificate,
      signerProof,
      version: ++this.#version,
    });
  }

  uploadKeyRecord(client: Client, cellId: string, body: wire.UploadKeyRecord): void {
    const cell = this.#requireCell(client, cellId);
    if (this.cells.size === 1) throw new Refusal("wrong_mode", { cells: 1 });
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.keyId !== null) {
      const known = this.#keys.get(cellId);
      if (known !== undefined && equalBytes(known.record, body.record)) return;
      throw new Refusal("key_record_exists");
    }
    this.#storeKey(client, cell, cell.epoch, body.record, body.signerProof, false);
    this.#wantSeals(cellId);
  }

  #due(): readonly Cell[] {
    return [...this.cells.values()]
      .filter((cell) => cell.keyId !== null && cell.removals.size === 0)
      .sort((a, b) => (a.cellId < b.cellId ? -1 : 1));
  }

  keys(client: Client, since: number): wire.CellKeys {
    this.#requirePlace(client.clientId);
    const keys = [...this.#keys.values()]
      .filter(({ version, cellId }) => version > since && this.cells.has(cellId))
      .map(({ cellId, epoch, keyId, record, certificate, signerProof }) => ({
        ...{ cellId, epoch, keyId, record, certificate, signerProof },
      }));
    return { version: this.#version, cells: this.#due().map(({ cellId }) => cellId), keys };
  }

  welcome(client: Client, cellId: string): wire.PendingWelcome {
    const found = this.#requireCell(client, cellId).welcomes.get(client.clientId);
    if (found === undefined) throw new Refusal("not_found");
    return found;
  }

  forgetWelcome(client: Client, cellId: string): void {
    this.#requireCell(client, cellId).welcomes.delete(client.clientId);
  }

  // --- Messages --------------------------------------------------------------------------------

  #requireMayPost(client: Client): wire.RosterLeaf {
    const leaf = this.#requirePlace(client.clientId);
    const person = this.members.get(client.personId);
    if (person === undefined) throw new Refusal("not_member");
    if (this.whoMayPost === "admins" && !person.admin) throw new Refusal("may_not_post");
    return leaf;
  }

  post(client: Client, body: wire.PostMessage): wire.Accepted {
    const known = this.#known(body.entryId, client.clientId);
    if (known !== null) return known;
    this.#requireMayPost(client);
    if (this.cells.size > 1) throw new Refusal("wrong_mode", { cells: this.cells.size });
    const cell = this.#requireCell(client, body.cellId);
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.removals.size > 0) throw new Refusal("removal_pending");
    if (body.epoch !== cell.epoch) throw new Refusal("stale_epoch");
    const entry = this.#append({
      kind: "message",
      cellId: cell.cellId,
      epoch: body.epoch,
      sender: client.clientId,
      entryId: body.entryId,
      payload: body.payload,
    });
    this.#push(entry);
    return { seq: entry.seq, sentMs: entry.sentMs, epoch: body.epoch };
  }

  postSealed(client: Client, body: wire.PostSealed): wire.Accepted {
    const header = parseSignedHeader(body.sealed);
    const known = this.#known(header.messageId, client.clientId);
    if (known !== null) return known;
    this.#requireMayPost(client);
    if (this.cells.size === 1) throw new Refusal("wrong_mode", { cells: 1 });
    if (header.conversationId !== this.id || header.sender !== client.certificateHash)
      throw new Refusal("sealed_invalid");
    this.#requireRecent(header.rosterEpoch, header.rosterHash);
    if (this.#proves(header.rosterEpoch, client, body.senderProof) === null)
      throw new Refusal("sealed_invalid", { reason: "proof" });
    if (header.bodyHash !== toHex(sha256(body.body))) throw new Refusal("sealed_invalid");
    const chain = this.chain(client);
    if (header.seq !== chain.seq + 1 || header.prev !== toHex(chain.prev))
      throw new Refusal("chain_broken", { seq: chain.seq });
    const seals = parseSeals(body.seals, header.kem);
    if (cellsDigest(seals) !== header.cellsDigest) throw new Refusal("sealed_invalid");
    this.#requireCurrent(seals);
    const due = this.#due().map(({ cellId }) => cellId);
    if (seals.map(({ cellId }) => cellId).join() !== due.join()) throw new Refusal("stale_epoch");
    const graced = seals
      .filter(({ cellId, keyId }) => this.cells.get(cellId)?.keyId !== keyId)
      .map(({ cellId }) => cellId);
    this.#chains.set(client.clientId, { seq: header.seq, hash: header.hash });
    const { sealed, certificate, senderProof: proof } = body;
    const entry = this.#append(
      {
        kind: "sealed",
        cellId: null,
        epoch: null,
        sender: client.clientId,
        entryId: header.messageId,
        payload: new Uint8Array(),
      },
      {
        common: { sealed, certificate, proof, body: body.body },
        seals: new Map(seals.map((seal) => [seal.cellId, encodeSeal(seal)])),
        missing: new Set([
          ...[...this.cells.keys()].filter((cellId) => !due.includes(cellId)),
          ...graced,
        ]),
      },
    );
    this.#push(entry);
    for (const cellId of graced)
      this.#pushes.frame([client.clientId], { t: "seal_wanted", conversationId: this.id, cellId });
    return { seq: entry.seq, sentMs: entry.sentMs, epoch: 0 };
  }

  /** The cell for which a proof shows a client under the head of a roster epoch. */
  #proves(epoch: number, client: Client, proof: Uint8Array): string | null {
    const head = this.#heads[epoch - 1];
    if (head === undefined) return null;
    const { leaves, root } = parseHead(head);
    return provenCell(proof, client.certificateHash, leaves, root);
  }

  #requireRecent(epoch: number, hash: string): void {
    const head = this.#heads[epoch - 1];
    const superseded = this.#headMs[epoch] ?? Infinity;
    const good =
      head !== undefined &&
      toHex(sha256(head)) === hash &&
      this.#now() - superseded < ROSTER_MAY_BE_OLD_MS;
    if (!good) throw new Refusal("stale_roster", { epoch: this.#heads.length });
  }

  #requireCurrent(seals: readonly { readonly cellId: string; readonly keyId: string }[]): void {
    for (const { cellId, keyId } of seals) {
      const cell = this.cells.get(cellId);
      const previous = cell?.previousKeyId === keyId && this.#now() < cell.previousUntilMs;
      if (cell === undefined || cell.removals.size > 0 || (cell.keyId !== keyId && !previous))
        throw new Refusal("stale_epoch");
    }
  }

  chain(client: Client): wire.SenderChain {
    const chain = this.#chains.get(client.clientId) ?? { seq: 0, hash: "0".repeat(64) };
    return { seq: chain.seq, prev: fromHex(chain.hash) };
  }

  sealedEntry(client: Client, seq: number): wire.LogEntry {
    this.#requirePlace(client.clientId);
    const stored = this.log[seq - 1];
    if (stored?.sealed == null) throw new Refusal("not_found");
    return this.#shown(client.clientId, stored);
  }

  // --- Late seals ------------------------------------------------------------------------------

  #wantSeals(cellId: string): void {
    const senders = new Set<string>();
    for (const { entry, sealed } of this.log)
      if (sealed?.missing.has(cellId) === true && entry.sender !== null) senders.add(entry.sender);
    this.#pushes.frame([...senders], { t: "seal_wanted", conversationId: this.id, cellId });
  }

  wanted(client: Client): wire.SealsWanted {
    this.#requirePlace(client.clientId);
    const due = new Set(this.#due().map(({ cellId }) => cellId));
    const wanted = this.log
      .filter(({ entry }) => entry.sender === client.clientId)
      .map(({ entry, sealed }) => ({
        seq: entry.seq,
        cellIds: [...(sealed?.missing ?? [])].filter((cellId) => due.has(cellId)),
      }));
    return { wanted: wanted.filter(({ cellIds }) => cellIds.length > 0) };
  }

  lateSeals(client: Client, seq: number, body: wire.LateSeals): void {
    const stored = this.log[seq - 1];
    if (stored?.sealed == null || stored.entry.sender !== client.clientId)
      throw new Refusal("not_found");
    const { common, seals, missing } = stored.sealed;
    const given = parseSeals(body.seals, parseSignedHeader(common.sealed).kem);
    const late = given.filter(({ cellId }) => missing.has(cellId));
    const current = (cellId: string): string | null => this.cells.get(cellId)?.keyId ?? null;
    this.#requireCurrent(late);
    if (late.some(({ cellId, keyId }) => current(cellId) !== keyId))
      throw new Refusal("stale_epoch");
    for (const seal of late) {
      const bytes = encodeSeal(seal);
      seals.set(seal.cellId, bytes);
      missing.delete(seal.cellId);
      const inside = [...this.#clientsIn(seal.cellId)];
      const frame = { t: "late_seal", conversationId: this.id, seq, seal: bytes } as const;
      this.#pushes.frame(inside, frame);
    }
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
    const addedMs = this.#now();
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
