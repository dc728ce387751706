/** The kind that a header declares, so that everybody sees without the body what may be deleted (M2, M3, R11). */
import { idOf, type MessageId } from "../ids.ts";
import { MESSAGE_KIND, NOTHING, type Header } from "../keys/message.ts";
import { evidenceOf } from "../kinds/attachments.ts";
import type { Decoded } from "../kinds/content.ts";
import { equalBytes, fromHex } from "../octets.ts";

type Declared = Pick<Header, "kind" | "marked">;

const LASTING: ReadonlySet<Decoded["kind"]> = new Set(["order", "order_change", "exported"]);
const KEPT: ReadonlySet<Decoded["kind"]> = new Set([...LASTING, "state", "mark", "own"]);

/**
 * Whether it is an order or a change of one, which is corrected or withdrawn, or the notice of an export:
 * never deleted, not even for oneself.
 */
export function isLasting({ kind }: Decoded): boolean {
  return LASTING.has(kind);
}

/** Whether nobody deletes it for everybody. */
export function isKept(content: Decoded): boolean {
  if (content.kind === "attachments") return evidenceOf(content) !== null;
  return KEPT.has(content.kind);
}

/** The fields of the header that depend on the content. */
export function declared(content: Decoded): Declared {
  if (content.kind === "mark" && content.what.mark === "edit")
    return { kind: MESSAGE_KIND.edit, marked: fromHex(content.messageId) };
  if (content.kind === "mark" && content.what.mark === "deletion")
    return { kind: MESSAGE_KIND.deletion, marked: fromHex(content.messageId) };
  const kind = isKept(content) ? MESSAGE_KIND.kept : MESSAGE_KIND.plain;
  return { kind, marked: NOTHING };
}

/** Whether a header fits its content; a content of a later version may be of either kind. */
export function isDeclared(header: Declared, content: Decoded): boolean {
  const { kind, marked } = declared(content);
  if (content.kind === "unsupported") return header.kind <= MESSAGE_KIND.kept;
  return header.kind === kind && equalBytes(header.marked, marked);
}

/** The message that this one edits or deletes. */
export function markedBy({ marked }: Pick<Header, "marked">): MessageId {
  return idOf<MessageId>(marked);
}
