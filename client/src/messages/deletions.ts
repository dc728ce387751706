/**
 * M3: deletions of a message. A deletion counts if it comes after the message in the log, and either the
 * message's author signed it, at most two days after the message by the time that its sender signed and
 * by the time when the server accepted it, or the leaf of its signer had the admin right. Orders, changes
 * of orders, evidence and notices are not deleted. The header of a message without a body (R11) says whether it
 * takes deletions. The server has judged it before (src/copconnect/delivery/rules/deletion.py). Pure.
 */
import { byPosition, type DeletionRecord } from "../mark-records.ts";
import type { Oneself } from "../oneself/oneself.ts";
import type { MessageRecord } from "../records.ts";
import { isKept, isLasting } from "./declared.ts";
import { decodedOf, ticksOf } from "../conversation/messages.ts";

/** So long after a message its author may delete it. */
const DELETABLE_MS = 48 * 3_600_000;

/** The message, without all that it said if one of these deletions counts. */
export function withDeletion(
  message: MessageRecord,
  deletions: readonly DeletionRecord[],
): MessageRecord {
  if (message.deletion !== undefined || !takesDeletions(message)) return message;
  const first = deletions
    .filter((one) => counts(message, one))
    .sort(byPosition)
    .at(0);
  if (first === undefined) return message;
  const { messageId, conversationId, order, seq, senderId, mine, sentMs } = message;
  return {
    ...{ messageId, conversationId, order, seq, senderId, mine, sentMs, ...ticksOf(message) },
    ...{ content: null, notice: null, failure: null, deletion: first },
  };
}

/** Whether a person may delete a message for oneself: notices and evidence too. */
export function goesForOneself(message: MessageRecord): boolean {
  const { notice, kept } = message;
  return notice !== null || (kept !== true && !isLasting(decodedOf(message)));
}

/** Whether it is cleared away or deleted for this person, whatever a device in other hands says of orders. */
export function isHidden(
  oneself: Pick<Oneself, "clears" | "isGone">,
  message: MessageRecord,
): boolean {
  const { conversationId, messageId } = message;
  if (oneself.clears(conversationId, message)) return true;
  return oneself.isGone(conversationId, messageId) && goesForOneself(message);
}

/** Until when this person may delete a message; null: not at all. */
export function deletableUntil(message: MessageRecord, admin: boolean): number | null {
  const { mine, seq, sentMs, deletion } = message;
  if (seq === null || deletion !== undefined || !takesDeletions(message)) return null;
  if (admin) return Infinity;
  return mine ? sentMs + DELETABLE_MS : null;
}

/** Whether it can be deleted for everybody. */
export function takesDeletions(message: MessageRecord): boolean {
  const { notice, kept } = message;
  return notice === null && kept !== true && !isKept(decodedOf(message));
}

function counts(message: MessageRecord, deletion: DeletionRecord): boolean {
  const { senderId, seq, sentMs } = message;
  const until = sentMs + DELETABLE_MS;
  const { personId, position, admin } = deletion;
  const own = personId === senderId && deletion.sentMs <= until && deletion.signedMs <= until;
  return seq !== null && position > seq && (own || admin);
}
