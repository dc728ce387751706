/**
 * Receiving: log entries in strict order of seq, each judged, processed and stored with the group
 * state and the cursor in one transaction.
 *
 * An entry not above the cursor is a duplicate and dropped; a gap is fetched from the log. Own
 * entries are known by their entry id. A refused check stops the conversation with an alarm; lost
 * or broken state makes the device enter the cell anew (membership.ts). What each kind of entry
 * does is in receiving/.
 */
import type { Conversation } from "./conversation.ts";
import { Work } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import type { OutgoingStore } from "./outgoing.ts";
import { applyHandshake } from "./receiving/handshake_entry.ts";
import { applyMessage } from "./receiving/message_entry.ts";
import { applySealed } from "./receiving/sealed_entry.ts";
import { lacksSeal, openLate, openWaiting } from "./receiving/opening.ts";
import { allWaiting } from "./receiving/waiting.ts";
import type { InboxListener, Receiving } from "./receiving/receiving.ts";
import { applyRoster } from "./receiving/roster_entry.ts";
import { Alarm, StateLost } from "./stops.ts";
import { unpack } from "./unpack.ts";
import type { LogEntry, SealedPayload } from "./wire.ts";

/** Entries stored in one transaction while catching up. */
const BATCH = 32;
const PAGE = 200;

export class Inbox {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #listener: InboxListener;
  readonly #waiting = new Map<string, LogEntry[]>();

  constructor(context: DeviceContext, outgoing: OutgoingStore, listener: InboxListener) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#listener = listener;
  }

  /** A live entry. Entries that arrive while others are processed are taken together. */
  receive(conversation: Conversation, entry: LogEntry): Promise<void> {
    const waiting = this.#waiting.get(conversation.id);
    if (waiting !== undefined) {
      waiting.push(entry);
      return Promise.resolve();
    }
    this.#waiting.set(conversation.id, [entry]);
    return conversation.run(async () => {
      const entries = this.#waiting.get(conversation.id) ?? [];
      this.#waiting.delete(conversation.id);
      const { cursor } = conversation.record;
      const next = entries.filter(({ seq }) => seq > cursor).sort((a, b) => a.seq - b.seq);
      const whole = inOrder(conversation, next);
      if (conversation.record.state === "left") return;
      // Without a roster nothing sealed can be judged: entering begins with one, and the log waits.
      if (conversation.record.cells > 1 && conversation.roster === null) return;
      // The server's connection comes behind what the log had told: a cursor beyond it was cut.
      if (next.length === 0) return this.#listener.onCursor(conversation);
      if (!whole) return this.catchUp(conversation);
      try {
        await this.#process(conversation, next, true);
      } catch (error) {
        // What is pushed next must not pass over the entry that failed.
        conversation.caughtUpOn = -1;
        if (!(error instanceof StateLost) || conversation.record.cells === 1) throw error;
        // Perhaps only a push was lost: the log decides.
        await this.catchUp(conversation);
      }
    });
  }

  /** Process the log from the cursor to its end. Call inside the conversation's queue. */
  async catchUp(conversation: Conversation): Promise<void> {
    const { connection } = conversation;
    for (;;) {
      if (conversation.record.state === "alarm" || conversation.record.state === "left") return;
      const { cursor } = conversation.record;
      const page = await this.#context.api.log(conversation.id, cursor, PAGE);
      const entries = page.entries.filter(({ seq }) => seq > cursor);
      await this.#process(conversation, entries, false);
      if (page.more && entries.length > 0) continue;
      if (page.lastSeq > conversation.record.cursor) {
        const work = new Work(conversation);
        work.set({ cursor: page.lastSeq });
        await conversation.store(work);
        this.#listener.onCursor(conversation);
      }
      conversation.caughtUpOn = connection;
      return;
    }
  }

  /** The seal of our cell for an earlier entry. Inside the queue. */
  async lateSeal(conversation: Conversation, seq: number, seal: Uint8Array): Promise<void> {
    const work = new Work(conversation);
    await openLate(this.#receiving(conversation, work, true), seq, seal);
    await conversation.store(work);
  }

  /** This device has come in: what waits for it may open now. Inside the queue. */
  async openWaiting(conversation: Conversation): Promise<void> {
    if ((conversation.record.waiting ?? 0) === 0) return;
    const work = new Work(conversation);
    await openWaiting(this.#receiving(conversation, work, false));
    await conversation.store(work);
  }

  /** Ask the log for the seals that messages here wait for. Inside the queue. */
  async askForSeals(conversation: Conversation): Promise<void> {
    const waiting = await allWaiting(this.#context.vault, new Work(conversation));
    for (const one of waiting) {
      if (!lacksSeal(conversation, one)) continue;
      const { seq } = one;
      const entry = await this.#context.api.sealedEntry(conversation.id, seq);
      const { seal } = unpack(entry.payload) as SealedPayload;
      if (seal instanceof Uint8Array) await this.lateSeal(conversation, seq, seal);
    }
  }

  #receiving(conversation: Conversation, work: Work, live: boolean): Receiving {
    const [context, outgoing, listener] = [this.#context, this.#outgoing, this.#listener];
    return { context, outgoing, listener, conversation, work, live };
  }

  async #process(
    conversation: Conversation,
    entries: readonly LogEntry[],
    live: boolean,
  ): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      const batch = entries.slice(at, at + BATCH);
      const work = new Work(conversation);
      const receiving = this.#receiving(conversation, work, live);
      try {
        for (const entry of batch) {
          await apply(receiving, entry);
          work.set({ cursor: Math.max(entry.seq, work.record.cursor) });
        }
      } finally {
        // What came before a failure stands: its cursor does not cover the failed entry.
        await conversation.store(work);
        this.#listener.onCursor(conversation);
      }
    }
  }
}

/**
 * Whether nothing is missing between the cursor and these entries. With several cells a client sees
 * only its own cell's handshakes, so seqs say nothing: what is pushed on a connection on which this
 * client has caught up is whole.
 */
function inOrder({ inStep, record }: Conversation, entries: readonly LogEntry[]): boolean {
  if (record.cells > 1) return inStep;
  return entries.every(({ seq }, i) => seq === record.cursor + 1 + i);
}

async function apply(receiving: Receiving, entry: LogEntry): Promise<void> {
  if (entry.conversationId !== receiving.conversation.id) throw new Alarm("entry_misplaced", null);
  switch (entry.kind) {
    case "roster":
      return applyRoster(receiving, entry);
    case "commit":
    case "proposal":
      return applyHandshake(receiving, entry);
    case "message":
      return applyMessage(receiving, entry);
    case "sealed":
      return applySealed(receiving, entry);
  }
}
