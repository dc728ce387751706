/**
 * How far this device has come, told to the server.
 *
 * Invariants: a cursor says what this device has passed: not before older messages have been
 * fetched, but messages whose key is missing as well (R9). The server knows by then that this device
 * asks for that key, so it counts them as not delivered. Cursors are sent when the connection allows,
 * and again after a reconnection if the server has not stored them.
 */
import type { ConversationId } from "../ids.ts";
import type { DeviceContext } from "../context.ts";
import type { ConversationRecord } from "../records.ts";
import type { SecretRequests } from "../secrets/asking.ts";
import { pause } from "../transport/backoff.ts";
import type { CursorUpdate } from "../wire.ts";
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";

const TOGETHER_MS = 50;

/** The cursor up to which this device has taken in the log; null: the device reports no cursor. */
export function passedUpTo({ state, log, history }: ConversationRecord): number | null {
  return state !== "ready" || log === null || history !== null ? null : log.cursor;
}

export interface CursorSender {
  /** Whether they were sent: without a connection they are not. */
  sendCursors(updates: CursorUpdate[]): boolean;
}

export class Cursors {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  readonly #asking: Pick<SecretRequests, "underWay">;
  readonly #sender: CursorSender;
  readonly #dirty = new Set<ConversationId>();
  #flushing = false;

  constructor(
    context: DeviceContext,
    index: ConversationIndex,
    asking: Pick<SecretRequests, "underWay">,
    sender: CursorSender,
  ) {
    this.#context = context;
    this.#index = index;
    this.#asking = asking;
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
    const passed = passedUpTo(conversation.record);
    if (passed === null) return;
    const read = Math.min(conversation.record.readSeq, passed);
    if (stored.deliveredSeq < passed || stored.readSeq < read) this.moved(conversation);
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
      const conversation = this.#index.find(id);
      const asked = conversation === null ? null : this.#asking.underWay(conversation);
      if (conversation !== null && asked !== null) {
        this.#dirty.delete(id);
        void asked.then(() => {
          this.moved(conversation);
        });
        continue;
      }
      const passed = conversation === null ? null : passedUpTo(conversation.record);
      if (conversation === null || passed === null) continue;
      const readSeq = Math.min(conversation.record.readSeq, passed);
      updates.push({ conversationId: id, deliveredSeq: passed, readSeq });
    }
    // Without a connection they wait for the next `ready`.
    if (updates.length === 0 || this.#sender.sendCursors(updates)) this.#dirty.clear();
  }
}
