/**
 * A reply that goes to a message's sender alone: asked for in one conversation, written in the
 * direct one, which takes it when it opens.
 */
import type { MessageItem } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";

let waiting: { readonly into: ConversationId; readonly message: MessageItem } | null = null;

export function replyInto(into: ConversationId, message: MessageItem): void {
  waiting = { into, message };
}

/** The message to be answered in this conversation, once. */
export function takeReply(conversationId: ConversationId): MessageItem | null {
  if (waiting?.into !== conversationId) return null;
  const { message } = waiting;
  waiting = null;
  return message;
}
