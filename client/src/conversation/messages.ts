/** Messages as records: made from content or a notice, summed up for the list, paged. */
import type { ConversationId, MessageId } from "../ids.ts";
import { decodeContent, previewOf, replyOf, reworded, type Decoded } from "../kinds/content.ts";
import type { QuestionRecord } from "../mark-records.ts";
import { STORES } from "../records.ts";
import type { LastRecord, MessageRecord, NoticeRecord, PreviewRecord } from "../records.ts";
import type { RowQuery } from "../vault/database.ts";
import type { Change, Vault } from "../vault/vault.ts";

/** Notices that change nothing a person would want to be called to the conversation for. */
const QUIET: ReadonlySet<NoticeRecord["kind"]> = new Set([
  "registered",
  "device_added",
  "device_removed",
  "profile_refused",
  "history",
  "log_differs",
  "restored",
  "gap",
]);

/** Newest messages among which one for the list is looked for. */
const LOOKED_AT = 50;

/**
 * The key of a message in the store. Its id alone would not do: the sender chooses it, and could
 * take the id of a message in another conversation to put theirs in its place.
 */
export function messageKey(conversationId: ConversationId, messageId: MessageId): string {
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

/** Note a question, so that it is found again, and forget a message that was deleted. */
export function questionRow(message: MessageRecord): readonly Change[] {
  const { conversationId, messageId, order } = message;
  const key = messageKey(conversationId, messageId);
  if (message.deletion !== undefined) return [{ op: "delete", store: STORES.questions, key }];
  if (message.content === null || decodedOf(message).kind !== "question") return [];
  const value: QuestionRecord = { messageId };
  const place = { store: STORES.questions, key, group: conversationId, order };
  return [{ op: "put", ...place, value }];
}

export function loadMessage(
  vault: Vault,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<MessageRecord | null> {
  return vault.get<MessageRecord>(STORES.messages, messageKey(conversationId, messageId));
}

/** Those of these messages that are stored, by id. */
export async function storedMessages(
  vault: Vault,
  conversationId: ConversationId,
  messageIds: readonly MessageId[],
): Promise<Map<MessageId, MessageRecord>> {
  const keys = messageIds.map((id) => messageKey(conversationId, id));
  const rows = await vault.getMany<MessageRecord>(STORES.messages, keys);
  return new Map(rows.flatMap((row) => (row === null ? [] : [[row.messageId, row] as const])));
}

function pageOf(
  vault: Vault,
  group: ConversationId,
  query: Omit<RowQuery, "store" | "group">,
): Promise<readonly MessageRecord[]> {
  return vault.page<MessageRecord>({ store: STORES.messages, group, ...query });
}

/** Newest first, below an order (exclusive). */
export function pageMessages(
  vault: Vault,
  conversationId: ConversationId,
  below: number | null,
  limit: number,
): Promise<readonly MessageRecord[]> {
  return pageOf(vault, conversationId, {
    limit,
    descending: true,
    ...(below !== null && { below }),
  });
}

/** Oldest first, above an order (exclusive). */
export function pageAfter(
  vault: Vault,
  conversationId: ConversationId,
  above: number,
  limit: number,
): Promise<readonly MessageRecord[]> {
  return pageOf(vault, conversationId, { above, limit, descending: false });
}

/** Newest first, above an order (exclusive). */
export function messagesAbove(
  vault: Vault,
  conversationId: ConversationId,
  above: number,
  limit: number,
): Promise<readonly MessageRecord[]> {
  return pageOf(vault, conversationId, { above, limit, descending: true });
}

/** A notice; what it does not say is null. */
export function notice(
  kind: NoticeRecord["kind"],
  said: Partial<Omit<NoticeRecord, "kind">> = {},
): NoticeRecord {
  return { by: null, people: [], text: null, fromMs: null, ...said, kind };
}

/** The id of a notice: the same for the same event, so the conversation shows it once. */
export function noticeId(about: string, ...places: readonly number[]): MessageId {
  return [about, ...places].join(".") as MessageId;
}

export function noticeMessage(
  conversationId: ConversationId,
  messageId: MessageId,
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

/** A message's content, in the words of its last edit. */
export function decodedOf({ content, edits }: MessageRecord): Decoded {
  if (content === null) return { kind: "unsupported" };
  const last = edits?.at(-1);
  const written = decodeContent(content);
  if (last === undefined) return written;
  const { text, mentions } = last;
  return text === null ? { kind: "unsupported" } : reworded(written, { text, mentions });
}

/** Whether the server withholds its words, or those of its last edit. */
export function isWithheld({ content, edits }: MessageRecord): boolean {
  return content === null || edits?.at(-1)?.text === null;
}

/** A message's preview, in the words of its last edit. */
export function shortOf(message: MessageRecord): Exclude<PreviewRecord, { kind: "notice" }> {
  if (message.deletion !== undefined) return { kind: "deleted" };
  return isWithheld(message) ? { kind: "withheld" } : previewOf(decodedOf(message));
}

/** The words that the notice of a refused mark quotes; empty where its message has none, or is not here. */
export async function quotedBy(
  vault: Vault,
  conversationId: ConversationId,
  { text, about }: NoticeRecord,
): Promise<string> {
  if (about === undefined) return text ?? "";
  const found = await loadMessage(vault, conversationId, about);
  const short = found === null ? null : shortOf(found);
  return short !== null && "text" in short ? short.text : "";
}

/** The row that the list shows of this message, or null when it does not move the list. */
export function lastOf(record: MessageRecord): LastRecord | null {
  if (record.notice !== null && QUIET.has(record.notice.kind)) return null;
  const preview: PreviewRecord =
    record.notice === null ? shortOf(record) : { kind: "notice", notice: record.notice };
  return {
    messageId: record.messageId,
    seq: record.seq,
    senderId: record.senderId,
    mine: record.mine,
    sentMs: record.sentMs,
    preview,
    failed: record.failure !== null,
    ...ticksOf(record),
  };
}

/** The parts of a message of mine that its ticks depend on. */
export function ticksOf({ key, counts }: MessageRecord): Pick<MessageRecord, "key" | "counts"> {
  return {
    ...(key === undefined ? {} : { key }),
    ...(counts === undefined ? {} : { counts }),
  };
}

/** The row that the list shows of the newest of these messages; null: none moves the list. */
export async function newestOf(
  vault: Vault,
  conversationId: ConversationId,
  isShown: (message: MessageRecord) => boolean,
): Promise<LastRecord | null> {
  const newest = await pageMessages(vault, conversationId, null, LOOKED_AT);
  for (const message of newest.filter(isShown)) {
    const last = lastOf(message);
    if (last !== null) return last;
  }
  return null;
}

/** Whether `next` is the list's newest message, given what it shows now. */
export function isNewer(next: LastRecord, current: LastRecord | null): boolean {
  if (current === null || current.messageId === next.messageId) return true;
  if (next.seq === null) return true;
  return current.seq !== null && next.seq >= current.seq;
}

/** The message of the same conversation that a message answers. */
export function answeredBy(message: MessageRecord): MessageId | null {
  if (message.content === null) return null;
  const reply = replyOf(decodedOf(message));
  return reply === null || reply.conversationId !== undefined ? null : reply.messageId;
}
