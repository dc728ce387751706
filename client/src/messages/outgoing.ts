/**
 * Messages on their way, mirrored in memory from the vault so that the next one is found without
 * reading. The vault is written first, always; this index only follows.
 */
import type { ConversationId, KeyId, MessageId, PersonId } from "../ids.ts";
import { keyReference } from "../keys/conversation-key.ts";
import { decodeContent } from "../kinds/content.ts";
import type { Mark, MarkContent } from "../kinds/mark.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { tellUncounted } from "./marks.ts";
import { loadMessage } from "../conversation/messages.ts";
import { pinnedBy, type Pinned } from "./pins.ts";
import { noteReply } from "./replies.ts";
import { QUEUED_ORDER, STORES, type OutgoingRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";

export function putOutgoing(record: OutgoingRecord): Change {
  return { op: "put", store: STORES.outbox, key: record.messageId, value: record };
}

export function deleteOutgoing(messageId: MessageId): Change {
  return { op: "delete", store: STORES.outbox, key: messageId };
}

export class OutgoingStore {
  readonly #records = new Map<MessageId, OutgoingRecord>();
  #lastOrder = QUEUED_ORDER;
  /** Called when the number of waiting messages may have changed. */
  onChange: () => void = () => undefined;

  load(records: readonly OutgoingRecord[]): void {
    this.#records.clear();
    for (const record of records) this.#records.set(record.messageId, record);
    this.#lastOrder = Math.max(QUEUED_ORDER, ...records.map(({ order }) => order));
  }

  /** An order after everything queued before. */
  nextOrder(now: number): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, QUEUED_ORDER + now);
    return this.#lastOrder;
  }

  find(messageId: MessageId): OutgoingRecord | null {
    return this.#records.get(messageId) ?? null;
  }

  /** Follow a write of the vault. */
  set(record: OutgoingRecord): void {
    this.#records.set(record.messageId, record);
    this.onChange();
  }

  delete(messageId: MessageId): void {
    if (this.#records.delete(messageId)) this.onChange();
  }

  of(conversationId: ConversationId): readonly OutgoingRecord[] {
    return [...this.#records.values()]
      .filter((record) => record.conversationId === conversationId)
      .sort((a, b) => a.order - b.order);
  }

  all(): readonly OutgoingRecord[] {
    return [...this.#records.values()];
  }

  /** Messages that still wait for the network. */
  get waiting(): number {
    let count = 0;
    for (const { state, stage } of this.#records.values()) {
      if (!state && stage !== "failed") count++;
    }
    return count;
  }
}

/**
 * Put into `work` that the server has accepted a message: out of the outbox, at its place in the
 * conversation. Safe to do again: from the answer to the POST and from the log.
 */
export async function acceptedMessage(
  context: DeviceContext,
  outgoing: OutgoingStore,
  conversation: Conversation,
  work: UnitOfWork,
  record: OutgoingRecord,
  accepted: { readonly seq: number; readonly sentMs: number; readonly key: KeyId },
): Promise<void> {
  work.changes.push(deleteOutgoing(record.messageId));
  work.afterwards.push(() => outgoing.delete(record.messageId));
  if (record.quiet) return tellUncounted(context, conversation, work, record, false);
  if (record.state) return;
  const message = await loadMessage(context.vault, record.conversationId, record.messageId);
  if (message === null || message.seq !== null) return;
  const { seq, sentMs } = accepted;
  const key = keyReference(accepted.key);
  const logged = { ...message, seq, sentMs, key, order: seq, failure: null };
  work.put(logged);
  await noteReply(context, conversation, work, logged);
}

/** This device's marks that are on their way, the newest first. */
export function queuedMarks(
  outgoing: OutgoingStore,
  { id }: Conversation,
): readonly Pick<MarkContent, "messageId" | "what">[] {
  return outgoing
    .of(id)
    .toReversed()
    .flatMap(({ quiet, stage, content: bytes }) => {
      const content = quiet && stage !== "failed" ? decodeContent(bytes) : null;
      return content?.kind === "mark" ? [content] : [];
    });
}

/** Those of them on one message. */
export function queuedMarksOn(
  outgoing: OutgoingStore,
  conversation: Conversation,
  messageId: MessageId,
): readonly Mark[] {
  return queuedMarks(outgoing, conversation)
    .filter((one) => one.messageId === messageId)
    .map(({ what }) => what);
}

/** The pinned messages, with this device's own pins that are on their way. */
export function pinnedIn(
  outgoing: OutgoingStore,
  conversation: Conversation,
  personId: PersonId,
): readonly Pinned[] {
  const queued = queuedMarks(outgoing, conversation)
    .toReversed()
    .flatMap(({ messageId, what }) =>
      what.mark === "pin" ? [{ messageId, personId, pinned: what.pinned }] : [],
    );
  return pinnedBy([...conversation.record.pins, ...queued]);
}
