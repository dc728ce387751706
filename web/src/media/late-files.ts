/**
 * Files for a conversation or an order that the camera gave back when it was no longer on screen, for example because
 * the app had locked meanwhile. They wait in memory alone until that conversation or order is on screen again.
 */
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import type { Offered } from "./previewed.ts";

type Show = (offered: Offered) => void;
/** A conversation, or an order that asks for a photo. */
type Asking = ConversationId | MessageId;

/** How to show files in each conversation and order that is on screen. */
const shown = new Map<Asking, Show>();
const late = new Map<Asking, Offered>();

/**
 * A conversation or order is on screen: `show` takes its files, at once the ones that wait. Call the returned function
 * when it leaves the screen.
 */
export function beginShowing(id: Asking, show: Show): () => void {
  shown.set(id, show);
  const waiting = late.get(id);
  late.delete(id);
  if (waiting !== undefined) show(waiting);
  return () => {
    if (shown.get(id) === show) shown.delete(id);
  };
}

/** Show files in their conversation or order, now or when it is on screen again. */
export function offerTo(id: Asking, offered: Offered): void {
  const show = shown.get(id);
  if (show === undefined) late.set(id, offered);
  else show(offered);
}

onCoreEvent((event) => {
  // The next person who registers on this page would send them.
  if (event.type === "app" && event.state.phase === "signed_out") late.clear();
});
