/**
 * Receiving. Entries of the log are judged in order of their position, each stored with its chain,
 * its counts and the log's place in one transaction; nothing that is wrong with one entry, its
 * sender or its key stops the following ones.
 *
 * - In order: the next position is processed, a lower one is a duplicate, a higher one means that
 *   something was not pushed, and the log is asked.
 * - A message whose key is missing waits (R9) and holds back itself alone: a share is asked for, and
 *   when it comes the message is judged again, counts as unread and notifies.
 * - A refused message is kept with its cause and judged again when its sender's records change.
 *
 * A crash repeats what was not stored. Without network a judgement that needs the server rejects,
 * and the log is read again from the same place with the next connection.
 */
import type { OnEvent } from "../device-events.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { PendingEntry } from "../conversation/pending.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode, rejectUnlessOffline } from "../failure.ts";
import { KEY_ID_BYTES } from "../keys/device-key.ts";
import { hash } from "../keys/format/hashing.ts";
import { idOf } from "../ids.ts";
import type { ConversationId, KeyId, MessageId, PersonId, SealKeyId } from "../ids.ts";
import { SIGNED_HEADER_BYTES, nextLogHash } from "../keys/message.ts";
import { Refused } from "../keys/format/refused.ts";
import { storedMessages } from "../conversation/messages.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import type { Oneself } from "../oneself/oneself.ts";
import { AWAITED_MS, LOG_HASHES } from "../limits.ts";
import type { KeyFrame, LogEntry, LogPage, Supplement } from "../wire.ts";
import { accept } from "./accept.ts";
import type { Receiving } from "./taking-marks.ts";
import { raiseFloor } from "./floors.ts";
import { headerOf, judge, loadJudged, type UncheckedEntry } from "./judge.ts";
import { equalBytes } from "../octets.ts";

/** Entries stored in one transaction while catching up. */
const BATCH = 32;
const PAGE = 200;
/** S9: within this time each device of a cell says that its seal failed; the first have it replaced. */
const FAILED_MS = 10_000;

/** A conversation key as the server has it for this device. */
export type PushedKey = Pick<KeyFrame, "record" | "seal"> &
  Partial<Pick<KeyFrame, "awaited" | "first">>;

/** Records that come beside entries. */
export type Beside = Partial<Pick<LogPage, "heads" | "proofs" | "keys">> &
  Partial<Pick<Supplement, "people">>;

export class Inbox {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #onEvent: OnEvent;
  readonly #oneself: Oneself;
  /** Calls of {@link askMissing}: a conversation's last, and the one that has not begun. */
  readonly #looks = new Map<ConversationId, Promise<void>>();
  readonly #nextLook = new Map<ConversationId, Promise<void>>();
  /** Pushed entries that wait for the queue, by conversation. */
  readonly #pushed = new Map<ConversationId, [LogEntry, Supplement | null][]>();

