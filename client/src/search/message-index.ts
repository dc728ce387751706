/**
 * The index of the messages on this device.
 *
 * **At rest** it is segments (segment.ts) of up to {@link MOST} messages, each one sealed row of the
 * vault: a copied database tells how large they are, and neither words nor how often a word comes. In use
 * all segments are in memory, until the app locks.
 *
 * **A word** is a run of letters, marks and digits, folded as the search for people folds it
 * (people/words.ts): NFKC, lower case, one spelling of what keyboards type differently, no joiners, no
 * nukta, no vowel marks of Urdu, Latin digits. A segment lists it as it is spelled, so that its beginning
 * finds it, and by its consonants as they sound (people/sounds.ts), so that each of the four scripts finds
 * words of the others.
 *
 * **Indexing** goes conversation by conversation, the newest messages first. A step reads a few messages,
 * makes a segment of them, and stores it in one transaction with the conversation's {@link IndexedOrders}:
 * a crash loses or repeats nothing. Small segments are merged into larger ones. Work is cut into slices
 * of {@link SLICE_MS}, and rests as long as it worked.
 *
 * **Edits and restored logs** need no care: a message that is stored again is indexed again, and a search
 * shows a message only if its present words match. **Deletions** write `forgetWords` (conversation/indexed.ts) in their own
 * transaction; the segments are then written without the message, also after a crash.
 *
 * One object at a time, in the tab that leads (host/calls.ts). Another PIN changes nothing: the vault's key
 * stays. A damaged index is rebuilt.
 */
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import { forgottenKey } from "../conversation/indexed.ts";
import type { DeviceContext } from "../context.ts";
import type { ConversationId } from "../ids.ts";
import { isShown } from "../kinds/content.ts";
import { decodedOf } from "../conversation/messages.ts";
import { QUEUED_ORDER, STORES } from "../records.ts";
import type { ForgottenRecord, IndexedOrders, MessageRecord } from "../records.ts";
import type { Progress } from "../seam.ts";
import { isDamaged, type Change } from "../vault/vault.ts";
import { META, putMeta } from "../vault/changes.ts";
import { Segment, merged, segmentOf, type IndexedMessage, type SegmentRecord } from "./segment.ts";
import { calledPerson, type CardSource } from "../conversation/called-people.ts";
import type { CalledPerson } from "../kinds/called.ts";
import { kindsOf, placed, textsOf } from "./texts.ts";

/** Messages of the largest segment. */
const MOST = 12_000;
/** So many neighbours become one, unless one of them is larger than all others. */
const NEIGHBOURS = 5;
/** Messages of one step: their conversation's queue waits for it. */
const BATCH = 16;
/** A batch ends with the message that goes beyond so many characters. */
const BATCH_CHARACTERS = 8_000;
const SLICE_MS = 4;
const LONGEST_REST_MS = 50;
/** New messages of a burst are indexed together. */
const QUIET_MS = 500;
const LIST = "segments";

interface ListRecord {
  readonly names: readonly number[];
}

interface Held {
  readonly name: number;
  readonly segment: Segment;
}

export interface MessageIndexOptions {
  readonly context: CardSource & Pick<DeviceContext, "vault" | "signal" | "identity">;
  readonly book: ConversationIndex;
  /** Wait before the next slice of work; 0: only let others work. */
  readonly rest?: (ms: number, workedMs: number) => Promise<void>;
}

export class MessageIndex {
  readonly #context: MessageIndexOptions["context"];
  readonly #book: ConversationIndex;
  readonly #rest: (ms: number, workedMs: number) => Promise<void>;
  /** The oldest first. */
  #held: readonly Held[] = [];
  #names = 0;
  readonly #opened: Promise<void>;
  /** Conversations that may have messages to be indexed. */
  readonly #waiting: Set<ConversationId>;
  /** Calls of {@link changed}: one that comes while a conversation is read leaves it waiting. */
  #changes = 0;
  /** Messages of these conversations that are not indexed, about. */
  readonly #missing = new Map<ConversationId, number>();
  #running: Promise<void> | null = null;
  #forgetting = true;

