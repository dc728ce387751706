/**
 * Messages and marks for a program: each lies in the vault, stored together with its place in the log,
 * until a handler has ended with it (bot/handling.ts). taking-marks.ts says which marks.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext, Program } from "../context.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "../ids.ts";
import type { Header } from "../keys/message.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { encodeContent } from "../kinds/content.ts";
import { decodedOf } from "../conversation/messages.ts";
import type { MessageRecord } from "../records.ts";

/** Stores of a program's device alone. */
export const PROGRAM_STORES = {
  waiting: "waiting",
  setAside: "set_aside",
  settled: "settled",
} as const;

/** A message or a mark that no handler of a program has ended with. Group: the conversation; order: the position. */
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
 * Take the messages and marks at these positions of the log out of a program's queue. A handler that runs
 * with one of them continues.
 */
export function dropWaiting(
  { changes, record: { conversationId } }: UnitOfWork,
  positions: readonly number[],
): void {
  for (const position of positions) {
    const key = waitingKey({ conversationId, position });
    changes.push({ op: "delete", store: PROGRAM_STORES.waiting, key });
  }
}

/** Content bytes in the words of the last edit. */
export function lastWords(message: MessageRecord): Uint8Array | null {
  const content = decodedOf(message);
  if (message.content === null || content.kind === "unsupported") return message.content;
  return (message.edits ?? []).length === 0 ? message.content : encodeContent(content);
}

/**
 * Give a message that waits the words of its last edit. Returns whether a handler has begun with the
 * former ones.
 */
export async function reword(
  { vault }: Pick<DeviceContext, "vault">,
  { accepted }: Pick<Conversation, "accepted">,
  work: UnitOfWork,
  messageId: MessageId,
): Promise<boolean> {
  const edited = work.messages.findLast((one) => one.messageId === messageId);
  const content = edited === undefined ? null : lastWords(edited);
  if (edited?.seq == null || content === null) return false;
  const { conversationId, seq: position } = edited;
  const [store, key] = [PROGRAM_STORES.waiting, waitingKey({ conversationId, position })];
  const put = work.changes.findLast(
    (one) => one.op === "put" && one.store === store && one.key === key,
  );
  const row =
    put?.op === "put" ? (put.value as WaitingRecord) : await vault.get<WaitingRecord>(store, key);
  if (row !== null) {
    work.changes.push(putWaiting({ ...row, content }));
    return row.tries > 0;
  }
  const [was] = await accepted.page(position - 1, 1, false);
  return was?.position === position && concerns(work, was.signedMs);
}

/** By the time that its sender signed: a server that shows old messages as new achieves nothing. */
function concerns({ record }: UnitOfWork, signedMs: number): boolean {
  return signedMs >= (record.handledFromMs ?? 0);
}

/** Let a message or a mark of somebody else wait for the program, if it concerns it. */
export function handOver(
  program: Program,
  work: UnitOfWork,
  { position }: Pick<WaitingRecord, "position">,
  {
    conversationId,
    messageId,
    sentMs,
    senderId,
    content,
  }: Pick<MessageRecord, "conversationId" | "messageId" | "sentMs" | "senderId" | "content">,
  { header, leaf, gap }: { readonly header: Header; readonly leaf: Leaf; readonly gap: boolean },
): void {
  if (senderId === null || content === null) return;
  if (!concerns(work, header.sent)) return;
  const row: WaitingRecord = {
    ...{ conversationId, messageId, position, sentMs, content, gap, tries: 0 },
    ...{ personId: senderId, device: leaf.device, signedMs: header.sent },
  };
  work.changes.push(putWaiting(row));
  work.afterwards.push(() => program.onWaiting(conversationId));
}
