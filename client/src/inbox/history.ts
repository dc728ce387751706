/**
 * Filling up. A device that begins to follow a conversation takes the newest page of its log first,
 * then, in the background and one conversation after another, the pages before, newest first, as far
 * back as its leaf's history_from lets it. The server ends the log there; what it gave beyond would
 * have no key.
 *
 * States: no log place (not begun) → a log place with a history place (filling) → history null
 * (whole). Each page is one step in the conversation's queue; a crash repeats the page. Messages of
 * before notify nobody. They count as unread above the last that the person has read on another device;
 * in a group where the person has read none, only those sent since this device registered do.
 * A program's device goes back only to the messages that its handlers may see.
 */
import type { OnEvent } from "../device-events.ts";
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import { readableFrom } from "../conversation/record.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { learnBeside, type Inbox } from "./inbox.ts";
import { headerOf, type UncheckedEntry } from "./judge.ts";
import { hash, ZEROS } from "../keys/format/hashing.ts";
import { idOf, type ConversationId, type KeyId, type PersonId } from "../ids.ts";
import { SIGNED_HEADER_BYTES, nextLogHash } from "../keys/message.ts";
import { equalBytes } from "../octets.ts";
import { notice, noticeId, noticeMessage } from "../conversation/messages.ts";
import type { HistoryPlace } from "../records.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import { LOG_HASHES } from "../limits.ts";
import type { LogPage } from "../wire.ts";

/** The first page is what a screen shows; later ones are larger. */
export const FIRST_PAGE = 50;
const PAGE = 200;
/** Past every position. */
const END = 1e14;
const AGAIN = { firstMs: 2_000, maxMs: 60_000 };

export class History {
  readonly #context: DeviceContext;
  readonly #inbox: Inbox;
  readonly #onEvent: OnEvent;
  readonly #index: ConversationIndex;
  #filling = false;
  #wake = new AbortController();

  constructor(context: DeviceContext, inbox: Inbox, index: ConversationIndex, onEvent: OnEvent) {
    this.#context = context;
    this.#inbox = inbox;
    this.#index = index;
    this.#onEvent = onEvent;
  }