  constructor({ context, book, rest }: MessageIndexOptions) {
    this.#context = context;
    this.#book = book;
    this.#rest = rest ?? ((ms) => paused(Math.min(ms, LONGEST_REST_MS), context.signal));
    this.#waiting = new Set(book.conversations.keys());
    this.#opened = this.#open();
    this.#opened.catch(() => undefined);
    this.#run(0);
  }

  /** The segments, once they are in memory. */
  async segments(): Promise<readonly Segment[]> {
    await this.#opened;
    return this.#held.map(({ segment }) => segment);
  }

  get working(): boolean {
    return this.#running !== null;
  }

  /** How many messages are indexed; null: all are. */
  get progress(): Progress | null {
    if (!this.working) return null;
    const done = this.#held.reduce((sum, { segment }) => sum + segment.size, 0);
    const missing = [...this.#missing.values()].reduce((sum, one) => sum + one, 0);
    return missing === 0 && this.#missing.size > 0 ? null : { done, total: done + missing };
  }

  /** Messages of a conversation were stored, or forgotten. */
  changed(conversationId: ConversationId): void {
    this.#waiting.add(conversationId);
    this.#changes++;
    this.#forgetting = true;
    this.#run(QUIET_MS);
  }

  #run(afterMs: number): void {
    this.#running ??= this.#work(afterMs).then(
      () => {
        this.#running = null;
        if (this.#waiting.size > 0 && !this.#context.signal.aborted) this.#run(QUIET_MS);
      },
      () => {
        // Locked, or a full disk: the next change or the next start continues from what is stored.
        this.#running = null;
      },
    );
  }

