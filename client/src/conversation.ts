/**
 * One conversation's live state and its serial queue.
 *
 * Invariants: everything that reads and changes group, roster, cursor or pending commit runs in
 * {@link Conversation.run}, one step at a time; a change becomes visible here only after
 * {@link Conversation.store} has written it, with everything that belongs to it, in one
 * transaction. A failed write leaves the old snapshots usable. Conversations never wait for each
 * other.
 */
import type { Announcer } from "./announcer.ts";
import type { SenderState } from "./cells/sender.ts";
import type { DeviceContext } from "./context.ts";
import { isNewer, lastOf, notice, noticeMessage, putMessage } from "./messages.ts";
import type { CellGroup } from "./mls/types.ts";
import { newId } from "./octets.ts";
import { STORES } from "./records.ts";
import type {
  CellKeysRecord,
  CommitRecord,
  ConversationRecord,
  FormerSeedRecord,
  GroupRecord,
  HeadsRecord,
  MembersRecord,
  MessageRecord,
  RosterRecord,
  SenderRecord,
  TreeRecord,
  WaitingRecord,
} from "./records.ts";
import { CellRosterCopy } from "./roster/cell-roster-copy.ts";
import { HeadHistory } from "./roster/heads.ts";
import { RosterRefused } from "./roster/refused.ts";
import type { Roster } from "./roster/roster.ts";
import { RosterCopy } from "./roster/roster-copy.ts";
import { isDamaged } from "./vault/vault.ts";
import type { Change } from "./vault/vault.ts";

const MOST_SENDERS = 2_000;
/** Records without which a conversation cannot go on: entering its cell makes all of them anew. */
const VITAL: ReadonlySet<string> = new Set([
  STORES.groups,
  STORES.trees,
  STORES.rosters,
  STORES.heads,
]);

/** Changes that are stored together. Read and assign freely; nothing counts until it is stored. */
export class Work {
  record: ConversationRecord;
  group: CellGroup | null;
  roster: Roster | null;
  pending: CommitRecord | null;
  members: MembersRecord;
  // The rest is of conversations of several cells.
  heads: HeadHistory | null;
  formerSeed: FormerSeedRecord | null;
  keys: CellKeysRecord | null;
  chain: SenderState | null;
  readonly senders = new Map<string, SenderRecord>();
  /** Messages that begin to wait for their seal, by seq; null: no longer. */
  readonly waiting = new Map<number, WaitingRecord | null>();
  readonly changes: Change[] = [];
  readonly messages: MessageRecord[] = [];
  readonly removed: string[] = [];
  /** Messages that may notify. */
  readonly fresh: MessageRecord[] = [];
  readonly consumed: CellGroup[] = [];
  membersChanged = false;
  readonly afterwards: (() => void)[] = [];

  constructor(from: Conversation) {
    this.record = from.record;
    this.group = from.group;
    this.roster = from.roster;
    this.pending = from.pending;
    this.members = from.members;
    this.heads = from.heads;
    this.formerSeed = from.formerSeed;
    this.keys = from.keys;
    this.chain = from.chain;
  }

  set(change: Partial<ConversationRecord>): void {
    this.record = { ...this.record, ...change };
  }

  /** Replace the group; the old snapshot is zeroed once the new one is stored. */
  advance(next: CellGroup | null): void {
    if (this.group !== null) this.consumed.push(this.group);
    this.group = next;
  }

  /** Store a message and let the list show it if it is the newest. */
  put(message: MessageRecord): void {
    this.changes.push(putMessage(message));
    this.messages.push(message);
    const last = lastOf(message);
    if (last !== null && isNewer(last, this.record.last)) this.set({ last });
    const { mine, notice, seq, sentMs, counts } = message;
    if (mine && notice === null && seq !== null && seq >= (this.record.own?.seq ?? 0))
      this.set({ own: { seq, sentMs, ...(counts === undefined ? {} : { counts }) } });
  }
}

