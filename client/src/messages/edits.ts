/**
 * M2: edits of a message. An edit counts if the person who wrote the message signed it, it comes after
 * the message in the log, and neither the time that its sender signed nor the time when the server
 * accepted it is more than an hour after the message. The last one that counts gives the words. Pure.
 */
import type { Decoded } from "../kinds/content.ts";
import type { Mark } from "../kinds/mark.ts";
import type { EditRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";

/** So long after a message its author may change its words. */
export const EDITABLE_MS = 3_600_000;

/** The message with those of its edits that count. */
export function withEdits(message: MessageRecord, edits: readonly EditRecord[]): MessageRecord {
  const counting = edits.filter((one) => counts(message, one));
  if (counting.length === 0 && message.edits === undefined) return message;
  return { ...message, edits: counting.sort((a, b) => a.position - b.position) };
}

function counts({ senderId, seq, sentMs }: MessageRecord, edit: EditRecord): boolean {
  const until = sentMs + EDITABLE_MS;
  const after = seq !== null && edit.position > seq;
  return after && edit.personId === senderId && edit.sentMs <= until && edit.signedMs <= until;
}

/** The content with new words. A content that has none, or that would be empty, stays. */
export function reworded(
  content: Decoded,
  { text, mentions }: Pick<Extract<Mark, { mark: "edit" }>, "text" | "mentions">,
): Decoded {
  if (content.kind === "text" && text.trim() !== "") return { ...content, text, mentions };
  if (content.kind === "attachments") return { ...content, text, mentions };
  return content;
}