  constructor(context: DeviceContext, outgoing: OutgoingStore, oneself: Oneself, onEvent: OnEvent) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#oneself = oneself;
    this.#onEvent = onEvent;
  }

  /** A pushed entry. Entries that arrive while others are processed are taken together. */
  receive(
    conversation: Conversation,
    entry: LogEntry,
    supplement: Supplement | null,
  ): Promise<void> {
    const waiting = this.#pushed.get(conversation.id);
    if (waiting !== undefined) {
      waiting.push([entry, supplement]);
      return Promise.resolve();
    }
    this.#pushed.set(conversation.id, [[entry, supplement]]);
    return conversation.run(async () => {
      const pushed = this.#pushed.get(conversation.id) ?? [];
      this.#pushed.delete(conversation.id);
      const { log, state } = conversation.record;
      // A device that does not follow the log yet begins with a page of it (history.ts).
      if (log === null || state !== "ready") return;
      if (this.isInDoubt(conversation)) return this.catchUp(conversation);
      const next = pushed.filter(([{ seq }]) => seq > log.cursor).sort(([a], [b]) => a.seq - b.seq);
      // The server's connection comes behind what the log had told.
      if (next.length === 0) return void this.#onEvent({ type: "cursor_moved", conversation });
      const whole = next.every(([{ seq }], i) => seq === log.cursor + 1 + i);
      if (!whole) return this.catchUp(conversation);
      for (const [, beside] of next) if (beside !== null) await this.#learn(conversation, beside);
      const entries = next.map(([one]) => one);
      await this.#process(conversation, entries, conversation.heads.settledEpoch());
    });
  }

  /** Whether the log must be compared before anything of it is taken. */
  isInDoubt({ record }: Conversation): boolean {
    return record.standstill || record.incarnation < this.#context.incarnation();
  }

  /** Process the log from the cursor to its end. Call inside the conversation's queue. */
  async catchUp(conversation: Conversation): Promise<void> {
    for (;;) {
      if (conversation.record.log === null || conversation.record.state !== "ready") return;
      if (conversation.record.incarnation < this.#context.incarnation())
        await this.#onEvent({ type: "newer_incarnation", conversation });
      const { log } = conversation.record;
      if (log === null) return;
      const page = await this.#context.api.log(conversation.id, { after: log.cursor, limit: PAGE });
      if (continuesAnotherLog(conversation, page)) {
        await this.#context.learnIncarnation(null);
        if (conversation.record.incarnation < this.#context.incarnation()) continue;
        return this.#standStill(conversation, true);
      }
      await this.#standStill(conversation, false);
      const entries = page.entries.filter(({ seq }) => seq > log.cursor);
      const [first] = entries;
      if (first !== undefined && first.seq > log.cursor + 1)
        await this.#jump(conversation, first.seq, page.logHash);
      await this.#learn(conversation, page);
      await this.#process(conversation, entries, 0);
      if (entries.length > BATCH) conversation.forgetRows();
      if (!page.more || entries.length === 0) return;
    }
  }

  /** S8: begin or end the standstill of a conversation. */
  async #standStill(conversation: Conversation, standstill: boolean): Promise<void> {
    if (conversation.record.standstill === standstill) return;
    const work = new UnitOfWork(conversation);
    work.set({ standstill });
    await conversation.store(work);
    if (!standstill) void this.#onEvent({ type: "sending_open", conversation });
  }

  /** The log begins later than where this device was: it was trimmed meanwhile. */
  #jump(conversation: Conversation, first: number, logHash: Uint8Array): Promise<void> {
    const work = new UnitOfWork(conversation);
    work.set({ log: { cursor: first - 1, hash: logHash } });
    return conversation.store(work);
  }

  /** Take in what comes beside entries; wrong records are left out and asked for when needed. */
  async #learn(conversation: Conversation, beside: Beside): Promise<void> {
    const work = new UnitOfWork(conversation);
    await learnBeside(this.#context, conversation, work, beside);
    await conversation.store(work);
  }

  /** `settled`: R2's floor of entries that are pushed. */
  async #process(
    conversation: Conversation,
    entries: readonly LogEntry[],
    settled: number,
  ): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      const work = new UnitOfWork(conversation);
      const missing = new Set<KeyId>();
      const batch = entries.slice(at, at + BATCH);
      const receiving = await this.#receiving(conversation, work, batch, missing);
      try {
        const { log } = work.record;
        if (log !== null && settled > 0)
          await raiseFloor(this.#context, conversation, work, {
            position: log.cursor,
            epoch: settled,
          });
        for (const entry of batch) await this.#next(receiving, entry);
      } finally {
        // Entries before a failure are kept: the log's place does not cover the failed entry.
        await conversation.store(work);
        this.#tellMissing(conversation, missing);
        void this.#onEvent({ type: "cursor_moved", conversation });
      }
    }
  }

  /** The entry at the next position. */
  async #next(receiving: Receiving, logged: LogEntry): Promise<void> {
    const { conversation, work } = receiving;
    const { log } = work.record;
    if (log === null) return;
    const { seq: position, sentMs, message } = logged;
    const entry: UncheckedEntry = { position, sentMs, message, old: false };
    const judgement = await judge(this.#context, conversation, work, entry);
    await accept(receiving, entry, judgement, null);
    const own = nextLogHash(log.hash, hash(message.subarray(0, SIGNED_HEADER_BYTES)));
    conversation.log.put(work, String(position), { position, hash: own }, position);
    if (position > LOG_HASHES) conversation.log.delete(work, String(position - LOG_HASHES));
    work.set({ log: { cursor: position, hash: own } });
  }

  /** A conversation key, pushed. Entries that wait for it open. */
  async key(
    conversation: Conversation,
    { record, seal, awaited = false, first = false }: PushedKey,
  ): Promise<void> {
    const held = await conversation
      .change((work) => conversation.keys.learn(work, record, seal))
      .catch((error: unknown) => {
        if (error instanceof Refused) return null;
        throw error;
      });
    if (held === null) return;
    const { keyId } = held;
    if (held.secret === null) {
      // S9: the first of the cell says at once that its seal failed, the others after a while.
      const chance = this.#context.random();
      if (awaited)
        void this.#onEvent({
          type: "key_awaited",
          conversation,
          keyId,
          forMs: AWAITED_MS * (1 + chance),
        });
      else if (first) void this.#onEvent({ type: "keys_missing", conversation, keyIds: [keyId] });
      else if (await isRubbish(conversation, seal))
        void this.#onEvent({ type: "key_awaited", conversation, keyId, forMs: FAILED_MS * chance });
      return;
    }
    if (conversation.record.waiting > 0) await this.opened(conversation);
    void this.#onEvent({ type: "keys_here", conversation, keyIds: [keyId], waited: false });
    if (first) void this.#onEvent({ type: "key_opened_first", conversation, keyId });
  }

  /** Keys have come, or people's records changed: judge again what may be another now. */
  async opened(conversation: Conversation): Promise<void> {
    const here = new Set<KeyId>();
    await this.#again(conversation, async ({ why, keyId }) => {
      if (why !== "key") return false;
      const key = await conversation.keys.find(null, keyId);
      if (key === null || key.secret === null) return false;
      here.add(keyId);
      return true;
    });
    if (here.size > 0)
      void this.#onEvent({ type: "keys_here", conversation, keyIds: [...here], waited: true });
  }

  /**
   * Look for what waiting messages lack: the server may have a seal that opens now, or came while
   * this device was away; for the rest shares are asked for. Calls while one looks share the next
   * look.
   */
  askMissing(conversation: Conversation): Promise<void> {
    const { id } = conversation;
    const next = this.#nextLook.get(id);
    if (next !== undefined) return next;
    const running = this.#looks.get(id) ?? Promise.resolve();
    const look = running
      .catch(() => undefined)
      .then(() => {
        this.#nextLook.delete(id);
        return this.#look(conversation);
      });
    this.#nextLook.set(id, look);
    this.#looks.set(id, look);
    return look;
  }

  async #look(conversation: Conversation): Promise<void> {
    const rows = await conversation.pending.all();
    const waiting = rows.filter(({ why }) => why === "key");
    const wanted = new Set(waiting.map(({ keyId }) => keyId));
    const missing: KeyId[] = [];
    for (const keyId of wanted) {
      const held = await conversation.keys.find(null, keyId);
      if (held !== null && held.secret !== null) continue;
      const { key } = await this.#context.api
        .keys(conversation.id, { key: keyId })
        .catch(orNothing);
      if (key !== null) await this.key(conversation, key);
      const now = await conversation.keys.find(null, keyId);
      if (now === null || now.secret === null) missing.push(keyId);
    }
    if (missing.length > 0)
      void this.#onEvent({ type: "keys_missing", conversation, keyIds: missing });
    await this.opened(conversation);
  }

  /** Ask again about the senders of what was refused; what changes is judged again. */
  async doubt(conversation: Conversation): Promise<void> {
    if (conversation.record.refused === null) return;
    const rows = await conversation.pending.all();
    for (const { why, personId } of rows)
      if (why === "refused" && personId !== null) await this.#context.freshness.renew(personId);
  }

  /** Records of these people are others now. */
  changed(conversation: Conversation, personIds: ReadonlySet<PersonId>): Promise<void> {
    if (conversation.record.refused === null) return Promise.resolve();
    return this.#again(conversation, ({ why, personId }) =>
      Promise.resolve(why === "refused" && (personId === null || personIds.has(personId))),
    );
  }

  #again(
    conversation: Conversation,
    isDue: (row: PendingEntry) => Promise<boolean>,
  ): Promise<void> {
    return conversation.run(async () => {
      const due: number[] = [];
      for (const row of await conversation.pending.all())
        if (await isDue(row)) due.push(row.position);
      for (let at = 0; at < due.length; at += BATCH) {
        const work = new UnitOfWork(conversation);
        const missing = new Set<KeyId>();
        const rows = await conversation.pending.rows(due.slice(at, at + BATCH));
        const receiving = await this.#receiving(conversation, work, rows, missing);
        for (const row of rows) {
          const { position, sentMs, message, old } = row;
          const entry: UncheckedEntry = { position, sentMs, message, old };
          const judgement = await judge(this.#context, conversation, work, entry);
          await accept(receiving, entry, judgement, row);
        }
        await conversation.store(work);
        this.#tellMissing(conversation, missing);
      }
      if (due.length > BATCH) conversation.forgetRows();
    });
  }

  /** Judge and store entries of before this device, any order. Inside the queue. */
  async takeOld(
    conversation: Conversation,
    work: UnitOfWork,
    entries: readonly UncheckedEntry[],
    missing: Set<KeyId>,
  ): Promise<void> {
    const receiving = await this.#receiving(conversation, work, entries, missing);
    for (const entry of entries) {
      const judgement = await judge(this.#context, conversation, work, entry);
      await accept(receiving, entry, judgement, null);
    }
  }

  /** Read beforehand, all rows at once, what judging these entries will look at. */
  async #receiving(
    conversation: Conversation,
    work: UnitOfWork,
    entries: readonly { readonly message: Uint8Array; readonly old?: boolean }[],
    missing: Set<KeyId>,
  ): Promise<Receiving> {
    const headers = entries.flatMap(({ message }) => headerOf(message) ?? []);
    await loadJudged(conversation, headers);
    const ids = headers.map(({ message }) => idOf<MessageId>(message));
    if (entries.some(({ old }) => old)) await conversation.marks.load(ids);
    return {
      known: await storedMessages(this.#context.vault, conversation.id, ids),
      context: this.#context,
      outgoing: this.#outgoing,
      oneself: this.#oneself,
      conversation,
      work,
      missing,
      onAccepted: (accepted) => {
        void this.#onEvent({ type: "sending_open", conversation: accepted });
      },
      onOrder: (orderId) => {
        void this.#onEvent({ type: "order_stored", orderId });
      },
    };
  }

  #tellMissing(conversation: Conversation, missing: ReadonlySet<KeyId>): void {
    if (missing.size > 0)
      void this.#onEvent({ type: "keys_missing", conversation, keyIds: [...missing] });
  }
}

