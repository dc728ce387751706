/** The place to which a press on a quote leads. */
import type { ReplyQuote } from "@copconnect/client/core";
import type { MessageId } from "@copconnect/client/wire";
import { path } from "#app/router.svelte.ts";

/** Show the quoted message here, or go to its chat where it is another one. */
export function openQuote(
  { conversationId, messageId }: ReplyQuote,
  show: (messageId: MessageId) => void,
  go: (to: string) => void,
): void {
  if (conversationId === null) show(messageId);
  else go(path("chats", conversationId, "at", messageId));
}
