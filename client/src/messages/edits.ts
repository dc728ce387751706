/**
 * M2: edits of a message. An edit counts if the person who wrote the message signed it, it comes after
 * the message in the log, neither the time that its sender signed nor the time when the server accepted
 * it is more than an hour after the message, and it gives a text or a caption of the person's own other
 * words. The first {@link MOST_EDITS} count, and the last of them gives the words. Pure.
 */
import { decodeContent, reworded, type Decoded } from "../kinds/content.ts";
import { byPosition, type EditRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";

/** So long after a message its author may change its words. */
const EDITABLE_MS = 3_600_000;
/** All words that a message had fit into one report (keys/proof.ts). */
const MOST_EDITS = 4;

/** The message with those of its edits that count. */
export function withEdits(message: MessageRecord, edits: readonly EditRecord[]): MessageRecord {
  const content = message.content === null ? null : decodeContent(message.content);
  if (content === null || (edits.length === 0 && message.edits === undefined)) return message;
  const once = new Map(edits.map((one) => [one.position, one]));
  const counting = [...once.values()]
    .filter((one) => counts(message, one) && changes(content, one))
    .sort(byPosition);
  return { ...message, edits: counting.slice(0, MOST_EDITS) };
}

/** Until when this person may edit a message; null: not at all. */
export function editableUntil({ mine, seq, sentMs, content, edits }: MessageRecord): number | null {
  if (!mine || seq === null || content === null || (edits ?? []).length >= MOST_EDITS) return null;
  const written = decodeContent(content);
  const other = reworded(written, { text: "other words", mentions: [] });
  return other === written ? null : sentMs + EDITABLE_MS;
}

function counts({ senderId, seq, sentMs }: MessageRecord, edit: EditRecord): boolean {
  const until = sentMs + EDITABLE_MS;
  const after = seq !== null && edit.position > seq;
  return after && edit.personId === senderId && edit.sentMs <= until && edit.signedMs <= until;
}

/** A missing wording changes whatever has words. */
function changes(content: Decoded, { text, mentions }: EditRecord): boolean {
  return reworded(content, { text: text ?? "other words", mentions }) !== content;
}
