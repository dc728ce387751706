/** The row by which a question is found again. */
import { STORES } from "../records.ts";
import type { QuestionRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";
import { decodedOf, messageKey } from "./messages.ts";

/** Note a question, so that it is found again; nothing for other messages. */
export function questionRow(message: MessageRecord): readonly Change[] {
  if (message.content === null || decodedOf(message).kind !== "question") return [];
  const { conversationId, messageId, order } = message;
  const key = messageKey(conversationId, messageId);
  const value: QuestionRecord = { messageId };
  const place = { store: STORES.questions, key, group: conversationId, order };
  return [{ op: "put", ...place, value }];
}
