/**
 * The files of messages on their way, until each of their chunks is sealed into the vault.
 *
 * Invariants: a message goes up only when all its files are sealed; sealing that is cancelled,
 * fails or is interrupted leaves no chunk; the browser's handle of a large file lives in memory
 * alone, so that sealing can be tried again as long as the app runs, and after that the file must
 * be chosen again.
 */
import type { MessageId } from "../ids.ts";
import type { Attachments, Prepared } from "../attachments/attachments.ts";
import { attachmentRecord } from "./compose.ts";
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { failure, hasCode } from "../failure.ts";
import { decodeContent, encodeContent, withPointers } from "../kinds/content.ts";
import type { Outbox } from "./outbox.ts";
import { loadMessage, putMessage } from "../conversation/messages.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import { STORES } from "../records.ts";
import type {
  AttachmentRecord,
  MessageRecord,
  OutgoingRecord,
  PreparingMessage,
} from "../records.ts";
import type { Change } from "../vault/vault.ts";

/** Files up to here are sealed before `send` returns; larger ones while it waits in the list. */
const SEAL_AT_ONCE = 8 * 1024 * 1024;

export class Preparing {
  readonly #context: DeviceContext;
  readonly #attachments: Attachments;
  readonly #outgoing: OutgoingStore;
  readonly #outbox: Outbox;
  /** Files of messages that are not sealed yet, by message. */
  readonly #sources = new Map<MessageId, readonly Prepared[]>();
  readonly #sealing = new Set<MessageId>();

  constructor(
    context: DeviceContext,
    attachments: Attachments,
    outgoing: OutgoingStore,
    outbox: Outbox,
  ) {
    this.#context = context;
    this.#attachments = attachments;
    this.#outgoing = outgoing;
    this.#outbox = outbox;
  }

  takesLong(files: readonly Prepared[]): boolean {
    // A program gets its answer when its message is stored, and so are the message's files.
    if (this.#context.program !== undefined) return false;
    const open = files.filter(({ sealed }) => !sealed);
    return open.reduce((sum, { file }) => sum + file.size, 0) > SEAL_AT_ONCE;
  }

  /** Seal the files, then let the outbox have the message. If anything fails, nothing is left but a draft's. */
  async atOnce(
    conversation: Conversation,
    queued: OutgoingRecord,
    message: MessageRecord | null,
    files: readonly Prepared[],
  ): Promise<void> {
    await this.#attachments.seal(files);
    try {
      await this.#context.vault.write(this.#records(conversation, queued, files, "pending"));
      const content = withFiles(queued.content, files);
      const shown = message === null ? null : { ...message, content };
      await this.#outbox.enqueue(conversation, { ...queued, content }, shown);
    } catch (error) {
      await this.#forget(files).catch(() => undefined);
      throw error;
    }
  }

  /** Put the message into the list and seal its files in the background. */
  async enqueue(
    conversation: Conversation,
    queued: PreparingMessage,
    message: MessageRecord,
    files: readonly Prepared[],
  ): Promise<void> {
    await this.#context.vault.write(this.#records(conversation, queued, files, "preparing"));
    await this.#outbox.enqueue(conversation, queued, message);
    void this.#seal(conversation, queued, files);
  }

  /** Try again what failed: sealing, where it had not come to its end, else sending. */
  async retry(conversation: Conversation, messageId: MessageId): Promise<void> {
    if (this.#sealing.has(messageId)) return;
    const record = this.#outgoing.find(messageId);
    if (record?.stage !== "failed" || (await this.#attachments.areSealed(record.attachmentIds)))
      return this.#outbox.retry(conversation, messageId);
    const files = this.#sources.get(messageId);
    // A message that was signed had sealed its files, and let go of where they came from.
    if (files === undefined || record.message !== null)
      return this.#outbox.fail(conversation, record, failure("source_lost"));
    const queued: PreparingMessage = { ...record, stage: "preparing" };
    await this.#outbox.move(conversation, queued);
    void this.#seal(conversation, queued, files);
  }

  /** The file was still being read when the app ended. */
  async interrupted(conversation: Conversation, record: OutgoingRecord): Promise<void> {
    await this.#attachments.forget(record.attachmentIds);
    await this.#outbox.fail(conversation, record, failure("source_lost"));
  }

  async #seal(
    conversation: Conversation,
    queued: PreparingMessage,
    files: readonly Prepared[],
  ): Promise<void> {
    const { messageId } = queued;
    if (this.#sealing.has(messageId)) return;
    this.#sealing.add(messageId);
    this.#sources.set(messageId, files);
    try {
      await this.#attachments.seal(files, conversation.id);
      const content = withFiles(queued.content, files);
      const message = await loadMessage(this.#context.vault, conversation.id, messageId);
      const sealed = [
        ...this.#records(conversation, queued, files, "pending"),
        ...(message === null ? [] : [putMessage({ ...message, content })]),
      ];
      await this.#outbox.move(conversation, { ...queued, content, stage: "uploading" }, sealed);
      this.#sources.delete(messageId);
      this.#outbox.kick(conversation);
    } catch (error) {
      // After the app has locked or ended, nothing can be stored: see `interrupted`.
      if (this.#context.signal.aborted || hasCode(error, "cancelled")) return;
      await this.#outbox.fail(conversation, queued, error).catch(() => undefined);
    } finally {
      this.#sealing.delete(messageId);
      this.#letGo();
    }
  }

  /** Messages that were taken back need their files no more. */
  #letGo(): void {
    for (const messageId of this.#sources.keys()) {
      if (this.#outgoing.find(messageId) === null) this.#sources.delete(messageId);
    }
  }

  #records(
    conversation: Conversation,
    { messageId }: OutgoingRecord,
    files: readonly Prepared[],
    upload: AttachmentRecord["upload"],
  ): readonly Change[] {
    return files.map(({ pointer }) => attachmentRecord(conversation, messageId, pointer, upload));
  }

  async #forget(files: readonly Prepared[]): Promise<void> {
    const own = files.filter(({ sealed }) => !sealed);
    await this.#attachments.forget(own.map(({ pointer }) => pointer.id));
    await this.#context.vault.write(
      files.map(({ pointer }) => ({ op: "delete", store: STORES.attachments, key: pointer.id })),
    );
  }
}

/** The content with its files as they are sealed: with their hashes. */
function withFiles(bytes: Uint8Array, files: readonly Prepared[]): Uint8Array {
  const content = decodeContent(bytes);
  if (content.kind === "unsupported") return bytes;
  return encodeContent(
    withPointers(content, new Map(files.map(({ pointer }) => [pointer.id, pointer]))),
  );
}
