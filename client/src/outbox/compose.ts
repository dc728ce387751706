/** From what a person wrote to what is stored and sent: content, records, quotes. */
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import type { Attachments, Prepared } from "../attachments/attachments.ts";
import { putAttachment } from "../attachments/uploads.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { preparedOf } from "./draft-files.ts";
import type { Outgoing } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import {
  contentOf,
  decodeContent,
  encodeContent,
  isQuiet,
  pointersOf,
  previewOf,
} from "../kinds/content.ts";
import type { Content } from "../kinds/content.ts";
import type { AttachmentPointer, ReplyPointer } from "../kinds/fields.ts";
import { decodedOf, loadMessage } from "../conversation/messages.ts";
import type {
  AttachmentRecord,
  MessageRecord,
  OutgoingRecord,
  UnsignedMessage,
} from "../records.ts";
import type { Change } from "../vault/vault.ts";
import { MAX_MESSAGE_BYTES } from "../wire.ts";

const QUOTED = 120;

export interface Composed {
  readonly content: Content;
  readonly files: readonly Prepared[];
}

/** A message that is answered. */
export interface Quoted {
  readonly messageId: MessageId;
  readonly conversationId: ConversationId;
}

export async function compose(
  context: DeviceContext,
  attachments: Attachments,
  conversation: Conversation,
  outgoing: Outgoing,
  replyTo: Quoted | null,
): Promise<Composed> {
  const quoted = replyTo === null ? null : await quote(context, conversation.id, replyTo);
  const files: Prepared[] = [];
  const content = contentOf(outgoing, quoted, (file) => {
    const prepared = preparedOf(attachments, conversation, file);
    files.push(prepared);
    return prepared.pointer;
  });
  return { content, files };
}

async function quote(
  context: DeviceContext,
  here: ConversationId,
  { messageId, conversationId }: Quoted,
): Promise<ReplyPointer> {
  const message = await loadMessage(context.vault, conversationId, messageId);
  if (message === null || message.senderId === null) {
    throw failure("not_found");
  }
  const preview = previewOf(decodedOf(message));
  const text = "text" in preview ? preview.text : "";
  const elsewhere = conversationId === here ? {} : { conversationId };
  return { messageId, personId: message.senderId, preview: text.slice(0, QUOTED), ...elsewhere };
}

/** The outbox record of a content. */
export function outgoingRecord<Stage extends "preparing" | "uploading" | "ready">(
  conversation: Conversation,
  messageId: MessageId,
  order: number,
  content: Content,
  stage: Stage,
  notBeforeMs: number | null = null,
): UnsignedMessage<Stage> {
  const bytes = encodeContent(content);
  // Room for header, signature and tag within the server's limit.
  if (bytes.length > MAX_MESSAGE_BYTES - 1_024) {
    throw failure("message_invalid", { details: { limit: MAX_MESSAGE_BYTES } });
  }
  return {
    messageId,
    conversationId: conversation.id,
    order,
    content: bytes,
    attachmentIds: pointersOf(content).map(({ id }) => id),
    stage,
    seq: null,
    attempt: 0,
    message: null,
    key: null,
    state: content.kind === "state",
    quiet: isQuiet(content),
    ...(notBeforeMs === null ? {} : { notBeforeMs }),
  };
}

/**
 * Whether it tells of an export that the app has not handed out before it ended: the file is lost. A
 * notice that goes out again after a restore (S8) is of a file that somebody has.
 */
export function isLostExport({ content, signedMs }: OutgoingRecord): boolean {
  return signedMs === undefined && decodeContent(content).kind === "exported";
}

/** The message as it shows while it waits. */
export function queuedMessage(
  outgoing: OutgoingRecord,
  senderId: PersonId,
  sentMs: number,
): MessageRecord {
  return {
    messageId: outgoing.messageId,
    conversationId: outgoing.conversationId,
    order: outgoing.order,
    seq: null,
    senderId,
    mine: true,
    sentMs,
    content: outgoing.content,
    notice: null,
    failure: null,
  };
}

export function attachmentRecord(
  conversation: Conversation,
  messageId: MessageId,
  pointer: AttachmentPointer,
  upload: AttachmentRecord["upload"],
): Change {
  return putAttachment({
    attachmentId: pointer.id,
    conversationId: conversation.id,
    messageId,
    pointer,
    upload,
    local: upload === "pending" || upload === "complete",
  });
}
