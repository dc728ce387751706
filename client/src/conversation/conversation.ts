/**
 * One conversation's live state and its serial queue.
 *
 * Invariants: everything that reads and changes record, heads, keys or the log's place runs in
 * {@link Conversation.run}, one step at a time; a change becomes visible here only after
 * {@link Conversation.store} has written it, with everything that belongs to it, in one
 * transaction. A failed write leaves what was here before. Conversations never wait for each other.
 */
import type { AttachmentId, ConversationId, MessageId } from "../ids.ts";
import type { DeviceContext } from "../context.ts";
import { STORES } from "../records.ts";
import type { MarksRecord } from "../mark-records.ts";
import type {
  AcceptedRecord,
  ConversationRecord,
  FloorsRecord,
  LogRecord,
  MembersRecord,
  MessageRecord,
  PendingRecord,
} from "../records.ts";
import { isParty } from "./parties.ts";
import { Heads } from "./heads.ts";
import { CellKeys } from "./cell-keys.ts";
import { ConversationKeys } from "./conversation-keys.ts";
import { SerialQueue } from "../serial-queue.ts";
import { isDamaged, type Change } from "../vault/vault.ts";
import { Pending } from "./pending.ts";
import { Table } from "./table.ts";
import { UnitOfWork, type FreshMessage } from "./unit-of-work.ts";

/** Rows held in memory, of each table. */
const MOST = { heads: 64, keys: 64, log: 1_100, accepted: 4_000, pending: 400, marks: 250 };

/** The listener hears of each change after its transaction is stored. */
export interface ConversationListener {
  conversation(conversation: Conversation): void;
  message(conversation: Conversation, record: MessageRecord): void;
  removed(conversationId: ConversationId, messageId: MessageId): void;
  notify(conversation: Conversation, record: MessageRecord, news: FreshMessage): void;
  members(conversationId: ConversationId): void;
  filesDropped(attachmentIds: readonly AttachmentId[]): void;
}

/** The conversations of this device. */
export interface ConversationIndex {
  readonly conversations: ReadonlyMap<ConversationId, Conversation>;
  find(conversationId: ConversationId): Conversation | null;
}

export class Conversation {
  readonly id: ConversationId;
  readonly heads: Heads;
  readonly keys: ConversationKeys;
  readonly cellKeys: CellKeys;
  /** L by position, of the last 1,000 (R4). */
  readonly log: Table<LogRecord>;
  /** Accepted messages by sender and seq, and by sender the newest (R5). */
  readonly accepted: Table<AcceptedRecord>;
  /** R2's floors (inbox/floors.ts). */
  readonly floors: Table<FloorsRecord>;
  /** Entries that are not shown, by position (R9). */
  readonly pending: Pending;
  /** Marks that people set on messages, by message. */
  readonly marks: Table<MarksRecord>;
  record: ConversationRecord;
  members: MembersRecord = { members: [], infoVersion: null, receiptsVersion: 0 };
  /** Versions of receipts that came before their turn. */
  readonly earlyReceipts = new Set<number>();
  /** When counts of receipts were asked for, by the message's seq. */
  readonly countsAskedMs = new Map<number, number>();
  /** Tables with a row for each entry. */
  readonly #ofEntries: readonly { forget(): void }[];
  readonly #context: DeviceContext;
  readonly #listener: ConversationListener;
  readonly #onLeft: () => void;
  readonly #queue = new SerialQueue();
  #members: Promise<MembersRecord> | null = null;