  /**
   * Begin to follow the log, at its end; {@link fill} does the rest. `newest`: the page there; null: it
   * is still to be asked for. Inside the queue.
   */
  async begin(conversation: Conversation, newest: LogPage | null): Promise<void> {
    if (conversation.record.log !== null) return;
    const page =
      newest ?? (await this.#context.api.log(conversation.id, { before: END, limit: FIRST_PAGE }));
    await this.#askKeys(conversation, page);
    const work = new UnitOfWork(conversation);
    const hashes = hashesOf(page);
    const last = page.entries.at(-1)?.seq ?? page.lastSeq;
    const end = hashes.at(-1) ?? page.logHash;
    const incarnation = this.#context.incarnation();
    work.set({ log: { cursor: last, hash: end }, incarnation });
    const place: HistoryPlace = { from: last + 1, hash: end, start: last };
    const { program } = this.#context;
    if (program !== undefined) work.set({ handledFromMs: program.sinceMs() });
    const { kind, standing, readSeq } = work.record;
    const toOne = kind === "direct" || standing?.about === "post";
    if (!toOne && readSeq === 0) work.set({ unreadFromMs: this.#context.identity().registeredMs });
    work.set({ history: place });
    tellStart(work, this.#context.identity().personId);
    await this.#takePage(conversation, work, page, place);
  }

  /** Go on in the background, once every conversation has begun: the newest comes first. */
  fill(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
    if (this.#filling) return;
    this.#filling = true;
    void this.#fill().finally(() => {
      this.#filling = false;
    });
  }

  async #fill(): Promise<void> {
    const { signal, random } = this.#context;
    let failures = 0;
    while (!signal.aborted) {
      const next = this.#next();
      if (next === null) return;
      try {
        await this.#page(next);
        failures = 0;
      } catch (error) {
        if (signal.aborted || hasCode(error, "locked")) return;
        // One conversation's trouble does not keep the others from filling up.
        this.#trouble.add(next.id);
        if (this.#next() !== null) continue;
        this.#trouble.clear();
        await pause(delayMs(AGAIN, failures++, random), this.#wake.signal);
      }
      void this.#onEvent({ type: "history_progress" });
    }
  }

  readonly #trouble = new Set<ConversationId>();

  /** The conversation with the newest message first. */
  #next(): Conversation | null {
    const time = ({ record }: Conversation): number => record.last?.sentMs ?? 0;
    const due = [...this.#index.conversations.values()]
      .filter(({ record }) => record.history !== null && record.log !== null)
      .filter(({ id, record }) => record.state === "ready" && !this.#trouble.has(id));
    return due.sort((a, b) => time(b) - time(a))[0] ?? null;
  }

  #page(conversation: Conversation): Promise<void> {
    return conversation.run(async () => {
      const { history } = conversation.record;
      if (history === null) return;
      const page = await this.#context.api.log(conversation.id, {
        before: history.from,
        limit: PAGE,
      });
      await this.#askKeys(conversation, page);
      const work = new UnitOfWork(conversation);
      await this.#takePage(conversation, work, page, history);
    });
  }

  /**
   * Ask for the keys that a page lacks before its entries are judged, so that members answer meanwhile.
   * The records are stored first: a share is compared with them.
   */
  async #askKeys(conversation: Conversation, { keys, entries }: LogPage): Promise<void> {
    const work = new UnitOfWork(conversation);
    await learnBeside(this.#context, conversation, work, { keys });
    await conversation.store(work);
    const missing: KeyId[] = [];
    const headers = entries.flatMap(({ message }) => headerOf(message) ?? []);
    for (const keyId of new Set(headers.map(({ key }) => idOf<KeyId>(key)))) {
      const held = await conversation.keys.find(null, keyId);
      if (held !== null && held.secret === null) missing.push(keyId);
    }
    if (missing.length > 0)
      void this.#onEvent({ type: "keys_missing", conversation, keyIds: missing });
  }

  /** Store a page of before `place`, and where the next one ends. */
  async #takePage(
    conversation: Conversation,
    work: UnitOfWork,
    page: LogPage,
    place: HistoryPlace,
  ): Promise<void> {
    const missing = new Set<KeyId>();
    const { heads, proofs } = page;
    await learnBeside(this.#context, conversation, work, { heads, proofs });
    const entries = page.entries.filter(({ seq }) => seq < place.from);
    const hashes = hashesOf(page);
    const leads = entries.length === 0 || equalBytes(hashes.at(-1) ?? ZEROS, place.hash);
    if (!leads) work.set({ alarm: work.record.alarm ?? "log_differs" });
    for (const [at, { seq }] of page.entries.entries()) {
      const own = hashes[at];
      if (own !== undefined && seq > (work.record.log?.cursor ?? 0) - LOG_HASHES)
        conversation.log.put(work, String(seq), { position: seq, hash: own }, seq);
    }
    const old = entries.map(({ seq, sentMs, message }): UncheckedEntry => {
      return { position: seq, sentMs, message, old: true };
    });
    await this.#inbox.takeOld(conversation, work, old, missing);
    const [first] = page.entries;
    const end = !page.more || first === undefined || first.seq <= 1;
    const over = end || first.sentMs < (work.record.handledFromMs ?? 0);
    work.set({
      history: over ? null : { ...place, from: first.seq, hash: page.logHash },
      whole: over && (first?.seq ?? page.lastSeq + 1) <= 1,
    });
    await conversation.store(work);
    conversation.forgetRows();
    if (missing.size > 0)
      void this.#onEvent({ type: "keys_missing", conversation, keyIds: [...missing] });
    void this.#onEvent({ type: "cursor_moved", conversation });
    void this.#onEvent({ type: "history_progress" });
  }
}

/** L after each entry of a page. */
function hashesOf(page: LogPage): readonly Uint8Array[] {
  let before: Uint8Array = page.logHash;
  return page.entries.map(({ message }) => {
    before = nextLogHash(before, hash(message.subarray(0, SIGNED_HEADER_BYTES)));
    return before;
  });
}

/** Above the first notice of a roster: from when this device reads, and that others put this person in. */
function tellStart(work: UnitOfWork, me: PersonId): void {
  const { conversationId, kind, createdBy, createdMs } = work.record;
  const fromMs = readableFrom(work.record);
  if (fromMs !== null) {
    const what = notice("history", { fromMs });
    const at = { seq: 0, order: 0.1, sentMs: fromMs };
    work.put(noticeMessage(conversationId, noticeId("history", fromMs), at, what));
  }
  if (kind !== "group" || createdBy === me) return;
  const at = { seq: 0, order: 0.2, sentMs: fromMs ?? createdMs };
  work.put(noticeMessage(conversationId, noticeId("you_added"), at, notice("you_added")));
}
