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
import type { DeviceContext } from "./context.ts";
import { isNewer, lastOf, putMessage } from "./messages.ts";
import type { CellGroup } from "./mls/types.ts";
import { STORES } from "./records.ts";
import type {
  CommitRecord,
  ConversationRecord,
  GroupRecord,
  MembersRecord,
  MessageRecord,
  RosterRecord,
} from "./records.ts";
import { RosterCopy } from "./roster/roster-copy.ts";
import type { Change } from "./vault/vault.ts";

/** Changes that are stored together. Read and assign freely; nothing counts until it is stored. */
export class Work {
  record: ConversationRecord;
  group: CellGroup | null;
  roster: RosterCopy | null;
  pending: CommitRecord | null;
  members: MembersRecord;
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
  }
}

export class Conversation {
  readonly id: string;
  readonly #context: DeviceContext;
  readonly #announcer: Announcer;
  record: ConversationRecord;
  group: CellGroup | null = null;
  roster: RosterCopy | null = null;
  pending: CommitRecord | null = null;
  members: MembersRecord = { members: [], placed: [] };
  /** The DS asked this client to commit, or a person here did. */
  duty = false;
  /** Clients that this device promised to add by Welcome. */
  readonly toAdd = new Set<string>();
  /** When the live announcement of a conversation came: a Welcome may be about to follow. */
  announcedMs: number | null = null;
  /** Profile messages received since start: an answer that somebody else gave is not repeated. */
  profilesHeard = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #loaded = false;
  #members: Promise<MembersRecord> | null = null;

  constructor(context: DeviceContext, announcer: Announcer, record: ConversationRecord) {
    this.#context = context;
    this.#announcer = announcer;
    this.record = record;
    this.id = record.conversationId;
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
    const { vault } = this.#context;
    const [group, roster, pending] = await Promise.all([
      vault.get<GroupRecord>(STORES.groups, this.id),
      vault.get<RosterRecord>(STORES.rosters, this.id),
      vault.get<CommitRecord>(STORES.commits, this.id),
      this.loadMembers(),
    ]);
    this.pending = pending;
    if (roster !== null) this.roster = await this.openRoster(roster);
    // A state that does not decode is a lost state: the device enters the cell anew.
    if (group !== null) this.group = await this.#context.mls().decode(group.state).catch(() => null);
    this.#loaded = true;
  }

  /** Members as last heard; cheap, so that lists need not load groups. */
  loadMembers(): Promise<MembersRecord> {
    this.#members ??= this.#context.vault
      .get<MembersRecord>(STORES.members, this.id)
      .then((record) => (this.members = record ?? { members: [], placed: [] }))
      .catch((error: unknown) => {
        this.#members = null;
        throw error;
      });
    return this.#members.then(() => this.members);
  }

  openRoster(signed: RosterRecord): Promise<RosterCopy> {
    const key = this.#context.checker().rosterAuthority().publicKey;
    return RosterCopy.open({ head: signed.head, leaves: [...signed.leaves] }, this.id, key);
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
    if (work.group !== this.group) {
      const state = work.group?.encode() ?? null;
      put(STORES.groups, state === null ? null : ({ state } satisfies GroupRecord));
    }
    if (work.roster !== this.roster) put(STORES.rosters, work.roster?.toSigned() ?? null);
    if (work.pending !== this.pending) put(STORES.commits, work.pending);
    if (work.roster !== this.roster && work.roster !== null) {
      const placed = new Set(work.roster.leaves().map(({ personId }) => personId));
      work.members = { ...work.members, placed: [...placed] };
    }
    if (work.members !== this.members) put(STORES.members, work.members);
    await this.#context.vault.write(changes, strict);

    const membersChanged = work.membersChanged || work.members !== this.members;
    const recordChanged = work.record !== this.record;
    this.record = work.record;
    this.group = work.group;
    this.roster = work.roster;
    this.pending = work.pending;
    this.members = work.members;
    for (const group of work.consumed) if (group !== this.group) group.discard();
    if (recordChanged) this.#announcer.conversation(this);
    for (const message of work.messages) this.#announcer.message(this, message);
    for (const messageId of work.removed) this.#announcer.removed(id, messageId);
    for (const message of work.fresh) this.#announcer.notify(this, message);
    if (membersChanged) this.#announcer.members(id);
    for (const then of work.afterwards) then();
  }
}
