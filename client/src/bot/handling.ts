/**
 * Messages, and marks on them, on their way through a program's handlers.
 *
 * In the vault with its place in the log (inbox/waiting.ts) → tries + 1 stored → the handler runs →
 * gone from the vault, or set aside, together with its files. A crash in between hands it out again.
 * The newest {@link KEPT} rows of a conversation stay: by them a message that a restored server brings
 * again is known.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { ConversationId, MessageId } from "../ids.ts";
import { PROGRAM_STORES, putWaiting, waitingKey, type WaitingRecord } from "../inbox/waiting.ts";
import { decodeContent, pointersOf, type Decoded } from "../kinds/content.ts";
import { LOG_HASHES } from "../limits.ts";
import type { MarksRecord, QuestionRecord } from "../mark-records.ts";
import { fileGone } from "../conversation/files.ts";
import { messageKey } from "../conversation/messages.ts";
import { STORES, type MessageRecord } from "../records.ts";
import type { RowQuery } from "../vault/database.ts";
import type { Change } from "../vault/vault.ts";

/** As far as a device can go back in a log. */
const KEPT = LOG_HASHES;
const SOME = 100;
const MOST_SET_ASIDE = 1_000;

/** A message that was set aside. */
export interface SetAside {
  readonly messageId: MessageId;
  readonly conversationId: ConversationId;
  readonly sentMs: number;
  readonly failed: string;
}

type Context = Pick<DeviceContext, "vault">;

function firstOf(group: ConversationId): RowQuery {
  return { store: PROGRAM_STORES.waiting, group, limit: 1, descending: false };
}

/** The first message that waits in a conversation, with one more try counted; null: none does. */
export async function next(
  { vault }: Context,
  conversationId: ConversationId,
): Promise<WaitingRecord | null> {
  const [row] = await vault.page<WaitingRecord>(firstOf(conversationId));
  if (row === undefined) return null;
  await vault.write([putWaiting({ ...row, tries: row.tries + 1 })]);
  return row;
}

/** A handler has ended with a message; `failed`: it is given up, and set aside. */
export async function settle(
  { vault }: Context,
  row: WaitingRecord,
  failed: string | null,
): Promise<void> {
  const changes: Change[] = [
    { op: "delete", store: PROGRAM_STORES.waiting, key: waitingKey(row) },
    ...withoutFiles(decodeContent(row.content)),
  ];
  if (failed !== null) {
    const { messageId, conversationId, sentMs } = row;
    const value: SetAside = { messageId, conversationId, sentMs, failed };
    const place = { store: PROGRAM_STORES.setAside, group: "", order: sentMs };
    changes.push({ op: "put", ...place, key: messageId, value });
    const [oldest, ...others] = await setAside({ vault });
    if (oldest !== undefined && others.length + 1 >= MOST_SET_ASIDE)
      changes.push({ op: "delete", store: PROGRAM_STORES.setAside, key: oldest.messageId });
  }
  await vault.write(changes);
}

export function setAside({ vault }: Context): Promise<readonly SetAside[]> {
  const limit = MOST_SET_ASIDE + 1;
  return vault.page<SetAside>({
    store: PROGRAM_STORES.setAside,
    group: "",
    limit,
    descending: false,
  });
}

/** Forget what is long done in a conversation. */
export async function trim({ vault }: Context, { id, record }: Conversation): Promise<void> {
  const [waiting] = await vault.page<WaitingRecord>(firstOf(id));
  // An answer quotes the message that it answers.
  const below = Math.min((record.log?.cursor ?? 0) - KEPT, waiting?.position ?? Infinity);
  if (below <= 0) return;
  const place = { group: id, below, limit: SOME, descending: false };
  const messages = await vault.page<MessageRecord>({ ...place, store: STORES.messages });
  const marks = await vault.page<MarksRecord>({ ...place, store: STORES.marks });
  const questions = await vault.page<QuestionRecord>({ ...place, store: STORES.questions });
  const changes = messages.flatMap((one): readonly Change[] => [
    forgetMessage(STORES.messages, id, one.messageId),
    ...(one.content === null ? [] : withoutFiles(decodeContent(one.content))),
    // A name is used up for good.
    ...(one.mine && one.seq !== null ? [putSettled(one.messageId, { seq: one.seq })] : []),
  ]);
  changes.push(...marks.map(({ messageId }) => forgetMessage(STORES.marks, id, messageId)));
  changes.push(...questions.map(({ messageId }) => forgetMessage(STORES.questions, id, messageId)));
  await vault.write(changes);
}

/** The files of a message, off this device. */
export function withoutFiles(content: Decoded): readonly Change[] {
  return pointersOf(content).flatMap(({ id }) => fileGone(id));
}

function forgetMessage(store: string, id: ConversationId, messageId: MessageId): Change {
  return { op: "delete", store, key: messageKey(id, messageId) };
}

/**
 * The end of a program's own message, kept for good: a name that it gave is never used again. Its number
 * in the conversation, or why it was given up.
 */
export type Settled = { readonly seq: number } | { readonly code: string };

export function putSettled(messageId: MessageId, value: Settled): Change {
  return { op: "put", store: PROGRAM_STORES.settled, key: messageId, value };
}
