/** Questions: the answer that the asker accepted, and the list of a conversation's questions. */
import type { Conversation } from "../conversation/conversation.ts";
import type { QuestionState } from "../seam.ts";
import { STORES, type MessageRecord } from "../records.ts";
import { byPosition, type QuestionRecord } from "../mark-records.ts";
import type { Vault } from "../vault/vault.ts";
import { queuedMarksOn, type OutgoingStore } from "./outgoing.ts";
import { storedMessages } from "../conversation/messages.ts";

/** Questions that a list shows at most, the newest. */
const MOST_LISTED = 200;

/** The newest questions, the newest first. */
export async function questionsOf(
  vault: Vault,
  { id }: Conversation,
): Promise<readonly MessageRecord[]> {
  const rows = await vault.page<QuestionRecord>({
    ...{ store: STORES.questions, group: id },
    ...{ limit: MOST_LISTED, descending: true },
  });
  const ids = rows.map(({ messageId }) => messageId);
  const found = await storedMessages(vault, id, ids);
  return ids.flatMap((one) => found.get(one) ?? []);
}

/** Q1: the reply that the asker accepted last, if it is one of this conversation and not the asker's. */
export async function questionState(
  outgoing: OutgoingStore,
  conversation: Conversation,
  message: MessageRecord,
): Promise<QuestionState> {
  const marks = await conversation.marks.get(null, message.messageId);
  const stated = (marks?.accepted ?? [])
    .filter(({ personId }) => personId === message.senderId)
    .sort(byPosition)
    .at(-1);
  const queued = message.mine ? queuedMarksOn(outgoing, conversation, message.messageId) : [];
  const { answerId } = queued.find((one) => one.mark === "accept") ?? stated ?? { answerId: null };
  return { mine: message.mine, answerId };
}
