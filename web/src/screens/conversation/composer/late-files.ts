/**
 * Files that a camera gave when their conversation was on screen no more, such as after the app locked
 * while the photo was taken: in memory alone, until the conversation is on screen again.
 */
import type { ConversationId } from "@copconnect/client/wire";
import type { Offered } from "#media/previewed.ts";

type Show = (offered: Offered) => void;

/** The conversations that are on screen. */
const shown = new Map<ConversationId, Show>();
const late = new Map<ConversationId, Offered>();

/** A conversation is on screen. Returns what ends it. */
export function beginShowing(conversationId: ConversationId, show: Show): () => void {
  shown.set(conversationId, show);
  const waiting = late.get(conversationId);
  late.delete(conversationId);
  if (waiting !== undefined) show(waiting);
  return () => {
    if (shown.get(conversationId) === show) shown.delete(conversationId);
  };
}

/** Show files in their conversation, now or when it is on screen again. */
export function offerTo(conversationId: ConversationId, offered: Offered): void {
  const show = shown.get(conversationId);
  if (show === undefined) late.set(conversationId, offered);
  else show(offered);
}
