/**
 * Files that a camera gave when the conversation or order was on screen no more that they are for, such as
 * after the app locked while the photo was taken: in memory alone, until it is on screen again.
 */
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import type { Offered } from "./previewed.ts";

type Show = (offered: Offered) => void;
/** A conversation, or an order that asks for a photo. */
type Asking = ConversationId | MessageId;

/** The ones on screen. */
const shown = new Map<Asking, Show>();
const late = new Map<Asking, Offered>();

/** One of them is on screen. Returns what ends it. */
export function beginShowing(id: Asking, show: Show): () => void {
  shown.set(id, show);
  const waiting = late.get(id);
  late.delete(id);
  if (waiting !== undefined) show(waiting);
  return () => {
    if (shown.get(id) === show) shown.delete(id);
  };
}

/** Show files where they were asked for, now or when it is on screen again. */
export function offerTo(id: Asking, offered: Offered): void {
  const show = shown.get(id);
  if (show === undefined) late.set(id, offered);
  else show(offered);
}
