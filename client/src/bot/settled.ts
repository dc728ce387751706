/** The ends of a program's own messages, kept for good: a name that it gave is never used again. */
import type { MessageId } from "../ids.ts";
import { PROGRAM_STORES } from "../inbox/waiting.ts";
import type { Change } from "../vault/vault.ts";

/** Its number in the conversation, or why it was given up. */
export type Settled = { readonly seq: number } | { readonly code: string };

export function putSettled(messageId: MessageId, value: Settled): Change {
  return { op: "put", store: PROGRAM_STORES.settled, key: messageId, value };
}