  async #work(afterMs: number): Promise<void> {
    const { signal } = this.#context;
    await this.#opened;
    await paused(afterMs, signal);
    // A conversation's queue reads its members: it is left alone where nothing is to be done.
    for (const id of this.#waiting) {
      const changes = this.#changes;
      if ((await this.#count(id)) === 0 && changes === this.#changes) this.#waiting.delete(id);
    }
    while (!signal.aborted) {
      if (this.#forgetting) {
        this.#forgetting = false;
        await this.#forget();
      }
      const [id] = this.#waiting;
      if (id === undefined) break;
      const begun = performance.now();
      const conversation = this.#book.find(id);
      const changes = this.#changes;
      if (conversation === null || !(await this.#step(conversation))) {
        if (changes === this.#changes) this.#waiting.delete(id);
        this.#missing.delete(id);
      }
      const ms = performance.now() - begun;
      await this.#rest(ms, 0);
      await this.#merge();
    }
  }

  async #open(): Promise<void> {
    const { vault } = this.#context;
    try {
      const list = await vault.get<ListRecord>(META, LIST);
      const held: Held[] = [];
      for (const name of list?.names ?? []) {
        const record = await vault.get<SegmentRecord>(STORES.segments, String(name));
        if (record !== null) held.push({ name, segment: await this.#sliced(Segment.open(record)) });
      }
      this.#held = held;
      this.#names = Math.max(0, ...held.map(({ name }) => name));
    } catch (error) {
      if (!isDamaged(error)) throw error;
      await this.#reset();
    }
  }

  /** Begin again. */
  async #reset(): Promise<void> {
    for (const conversation of this.#book.conversations.values())
      await conversation.change((work) => {
        work.set({ indexed: null });
        work.unseen = true;
        return Promise.resolve();
      });
    await this.#context.vault.write([
      { op: "delete_group", store: STORES.segments, group: LIST },
      putMeta(LIST, { names: [] } satisfies ListRecord),
    ]);
  }

  /** Index a few messages of a conversation. False: there were none. */
  #step(conversation: Conversation): Promise<boolean> {
    return conversation.change(async (work) => {
      // A place that was forgotten meanwhile may have another message now: first forget, then read it.
      if (this.#forgetting) return true;
      const { found, next } = await this.#read(conversation);
      if (next === null) return false;
      work.set({ indexed: next });
      work.unseen = true;
      const me = await calledPerson(this.#context, this.#context.identity().personId);
      const record = await this.#sliced(segmentOfRecords(found, me), false);
      if (record !== null) {
        const name = ++this.#names;
        const segment = await this.#sliced(Segment.open(record), false);
        const held = [...this.#held, { name, segment }];
        work.changes.push(...this.#puts([{ name, segment }], held));
        work.afterwards.push(() => (this.#held = held));
      }
      const missing = this.#missing.get(conversation.id) ?? 0;
      this.#missing.set(conversation.id, Math.max(0, missing - found.length));
      return true;
    });
  }

  /** The next messages to index, in their order, and the orders that are indexed afterwards. */
  async #read({ id, record: { indexed } }: Conversation): Promise<{
    readonly found: readonly MessageRecord[];
    readonly next: IndexedOrders | null;
  }> {
    if (indexed === null) {
      const found = fitting(await this.#page(id, -Infinity, QUEUED_ORDER, true));
      const [newest, oldest] = [found[0], found.at(-1)];
      const next = newest && oldest && { from: oldest.order, to: newest.order, again: [] };
      return { found: [...found].reverse(), next: next ?? null };
    }
    const [once] = indexed.again;
    if (once !== undefined) {
      const again = indexed.again.filter((one) => one !== once);
      return {
        found: await this.#page(id, once - 0.5, once + 0.5, false),
        next: { ...indexed, again },
      };
    }
    const later = fitting(await this.#page(id, indexed.to, QUEUED_ORDER, false));
    const last = later.at(-1);
    if (last !== undefined) return { found: later, next: { ...indexed, to: last.order } };
    const earlier = fitting(await this.#page(id, -Infinity, indexed.from, true));
    const first = earlier.at(-1);
    const next = first === undefined ? null : { ...indexed, from: first.order };
    return { found: [...earlier].reverse(), next };
  }

  #page(
    group: ConversationId,
    above: number,
    below: number,
    descending: boolean,
    limit = BATCH,
  ): Promise<readonly MessageRecord[]> {
    const place = { store: STORES.messages, group, above, below, limit, descending };
    return this.#context.vault.page<MessageRecord>(place);
  }

  /** Note about how many messages of a conversation are to be indexed; 0: none, for certain. */
  async #count(id: ConversationId): Promise<number> {
    const [newest] = await this.#page(id, -Infinity, QUEUED_ORDER, true, 1);
    const [oldest] = await this.#page(id, -Infinity, QUEUED_ORDER, false, 1);
    const indexed = this.#book.find(id)?.record.indexed ?? null;
    if (newest === undefined || oldest === undefined) return 0;
    const { order: from } = oldest;
    const { order: to } = newest;
    const missing =
      indexed === null
        ? to - from + 1
        : Math.max(0, to - indexed.to) + Math.max(0, indexed.from - from) + indexed.again.length;
    if (missing > 0) this.#missing.set(id, Math.ceil(missing));
    return missing;
  }

  /** Merge small neighbours, as long as there are enough. */
  async #merge(): Promise<void> {
    for (;;) {
      const some = neighbours(this.#held);
      if (some === null) return;
      await this.#replace(some, () => false);
    }
  }

  /** Write these segments as one, without the messages that are forgotten. */
  async #replace(
    some: readonly Held[],
    forgotten: (conversationId: ConversationId, order: number) => boolean,
  ): Promise<void> {
    const record = await this.#sliced(
      merged(
        some.map(({ segment }) => segment),
        forgotten,
      ),
    );
    const name = ++this.#names;
    const segment = await this.#sliced(Segment.open(record));
    const written = segment.size === 0 ? [] : [{ name, segment }];
    const first = this.#held.indexOf(some[0] as Held);
    const held = [
      ...this.#held.slice(0, first),
      ...written,
      ...this.#held.slice(first + some.length),
    ];
    await this.#context.vault.write([
      ...this.#puts(written, held),
      ...some.map((one) => {
        return { op: "delete", store: STORES.segments, key: String(one.name) } as const;
      }),
    ]);
    this.#held = held;
  }

  #puts(added: readonly Held[], held: readonly Held[]): readonly Change[] {
    const place = { op: "put", store: STORES.segments, group: LIST } as const;
    return [
      ...added.map(({ name, segment }) => {
        return { ...place, key: String(name), order: name, value: segment.record };
      }),
      putMeta(LIST, { names: held.map(({ name }) => name) } satisfies ListRecord),
    ];
  }

  /** Write the segments that have messages to be forgotten without them. */
  async #forget(): Promise<void> {
    const { vault } = this.#context;
    const rows = await vault.all<ForgottenRecord>(STORES.forgotten);
    if (rows.length === 0) return;
    const whole = new Set(
      rows.filter((row) => row.order === null).map((row) => row.conversationId),
    );
    const single = new Set(rows.map((row) => `${row.conversationId}/${String(row.order)}`));
    const forgotten = (id: ConversationId, order: number): boolean =>
      whole.has(id) || single.has(`${id}/${String(order)}`);
    const touched = new Set(rows.map((row) => row.conversationId));
    for (const one of this.#held) {
      const { conversations } = one.segment;
      if (conversations.some((id) => touched.has(id))) await this.#replace([one], forgotten);
    }
    await vault.write(
      rows.map((row) => {
        return { op: "delete", store: STORES.forgotten, key: forgottenKey(row) } as const;
      }),
    );
  }

  /** Do work in slices; `rests`: wait between them, rather than only let others work. */
  async #sliced<T>(work: Generator<void, T>, rests = true): Promise<T> {
    for (;;) {
      const begun = performance.now();
      for (;;) {
        const step = work.next();
        if (step.done === true) return step.value;
        if (performance.now() - begun >= SLICE_MS) break;
      }
      const ms = performance.now() - begun;
      await this.#rest(rests ? ms : 0, ms);
    }
  }
}

