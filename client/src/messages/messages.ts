/** Messages as records: made from content or a notice, summed up for the list, paged. */
import { decodeContent } from "./content.ts";
import type { AttachmentPointer, Decoded } from "./content.ts";
import { STORES } from "./records.ts";
import type { LastRecord, MessageRecord, NoticeRecord, PreviewRecord } from "./records.ts";
import type { Change, Vault } from "./vault/vault.ts";

const PREVIEW = 200;

/** Notices that change nothing a person would want to be called to the conversation for. */
const QUIET: ReadonlySet<NoticeRecord["kind"]> = new Set([
  "device_added",
  "device_removed",
  "joined_here",
  "damaged",
  "profile_refused",
  "gap",
]);

/**
 * Where a message rests. Its id alone would not do: whoever sends chooses it, and could take that
 * of a message in another conversation to put theirs in its place.
 */
export function messageKey(conversationId: string, messageId: string): string {
  return `${conversationId}/${messageId}`;
}

export function putMessage(record: MessageRecord): Change {
  return {
    op: "put",
    store: STORES.messages,
    key: messageKey(record.conversationId, record.messageId),
    group: record.conversationId,
    order: record.order,
    value: record,
  };
}

export function loadMessage(
  vault: Vault,
  conversationId: string,
  messageId: string,
): Promise<MessageRecord | null> {
  return vault.get<MessageRecord>(STORES.messages, messageKey(conversationId, messageId));
}

/** Newest first, below an order (exclusive). */
export function pageMessages(
  vault: Vault,
  conversationId: string,
  below: number | null,
  limit: number,
): Promise<readonly MessageRecord[]> {
  return vault.page<MessageRecord>({
    store: STORES.messages,
    group: conversationId,
    limit,
    descending: true,
    ...(below === null ? {} : { below }),
  });
}

/** Newest first, above an order (exclusive). */
export function messagesAbove(
  vault: Vault,
  conversationId: string,
  above: number,
  limit: number,
): Promise<readonly MessageRecord[]> {
  return vault.page<MessageRecord>({
    store: STORES.messages,
    group: conversationId,
    limit,
    descending: true,
    above,
  });
}

export function notice(
  kind: NoticeRecord["kind"],
  by: string | null = null,
  people: readonly string[] = [],
  title: string | null = null,
): NoticeRecord {
  return { kind, by, people, title };
}

export function noticeMessage(
  conversationId: string,
  messageId: string,
  at: { readonly seq: number; readonly order: number; readonly sentMs: number },
  what: NoticeRecord,
): MessageRecord {
  return {
    messageId,
    conversationId,
    ...at,
    senderId: what.by,
    mine: false,
    content: null,
    notice: what,
    failure: null,
  };
}

export function decodedOf(record: MessageRecord): Decoded {
  return record.content === null ? { kind: "unsupported" } : decodeContent(record.content);
}

/** Whether a message counts as unread and may notify. Notices and profiles do not. */
export function counts(content: Decoded): boolean {
  return content.kind !== "profile" && content.kind !== "profile_request";
}

export function mentions(content: Decoded, personId: string): boolean {
  const listed = content.kind === "text" || content.kind === "attachments" ? content.mentions : [];
  return listed.some((mention) => mention.personId === personId);
}

export function previewOf(content: Decoded): PreviewRecord {
  switch (content.kind) {
    case "text":
      return { kind: "text", text: content.text.slice(0, PREVIEW) };
    case "attachments": {
      const kind = content.attachments[0]?.kind ?? "document";
      const text = content.text === "" ? (content.attachments[0]?.name ?? "") : content.text;
      const named = kind === "document" || kind === "audio" ? text : content.text;
      return { kind, text: named.slice(0, PREVIEW) };
    }
    case "location":
      return { kind: "location" };
    default:
      return { kind: "unsupported" };
  }
}

/** What the list shows of this message, or null when it does not move the list. */
export function lastOf(record: MessageRecord): LastRecord | null {
  if (record.notice !== null && QUIET.has(record.notice.kind)) return null;
  const preview: PreviewRecord =
    record.notice === null
      ? previewOf(decodedOf(record))
      : { kind: "notice", notice: record.notice };
  return {
    messageId: record.messageId,
    seq: record.seq,
    senderId: record.senderId,
    mine: record.mine,
    sentMs: record.sentMs,
    preview,
    failed: record.failure !== null,
    ...(record.counts === undefined ? {} : { counts: record.counts }),
  };
}

/** Whether `next` is the list's newest message, given what it shows now. */
export function isNewer(next: LastRecord, current: LastRecord | null): boolean {
  if (current === null || current.messageId === next.messageId) return true;
  if (next.seq === null) return true;
  return current.seq !== null && next.seq >= current.seq;
}

/** The attachments that a message points to. */
export function pointersOf(content: Decoded): readonly AttachmentPointer[] {
  if (content.kind === "attachments") return content.attachments;
  if (content.kind === "profile" && content.photo !== null) return [content.photo];
  return [];
}
