/** Whether a new message may notify. Pure. */
import type { Conversation } from "../../conversation/conversation.ts";
import { isMuted } from "../../conversation/record.ts";
import type { PersonId } from "../../ids.ts";
import { mentionsOf } from "../../kinds/content.ts";
import type { Decoded } from "../../kinds/content.ts";

/** Whether a message calls a person also where everything else is muted. */
export function callsPerson(content: Decoded, personId: PersonId): boolean {
  if (content.kind === "order" && content.priority === "flash") return true;
  return mentionsOf(content).some((one) => one.personId === personId);
}

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
