/** M1: reactions to a message. The last one of each person counts. */
import type { Conversation } from "../conversation/conversation.ts";
import type { Decoded } from "../kinds/content.ts";
import { MOST_MARKING } from "../kinds/consultation.ts";
import type { PersonId } from "../ids.ts";
import { byPosition } from "../mark-records.ts";
import type { ConversationRecord, MessageRecord } from "../records.ts";
import { queuedMarksOn, type OutgoingStore } from "./outgoing.ts";
import { decodedOf } from "../conversation/messages.ts";

/** An order is acknowledged: nothing else may look like that. */
const WITHOUT: ReadonlySet<Decoded["kind"]> = new Set(["order", "order_change", "exported"]);

/** Emoji with the people who chose it, in the order of the log. */
export type Reactions = ReadonlyMap<string, readonly PersonId[]>;

/** The reactions that count, with this device's own that is on its way; null: the message takes none. */
export async function reactionsOf(
  outgoing: OutgoingStore,
  conversation: Conversation,
  own: PersonId,
  message: MessageRecord,
): Promise<Reactions | null> {
  if (!takesReactions(conversation, message)) return null;
  const { messageId } = message;
  const marks = await conversation.marks.get(null, messageId);
  const chosen = new Map<PersonId, string | null>();
  for (const { personId, emoji } of (marks?.reactions ?? []).toSorted(byPosition))
    chosen.set(personId, emoji);
  const queued = queuedMarksOn(outgoing, conversation, messageId);
  const last = queued.find((one) => one.mark === "reaction");
  if (last !== undefined) {
    chosen.delete(own);
    chosen.set(own, last.emoji);
  }
  const found = new Map<string, PersonId[]>();
  for (const [personId, emoji] of chosen)
    if (emoji !== null) found.set(emoji, [...(found.get(emoji) ?? []), personId]);
  return found;
}

/** Whether everybody may send, and a message to everybody for each mark is few. */
export function isForMarking({
  members,
  whoMaySend,
}: Pick<ConversationRecord, "members" | "whoMaySend">): boolean {
  return members <= MOST_MARKING && whoMaySend === "everyone";
}

export function takesReactions({ record }: Conversation, message: MessageRecord): boolean {
  const sent = message.seq !== null && message.content !== null;
  return isForMarking(record) && sent && !WITHOUT.has(decodedOf(message).kind);
}