/** Heads, proofs, people and keys that came beside entries. Inside the queue. */
export async function learnBeside(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  { heads = [], proofs = [], keys = [], people = [] }: Beside,
): Promise<void> {
  for (const head of heads) await unlessRefused(conversation.heads.takeHead(work, head));
  const persons = new Set<PersonId>();
  for (const proof of proofs) {
    const listed = await conversation.heads.learnProof(work, proof);
    if (listed !== null) persons.add(listed.leaf.person);
  }
  if (people.length > 0) await context.trust.learn(people);
  // One question for all senders of a page; without network each judgement asks for itself.
  if (persons.size > 0) await context.trust.ensure(persons).catch(rejectUnlessOffline);
  for (const { record, seal } of keys)
    await unlessRefused(conversation.keys.learn(work, record, seal));
}

async function unlessRefused(step: Promise<unknown>): Promise<void> {
  try {
    await step;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

function orNothing(error: unknown): { readonly key: null } {
  if (!hasCode(error, "not_found", "not_member")) throw error;
  return { key: null };
}

/** Whether a seal to this device's cell failed although the cell's key is here. */
async function isRubbish(conversation: Conversation, seal: Uint8Array | null): Promise<boolean> {
  if (seal === null) return false;
  const keyId = idOf<SealKeyId>(seal.subarray(0, KEY_ID_BYTES));
  const found = await conversation.cellKeys.find(null, keyId);
  return found !== null && found.secret !== null;
}

/**
 * Whether a page after this device's place continues another log, or one that has lost entries. If so, this
 * device goes back under a new Incarnation alone (S8, rewind.ts). Without one the conversation sends and takes
 * nothing, and shows an alarm, until the log shows this device's hash.
 */
function continuesAnotherLog({ record }: Conversation, page: LogPage): boolean {
  const { log, own } = record;
  if (log === null) return false;
  if (page.lastSeq < Math.max(log.cursor, own?.seq ?? 0)) return true;
  const [first] = page.entries;
  if (first !== undefined && first.seq !== log.cursor + 1) return false;
  if (first === undefined && page.lastSeq !== log.cursor) return false;
  return !equalBytes(page.logHash, log.hash);
}
