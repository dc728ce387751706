/** Marks: quiet messages about another one, such as votes and accepted answers; and who may poll. */
import type { DeviceContext } from "../../context.ts";
import type { Conversation } from "../../conversation/conversation.ts";
import { failure } from "../../failure.ts";
import { newId, type MessageId } from "../../ids.ts";
import { MOST_MARKING } from "../../kinds/consultation.ts";
import { decodeContent } from "../../kinds/content.ts";
import type { MarkContent } from "../../kinds/mark.ts";
import { loadMessage } from "../../conversation/messages.ts";
import { isForMarking } from "../../messages/reactions.ts";
import type { OutgoingStore } from "../../messages/outgoing.ts";
import type { OutgoingRecord } from "../../records.ts";
import { outgoingRecord } from "../../outbox/compose.ts";
import type { Outbox } from "../../outbox/outbox.ts";

/** A device, as far as a mark needs it. */
export interface Marking {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly outbox: Outbox;
}

/** Queue a mark; it goes like any message, at this time or later, and shows at once. */
export async function sendMark(
  device: Marking,
  conversation: Conversation,
  content: MarkContent,
  notBeforeMs: number | null = null,
): Promise<void> {
  const order = device.outgoing.nextOrder(device.context.now());
  const record = outgoingRecord(conversation, newId(), order, content, "ready", notBeforeMs);
  await device.outbox.enqueue(conversation, record, null);
  await announce(device, conversation, content.messageId, content.what.mark === "pin");
}

/** A deletion of this message that is on its way; null: none is. */
export function queuedDeletion(
  { outgoing }: Pick<Marking, "outgoing">,
  { id }: Conversation,
  messageId: MessageId,
): OutgoingRecord | null {
  const found = outgoing.of(id).find((one) => {
    const content = one.quiet ? decodeContent(one.content) : null;
    if (content?.kind !== "mark" || content.messageId !== messageId) return false;
    return content.what.mark === "deletion";
  });
  return found ?? null;
}

/** Take back a deletion that is on its way. Too late if it was accepted: then nothing changes. */
export async function cancelDeletion(
  device: Marking,
  conversation: Conversation,
  messageId: MessageId,
): Promise<void> {
  const queued = queuedDeletion(device, conversation, messageId);
  if (queued !== null) await device.outbox.cancel(conversation, queued.messageId);
  await announce(device, conversation, messageId);
}

function announce(
  { context }: Marking,
  conversation: Conversation,
  messageId: MessageId,
  pins = false,
): Promise<void> {
  return conversation.change(async (work) => {
    const marked = await loadMessage(context.vault, conversation.id, messageId);
    if (marked !== null) work.messages.push(marked);
    // The conversation shows its pins at once.
    if (pins) work.set({});
  });
}

/** Votes and reactions are messages to everybody, so they are for conversations in which that is few. */
export function requireFew(
  { record }: Conversation,
  code: "poll_too_large" | "reactions_too_large",
): void {
  if (!isForMarking(record)) throw failure(code, { details: { people: MOST_MARKING } });
}
