/** A conversation in memory: its state, its log, and what each client is shown of it. */
import { encode } from "@msgpack/msgpack";
import type { CellMember } from "../../src/mls/types.ts";
import { newId } from "../../src/octets.ts";
import type * as wire from "../../src/wire.ts";
import type { Department } from "../certificates.ts";
import { RosterTree } from "./roster-tree.ts";

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

export interface Cell {
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

export interface Stored {
  readonly entry: wire.LogEntry;
  readonly sealed: {
    readonly common: Omit<wire.SealedPayload, "seal">;
    readonly seals: Map<string, Uint8Array>;
    readonly missing: Set<string>;
    /** By cell, what it was accepted with: the seal, and to which epoch that is. */
    readonly first: ReadonlyMap<string, { readonly epoch: number; readonly seal: Uint8Array }>;
    /** By cell, for which of its epochs its late seal was made. */
    readonly late: Map<string, number>;
  } | null;
}

/** One epoch of the roster, as tests look at it: the cell of each client, since this seq. */
export interface RosterThen {
  readonly seq: number;
  readonly epoch: number;
  readonly several: boolean;
  readonly places: ReadonlyMap<string, string>;
}

export interface Person {
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

export class ConversationLog {
  readonly id: string;
  readonly kind: wire.ConversationKind;
  readonly createdBy: string;
  readonly createdMs: number;
  readonly members = new Map<string, Person>();
  readonly cells = new Map<string, Cell>();
  readonly log: Stored[] = [];
  readonly rosters: RosterThen[] = [];
  /** The roster epoch with which a client got the place that it has. */
  readonly namedAt = new Map<string, number>();
  /** `cellId/clientId`: let in by a Welcome that it had not taken when the cell was given up. */
  readonly neverEntered = new Set<string>();
  /** The seq of the commit with which a client came in last. */
  readonly joinedAt = new Map<string, number>();
  whoMayPost: wire.WhoMayPost;
  suite = 1;
  protected readonly department: Department;
  protected readonly cellSize: number;
  protected readonly pushes: Pushes;
  protected readonly now: () => number;
  protected readonly signedHeads: Uint8Array[] = [];
  protected readonly headMs: number[] = [];
  protected readonly keyRecords = new Map<
    string,
    Omit<wire.CellKey, "signerProof"> & { readonly version: number }
  >();
  protected readonly chains = new Map<string, { readonly seq: number; readonly hash: string }>();
  /** Cells that a client was in before it was moved, and until which seq. */
  protected readonly former = new Map<
    string,
    { readonly cellId: string; readonly until: number }[]
  >();
  protected tree = new RosterTree([]);
  protected version = 0;
  protected opened = 0;

  constructor(
    department: Department,
    cellSize: number,
    pushes: Pushes,
    body: Pick<wire.CreateConversation, "conversationId" | "kind" | "whoMayPost">,
    createdBy: string,
    now: () => number,
  ) {
    this.now = now;
    this.createdMs = now();
    this.department = department;
    this.cellSize = cellSize;
    this.pushes = pushes;
    this.id = body.conversationId;
    this.kind = body.kind;
    this.whoMayPost = body.kind === "direct" ? "everyone" : body.whoMayPost;
    this.createdBy = createdBy;
  }

  get lastSeq(): number {
    return this.log.length;
  }

  protected get fill(): number {
    return Math.max(1, this.cellSize - 4);
  }

  // --- Views -----------------------------------------------------------------------------------

  leafOf(clientId: string): wire.RosterLeaf | undefined {
    return this.tree.leaves.find((leaf) => leaf.clientId === clientId);
  }

  protected requirePlace(clientId: string): wire.RosterLeaf {
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
      clients: this.clientsIn(cell.cellId).size,
      namedEpoch: this.namedAt.get(client.clientId) ?? null,
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
      rosterEpoch: this.signedHeads.length,
      audience: null,
      directPersonId: this.kind === "direct" ? (others[0] ?? null) : null,
      deliveredSeq: person.deliveredSeq,
      readSeq: person.readSeq,
      preferences: { mutedUntilMs: null, pinned: false },
      infoVersion: `${String(this.signedHeads.length)}.${this.whoMayPost}`,
    };
  }

  memberPage(client: Client): wire.Members {
    if (!this.members.has(client.personId)) throw new Refusal("not_member");
    const members = [...this.members].map(([personId, person]) => ({ personId, ...person }));
    return { members, next: null, receiptsVersion: 0 };
  }

  roster(client: Client): wire.SignedRoster {
    this.requirePlace(client.clientId);
    if (this.cells.size > 1) throw new Refusal("wrong_mode", { cells: this.cells.size });
    return { head: this.newestHead(), leaves: [...this.tree.leaves], certificates: [] };
  }

