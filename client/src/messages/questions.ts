/** Questions: the answer that the asker accepted, and the list of a conversation's questions. */
import type { Conversation } from "../conversation/conversation.ts";
import type { QuestionState } from "../seam.ts";
import { decodeContent } from "../kinds/content.ts";
import type { MarkContent } from "../kinds/mark.ts";
import type { MessageId } from "../ids.ts";
import { STORES } from "../records.ts";
import type { QuestionRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";
import type { Vault } from "../vault/vault.ts";
import { storedMessages } from "./messages.ts";
import type { OutgoingStore } from "./outgoing.ts";

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
    .sort((a, b) => a.position - b.position)
    .at(-1);
  const queued = message.mine ? queuedAnswer(outgoing, conversation, message.messageId) : undefined;
  const answerId = queued === undefined ? (stated?.answerId ?? null) : queued;
  return { mine: message.mine, answerId };
}

function queuedAnswer(
  outgoing: OutgoingStore,
  { id }: Conversation,
  messageId: MessageId,
): MessageId | null | undefined {
  const marks = outgoing.of(id).flatMap(({ quiet, stage, content: bytes }) => {
    const content = quiet && stage !== "failed" ? decodeContent(bytes) : null;
    return content?.kind === "mark" && content.messageId === messageId ? [content] : [];
  });
  const last = marks.findLast(
    (one): one is MarkContent & { what: { mark: "accept"; answerId: MessageId | null } } =>
      one.what.mark === "accept",
  );
  return last?.what.answerId;
}