export class Conversation {
  readonly id: string;
  readonly #context: DeviceContext;
  readonly #announcer: Announcer;
  record: ConversationRecord;
  group: CellGroup | null = null;
  roster: Roster | null = null;
  pending: CommitRecord | null = null;
  members: MembersRecord = { members: [], placed: [] };
  heads: HeadHistory | null = null;
  formerSeed: FormerSeedRecord | null = null;
  keys: CellKeysRecord | null = null;
  chain: SenderState | null = null;
  /** Where the chains of those heard lately stand; all are in the vault. */
  readonly #senders = new Map<string, SenderRecord | null>();
  /** Counts the connections, and where pushing broke off in one; {@link inStep} is of the newest. */
  connection = 0;
  /** The connection on which this device has caught up. */
  caughtUpOn = -1;
  /** The DS asked this client to commit, or a person here did. */
  duty = false;
  /** Clients that this device promised to add by Welcome. */
  readonly toAdd = new Set<string>();
  /** It was announced live: a Welcome may be about to follow. */
  announced = false;
  /** When that was, or when this device met the conversation otherwise: others may found its cell. */
  announcedMs: number | null = null;
  /** When the cells' keys were asked for last. */
  keysAtMs = -Infinity;
  /** The DS takes none of those that it gave: all are asked for, whatever their version. */
  keysWhole = false;
  /** Of the keys that were held when the DS called one stale last. */
  staleKeysVersion: number | null = null;
  /** When this device sees to the key of its cell's epoch, if nobody else has by then. */
  keyTurn: { readonly epoch: number; readonly atMs: number } | null = null;
  /** Who is named for our cell and was not in it, and when this device lets them in. */
  absent: ReadonlyMap<string, number> = new Map();
  /** In [0, 1): which of the members that is; the same for all whom it lets in. */
  absentTurn: number | null = null;
  /** Versions of receipts that came before their turn. */
  readonly earlyReceipts = new Set<number>();
  /** When counts of receipts were asked for, by the message's seq. */
  readonly countsAskedMs = new Map<number, number>();
  /** Profile messages received since start: an answer that somebody else gave is not repeated. */
  profilesHeard = 0;
  /** When a member asked for the profile last: its answer is for whoever was in by then. */
  profileAskedMs = -Infinity;
  /** The tree that the vault holds for the group. */
  #tree: TreeRecord | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #loaded = false;
  #members: Promise<MembersRecord> | null = null;

  constructor(context: DeviceContext, announcer: Announcer, record: ConversationRecord) {
    this.#context = context;
    this.#announcer = announcer;
    this.record = record;
    this.id = record.conversationId;
  }

  /** Caught up on this connection: what is pushed from now on comes in order and whole. */
  get inStep(): boolean {
    return this.caughtUpOn === this.connection;
  }

  /** What this device lacks will be pushed on this connection. */
  stepIn(): void {
    this.caughtUpOn = this.connection;
  }

  /** Something was not pushed, or not taken: what comes next is fetched, as after a new connection. */
  fallOut(): void {
    this.connection++;
  }

  /** Run a step when everything before it has finished. */
  run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(async () => {
      await this.#load();
      return step();
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #load(): Promise<void> {
    if (this.#loaded) return;
    const damaged: string[] = [];
    const read = <T>(store: string): Promise<T | null> =>
      this.#read<T>(store, () => damaged.push(store));
    const [group, tree, roster, pending, heads] = await Promise.all([
      read<GroupRecord>(STORES.groups),
      read<TreeRecord>(STORES.trees),
      read<RosterRecord>(STORES.rosters),
      read<CommitRecord>(STORES.commits),
      read<HeadsRecord>(STORES.heads),
      this.loadMembers(),
    ]);
    this.pending = pending;
    if (roster !== null) this.roster = await this.openRoster(roster);
    if (heads !== null || this.record.cells > 1) {
      [this.heads, this.formerSeed, this.keys, this.chain] = await Promise.all([
        heads && this.#openHeads(heads, () => damaged.push(STORES.heads)),
        read<FormerSeedRecord>(STORES.formerSeeds),
        read<CellKeysRecord>(STORES.cellKeys),
        read<SenderState>(STORES.chains),
      ]);
      // Without them every sealed message would be passed over as one of before this device came.
      const several = this.roster instanceof CellRosterCopy;
      if (this.heads === null && several) damaged.push(STORES.heads);
    }
    if (group !== null) {
      this.group = await this.#decode(group, tree, () => damaged.push(STORES.groups));
    }
    if (damaged.length > 0) await this.#forgetDamaged(damaged);
    this.#loaded = true;
  }

  async #openHeads({ heads }: HeadsRecord, onDamaged: () => void): Promise<HeadHistory | null> {
    const { publicKey } = this.#context.checker().rosterAuthority();
    try {
      return await HeadHistory.open(heads, publicKey);
    } catch (error) {
      if (!(error instanceof RosterRefused)) throw error;
      onDamaged();
      return null;
    }
  }

  async #decode(
    { state, tree: id }: GroupRecord,
    tree: TreeRecord | null,
    onDamaged: () => void,
  ): Promise<CellGroup | null> {
    const mls = this.#context.mls(this.record.suite);
    try {
      if (id === undefined) return await mls.decode(state);
      if (tree?.id !== id)
        throw new Error("the state has another tree than the one that is stored");
      const group = await mls.decode(state, tree.bytes);
      this.#tree = tree;
      return group;
    } catch {
      onDamaged();
      return null;
    }
  }

