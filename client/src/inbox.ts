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
import { CoreFailure, hasCode } from "./failure.ts";
import type { OutgoingStore } from "./outgoing.ts";
import type { WaitingRecord } from "./records.ts";
import { applyHandshake } from "./receiving/handshake_entry.ts";
import { applyMessage } from "./receiving/message_entry.ts";
import { applySealed } from "./receiving/sealed_entry.ts";
import { dropElsewhere, lacksSeal, openLate, openWaiting } from "./receiving/opening.ts";
import { Asked } from "./receiving/asked.ts";
import { allWaiting, dropWaiting } from "./receiving/waiting.ts";
import type { InboxListener, Receiving } from "./receiving/receiving.ts";
import { applyRoster } from "./receiving/roster_entry.ts";
import { Alarm, StateLost } from "./stops.ts";
import { unpack } from "./unpack.ts";
import type { LogEntry, SealedPayload } from "./wire.ts";

/** Entries stored in one transaction while catching up. */
const BATCH = 32;
const PAGE = 200;
/** So many are asked for at a time: seals are pushed to who is connected; few get lost. */
const MOST_ASKED = 50;

export class Inbox {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #listener: InboxListener;
  readonly #waiting = new Map<string, LogEntry[]>();
  readonly #asked = new Map<string, Asked>();

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
      // Without a roster nothing sealed can be judged: entering begins with one, and the log waits. It
      // waits until a device that was never in is: what is for others would fill what it keeps.
      const never = conversation.group === null && !conversation.record.everJoined;
      if (conversation.record.cells > 1 && (never || conversation.roster === null)) return;
      // The server's connection comes behind what the log had told: a cursor beyond it was cut.
      if (next.length === 0) return this.#listener.onCursor(conversation);
      try {
        if (!whole) return await this.catchUp(conversation);
        await this.#process(conversation, next, true, this.#context.now());
      } catch (error) {
        // What is pushed next must not pass over the entry that failed.
        conversation.caughtUpOn = -1;
        if (!whole || !(error instanceof StateLost) || conversation.record.cells === 1) throw error;
        // Perhaps only a push was lost: the log decides.
        await this.catchUp(conversation);
      }
    });
  }

  /** Process the log from the cursor to its end. Call inside the conversation's queue. */
  async catchUp(conversation: Conversation): Promise<void> {
    const { connection, inStep } = conversation;
    const nowMs = this.#context.now();
    // What is read on this connection says nothing of what comes before the next one stands.
    const asked = this.#askedOf(conversation);
    // Seals that came while away are for the epochs that the log is about to bring.
    if (!inStep && conversation.record.state === "ready") await this.askForSeals(conversation);
    for (;;) {
      if (conversation.record.state === "alarm" || conversation.record.state === "left") return;
      const { cursor } = conversation.record;
      const page = await this.#context.api.log(conversation.id, cursor, PAGE);
      const entries = page.entries.filter(({ seq }) => seq > cursor);
      await this.#process(conversation, entries, false, nowMs, asked);
      if (page.more && entries.length > 0) continue;
      if (page.lastSeq > conversation.record.cursor) {
        const work = new Work(conversation);
        work.set({ cursor: page.lastSeq });
        await conversation.store(work);
        this.#listener.onCursor(conversation);
      }
      conversation.caughtUpOn = connection;
      await this.#dropElsewhere(conversation);
      return;
    }
  }

  /** The seal of our cell for an earlier entry. Inside the queue. */
  async lateSeal(conversation: Conversation, seq: number, seal: Uint8Array): Promise<void> {
    const work = new Work(conversation);
    await openLate(this.#receiving(conversation, work, true), seq, seal);
    await conversation.store(work);
  }

  /** This device comes in by `work`: what waits for it may open now. Inside the queue. */
  async openWaiting(conversation: Conversation, work: Work): Promise<void> {
    if ((work.record.waiting ?? 0) === 0) return;
    await openWaiting(this.#receiving(conversation, work, false));
  }

  /** Ask the log for the seals that messages here wait for. Inside the queue. */
  askForSeals(conversation: Conversation): Promise<void> {
    return this.#askForSeals(conversation, Infinity, this.#context.now(), () => true);
  }

  /**
   * Ask for the seals that this connection has waited for in vain: what brought one may have been
   * lost between two nodes, or its sender is away. Inside the queue.
   */
  askOverdue(conversation: Conversation): Promise<void> {
    const nowMs = this.#context.now();
    const asked = this.#askedOf(conversation);
    return this.#askForSeals(conversation, MOST_ASKED, nowMs, ({ seq }) =>
      asked.overdue(seq, nowMs),
    );
  }

  /**
   * An epoch of our cell is about to end: ask for seals that were lost on their way. Those come first
   * that were asked for longest ago. While a cell has somebody to remove none is made for it, and all
   * its members are here at once.
   */
  #askBeforeEpoch(conversation: Conversation, nowMs: number): Promise<void> {
    const epoch = conversation.group?.epoch;
    return this.#askForSeals(conversation, MOST_ASKED, nowMs, (one) => one.frozenEpoch !== epoch);
  }

  async #askForSeals(
    conversation: Conversation,
    most: number,
    nowMs: number,
    maybe: (waiting: WaitingRecord) => boolean,
  ): Promise<void> {
    if ((conversation.record.waiting ?? 0) === 0) return;
    const waiting = await allWaiting(this.#context.vault, new Work(conversation));
    const asked = this.#askedOf(conversation);
    const last = ({ seq }: WaitingRecord): number => asked.lastMs(seq);
    const due = waiting
      .filter((one) => lacksSeal(conversation, one) && maybe(one) && asked.may(one.seq, nowMs))
      .sort((a, b) => last(a) - last(b) || a.seq - b.seq);
    for (const { seq } of due.slice(0, most)) {
      await this.#askForSeal(conversation, seq);
      asked.note(seq, nowMs);
    }
  }

  async #askForSeal(conversation: Conversation, seq: number): Promise<void> {
    let entry: LogEntry;
    try {
      entry = await this.#context.api.sealedEntry(conversation.id, seq);
    } catch (error) {
      if (!(error instanceof CoreFailure) || error.retry) throw error;
      // Whatever is wrong with one message, the others and the log go on.
      if (!hasCode(error, "not_found")) return;
      // The log does not go back so far any more: no seal will come.
      const work = new Work(conversation);
      dropWaiting(work, seq);
      return conversation.store(work);
    }
    const { seal } = unpack(entry.payload) as SealedPayload;
    if (seal instanceof Uint8Array) await this.lateSeal(conversation, seq, seal);
  }

  #askedOf({ id, connection }: Conversation): Asked {
    const before = this.#asked.get(id);
    if (before?.connection === connection) return before;
    const asked = new Asked(connection);
    this.#asked.set(id, asked);
    return asked;
  }

  async #dropElsewhere(conversation: Conversation): Promise<void> {
    if ((conversation.record.waiting ?? 0) === 0) return;
    const work = new Work(conversation);
    await dropElsewhere(this.#receiving(conversation, work, false));
    await conversation.store(work);
  }

  #receiving(conversation: Conversation, work: Work, live: boolean): Receiving {
    const [context, outgoing, listener] = [this.#context, this.#outgoing, this.#listener];
    return { context, outgoing, listener, conversation, work, live };
  }

  async #process(
    conversation: Conversation,
    entries: readonly LogEntry[],
    live: boolean,
    nowMs: number,
    asked = this.#askedOf(conversation),
  ): Promise<void> {
    for (const batch of batchesOf(entries, conversation, live)) {
      // A late seal may have been lost on its way, and the seed that it needs is about to go.
      if (batch.some((entry) => endsEpoch(entry, conversation)))
        await this.#askBeforeEpoch(conversation, nowMs);
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
      noteAsked(asked, work, live ? null : nowMs);
    }
  }
}

/** What the log, read from `nowMs` on, shows without a seal has none yet; null: it was pushed. */
function noteAsked(asked: Asked, { waiting }: Work, nowMs: number | null): void {
  for (const [seq, one] of waiting) {
    if (one === null) asked.forget(seq);
    else if (nowMs !== null && (unpack(one.payload) as SealedPayload).seal === null)
      asked.note(seq, nowMs);
  }
}

/**
 * What is pushed is cut where an epoch of our cell ends: what begins to wait just before may have its
 * seal in the log already.
 */
function batchesOf(
  entries: readonly LogEntry[],
  conversation: Conversation,
  live: boolean,
): readonly (readonly LogEntry[])[] {
  const batches: LogEntry[][] = [];
  for (const entry of entries) {
    const last = batches.at(-1);
    const cut = live && endsEpoch(entry, conversation);
    if (last === undefined || last.length === BATCH || cut) batches.push([entry]);
    else last.push(entry);
  }
  return batches;
}

function endsEpoch({ kind, cellId }: LogEntry, { record }: Conversation): boolean {
  return kind === "commit" && cellId === record.cellId;
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
