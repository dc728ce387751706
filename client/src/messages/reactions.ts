/** Reactions to a message: each person's last one counts, in conversations of few enough people. */
import type { Conversation } from "../conversation/conversation.ts";
import { MOST_MARKING } from "../kinds/consultation.ts";
import type { MessageId, PersonId } from "../ids.ts";
import type { MessageRecord } from "../records.ts";
import { queuedMarks } from "./marks.ts";
import type { OutgoingStore } from "./outgoing.ts";

/** Emoji with the people who chose it, in the order of the log. The own one that is on its way counts. */
export type Reactions = ReadonlyMap<string, readonly PersonId[]>;

const NONE: Reactions = new Map();

export async function reactionsOf(
  outgoing: OutgoingStore,
  conversation: Conversation,
  own: PersonId,
  { messageId, seq, notice }: Pick<MessageRecord, "messageId" | "seq" | "notice">,
): Promise<Reactions> {
  if (seq === null || notice !== null || !mayReact(conversation)) return NONE;
  const marks = await conversation.marks.get(null, messageId);
  const chosen = new Map<PersonId, string | null>();
  for (const { personId, emoji } of (marks?.reactions ?? []).toSorted(byPosition))
    chosen.set(personId, emoji);
  const queued = ownQueued(outgoing, conversation, messageId);
  if (queued !== undefined) {
    chosen.delete(own);
    chosen.set(own, queued);
  }
  const found = new Map<string, PersonId[]>();
  for (const [personId, emoji] of chosen)
    if (emoji !== null) found.set(emoji, [...(found.get(emoji) ?? []), personId]);
  return found;
}

/** A reaction is a message to everybody: nobody reacts where that is many, and none is shown there. */
export function mayReact({ record }: Conversation): boolean {
  return record.members <= MOST_MARKING && record.whoMayPost === "everyone";
}

function ownQueued(
  outgoing: OutgoingStore,
  conversation: Conversation,
  messageId: MessageId,
): string | null | undefined {
  const queued = queuedMarks(outgoing, conversation, messageId);
  return queued.find((one) => one.mark === "reaction")?.emoji;
}

function byPosition(a: { readonly position: number }, b: { readonly position: number }): number {
  return a.position - b.position;
}