  async #read<T>(store: string, onDamaged: () => void): Promise<T | null> {
    try {
      return await this.#context.vault.get<T>(store, this.id);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      onDamaged();
      return null;
    }
  }

  /** What cannot be read is as good as gone: say so, and let the device enter its cell anew. */
  async #forgetDamaged(stores: readonly string[]): Promise<void> {
    const work = new Work(this);
    work.changes.push(...stores.map((store) => ({ op: "delete", store, key: this.id }) as const));
    if (stores.some((store) => VITAL.has(store))) {
      const { cursor, state } = work.record;
      const at = { seq: cursor, order: cursor + 0.8, sentMs: this.#context.now() };
      work.put(noticeMessage(this.id, newId(), at, notice("damaged")));
      work.advance(null);
      if (state === "ready") work.set({ state: "joining" });
    }
    await this.store(work);
  }

  /** Members as last heard; cheap, so that lists need not load groups. */
  loadMembers(): Promise<MembersRecord> {
    this.#members ??= this.#read<MembersRecord>(STORES.members, () => undefined)
      .then((record) => (this.members = record ?? { members: [], placed: [] }))
      .catch((error: unknown) => {
        this.#members = null;
        throw error;
      });
    return this.#members.then(() => this.members);
  }

  /** The last sealed message of a device. */
  async sender(work: Work, clientId: string): Promise<SenderRecord | null> {
    const known = work.senders.get(clientId) ?? this.#senders.get(clientId);
    if (known !== undefined) return known;
    const key = `${this.id}/${clientId}`;
    const stored = await this.#context.vault.get<SenderRecord>(STORES.senders, key);
    this.#senders.set(clientId, stored);
    return stored;
  }

  openRoster({ head, leaves, cell }: RosterRecord): Promise<Roster> {
    const key = this.#context.checker().rosterAuthority().publicKey;
    if (cell === undefined) return RosterCopy.open({ head, leaves }, this.id, key);
    const part = { ...cell, head, leaves: [...leaves] };
    return CellRosterCopy.open(part, this.id, cell.cellId, key);
  }

  /** Write everything of `work` in one transaction, then make it visible and announce it. */
  async store(work: Work, strict = false): Promise<void> {
    const { id } = this;
    const changes = [...work.changes];
    const put = (store: string, value: unknown): void => {
      changes.push(
        value === null ? { op: "delete", store, key: id } : { op: "put", store, key: id, value },
      );
    };
    if (work.record !== this.record) put(STORES.conversations, work.record);
    let tree = this.#tree;
    if (work.group === null && this.group !== null) {
      tree = null;
      for (const store of [STORES.groups, STORES.trees]) put(store, null);
    } else if (work.group !== null && work.group !== this.group) {
      const stored = work.group.encodeApart();
      // The tree is nearly all of a large cell's state, and no message changes it.
      if (tree?.bytes !== stored.tree) {
        tree = { id: newId(), bytes: stored.tree };
        put(STORES.trees, tree);
      }
      put(STORES.groups, { state: stored.state, tree: tree.id } satisfies GroupRecord);
    }
    if (work.roster !== this.roster) put(STORES.rosters, work.roster?.toRecord() ?? null);
    if (work.pending !== this.pending) put(STORES.commits, work.pending);
    if (work.roster !== this.roster && work.roster !== null) {
      const placed = new Set(work.roster.leaves().map(({ personId }) => personId));
      const whole = work.roster instanceof RosterCopy;
      work.members = { ...work.members, placed: whole ? [...placed] : null };
    }
    if (work.heads !== this.heads) {
      put(STORES.heads, work.heads && ({ heads: work.heads.toBytes() } satisfies HeadsRecord));
    }
    if (work.formerSeed !== this.formerSeed) put(STORES.formerSeeds, work.formerSeed);
    if (work.keys !== this.keys) put(STORES.cellKeys, work.keys);
    if (work.chain !== this.chain) put(STORES.chains, work.chain);
    if (work.members !== this.members) put(STORES.members, work.members);
    for (const [clientId, value] of work.senders) {
      changes.push({
        op: "put",
        store: STORES.senders,
        key: `${id}/${clientId}`,
        group: id,
        value,
      });
    }
    for (const [seq, value] of work.waiting) {
      const where = { store: STORES.waiting, key: `${id}/${String(seq)}` };
      changes.push(
        value === null
          ? { op: "delete", ...where }
          : { op: "put", ...where, group: id, order: seq, value },
      );
    }
    await this.#context.vault.write(changes, strict);

    const membersChanged = work.membersChanged || work.members !== this.members;
    const recordChanged = work.record !== this.record;
    this.record = work.record;
    this.group = work.group;
    this.#tree = tree;
    this.roster = work.roster;
    this.pending = work.pending;
    this.members = work.members;
    this.heads = work.heads;
    this.formerSeed = work.formerSeed;
    this.keys = work.keys;
    this.chain = work.chain;
    if (this.#senders.size > MOST_SENDERS) this.#senders.clear();
    for (const [clientId, sender] of work.senders) this.#senders.set(clientId, sender);
    for (const group of work.consumed) if (group !== this.group) group.discard();
    if (recordChanged) this.#announcer.conversation(this);
    for (const message of work.messages) this.#announcer.message(this, message);
    for (const messageId of work.removed) this.#announcer.removed(id, messageId);
    for (const message of work.fresh) this.#announcer.notify(this, message);
    if (membersChanged) this.#announcer.members(id);
    for (const then of work.afterwards) then();
  }
}
