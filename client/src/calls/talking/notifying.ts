/** Whether a new message may notify. Pure. */
import type { Conversation } from "../../conversation/conversation.ts";
import { isMuted } from "../../conversation/record.ts";

/** `visible`: the conversation on screen; `called`: the message calls this person. */
export function mayNotify(
  { id, record }: Conversation,
  called: boolean,
  visible: string | null,
  nowMs: number,
): boolean {
  if (id === visible) return false;
  return called || !isMuted(record.preferences.mutedUntilMs, nowMs);
}
