/** Whether a new message may notify. Pure. */
import type { Conversation } from "../conversation/conversation.ts";

const MUTED_ALWAYS = -1;

/** `visible`: the conversation on screen; `mentioned`: the message names this person. */
export function mayNotify(
  { id, record }: Conversation,
  mentioned: boolean,
  visible: string | null,
  nowMs: number,
): boolean {
  const { mutedUntilMs } = record.preferences;
  if (id === visible) return false;
  // A mention calls its person, also where everything else is muted.
  if (mentioned || mutedUntilMs === null) return true;
  return mutedUntilMs !== MUTED_ALWAYS && mutedUntilMs <= nowMs;
}
