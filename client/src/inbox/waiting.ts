/**
 * Messages for a program: each lies in the vault, stored together with its place in the log, until a
 * handler has ended with it (bot/handling.ts).
 */
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext, Program } from "../context.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "../ids.ts";
import { encodeContent } from "../kinds/content.ts";
import { decodedOf } from "../conversation/messages.ts";
import type { MessageRecord } from "../records.ts";
import type { UncheckedEntry, Vouched } from "./judge.ts";

/** Stores of a program's device alone. */
export const PROGRAM_STORES = {
  waiting: "waiting",
  setAside: "set_aside",
  settled: "settled",
} as const;

/** A message that no handler of a program has ended with. Group: the conversation; order: the position. */
export interface WaitingRecord {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly position: number;
  readonly personId: PersonId;
  readonly device: DeviceId;
  /** The header's `sent`. */
  readonly signedMs: number;
  readonly sentMs: number;
  readonly content: Uint8Array;
  /** An earlier message of its sender is missing. */
  readonly gap: boolean;
  /** Handlers that began with it. */
  readonly tries: number;
}

export function putWaiting(row: WaitingRecord) {
  const place = { store: PROGRAM_STORES.waiting, group: row.conversationId, order: row.position };
  return { op: "put", ...place, key: waitingKey(row), value: row } as const;
}

export function waitingKey({
  conversationId,
  position,
}: Pick<WaitingRecord, "conversationId" | "position">): string {
  return `${conversationId}/${String(position)}`;
}

/**
 * Whether this transaction deletes a message. If so no handler of a program reads it that has not begun
 * with it.
 */
export function dropWaiting(
  { messages, changes, record }: UnitOfWork,
  messageId: MessageId,
): boolean {
  const deleted = messages.findLast((one) => one.messageId === messageId);
  if (deleted?.deletion === undefined || deleted.seq === null) return false;
  const { conversationId } = record;
  const key = waitingKey({ conversationId, position: deleted.seq });
  changes.push({ op: "delete", store: PROGRAM_STORES.waiting, key });
  return true;
}

/** Content bytes in the words of the last edit. */
export function lastWords(message: MessageRecord): Uint8Array | null {
  const content = decodedOf(message);
  if (message.content === null || content.kind === "unsupported") return message.content;
  return (message.edits ?? []).length === 0 ? message.content : encodeContent(content);
}

/** Give a message that waits the words of its last edit; a handler that has begun keeps the former. */
export async function reword(
  { vault }: Pick<DeviceContext, "vault">,
  work: UnitOfWork,
  messageId: MessageId,
): Promise<void> {
  const edited = work.messages.findLast((one) => one.messageId === messageId);
  const content = edited === undefined ? null : lastWords(edited);
  if (edited?.seq == null || content === null) return;
  const { conversationId, seq: position } = edited;
  const [store, key] = [PROGRAM_STORES.waiting, waitingKey({ conversationId, position })];
  const put = work.changes.findLast(
    (one) => one.op === "put" && one.store === store && one.key === key,
  );
  const row =
    put?.op === "put" ? (put.value as WaitingRecord) : await vault.get<WaitingRecord>(store, key);
  if (row !== null) work.changes.push(putWaiting({ ...row, content }));
}

/** Let a message of somebody else wait for the program, if it concerns it. */
export function handOver(
  program: Program,
  work: UnitOfWork,
  entry: UncheckedEntry,
  {
    conversationId,
    messageId,
    sentMs,
    senderId,
    content,
  }: Pick<MessageRecord, "conversationId" | "messageId" | "sentMs" | "senderId" | "content">,
  { header, leaf, gap }: Pick<Vouched, "header" | "leaf" | "gap">,
): void {
  if (senderId === null || content === null) return;
  // By the time that its sender signed: a server that shows old messages as new achieves nothing.
  if (header.sent < (work.record.handledFromMs ?? 0)) return;
  const row: WaitingRecord = {
    ...{ conversationId, messageId, position: entry.position, sentMs, content, gap, tries: 0 },
    ...{ personId: senderId, device: leaf.device, signedMs: header.sent },
  };
  work.changes.push(putWaiting(row));
  work.afterwards.push(() => program.onWaiting(conversationId));
}