  /** `onLeft`: this person's membership has ended, also where another one has begun meanwhile. */
  constructor(
    context: DeviceContext,
    listener: ConversationListener,
    record: ConversationRecord,
    onLeft: () => void,
  ) {
    this.#context = context;
    this.#listener = listener;
    this.#onLeft = onLeft;
    this.record = record;
    this.id = record.conversationId;
    const table = <T>(store: string, most: number): Table<T> =>
      new Table<T>(context.vault, store, this.id, most);
    this.heads = new Heads(context, this.id, table(STORES.heads, MOST.heads), (person) =>
      isParty(this.record, context.identity().personId, person),
    );
    this.cellKeys = new CellKeys(context, this.id, table(STORES.cellKeys, MOST.keys));
    this.keys = new ConversationKeys(
      context,
      this.id,
      table(STORES.conversationKeys, MOST.keys),
      this.cellKeys,
      (step) => this.change(step),
    );
    this.log = table(STORES.log, MOST.log);
    this.accepted = table(STORES.accepted, MOST.accepted);
    this.floors = table(STORES.floors, 1);
    const pending = table<PendingRecord>(STORES.pending, MOST.pending);
    this.pending = new Pending(pending);
    this.marks = table(STORES.marks, MOST.marks);
    this.#ofEntries = [this.log, this.accepted, this.marks, pending];
  }

  /** Run a step when everything before it has finished. */
  run<T>(step: () => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      await this.loadMembers();
      return step();
    });
  }

  /** Run a step that changes something, and store what it changed. */
  change<T>(step: (work: UnitOfWork) => Promise<T>, strict = false): Promise<T> {
    return this.run(async () => {
      const work = new UnitOfWork(this);
      const result = await step(work);
      await this.store(work, strict);
      return result;
    });
  }

  /** Members as last heard; what cannot be read is asked for again. */
  loadMembers(): Promise<MembersRecord> {
    this.#members ??= this.#context.vault
      .get<MembersRecord>(STORES.members, this.id)
      .catch((error: unknown) => {
        if (isDamaged(error)) return null;
        this.#members = null;
        throw error;
      })
      .then((record) => (this.members = record ?? this.members));
    return this.#members.then(() => this.members);
  }

  /** Pages of entries have been judged: hundreds of conversations would hold all their rows in memory. */
  forgetRows(): void {
    for (const table of this.#ofEntries) table.forget();
  }

  /** Write everything of `work` in one transaction, then make it visible and announce it. */
  async store(work: UnitOfWork, strict = false): Promise<void> {
    const { id } = this;
    const changes: Change[] = [...work.changes];
    const put = (store: string, value: unknown): void => {
      changes.push({ op: "put", store, key: id, value });
    };
    if (work.record !== this.record) put(STORES.conversations, work.record);
    if (work.members !== this.members) put(STORES.members, work.members);
    await this.#context.vault.write(changes, strict);
    const membersChanged = work.membersChanged || work.members !== this.members;
    const recordChanged = work.record !== this.record;
    const left = hasLeft(this.record, work.record);
    this.record = work.record;
    this.members = work.members;
    if (recordChanged && !work.unseen) this.#listener.conversation(this);
    for (const message of work.messages) this.#listener.message(this, message);
    for (const messageId of work.removed) this.#listener.removed(id, messageId);
    this.#listener.filesDropped(work.droppedFiles);
    // A notification shows the edited text when the edit came together with its message.
    for (const news of work.fresh) {
      const message = work.messages.findLast((one) => one.messageId === news.messageId);
      if (message !== undefined && message.deletion === undefined)
        this.#listener.notify(this, message, news);
    }
    if (membersChanged) this.#listener.members(id);
    if (left) this.#onLeft();
    for (const then of work.afterwards) then();
  }
}

type Reading = Pick<ConversationRecord, "state" | "historyFromMs">;

/** Whether a membership ended between two records. After a return it shows in the time from which the person reads. */
function hasLeft(before: Reading, now: Reading): boolean {
  if (before.historyFromMs !== now.historyFromMs) return true;
  return now.state === "left" && before.state !== "left";
}

/** Every store with rows of one conversation, for forgetting it. */
export const GROUPED_STORES: readonly string[] = [
  STORES.heads,
  STORES.conversationKeys,
  STORES.cellKeys,
  STORES.log,
  STORES.accepted,
  STORES.floors,
  STORES.pending,
  STORES.messages,
  STORES.attachments,
  STORES.marks,
  STORES.questions,
];
export const SINGLE_STORES: readonly string[] = [
  STORES.conversations,
  STORES.members,
  STORES.rosters,
  STORES.cellTables,
];
