/**
 * How far this device has come, told to the server.
 *
 * Invariants: a cursor never covers what this device cannot show (R9): not before older messages
 * have been fetched, not from the first message on whose key is missing. Cursors are sent when the
 * connection allows, and again after a reconnection if the server has not stored them.
 */
import type { ConversationId } from "../ids.ts";
import type { DeviceContext } from "../context.ts";
import type { ConversationRecord } from "../records.ts";
import { pause } from "../transport/backoff.ts";
import type { CursorUpdate } from "../wire.ts";
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";

const TOGETHER_MS = 50;

/** Up to where everything is shown; null: nothing is told. */
export function shownUpTo(record: ConversationRecord): number | null {
  const { state, log, history, waitingFrom } = record;
  if (state !== "ready" || log === null || history !== null) return null;
  return Math.min(log.cursor, waitingFrom === null ? Infinity : waitingFrom - 1);
}

export interface CursorSender {
  /** Whether they were sent: without a connection they are not. */
  sendCursors(updates: CursorUpdate[]): boolean;
}

export class Cursors {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  readonly #sender: CursorSender;
  readonly #dirty = new Set<ConversationId>();
  #flushing = false;

  constructor(context: DeviceContext, index: ConversationIndex, sender: CursorSender) {
    this.#context = context;
    this.#index = index;
    this.#sender = sender;
  }

  /** This device has come further, in receiving or in reading. */
  moved({ id }: Conversation): void {
    this.#dirty.add(id);
    this.#flushSoon();
  }

  /** Cursors wait in the server's memory for a moment: what it has not stored is sent again. */
  compare(
    conversation: Conversation,
    stored: { readonly deliveredSeq: number; readonly readSeq: number },
  ): void {
    const shown = shownUpTo(conversation.record);
    if (shown === null) return;
    const read = Math.min(conversation.record.readSeq, shown);
    if (stored.deliveredSeq < shown || stored.readSeq < read) this.moved(conversation);
  }

  #flushSoon(): void {
    if (this.#flushing || this.#dirty.size === 0) return;
    this.#flushing = true;
    void pause(TOGETHER_MS, this.#context.signal).then(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const updates: CursorUpdate[] = [];
    for (const id of this.#dirty) {
      const record = this.#index.find(id)?.record;
      const shown = record === undefined ? null : shownUpTo(record);
      if (record === undefined || shown === null) continue;
      const readSeq = Math.min(record.readSeq, shown);
      updates.push({ conversationId: id, deliveredSeq: shown, readSeq });
    }
    // Without a connection they wait for the next `ready`.
    if (updates.length === 0 || this.#sender.sendCursors(updates)) this.#dirty.clear();
  }
}
