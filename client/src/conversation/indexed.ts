/** The messages of a conversation that the search has indexed, or is to forget. Pure. */
import { STORES } from "../records.ts";
import type {
  ConversationRecord,
  ForgottenRecord,
  IndexedOrders,
  MessageRecord,
} from "../records.ts";
import type { Change } from "../vault/vault.ts";

/** More messages to be indexed again are all that follow the oldest of them. */
const MOST_AGAIN = 256;

/** After a message is stored, perhaps once more: the index may have other words of it, or none. */
export function withStored(
  indexed: ConversationRecord["indexed"],
  { seq, order, content }: Pick<MessageRecord, "seq" | "order" | "content">,
): ConversationRecord["indexed"] {
  if (indexed === null || seq === null || content === null) return indexed;
  const { from, to, again } = indexed;
  if (order < from || order > to || again.includes(order)) return indexed;
  return bounded({ from, to, again: [...again, order] });
}

function bounded(indexed: IndexedOrders): IndexedOrders | null {
  if (indexed.again.length <= MOST_AGAIN) return indexed;
  const to = Math.min(...indexed.again) - 1;
  return to < indexed.from ? null : { ...indexed, to, again: [] };
}

/** The change by which the search forgets a message, stored with its deletion; order null: all of them. */
export function forgetWords({ conversationId, order }: ForgottenRecord): Change {
  const value: ForgottenRecord = { conversationId, order };
  return { op: "put", store: STORES.forgotten, key: forgottenKey(value), value };
}

export function forgottenKey({ conversationId, order }: ForgottenRecord): string {
  return `${conversationId}/${String(order)}`;
}