  cellRoster(client: Client, cellId: string): wire.CellRoster {
    if (this.requirePlace(client.clientId).cellId !== cellId) throw new Refusal("not_member");
    const { first, leaves } = this.tree.cell(cellId);
    const proof = this.tree.rangeProof(first, leaves.length);
    return { head: this.newestHead(), cellId, first, leaves: [...leaves], proof };
  }

  heads(client: Client, from: number, to: number): wire.RosterHeads {
    if (!this.members.has(client.personId)) throw new Refusal("not_member");
    return { heads: this.signedHeads.slice(Math.max(0, from - 1), to).slice(0, 256) };
  }

  protected newestHead(): Uint8Array {
    return this.signedHeads.at(-1) ?? new Uint8Array();
  }

  protected clientsIn(cellId: string): Set<string> {
    return new Set(this.tree.cell(cellId).leaves.map(({ clientId }) => clientId));
  }

  /** Whether a stored entry concerns a client that is, or was then, in one of these cells. */
  protected concerns(clientId: string, { entry }: Stored): boolean {
    if (entry.cellId === null) return true;
    return this.cellAt(clientId, entry.seq).includes(entry.cellId);
  }

  protected cellAt(clientId: string, seq: number): readonly string[] {
    const former = this.former.get(clientId) ?? [];
    const cells = former.filter(({ until }) => seq <= until).map(({ cellId }) => cellId);
    const now = this.leafOf(clientId)?.cellId;
    return now === undefined ? cells : [...cells, now];
  }

  protected shown(clientId: string, stored: Stored): wire.LogEntry {
    const { entry, sealed } = stored;
    if (sealed === null) return entry;
    const cells = this.cellAt(clientId, entry.seq);
    // Of the cell that it was in then, or of the one that took its place and got a late seal.
    const cellId = cells.find((one) => sealed.seals.has(one)) ?? cells[0] ?? null;
    const seal = cellId === null ? null : (sealed.seals.get(cellId) ?? null);
    return { ...entry, cellId, payload: encode({ ...sealed.common, seal }) };
  }

  page(client: Client, after: number, limit: number): wire.LogPage {
    this.requirePlace(client.clientId);
    const all = this.log.slice(after).filter((one) => this.concerns(client.clientId, one));
    const entries = all.slice(0, limit).map((one) => this.shown(client.clientId, one));
    return { entries, lastSeq: this.lastSeq, more: all.length > limit };
  }

  /** The entries up to here are not in memory any more: for {@link recentSince}. */
  recentAfter = 0;

  /**
   * What a client that comes back has missed, from memory; null where only the log knows. What was
   * sealed late stands there as it was before.
   */
  recentSince(clientId: string, after: number): readonly wire.LogEntry[] | null {
    const cellId = this.leafOf(clientId)?.cellId;
    const missed = this.log.slice(after);
    if (cellId === undefined || after < this.recentAfter) return null;
    if (missed.some(({ entry }) => entry.kind === "roster")) return null;
    const own = missed.filter(({ entry }) => entry.cellId === null || entry.cellId === cellId);
    if (own.some(({ sealed }) => sealed !== null && !sealed.first.has(cellId))) return null;
    return own.map(({ entry, sealed }) => {
      if (sealed === null) return entry;
      const seal = sealed.first.get(cellId)?.seal ?? null;
      return { ...entry, cellId, payload: encode({ ...sealed.common, seal }) };
    });
  }

  // --- Writing ---------------------------------------------------------------------------------

  protected append(
    entry: Omit<wire.LogEntry, "conversationId" | "seq" | "sentMs">,
    sealed: Stored["sealed"] = null,
  ): wire.LogEntry {
    const seq = this.lastSeq + 1;
    const whole = { ...entry, conversationId: this.id, seq, sentMs: this.now() };
    this.log.push({ entry: whole, sealed });
    return whole;
  }

  protected pushEntry(entry: wire.LogEntry): void {
    const stored = this.log[entry.seq - 1] as Stored;
    const clients = [...new Set(this.tree.leaves.map(({ clientId }) => clientId))];
    const { cellId } = entry;
    const concerned = clients.filter((id) => cellId === null || this.leafOf(id)?.cellId === cellId);
    this.pushes.entry(concerned, (clientId) => this.shown(clientId, stored));
  }

  protected knownEntry(entryId: string, clientId: string): wire.Accepted | null {
    const found = this.log.find(({ entry }) => entry.entryId === entryId)?.entry;
    if (found === undefined) return null;
    if (found.sender !== clientId) throw new Refusal("bad_request");
    const epoch = found.kind === "commit" ? (found.epoch ?? 0) + 1 : (found.epoch ?? 0);
    return { seq: found.seq, sentMs: found.sentMs, epoch };
  }

  protected openCell(cellId = newId()): Cell {
    const cell: Cell = {
      cellId,
      opened: this.opened++,
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
}
