/** Marks: quiet messages about another one, such as votes and accepted answers; and who may poll. */
import type { DeviceContext } from "../../context.ts";
import type { Conversation } from "../../conversation/conversation.ts";
import { failure } from "../../failure.ts";
import { newId } from "../../ids.ts";
import { MOST_MARKING } from "../../kinds/consultation.ts";
import type { MarkContent } from "../../kinds/mark.ts";
import { loadMessage } from "../../messages/messages.ts";
import type { OutgoingStore } from "../../messages/outgoing.ts";
import { outgoingRecord } from "../../outbox/compose.ts";
import type { Outbox } from "../../outbox/outbox.ts";

/** A device, as far as a mark needs it. */
export interface Marking {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly outbox: Outbox;
}

/** Queue a mark; it goes like any message, and shows at once. */
export async function sendMark(
  device: Marking,
  conversation: Conversation,
  content: MarkContent,
): Promise<void> {
  const order = device.outgoing.nextOrder(device.context.now());
  const record = outgoingRecord(conversation, newId(), order, content, "ready");
  await device.outbox.enqueue(conversation, record, null);
  await conversation.change(async (work) => {
    const marked = await loadMessage(device.context.vault, conversation.id, content.messageId);
    if (marked !== null) work.messages.push(marked);
    // The conversation shows its pins at once.
    if (content.what.mark === "pin") work.set({});
  });
}

/** Votes are messages to everybody, so a poll is for conversations in which that is few. */
export function requirePollable({ record }: Conversation): void {
  const everybody = record.whoMayPost === "everyone";
  if (record.members > MOST_MARKING || !everybody)
    throw failure("poll_too_large", { details: { people: MOST_MARKING } });
}