function* segmentOfRecords(
  records: readonly MessageRecord[],
  me: CalledPerson,
): Generator<void, SegmentRecord | null> {
  const messages: IndexedMessage[] = [];
  for (const record of records) {
    const indexed = yield* indexedMessage(record, me);
    if (indexed !== null) messages.push(indexed);
  }
  return messages.length === 0 ? null : yield* segmentOf(messages);
}

/** A message with its words; null for one that is not shown. */
function* indexedMessage(
  record: MessageRecord,
  me: CalledPerson,
): Generator<void, IndexedMessage | null> {
  const { conversationId, order, seq, sentMs, senderId } = record;
  if (seq === null || record.content === null) return null;
  const content = decodedOf(record);
  if (!isShown(content) || content.kind === "unsupported") return null;
  const words = new Set<string>();
  for (const text of textsOf(content))
    for (const one of placed(text)) {
      for (const word of one.words) words.add(word);
      yield;
    }
  return { conversationId, order, sentMs, personId: senderId, kinds: kindsOf(content, me), words };
}

/** As many of these messages as one step takes. */
function fitting(page: readonly MessageRecord[]): readonly MessageRecord[] {
  let characters = 0;
  const end = page.findIndex(
    ({ content }) => (characters += content?.length ?? 0) > BATCH_CHARACTERS,
  );
  return end < 0 ? page : page.slice(0, end + 1);
}

/** Neighbours to be merged, the smallest that there are; null: none. */
function neighbours(held: readonly Held[]): readonly Held[] | null {
  let found: readonly Held[] | null = null;
  let least = MOST;
  for (let end = NEIGHBOURS; end <= held.length; end++) {
    const some = held.slice(end - NEIGHBOURS, end);
    const sizes = some.map(({ segment }) => segment.size);
    const sum = sizes.reduce((one, other) => one + other, 0);
    if (sum > least || Math.max(...sizes) > sum / 2) continue;
    [found, least] = [some, sum];
  }
  return found;
}

function paused(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    setTimeout(resolve, ms);
  });
}
