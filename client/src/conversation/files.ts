/**
 * Files of messages. A file lives on this device as long as one message here shows it: forwarded copies
 * show the file of the message that they copy. {@link filesShown} notes each message beside its files; the
 * message itself says whether it still shows them, so that a note too many keeps nothing.
 */
import type { AttachmentId, MessageId } from "../ids.ts";
import { pointersOf } from "../kinds/content.ts";
import { STORES } from "../records.ts";
import type { AttachmentRecord, ConversationRecord, MessageRecord } from "../records.ts";
import { putAttachment } from "../attachments/uploads.ts";
import type { Change, Vault } from "../vault/vault.ts";
import { decodedOf, loadMessage, messageKey } from "./messages.ts";

/** A message that shows a file. Group: the file. */
export type ShownIn = Pick<MessageRecord, "conversationId" | "messageId">;

/** The part of a unit of work that files read and change. */
interface FilesWork {
  readonly record: Pick<ConversationRecord, "conversationId">;
  readonly messages: readonly MessageRecord[];
  readonly removed: readonly MessageId[];
  readonly changes: Change[];
  readonly dropFile: (id: AttachmentId) => void;
}

/**
 * A file is forwarded to few conversations, so that one of these notes nearly always answers. Anybody who
 * reads a message can send thousands that show its file: then every note is read.
 */
const FIRST_NOTES = 256;

/** Note where the files of a message are shown. */
export function filesShown(message: MessageRecord): readonly Change[] {
  const { conversationId, messageId } = message;
  const value: ShownIn = { conversationId, messageId };
  return pointersOf(decodedOf(message)).map(({ id }) => {
    return { op: "put", store: STORES.shownFiles, key: noteKey(id, value), group: id, value };
  });
}

/** Forget that a message shows a file. */
export function fileUnshown(id: AttachmentId, message: ShownIn): Change {
  return { op: "delete", store: STORES.shownFiles, key: noteKey(id, message) };
}

function noteKey(id: AttachmentId, { conversationId, messageId }: ShownIn): string {
  return `${id}/${messageKey(conversationId, messageId)}`;
}

/** Take a file off this device. */
export function fileGone(id: AttachmentId): readonly Change[] {
  return [
    { op: "delete", store: STORES.attachments, key: id },
    { op: "delete_chunks", attachmentId: id },
    { op: "delete_group", store: STORES.shownFiles, group: id },
  ];
}

/** A message of this device that shows a file, other than the ones that leave; null: none does. */
export async function shownElsewhere(
  vault: Vault,
  id: AttachmentId,
  leaves: (message: ShownIn) => boolean,
): Promise<ShownIn | null> {
  for (const limit of [FIRST_NOTES, Number.MAX_SAFE_INTEGER]) {
    const place = { store: STORES.shownFiles, group: id, limit, descending: false };
    for (const { conversationId, messageId } of await vault.page<ShownIn>(place)) {
      if (leaves({ conversationId, messageId })) continue;
      const message = await loadMessage(vault, conversationId, messageId);
      if (message !== null && shows(message, id)) return { conversationId, messageId };
    }
  }
  return null;
}

/**
 * Delete the files of a message that is removed or loses its words, unless another message still shows
 * them after this unit of work. Messages that the same unit removes or changes are in the vault still,
 * but do not count.
 */
export async function leaveFiles(
  vault: Vault,
  work: FilesWork,
  message: MessageRecord,
): Promise<void> {
  const isThis = (one: ShownIn): boolean =>
    one.messageId === message.messageId && one.conversationId === message.conversationId;
  const isChanged = ({ conversationId, messageId }: ShownIn): boolean =>
    conversationId === work.record.conversationId &&
    (work.removed.includes(messageId) || work.messages.some((one) => one.messageId === messageId));
  for (const { id } of pointersOf(decodedOf(message))) {
    work.changes.push(fileUnshown(id, message));
    const here = work.messages.findLast(
      (one) =>
        !isThis(one) &&
        !work.removed.includes(one.messageId) &&
        work.messages.findLast(({ messageId }) => messageId === one.messageId) === one &&
        shows(one, id),
    );
    const heir = here ?? (await shownElsewhere(vault, id, (one) => isThis(one) || isChanged(one)));
    const stored = await attachmentIn(vault, work, id);
    if (heir === null) work.dropFile(id);
    else if (stored !== null && isThis(stored)) {
      const { conversationId, messageId } = heir;
      work.changes.push(putAttachment({ ...stored, conversationId, messageId }));
    }
  }
}

/** The row of a file as this unit of work leaves it. */
async function attachmentIn(
  vault: Vault,
  { changes }: FilesWork,
  id: AttachmentId,
): Promise<AttachmentRecord | null> {
  const put = changes.findLast(
    (one) => one.op === "put" && one.store === STORES.attachments && one.key === id,
  );
  if (put?.op === "put") return put.value as AttachmentRecord;
  return vault.get<AttachmentRecord>(STORES.attachments, id);
}

function shows(message: MessageRecord, id: AttachmentId): boolean {
  return pointersOf(decodedOf(message)).some((one) => one.id === id);
}
